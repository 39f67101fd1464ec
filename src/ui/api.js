// Asking the server: reads, a person's commands, the token where one is needed, and the server's
// clock.

import { byId, el, say } from "./dom.js";

const TOKEN = "viewlog.token";
const RETRIES_MAX = 2;

let offsetMs = 0;

/** A refusal or a failure in plain words. `status` 0 means that the server was not reached. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Now by the server's clock: devices may be minutes off, and bars would show it. */
export const serverNow = () => Date.now() + offsetMs;

/** The token of this tab, if one was given. */
export const token = () => sessionStorage.getItem(TOKEN);

/** A path below an account, its parts percent-encoded. */
export const path = (account, ...parts) =>
  `/v1/accounts/${[account, ...parts].map(encodeURIComponent).join("/")}`;

/**
 * The answer to a GET; absent query values are left out. The browser's cache asks with If-None-
 * Match.
 */
export async function read(from, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const asked = given.length === 0 ? from : `${from}?${new URLSearchParams(given)}`;
  return ask(asked, { cache: "no-cache", signal });
}

/**
 * A person's command, sent again with the same key when the server was not reached: it is then
 * recorded once. Resolves to its id, which a following read can wait for with `after`.
 */
export async function command(to, body = {}) {
  const id = commandId();
  const headers = { "Content-Type": "application/json", "Idempotency-Key": id };
  for (let attempt = 0; ; attempt += 1) {
    try {
      await ask(to, { method: "POST", headers, body: JSON.stringify(body) });
      return id;
    } catch (problem) {
      const passing = problem.status === 0 || problem.status === 503;
      if (!passing || attempt === RETRIES_MAX) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** attempt));
    }
  }
}

async function ask(url, options) {
  const headers = { Accept: "application/json", ...options.headers };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  let answer;
  try {
    answer = await fetch(url, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "The server was not reached. Is it running?");
  }
  setClock(answer.headers.get("Date"));
  if (answer.ok) return answer.json();
  throw await problemOf(answer);
}

async function problemOf(answer) {
  if (answer.status === 401) askForToken();
  if (answer.status === 403 && token() !== null) offerAnotherToken();
  const said = await answer.json().catch(() => ({}));
  const detail = said.detail ?? said.title ?? `The server answered with status ${answer.status}.`;
  return new Problem(answer.status, said.code ?? "", sentence(detail));
}

function sentence(text) {
  const began = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(began) ? began : `${began}.`;
}

// The Date header has whole seconds, so less than two seconds off counts as exact.
function setClock(header) {
  const at = Date.parse(header ?? "");
  if (Number.isNaN(at)) return;
  const off = at + 500 - Date.now();
  offsetMs = Math.abs(off) < 2000 ? 0 : off;
}

// A UUIDv7: the time first, then chance. crypto.randomUUID gives none, and wants a secure page.
function commandId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const at = Math.round(serverNow());
  for (let byte = 0; byte < 6; byte += 1) bytes[byte] = Math.floor(at / 256 ** (5 - byte)) % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The server says that the token of this tab is no longer good. */
export const expired = () => askForToken();

/** Whether the page waits for a token; it is loaded again once there is one. */
export const isLocked = () => document.body.dataset.locked !== undefined;

/** A household's token may not reach this one; the front page goes without and says so itself. */
function offerAnotherToken() {
  if (document.body.dataset.page !== "account") return;
  showField("This token does not reach all of this. Another:");
}

/** Nothing can be shown without a token. */
function askForToken() {
  document.body.dataset.locked = "";
  showField(
    token() === null
      ? "This server asks for a token"
      : "The token was not accepted, or is no longer good. Another:",
  );
}

/**
 * Shows the field for a token, once. What is entered stays in this tab and goes to this server
 * alone.
 */
function showField(words) {
  const place = byId("ask-token");
  if (!place.hidden) {
    say(place.querySelector("label"), words);
    return;
  }
  const field = el("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    required: true,
    pattern: "[A-Za-z0-9_.\\-]+",
    title: "three groups of letters, digits, - and _ with dots between",
  });
  const use = (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN, field.value.trim());
    location.reload();
  };
  place.replaceChildren(
    el(
      "form",
      { class: "open note", onsubmit: use },
      el("label", { for: "token" }, words),
      el(
        "div",
        { class: "field" },
        field,
        el("button", { class: "strong", type: "submit" }, "Use"),
      ),
      el(
        "p",
        { class: "below" },
        "It stays in this tab. Where the server runs, ",
        el("code", {}, "viewlog token create"),
        " makes one.",
      ),
    ),
  );
  place.hidden = false;
}
