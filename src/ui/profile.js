// One profile: continue watching, watch time, history and an open title, all read again together;
// and what its person says about a title, which can be taken back.

import { command, path, read, serverNow } from "./api.js";
import { lastDays, showChart } from "./chart.js";
import { byId, note, toast } from "./dom.js";
import { PAGE, showHistory } from "./history.js";
import { showShelf } from "./shelf.js";
import { showTitle } from "./title.js";
import { oneLine } from "./words.js";

const SHELF_MAX = 24;

// What takes a word back. The others go back to how things were when the person looked.
const OPPOSITE = { hide: "show", show: "hide" };

/** Shows profiles of `account`; `remember(profile, title)` is told what is open. */
export function showProfile(account, remember) {
  let name = null;
  let asked = new AbortController();
  // The instant of the answers that the person is looking at.
  let seenAt = null;
  // The newest command, which answers have to include, and how many have no answer yet.
  let after;
  let commandsOut = 0;
  const of = (...parts) => path(account, "profiles", name, ...parts);

  const does = {
    open: (title) => open(title),
    hide: (title) => speak(title, "hide", "Hidden"),
    unhide: (title) => speak(title, "show", "Shown again"),
    watched: (title) => speak(title, "watched", "Marked as watched"),
    unwatched: (title) => speak(title, "unwatched", "Marked as not watched"),
    closed: () => remember(name, null),
  };
  const shelf = showShelf(byId("continue"), byId("continue-note"), does);
  const history = showHistory(byId("history"), byId("history-note"), byId("history-more"), does);
  const chart = showChart(byId("time"), byId("time-note"));
  const sheet = showTitle(byId("sheet"), does);
  byId("history-more").addEventListener("click", () => older());

  /** Reads one part; once something newer was asked, the answer to this is no longer wanted. */
  const part = async (view, question, show) => {
    const { signal } = asked;
    try {
      const answer = await question(signal);
      if (!signal.aborted) show(answer);
    } catch (problem) {
      if (!signal.aborted) view.fail(problem.message);
    }
  };

  const refresh = async () => {
    if (name === null) return;
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    const asking = (from, query) => () => read(from, { ...query, after }, signal);
    const showShelfAnswer = (answer) => {
      seenAt = answer.as_of;
      const isPart = answer.complete === false;
      note(byId("panel-note"), isPart ? "Only part of this could be read just now." : "");
      shelf.show(answer, commandsOut === 0);
    };
    const title = sheet.current();
    await Promise.all([
      part(shelf, asking(of("continue-watching"), { limit: SHELF_MAX }), showShelfAnswer),
      part(chart, asking(of("watch-time"), lastDays()), chart.show),
      part(history, asking(of("history"), { limit: PAGE }), history.show),
      title !== null && lookAt(title),
    ]);
    if (!signal.aborted) after = undefined;
  };

  const lookAt = (title) => {
    const question = (signal) =>
      Promise.all([
        read(of("titles", title), { after }, signal),
        read(of("resume", title), { explain: true, after }, signal).catch(noneIfNone),
      ]);
    return part(sheet, question, ([answer, resume]) => {
      if (sheet.current() === title) sheet.show(answer, resume);
    });
  };

  const open = (title) => {
    if (sheet.current() === title) return;
    sheet.open(title);
    remember(name, title);
    lookAt(title);
  };

  const older = async () => {
    const button = byId("history-more");
    const whose = name;
    button.disabled = true;
    try {
      const answer = await read(of("history"), { limit: PAGE, cursor: history.cursor() });
      if (whose === name) history.add(answer);
    } catch (problem) {
      toast(problem.message, { label: "Try again", run: older });
    } finally {
      button.disabled = false;
    }
  };

  /** Sends a person's word on a title and offers to take it back. */
  const speak = async (title, word, done) => {
    const said = of("titles", title.title, word);
    const opposite = of("titles", title.title, OPPOSITE[word] ?? "");
    const undo = of("undo");
    const since = seenAt ?? new Date(serverNow()).toISOString();
    const takeBack = () =>
      OPPOSITE[word] ? send(opposite) : send(undo, { since, title: title.title });
    const offer = { label: "Undo", run: () => attempt(takeBack) };
    if (word === "hide" || word === "watched") shelf.takeAway(title.title);
    await attempt(
      () => send(said),
      () => toast(`${done}: ${oneLine(title)}`, offer),
    );
  };

  const attempt = async (act, done = () => {}) => {
    try {
      await act();
      done();
    } catch (problem) {
      toast(problem.message, { label: "Try again", run: () => attempt(act, done) });
    }
    await refresh();
  };

  const send = async (to, body) => {
    commandsOut += 1;
    try {
      after = `${await command(to, body)}:0`;
    } finally {
      commandsOut -= 1;
    }
  };

  const choose = (profile) => {
    name = profile;
    after = undefined;
    seenAt = null;
    sheet.close();
    for (const view of [shelf, history, chart]) view.clear();
    refresh();
  };

  return { choose, open, refresh };
}

function noneIfNone(problem) {
  if (problem.code === "no_resume_point") return null;
  throw problem;
}
