// Continue watching: a card for each title that was begun, with the two things a person says about
// it.

import { bar, el, keep, note, say } from "./dom.js";
import { naming, oneLine, position, span, when } from "./words.js";

/**
 * Shows continue watching in `list`. `does` holds `open(title)`, `hide(item)` and `watched(item)`.
 */
export function showShelf(list, empty, does) {
  const gone = new Set();
  let items = [];

  const render = () => {
    const shown = items.filter((item) => !gone.has(item.title));
    keep(
      list,
      shown,
      (item) => item.title,
      () => card(does),
    );
    list.hidden = shown.length === 0;
    note(
      empty,
      shown.length > 0
        ? ""
        : "Nothing is half watched. What is begun and not finished appears here.",
    );
  };

  return {
    /** With `isSettled`, no word is on its way any more and the answer alone counts. */
    show(answer, isSettled) {
      if (isSettled) gone.clear();
      items = answer.items;
      render();
    },
    fail(words) {
      if (items.length > 0) return;
      list.hidden = true;
      note(empty, words, true);
    },
    clear() {
      items = [];
      gone.clear();
      keep(list, items);
      note(empty, "Looking…");
    },
    /** Takes a card away before the server has answered; focus goes to its neighbour. */
    takeAway(title) {
      const hadFocus = list.contains(document.activeElement);
      const at = items.findIndex((item) => item.title === title);
      gone.add(title);
      render();
      if (!hadFocus) return;
      const cards = list.querySelectorAll("button.name");
      (
        cards[Math.min(at, cards.length - 1)] ?? list.closest("section").querySelector("h2")
      ).focus();
    },
  };
}

function card(does) {
  let item;
  const main = el("button", {
    type: "button",
    class: "name",
    onclick: () => does.open(item.title),
  });
  const below = el("p", { class: "below" });
  const progress = bar();
  const where = el("span");
  const left = el("span");
  const last = el("p", { class: "who" });
  const hide = el(
    "button",
    { type: "button", class: "quiet", onclick: () => does.hide(item) },
    "Hide",
  );
  const watched = el(
    "button",
    { type: "button", class: "quiet", onclick: () => does.watched(item) },
    "Mark watched",
  );
  const node = el(
    "li",
    { class: "card" },
    el("h3", {}, main),
    below,
    progress.node,
    el("p", { class: "times" }, where, left),
    last,
    el("div", { class: "does" }, hide, watched),
  );

  const update = (given) => {
    item = given;
    const title = naming(item);
    say(main, title.main);
    say(below, title.below);
    node.classList.toggle("endless", !item.duration_ms);
    progress.fill(item.duration_ms ? item.position_ms / item.duration_ms : 0);
    say(where, `goes on at ${position(item.resume_at_ms)}`);
    say(
      left,
      item.duration_ms ? `${span(Math.max(0, item.duration_ms - item.position_ms))} left` : "",
    );
    say(last, [when(item.moved_at), item.device].filter(Boolean).join(" · "));
    hide.setAttribute("aria-label", `Hide ${oneLine(item)}`);
    watched.setAttribute("aria-label", `Mark ${oneLine(item)} as watched`);
  };
  return { node, update };
}
