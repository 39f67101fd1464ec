// Everything about one title of one profile: what was seen of it, every watch, and why it goes on
// where it does.

import { byId, drawn, el, keep, note, say } from "./dom.js";
import { detailOf, outcomeOf } from "./history.js";
import { naming, oneLine, percent, position, when } from "./words.js";

const STRIP = 1000;
const LOST = {
  older: "moved earlier",
  did_not_claim: "too short to count",
  marked: "overruled by what was said later",
  erased: "erased",
};
const KINDS = {
  position_set: "set by hand",
  marked_watched: "marked as watched",
  marked_unwatched: "marked as not watched",
  undone: "an undo",
};

/**
 * Shows titles in `sheet`, a dialog. `does` holds `closed()` and what can be said of a title:
 * `hide`, `unhide`, `watched`, `unwatched`.
 */
export function showTitle(sheet, does) {
  let title = null;
  const main = el("h2", { id: "sheet-heading", tabindex: "-1" });
  const below = el("p", { class: "below" });
  const wait = el("p", { class: "empty" });
  const body = el("div", { class: "sheet-body" });
  const close = el(
    "button",
    { type: "button", class: "quiet close", "aria-label": "Close", onclick: () => sheet.close() },
    "×",
  );
  sheet.replaceChildren(el("header", {}, el("div", {}, main, below), close), wait, body);
  const parts = [seen(body), actions(body, does), goesOn(body), watches(body)];
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  // What lies outside an open dialog can be neither heard nor pressed, so messages move in with it.
  const spoken = [byId("announce"), byId("toasts")];
  sheet.addEventListener("close", () => {
    title = null;
    document.body.append(...spoken);
    does.closed();
  });

  return {
    /** Opens it empty; `show` or `fail` follows. */
    open(id) {
      title = id;
      say(main, id);
      say(below, "");
      note(wait, "Looking…");
      body.hidden = true;
      sheet.append(...spoken);
      if (!sheet.open) sheet.showModal();
      main.focus();
    },
    close: () => sheet.open && sheet.close(),
    /** `resume` is null when there is no point to go on from. */
    show(answer, resume) {
      const names = naming(answer);
      say(main, names.main);
      say(below, names.below);
      note(wait, "");
      body.hidden = false;
      for (const part of parts) part(answer, resume);
    },
    fail(words) {
      if (body.hidden) note(wait, words, true);
    },
    current: () => title,
  };
}

function seen(body) {
  const figures = el("p", { class: "total" });
  const picture = el("div", { class: "strip" });
  const words = el("ul", { class: "stretches" });
  body.append(
    el("section", {}, figures, picture, el("details", {}, el("summary", {}, "Stretches"), words)),
  );

  return (answer) => {
    const share =
      answer.share_seen === undefined ? "length unknown" : `${percent(answer.share_seen)} seen`;
    say(figures, [share, finishedWords(answer.times_finished)].join(" · "));
    picture.replaceChildren(strip(answer));
    const stretches = [
      ...answer.watched.map(([from, to]) => ({ from, to, did: "seen" })),
      ...answer.skipped.map(([from, to]) => ({ from, to, did: "not seen" })),
    ].sort((one, other) => one.from - other.from);
    const line = () => {
      const node = el("li");
      return {
        node,
        update: ({ from, to, did }) => say(node, `${position(from)} – ${position(to)}  ${did}`),
      };
    };
    keep(words, stretches, ({ from, to, did }) => `${from} ${to} ${did}`, line);
  };
}

function finishedWords(times) {
  if (times === 0) return "not finished";
  if (times === 1) return "finished once";
  return times === 2 ? "finished twice" : `finished ${times} times`;
}

function strip(answer) {
  const furthest = [...answer.watched, ...answer.skipped].reduce(
    (most, [, to]) => Math.max(most, to),
    1,
  );
  const whole = Math.max(answer.duration_ms ?? 0, furthest);
  const across = (ms) => (ms / whole) * STRIP;
  const stretches = (name) => (pair) => {
    const [from, to] = pair;
    const width = Math.max(2, across(to - from));
    return drawn("rect", { class: name, x: across(from), y: 6, width, height: 16 });
  };
  const here = across(answer.position_ms);
  const mark =
    answer.position_ms > 0
      ? drawn("rect", { class: "here", x: here - 2, y: 0, width: 4, height: 28 })
      : null;
  const words = answer.watched
    .map(([from, to]) => `${position(from)} to ${position(to)}`)
    .join(", ");
  const label = words === "" ? "Nothing of it was seen" : `Seen: ${words}`;
  return drawn(
    "svg",
    { viewBox: `0 0 ${STRIP} 28`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    drawn("rect", { class: "whole", x: 0, y: 6, width: STRIP, height: 16 }),
    ...answer.skipped.map(stretches("skipped")),
    ...answer.watched.map(stretches("watched")),
    mark,
  );
}

function actions(body, does) {
  let answer;
  const button = (words, act) =>
    el("button", { type: "button", class: "quiet", onclick: () => act(answer) }, words);
  const watched = button("Mark watched", (of) => does.watched(of));
  const unwatched = button("Mark not watched", (of) => does.unwatched(of));
  const hide = button("Hide", (of) => (of.hidden ? does.unhide(of) : does.hide(of)));
  body.append(el("div", { class: "does" }, watched, unwatched, hide));

  return (given) => {
    answer = given;
    unwatched.hidden = !answer.finished;
    say(hide, answer.hidden ? "Show again" : "Hide");
    hide.setAttribute("aria-label", `${hide.textContent}: ${oneLine(answer)}`);
  };
}

function goesOn(body) {
  const heading = el("p", { class: "resume" });
  const why = el("p", { class: "who" });
  const others = el("ul", { class: "rows" });
  const also = el("p", { class: "who also" }, "Other plays of it:");
  body.append(el("section", {}, el("h3", {}, "Where it goes on"), heading, why, also, others));

  return (answer, resume) => {
    if (resume === null) {
      say(heading, "From the beginning: no play holds a point to go on from.");
      say(why, "");
      keep(others, []);
      also.hidden = true;
      return;
    }
    say(heading, startWords(resume));
    say(why, whyWords(resume));
    const lost = candidates(resume);
    also.hidden = lost.length === 0;
    keep(others, lost, (one) => one.session, otherRow);
  };
}

function startWords(resume) {
  if (resume.finished) return "From the beginning: the last play finished it.";
  return `At ${position(resume.resume_at_ms)}, stopped at ${position(resume.position_ms)}.`;
}

function whyWords({ device, moved_at: movedAt, explain }) {
  const decided = explain?.decided_by;
  if (decided === undefined) return [when(movedAt), device].filter(Boolean).join(" · ");
  const kind = KINDS[decided.kind] ?? decided.kind.replaceAll("_", " ");
  const where = device ? ` on ${device}` : "";
  return `Decided by the newest move: ${kind}${where}, ${when(decided.at)}.`;
}

// An alternative may be offered and explained; its row then says both.
function candidates({ alternatives, explain }) {
  const offered = new Map(alternatives.map((one) => [one.session, one]));
  const lost = (explain?.others ?? []).map((one) => ({ ...offered.get(one.session), ...one }));
  const listed = new Set(lost.map((one) => one.session));
  return [...lost, ...alternatives.filter((one) => !listed.has(one.session))];
}

function otherRow() {
  const at = el("span", { class: "at" });
  const words = el("div", { class: "who" });
  const node = el("li", { class: "row" }, at, words);
  const update = (one) => {
    say(at, position(one.position_ms));
    say(words, [when(one.moved_at), one.device, LOST[one.reason]].filter(Boolean).join(" · "));
  };
  return { node, update };
}

function watches(body) {
  const list = el("ol", { class: "rows" });
  const none = el("p", { class: "empty" });
  body.append(el("section", {}, el("h3", {}, "Watches"), list, none));

  return (answer) => {
    keep(list, answer.watches, (watch) => watch.sessions[0], watchRow);
    note(none, answer.watches.length > 0 ? "" : "No watch of a minute or more.");
  };
}

function watchRow() {
  const began = el("span");
  const details = el("span", { class: "who" });
  const outcome = el("span", { class: "outcome" });
  const node = el("li", { class: "row" }, el("div", {}, began, details), outcome);
  const update = (watch) => {
    say(began, when(watch.started_at));
    say(details, detailOf(watch));
    say(outcome, outcomeOf(watch));
    outcome.classList.toggle("finished", watch.finished);
  };
  return { node, update };
}
