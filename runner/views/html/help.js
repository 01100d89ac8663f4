/* The help, and the steppers. */
import { $, el, button } from "./dom.js";
import { CHANGE, SIGN } from "./words.js";
import { badge } from "./story.js";
import { cur, go, lastStop, moment, stop } from "./moment.js";
import { ms } from "./words.js";

const KEYS = [["← →", "previous, next change of the map"], ["⇧← ⇧→", "previous, next call"], [", .", "previous, next call of malloc or free, even if the map does not change"], ["Home End", "start, end"], ["/", "search; Enter: the next one found"], ["Space", "play, pause"], ["T", "map as picture or text"], ["A", "map: all regions of the libraries"], ["1 2 3 4", "go to source, story, map, time"], ["+ − 0", "time: zoom in, out, whole run"], ["O", "time: by time or by order"], ["D", "light or dark"], ["Esc", "clear the selection"]];

export function buildHelp() {
  const d = $("help"), keys = el("dl"), signs = el("dl", "signs"), x = button("x", "×", () => d.close());
  x.setAttribute("aria-label", "Close");
  for (const [k, text] of KEYS) keys.append(el("dt", "", ...k.split(" ").flatMap(key => [el("kbd", "", key), " "])), el("dd", "", text));
  for (const k in SIGN) signs.append(el("dt", "", badge(SIGN[k], "")), el("dd", "", CHANGE[k]));
  d.append(el("h2", "", "Help and keys", x),
    el("p", "", "Four views of one moment: the line of the program, the story (call → system call → change → why), the memory map (high addresses on top), and time."),
    el("p", "", "The height of a region grows with the logarithm of its size: a page of 4K can be seen, and a stack of 4M fits. Gaps are cut short; the strip on the left is to scale."),
    el("h3", "", "Keys"), keys, el("h3", "", "Signs"), signs, el("h3", "", "Dots in time"),
    el("p", "", "Circle: in the heap. Diamond: region of its own. Triangle: arena of another thread. Black edge: never freed. Drag a range: what was allocated in it and not freed."));
}

const STEPPERS = [["first", "|◀", "Start", () => go(0)], ["prev", "◀", "Previous change", () => go(cur.i - (cur.ev >= 0 ? 0 : 1))], ["next", "Next ▶", "Next change", () => go(cur.i + 1)], ["last", "▶|", "End", () => go(lastStop())]];

export function buildSteppers() {
  for (const box of [$("stepper"), $("foot")]) {
    for (const [name, text, title, action] of STEPPERS) {
      const b = button("btn" + (name === "next" ? " big" : ""), text, action);
      b.title = title;
      b.setAttribute("aria-label", title);
      b.dataset.b = name;
      if (name === "next") box.append(el("div", "where", el("b"), el("span")));
      if (box.id === "stepper" || name === "prev" || name === "next") box.append(b);
    }
  }
}

export function renderSteppers() {
  const s = stop(), n = lastStop() - 1;
  const place = s.type !== "step" && cur.ev < 0 ? s.type.toUpperCase() : `${cur.ev >= 0 ? "After step" : "Step"} ${cur.i} of ${n}`;
  for (const where of document.querySelectorAll(".where")) {
    where.firstChild.textContent = place;
    where.lastChild.textContent = ms(moment());
  }
  for (const b of document.querySelectorAll("[data-b]")) b.disabled = b.dataset.b === "prev" || b.dataset.b === "first" ? cur.i === 0 : cur.i === lastStop();
}
