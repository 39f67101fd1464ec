// History: watches by day, the newest page kept fresh, older pages added on request.

import { el, keep, note, say } from "./dom.js";
import { clockTime, dayName, midnight, naming, oneLine, position, span } from "./words.js";

export const PAGE = 20;

/**
 * Shows watches in `list`. `more` is the button for older ones, `does.open(title)` opens a title.
 */
export function showHistory(list, empty, more, does) {
  let watches = [];
  let next = null;

  const render = () => {
    keep(
      list,
      withDays(watches),
      (row) => row.key,
      (row) => (row.day ? dayRow() : watchRow(does)),
    );
    list.hidden = watches.length === 0;
    more.hidden = next === null;
    note(empty, watches.length > 0 ? "" : "Nothing yet. A watch of a minute or more appears here.");
  };

  return {
    /** The newest page, read again: what was added by `more` stays below it. */
    show(answer) {
      const known = new Set(watches.map(keyOf));
      const isJoined = answer.items.some((watch) => known.has(keyOf(watch)));
      if (watches.length === 0 || !isJoined) {
        watches = answer.items;
        next = answer.next ?? null;
      } else {
        watches = [...answer.items, ...olderThan(watches, answer.items)];
      }
      render();
    },
    add(answer) {
      const known = new Set(watches.map(keyOf));
      watches = [...watches, ...answer.items.filter((watch) => !known.has(keyOf(watch)))];
      next = answer.next ?? null;
      render();
    },
    fail(words) {
      if (watches.length > 0) return;
      list.hidden = true;
      note(empty, words, true);
    },
    clear() {
      watches = [];
      next = null;
      keep(list, watches);
      more.hidden = true;
      note(empty, "Looking…");
    },
    cursor: () => next,
  };
}

// A watch gains later plays, so its first one names it.
const keyOf = (watch) => `${watch.title} ${watch.sessions[0]}`;

function olderThan(watches, page) {
  const fresh = new Set(page.map(keyOf));
  const oldest = page.at(-1).last_at;
  return watches.filter((watch) => watch.last_at <= oldest && !fresh.has(keyOf(watch)));
}

function withDays(watches) {
  const rows = [];
  let day = null;
  for (const watch of watches) {
    const began = midnight(watch.last_at).getTime();
    if (began !== day) rows.push({ key: `day ${began}`, day: watch.last_at });
    day = began;
    rows.push({ key: keyOf(watch), watch });
  }
  return rows;
}

function dayRow() {
  const heading = el("h3");
  return {
    node: el("li", { class: "day" }, heading),
    update: ({ day }) => say(heading, dayName(day)),
  };
}

function watchRow(does) {
  let watch;
  const time = el("span", { class: "at" });
  const name = el("button", {
    type: "button",
    class: "name",
    onclick: () => does.open(watch.title),
  });
  const below = el("span", { class: "below" });
  const outcome = el("span", { class: "outcome" });
  const more = el("span", { class: "who" });
  const node = el("li", { class: "row" }, time, el("div", {}, name, below, more), outcome);

  const update = (row) => {
    watch = row.watch;
    const title = naming(watch);
    say(time, clockTime(watch.started_at));
    say(name, title.main);
    name.setAttribute("aria-label", oneLine(watch));
    say(below, title.below);
    say(more, detailOf(watch));
    say(outcome, outcomeOf(watch));
    outcome.classList.toggle("finished", watch.finished);
  };
  return { node, update };
}

/** Finished, or how far it got. */
export function outcomeOf(watch) {
  if (watch.finished) return "Finished";
  if (watch.position_ms === 0) return "";
  if (!watch.duration_ms) return `to ${position(watch.position_ms)}`;
  return `to ${position(watch.position_ms)} of ${position(watch.duration_ms)}`;
}

/** How long, where, how. */
export function detailOf(watch) {
  const parts = [];
  if (watch.played_ms > 0) parts.push(`${span(watch.played_ms)} watched`);
  if (watch.device) parts.push(watch.device);
  if (watch.source) parts.push(`from ${watch.source}`);
  if (watch.autoplay) parts.push("played by itself");
  return parts.join(" · ");
}
