// What is playing now: one card for each session, its bar moved on by the clock between two
// reports.

import { serverNow } from "./api.js";
import { announce, bar, byId, el, keep, note, say } from "./dom.js";
import { clockTime, naming, oneLine, position, span } from "./words.js";

const TICK_MS = 1000;
const PHASES = { playing: "Playing", paused: "Paused", stalled: "Waiting for data" };

/**
 * Shows the sessions in `list`. Returns the ways to change them: `all(playing)` replaces them,
 * `one(playing)` brings one in, `ended(session)` takes one out, `hold(isHeld)` stops the clock
 * while nobody can know.
 */
export function showNow(list, empty) {
  const sessions = new Map();
  let heldAt = null;
  let isKnown = false;

  const render = () => {
    const newestFirst = [...sessions.values()].sort((one, other) =>
      one.session < other.session ? 1 : -1,
    );
    keep(
      list,
      newestFirst,
      (playing) => playing.session,
      () => card(() => heldAt ?? serverNow()),
    );
    list.hidden = sessions.size === 0;
    note(empty, sessions.size > 0 || !isKnown ? "" : "Nothing is playing.");
    const sign = sessions.size > 0 ? "▶ " : "";
    document.title = `${sign}${byId("account-name").textContent} · viewlog`;
  };
  setInterval(() => !document.hidden && heldAt === null && sessions.size > 0 && render(), TICK_MS);
  document.addEventListener("visibilitychange", () => !document.hidden && render());

  return {
    all(playing) {
      isKnown = true;
      sessions.clear();
      for (const one of playing) sessions.set(one.session, one);
      render();
    },
    one(playing) {
      const known = sessions.get(playing.session);
      if (known && known.version > playing.version) return;
      sessions.set(playing.session, playing);
      if (known?.phase !== playing.phase || known.title !== playing.title) tell(playing);
      render();
    },
    ended(session) {
      const known = sessions.get(session);
      if (known === undefined) return;
      sessions.delete(session);
      announce(`${known.profile} stopped ${oneLine(known)}`);
      render();
    },
    hold(isHeld) {
      heldAt = isHeld ? (heldAt ?? serverNow()) : null;
      list.classList.toggle("held", isHeld);
      if (!isHeld) render();
    },
    session: (session) => sessions.get(session),
  };
}

function tell(playing) {
  const did = { playing: "is watching", paused: "paused", stalled: "is waiting for" }[
    playing.phase
  ];
  const where = playing.device ? ` on ${playing.device}` : "";
  announce(`${playing.profile} ${did ?? playing.phase} ${oneLine(playing)}${where}`);
}

/** Where the playhead is at `at`: it moves on from the last report, and only while playing. */
export function playhead(playing, at) {
  const since = playing.phase === "playing" ? Math.max(0, at - Date.parse(playing.last_at)) : 0;
  const reached = playing.position_ms + since * playing.rate;
  return Math.max(0, Math.min(reached, playing.duration_ms ?? Infinity));
}

function card(now) {
  const phase = el("span", { class: "phase" });
  const device = el("p", { class: "who" });
  const main = el("h3");
  const below = el("p", { class: "below" });
  const who = el("span", { class: "who" });
  const progress = bar();
  const reached = el("span");
  const left = el("span");
  const node = el(
    "li",
    { class: "card playing" },
    el("p", { class: "top" }, phase, who),
    main,
    below,
    progress.node,
    el("p", { class: "times" }, reached, left),
    device,
  );

  const update = (playing) => {
    const title = naming(playing);
    say(main, title.main);
    say(below, title.below);
    say(who, playing.profile);
    say(device, playing.device ?? "");
    say(phase, phaseWords(playing));
    node.dataset.phase = playing.phase;
    const at = playhead(playing, now());
    const isEndless = playing.media === "live" || !playing.duration_ms;
    node.classList.toggle("endless", isEndless);
    // A tick ahead, because the bar takes a tick to glide there.
    if (!isEndless) progress.fill(playhead(playing, now() + TICK_MS) / playing.duration_ms);
    say(reached, isEndless ? position(at) : `${position(at)} of ${position(playing.duration_ms)}`);
    say(left, isEndless ? "" : leftWords(playing, at));
  };
  return { node, update };
}

function phaseWords(playing) {
  const words = PHASES[playing.phase] ?? playing.phase;
  return playing.phase === "playing" && playing.rate !== 1 ? `${words} ${playing.rate}×` : words;
}

function leftWords(playing, at) {
  const left = playing.duration_ms - at;
  if (playing.phase !== "playing" || !(playing.rate > 0)) return `${span(left)} left`;
  return `ends ${clockTime(Date.now() + left / playing.rate)}`;
}
