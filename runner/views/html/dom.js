/* Elements. All text of the data goes through textContent: nothing of it is ever read as HTML. */

/** @param {string} id @returns {any} the element of the page */
export const $ = id => document.getElementById(id);

/**
 * @param {string} tag
 * @param {string} [cls] its classes
 * @param {...(string|number|Node|null|undefined)} parts text and elements in it
 * @returns {any}
 */
export function el(tag, cls, ...parts) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(...parts.filter(p => p != null).map(p => (typeof p === "number" ? String(p) : p)));
  return e;
}

/** @param {string} tag @param {Object<string, string|number>} attributes @param {string} [text] */
export function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) e.setAttribute(name, String(attributes[name]));
  if (text != null) e.textContent = text;
  return e;
}

/** @param {string} cls @param {string} text @param {() => void} action */
export function button(cls, text, action) {
  const b = el("button", cls, text);
  b.type = "button";
  b.onclick = action;
  return b;
}

/** Shows that a toggle is on. @param {any} b @param {boolean} on */
export const press = (b, on) => b.setAttribute("aria-pressed", String(on));

/** Scrolls `box` so that what lies from `top` to `bottom` in it can be seen. */
export function scrollInto(box, top, bottom, share = 0.4) {
  if (top >= box.scrollTop + 30 && bottom <= box.scrollTop + box.clientHeight - 40) return;
  const to = Math.max(0, top - box.clientHeight * share), far = Math.abs(to - box.scrollTop) > 3 * box.clientHeight;
  box.scrollTo({ top: to, behavior: still() || far ? "auto" : "smooth" });
}

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
/** Whether nothing is to move by itself. */
export const still = () => reduced.matches;
export const isNarrow = () => innerWidth <= 760;
