// Building pages: elements, lists that keep their nodes, and words for those who listen. What
// users and players supplied becomes text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const kept = new WeakMap();

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * An element; `given` holds attributes, `on…` functions are listeners, absent and false ones are
 * left out.
 */
export function el(tag, given = {}, ...children) {
  return dress(document.createElement(tag), given, children);
}

/** The same inside a drawing. */
export function drawn(tag, given = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), given, children);
}

function dress(node, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") {
      node.addEventListener(name.slice(2), value);
    } else if (value !== undefined && value !== null && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

/**
 * Changes a node's text only where it differs, so that nothing is announced or laid out again for
 * nothing.
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  return node;
}

/**
 * Brings the children of `parent` in line with `items`. `make(item)` gives `{node, update}`; a
 * node stays the same as long as its key is listed, so scroll position, focus and transitions
 * survive.
 */
export function keep(parent, items, key, make) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  for (const item of items) {
    const id = key(item);
    if (after.has(id)) continue;
    const view = before.get(id) ?? make(item);
    view.update(item);
    after.set(id, view);
  }
  for (const [id, view] of before) if (!after.has(id)) view.node.remove();
  let next = parent.firstChild;
  for (const { node } of after.values()) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
  kept.set(parent, after);
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

/** A line in place of content: empty text takes it away. */
export function note(node, text, isTrouble = false) {
  say(node, text);
  node.hidden = text === "";
  node.classList.toggle("trouble", isTrouble);
}

/** Tells those who use a screen reader, once they have finished listening to something else. */
export function announce(text) {
  say(byId("announce"), text);
}

/** A bar filled to `share` (0 to 1); decoration, the words beside it say the same. */
export function bar() {
  const fill = el("i");
  const node = el("span", { class: "bar", "aria-hidden": "true" }, fill);
  return {
    node,
    fill(share) {
      fill.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(5)})`;
    },
  };
}

const TOAST_MS = 10_000;

/** A message at the foot of the page, with one thing to do about it. */
export function toast(text, action) {
  let timer;
  const close = () => node.remove();
  const wait = () => (timer = setTimeout(close, TOAST_MS));
  const stay = () => clearTimeout(timer);
  const act = () => {
    close();
    action.run();
  };
  const node = el(
    "div",
    {
      class: "toast",
      onpointerenter: stay,
      onpointerleave: wait,
      onfocusin: stay,
      onfocusout: wait,
    },
    el("span", {}, text),
    action && el("button", { type: "button", class: "quiet", onclick: act }, action.label),
    el(
      "button",
      { type: "button", class: "quiet close", "aria-label": "Dismiss", onclick: close },
      "×",
    ),
  );
  byId("toasts").replaceChildren(node);
  wait();
}
