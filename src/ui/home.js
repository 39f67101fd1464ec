// The front page: what this server is and how it does, read again every few seconds.

import { read } from "./api.js";
import { byId, el, keep, note, say } from "./dom.js";
import { number, span } from "./words.js";

const EVERY_MS = 5000;

/** Starts the page. */
export function startHome() {
  byId("open").addEventListener("submit", (event) => {
    event.preventDefault();
    const account = byId("account").value.trim();
    if (account !== "") location.href = `/accounts/${encodeURIComponent(account)}`;
  });
  look();
  setInterval(() => !document.hidden && look(), EVERY_MS);
  document.addEventListener("visibilitychange", () => !document.hidden && look());
}

async function look() {
  try {
    show(await read("/v1/system"));
  } catch (problem) {
    fail(problem);
  }
}

function fail(problem) {
  const words = {
    401: "How the server does is told to those with a token.",
    403: "How the server does is told to those whose token has the admin scope.",
  };
  const isRunning = problem.status in words;
  byId("figures").hidden = isRunning;
  status(isRunning ? "ok" : "bad", isRunning ? "Running" : "Not reached");
  note(byId("server-note"), words[problem.status] ?? problem.message, !isRunning);
}

function show(system) {
  const wrong = (system.degraded ?? []).map((state) => state.detail);
  const isWell = system.log.ok && system.views.ok && wrong.length === 0;
  status(isWell ? "ok" : "bad", isWell ? "All well" : "Something is wrong");
  note(byId("server-note"), wrong.join("; "), !isWell);
  byId("figures").hidden = false;
  keep(byId("figures"), figures(system), (one) => one.term, figure);
  const actors = Object.entries(system.actors ?? {});
  keep(byId("actor-rows"), actors, ([kind]) => kind, actorRow);
  byId("actors").hidden = actors.length === 0;
}

function status(state, words) {
  const node = byId("status");
  node.dataset.state = state;
  say(node, words);
}

function figures(system) {
  const list = [
    { term: "Version", words: system.version },
    { term: "Up for", words: span(system.uptime_s * 1000) },
    { term: "Log", words: system.log.kind, ok: system.log.ok },
    { term: "Views", words: system.views.kind, ok: system.views.ok },
    { term: "Does", words: (system.roles ?? []).join(", ") },
  ];
  if (typeof system.facts === "number") list.push({ term: "Facts", words: number(system.facts) });
  if (system.parked > 0)
    list.push({ term: "Parked sessions", words: number(system.parked), ok: false });
  if (system.rebuild) list.push({ term: "Rebuild", words: "under way" });
  return list;
}

function figure({ term }) {
  const words = el("dd");
  const update = (one) => {
    if (one.ok === undefined) delete words.dataset.state;
    else words.dataset.state = one.ok ? "ok" : "bad";
    const isStore = term === "Log" || term === "Views";
    say(words, isStore ? `${one.words}, ${one.ok ? "reachable" : "not reachable"}` : one.words);
  };
  return { node: el("div", {}, el("dt", {}, term), words), update };
}

function actorRow() {
  const kind = el("th", { scope: "row" });
  const counts = ["active", "restarts", "given_up"].map((name) => ({
    name,
    cell: el("td", { class: "number" }),
  }));
  const node = el("tr", {}, kind, ...counts.map(({ cell }) => cell));
  const update = ([name, actor]) => {
    say(kind, name.replaceAll("_", " "));
    for (const count of counts) say(count.cell, number(actor[count.name] ?? 0));
  };
  return { node, update };
}
