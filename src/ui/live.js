// The live feed of an account: one WebSocket that comes back by itself and never pretends to be
// connected.

import { expired, isLocked, path, token } from "./api.js";

const PROTOCOL = "viewlog.v1";
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const TOKEN_EXPIRED = 4401;

/**
 * Follows `account` for as long as the page lives. `heard(message)` gets every message in order;
 * `changed(state)` gets `{connected, retryAt}`, retryAt being the time of the next attempt, or
 * null while one is under way. Returns `{retry}`, which tries at once.
 */
export function follow(account, heard, changed) {
  let socket = null;
  let timer;
  let failures = 0;

  const connect = () => {
    clearTimeout(timer);
    // Without a token the server only says again that it wants one.
    if (isLocked()) return;
    changed({ connected: false, retryAt: null });
    socket = open(account);
    if (socket === null) return later();
    socket.onmessage = ({ data }) => hear(data);
    socket.onclose = ({ code }) => {
      later();
      if (code === TOKEN_EXPIRED) expired();
    };
  };
  const hear = (data) => {
    const message = parsed(data);
    if (message === null) return;
    if (failures >= 0) {
      // Only a message proves that the feed works: a proxy may accept a socket and drop it.
      failures = -1;
      changed({ connected: true, retryAt: null });
    }
    heard(message);
  };
  const later = () => {
    drop();
    failures = Math.max(0, failures) + 1;
    const most = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures);
    const wait = most * (0.5 + Math.random() / 2);
    timer = setTimeout(connect, wait);
    changed({ connected: false, retryAt: Date.now() + wait });
  };
  const drop = () => {
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    socket = null;
  };
  const retry = () => {
    drop();
    connect();
  };

  addEventListener("online", retry);
  addEventListener("offline", later);
  addEventListener("pagehide", drop);
  addEventListener("pageshow", (event) => event.persisted && retry());
  connect();
  return { retry };
}

function open(account) {
  const url = new URL(path(account, "live"), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const protocols = token() ? [PROTOCOL, `token.${token()}`] : [PROTOCOL];
  try {
    return new WebSocket(url, protocols);
  } catch {
    return null;
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
