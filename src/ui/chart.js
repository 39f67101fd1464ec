// Watch time by day: fourteen bars, and the same in words for those who do not see them.

import { drawn, el, note, say } from "./dom.js";
import { midnight, shortDay, span, weekdayLetter } from "./words.js";

const DAYS = 14;
const WIDTH = 336;
const BARS_HIGH = 92;
const HIGH = 112;
const HOUR_MS = 3_600_000;

/** What to ask `watch-time` for. */
export function lastDays() {
  const tz = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { from: dayBefore(DAYS - 1).toISOString(), by: "day", tz };
}

/** Shows the days in `place`. */
export function showChart(place, empty) {
  const total = el("p", { class: "total" });
  const picture = el("div");
  place.replaceChildren(total, picture);
  let isShown = false;
  let drawnOf = "";

  return {
    show(answer) {
      isShown = true;
      const days = filled(answer.items);
      const sum = days.reduce((all, day) => all + day.played_ms, 0);
      say(total, sum === 0 ? "Nothing in the last 14 days" : `${span(sum)} in the last 14 days`);
      const now = JSON.stringify(days);
      if (now !== drawnOf) picture.replaceChildren(draw(days, sum));
      drawnOf = now;
      place.hidden = false;
      note(empty, "");
    },
    fail(words) {
      if (isShown) return;
      place.hidden = true;
      note(empty, words, true);
    },
    clear() {
      isShown = false;
      say(total, "\u00a0");
      drawnOf = "";
      picture.replaceChildren(draw(filled([]), 0));
      note(empty, "");
    },
  };
}

function dayBefore(days) {
  const day = midnight(Date.now());
  day.setDate(day.getDate() - days);
  return day;
}

// The answer leaves out days without a watch.
function filled(items) {
  const played = new Map(items.map((item) => [midnight(item.from).getTime(), item.played_ms]));
  return Array.from({ length: DAYS }, (_, at) => {
    const day = dayBefore(DAYS - 1 - at).getTime();
    return { day, played_ms: played.get(day) ?? 0 };
  });
}

function draw(days, sum) {
  const most = Math.max(HOUR_MS, ...days.map((day) => day.played_ms));
  const step = WIDTH / DAYS;
  const words = days
    .filter((day) => day.played_ms > 0)
    .map((day) => `${shortDay(day.day)}: ${span(day.played_ms)}`);
  const label =
    sum === 0 ? "No watch time in the last 14 days" : `Watch time by day. ${words.join(", ")}`;
  const bars = days.map((day, at) => {
    const high = day.played_ms === 0 ? 2 : Math.max(4, (day.played_ms / most) * BARS_HIGH);
    const x = at * step + step * 0.16;
    const width = step * 0.68;
    return drawn(
      "g",
      { class: day.played_ms === 0 ? "none" : "some" },
      drawn(
        "title",
        {},
        `${shortDay(day.day)}: ${day.played_ms === 0 ? "nothing" : span(day.played_ms)}`,
      ),
      drawn("rect", { class: "reach", x: at * step, y: 0, width: step, height: HIGH }),
      drawn("rect", { x, y: BARS_HIGH - high, width, height: high, rx: Math.min(3, high / 2) }),
      drawn("text", { x: x + width / 2, y: HIGH - 5 }, weekdayLetter(day.day)),
    );
  });
  return drawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HIGH}`, role: "img", "aria-label": label },
    ...bars,
  );
}
