// The page of a household: who is here, what is playing, and the profile that was chosen. The
// address after # names the profile and the open title, so that a reload or a link shows the same.

import { path, read } from "./api.js";
import { byId, el, keep, note, say } from "./dom.js";
import { follow } from "./live.js";
import { showNow } from "./now.js";
import { showProfile } from "./profile.js";
import { clockSeconds } from "./words.js";

const FEED_WAIT_MS = 1500;
const HEARTBEATS_EVERY_MS = 15_000;
const ANYWAY_EVERY_MS = 60_000;

/** Starts the page. */
export function startAccount() {
  const account = accountOf(location.pathname);
  say(byId("account-name"), account);
  document.title = `${account} · viewlog`;
  const now = showNow(byId("now"), byId("now-note"));
  const profile = showProfile(account, remember);
  const tabs = showTabs(account, profile);
  const fresh = refreshing(() => {
    tabs.refresh();
    profile.refresh();
  });

  const feed = follow(account, (message) => hear(message, now, fresh), connection(now));
  byId("connect-now").addEventListener("click", feed.retry);
  addEventListener("hashchange", () => tabs.goToRemembered());
  document.addEventListener("visibilitychange", () => !document.hidden && fresh.soon());
  setInterval(() => !document.hidden && fresh.soon(), ANYWAY_EVERY_MS);
  tabs.refresh();
}

function accountOf(pathname) {
  const part = pathname.split("/")[2] ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * A message of the feed; the rest of the page follows changes at once and heartbeats now and then.
 */
function hear(message, now, fresh) {
  if (message.type === "now") {
    now.all(message.playing);
    fresh.soon();
  } else if (message.type === "playing") {
    const known = now.session(message.session);
    now.one(message);
    if (known?.phase === message.phase && known.title === message.title) fresh.eventually();
    else fresh.soon();
  } else if (message.type === "ended") {
    now.ended(message.session);
    fresh.soon();
  }
}

/**
 * Gathers wishes to read again: views follow the log within about a second, and many changes come
 * at once.
 */
function refreshing(run) {
  let timer = null;
  let dueAt = Infinity;
  // A change shortly before a reading may not be in the views yet: it gets a reading of its own.
  let isLate = false;
  const within = (ms) => {
    if (Date.now() + ms >= dueAt) {
      isLate ||= ms === FEED_WAIT_MS;
      return;
    }
    clearTimeout(timer);
    dueAt = Date.now() + ms;
    timer = setTimeout(due, ms);
  };
  const due = () => {
    dueAt = Infinity;
    run();
    if (isLate) within(FEED_WAIT_MS);
    isLate = false;
  };
  return { soon: () => within(FEED_WAIT_MS), eventually: () => within(HEARTBEATS_EVERY_MS) };
}

/** Says whether the feed is connected; while it is not, what is playing stands still. */
function connection(now) {
  let lostAt = null;
  let wasConnected = false;
  return ({ connected, retryAt }) => {
    const place = byId("connection");
    if (connected) {
      lostAt = null;
      wasConnected = true;
    } else if (wasConnected) {
      lostAt ??= Date.now();
    }
    now.hold(!connected && wasConnected);
    place.dataset.state = connected ? "ok" : retryAt === null && !lostAt ? "connecting" : "bad";
    byId("connect-now").hidden = connected || retryAt === null;
    say(byId("connection-words"), connectionWords(connected, lostAt, retryAt));
    if (!connected && !wasConnected && retryAt !== null) {
      note(
        byId("now-note"),
        "The live feed cannot be reached, so what is playing is not known.",
        true,
      );
    }
  };
}

function connectionWords(connected, lostAt, retryAt) {
  if (connected) return "Live";
  if (lostAt !== null) return `Not connected since ${clockSeconds(lostAt)}`;
  return retryAt === null ? "Connecting…" : "Not connected";
}

function remember(profile, title) {
  const parts = title === null ? [profile] : [profile, title];
  history.replaceState(null, "", `#/${parts.map(encodeURIComponent).join("/")}`);
}

function remembered() {
  try {
    const [, profile, title] = location.hash.split("/").map(decodeURIComponent);
    return { profile, title: title || null };
  } catch {
    return { profile: undefined, title: null };
  }
}

/** The profiles as tabs: arrows move between them, the chosen one fills the panel below. */
function showTabs(account, profile) {
  const list = byId("tabs");
  const empty = byId("profiles-note");
  let profiles = [];
  let chosen = null;

  const render = () => {
    keep(
      list,
      profiles,
      (name) => name,
      (name) => tab(name, () => choose(name, null)),
    );
    for (const node of list.children) {
      const isChosen = node.textContent === chosen;
      node.setAttribute("aria-selected", isChosen);
      node.tabIndex = isChosen ? 0 : -1;
      if (isChosen) byId("panel").setAttribute("aria-labelledby", node.id);
    }
    list.hidden = profiles.length === 0;
    byId("panel").hidden = profiles.length === 0;
  };
  const choose = (name, title) => {
    const isNew = chosen !== name;
    chosen = name;
    render();
    if (isNew) profile.choose(name);
    if (title !== null) profile.open(title);
    else remember(name, null);
  };
  const goToRemembered = () => {
    const { profile: name, title } = remembered();
    if (profiles.includes(name)) choose(name, title);
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = Math.min(profiles.length - 1, Math.max(0, profiles.indexOf(chosen) + step));
    choose(profiles[at], null);
    list.children[at].focus();
  });

  return {
    goToRemembered,
    async refresh() {
      try {
        const { items } = await read(path(account, "profiles"));
        profiles = items.map((item) => item.profile).sort((one, other) => one.localeCompare(other));
        note(empty, profiles.length > 0 ? "" : nobody(account));
        render();
        if (profiles.length === 0 || profiles.includes(chosen)) return;
        goToRemembered();
        if (!profiles.includes(chosen)) choose(latest(items), null);
      } catch (problem) {
        if (profiles.length === 0) note(empty, problem.message, true);
        render();
      }
    },
  };
}

const latest = (items) =>
  items.reduce((one, other) => (other.last_at > one.last_at ? other : one)).profile;

const nobody = (account) =>
  `Nothing is recorded for “${account}” yet. ` +
  `What players report to ${path(account, "events")} appears here by itself.`;

let tabCount = 0;

function tab(name, onclick) {
  tabCount += 1;
  const given = {
    type: "button",
    role: "tab",
    id: `tab-${tabCount}`,
    "aria-controls": "panel",
    onclick,
  };
  return { node: el("button", given, name), update: () => {} };
}
