// Numbers and times in words. Dates follow the reader's own variety of English, or the British
// one.

const locale = navigator.languages?.find((language) => language.startsWith("en")) ?? "en-GB";
const format = (options) => new Intl.DateTimeFormat(locale, options);

const CLOCK = format({ hour: "numeric", minute: "2-digit" });
const SECONDS = format({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = format({ day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = format({ weekday: "short", day: "numeric", month: "short" });
const WEEKDAY = format({ weekday: "narrow" });
const NUMBER = new Intl.NumberFormat(locale);

const DAY_MS = 86_400_000;

export const number = (value) => NUMBER.format(value);
export const percent = (share) => `${Math.round(share * 100)} %`;
export const clockTime = (at) => CLOCK.format(new Date(at));
export const clockSeconds = (at) => SECONDS.format(new Date(at));
export const shortDay = (at) => SHORT_DAY.format(new Date(at));
export const weekdayLetter = (at) => WEEKDAY.format(new Date(at));

/** A position as players show it: 13:32, 1:02:03. */
export function position(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const tail = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${tail}` : `${minutes}:${tail}`;
}

/** A length of time: 45 s, 12 min, 1 h 20 min, 3 days 4 h. */
export function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 72) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

/** The local midnight that began the day of `at`. */
export function midnight(at) {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day;
}

/** Today, Yesterday, Monday 9 November, or with the year when it was long ago. */
export function dayName(at) {
  const days = Math.round((midnight(Date.now()) - midnight(at)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (days > 0 && days < 180 ? DAY : DAY_AND_YEAR).format(new Date(at));
}

/** 21:14 today, yesterday 21:14, otherwise the day alone. */
export function when(at) {
  const days = Math.round((midnight(Date.now()) - midnight(at)) / DAY_MS);
  if (days === 0) return `today ${clockTime(at)}`;
  if (days === 1) return `yesterday ${clockTime(at)}`;
  return days > 0 && days < 180 ? shortDay(at) : DAY_AND_YEAR.format(new Date(at));
}

/** What to call a title: the line in large and the one below, which may be empty. */
export function naming(title) {
  const main = title.series ?? title.name ?? title.title;
  const parts = [];
  if (title.season !== undefined && title.episode !== undefined) {
    parts.push(`S${title.season} E${title.episode}`);
  } else if (title.episode !== undefined) {
    parts.push(`Episode ${title.episode}`);
  } else if (title.season !== undefined) {
    parts.push(`Season ${title.season}`);
  }
  if (title.series !== undefined && title.name !== undefined) {
    parts.push(withoutSeries(title.name, title));
  }
  return { main, below: parts.join(" · ") };
}

/** Some sources put the series and the season into the name, too. */
function withoutSeries(name, title) {
  if (!name.startsWith(`${title.series}: `)) return name;
  const rest = name.slice(title.series.length + 2);
  const season = /^[^:]+ \d+: (?=.)/;
  return title.season !== undefined ? rest.replace(season, "") : rest;
}

/** The same in one line. */
export function oneLine(title) {
  const { main, below } = naming(title);
  return below === "" ? main : `${main}, ${below}`;
}
