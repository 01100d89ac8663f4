/* The source pane: the program's own files, with the line of this moment. */
import { $, el, button, press, scrollInto } from "./dom.js";
import { D, ownFrames } from "./data.js";
import { EV } from "./calls.js";
import { STOPS } from "./replay.js";
import { cur, go, stackNow, stop } from "./moment.js";
import { baseName, count, signOf, sz } from "./words.js";

let shown = -1;
/** "FILE:LINE" -> stops that it caused; -> [calls, bytes] */
const lineStops = new Map(), lineUse = new Map();

export function indexLines() {
  STOPS.forEach((s, i) => {
    const f = s.type === "step" ? ownFrames(s.en.stack)[0] : null;
    if (!f) return;
    const key = f[2] + ":" + f[3];
    lineStops.set(key, [...(lineStops.get(key) || []), i]);
  });
  const use = new Map();
  for (let a = 0; a < EV.m; a++) {
    const u = use.get(EV.st[a]) || [0, 0];
    u[0]++;
    u[1] += EV.size[a];
    use.set(EV.st[a], u);
  }
  for (const [id, u] of use) {
    const f = ownFrames(id)[0];
    if (!f) continue;
    const line = lineUse.get(f[2] + ":" + f[3]) || [0, 0];
    lineUse.set(f[2] + ":" + f[3], [line[0] + u[0], line[1] + u[1]]);
  }
}

const TOKEN = /(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(^[ \t]*#[^\n]*)|\b(if|else|for|while|do|return|switch|case|break|continue|static|inline|const|volatile|unsigned|signed|int|char|long|short|void|float|double|struct|class|template|namespace|sizeof|size_t|typedef|goto|enum|union|extern)\b/gm;
const CLASSES = ["", "tk-c", "tk-s", "tk-p", "tk-k"];

/** The lines of a text, each a list of pieces. @returns {(string|HTMLElement)[][]} */
function highlight(text) {
  const lines = [[]];
  const add = (piece, cls) => piece.split("\n").forEach((part, i) => {
    if (i) lines.push([]);
    if (part) lines[lines.length - 1].push(cls ? el("span", cls, part) : part);
  });
  let at = 0;
  for (const m of text.matchAll(TOKEN)) {
    add(text.slice(at, m.index));
    add(m[0], CLASSES[m.findIndex((g, i) => i && g != null)]);
    at = m.index + m[0].length;
  }
  add(text.slice(at));
  return lines;
}

function mark(stops) {
  const signs = [...new Set(stops.map(i => signOf(STOPS[i].s)))].join("");
  const b = button("", signs, () => go(stops.find(i => i > cur.i) ?? stops[0]));
  const few = stops.length > 6 ? `${stops.slice(0, 6).join(", ")} …` : stops.join(", ");
  b.title = `Changes the map in step ${few}: go to the next`;
  b.setAttribute("aria-label", b.title);
  return b;
}

function sourceLine(pieces, number) {
  const key = shown + ":" + number, stops = lineStops.get(key), use = lineUse.get(key), line = el("div", "ln");
  line.dataset.l = number;
  line.append(el("span", "mk", stops ? mark(stops) : null), el("span", "no", number), el("span", "", ...pieces));
  if (use) line.append(el("span", "n", `${count(use[0], "call")}, ${sz(use[1])}`));
  return line;
}

function showFile(file) {
  shown = file;
  const f = D.files[file], code = $("code");
  code.replaceChildren();
  if (!f || f.text == null) return code.append(el("div", "ln mut", "  the text of this file is not in the page"));
  highlight(f.text.replace(/\n$/, "")).forEach((pieces, i) => code.append(sourceLine(pieces, i + 1)));
}

/** Another file, or a line of it, than that of this moment. */
export function lookAt(file, line) {
  showFile(file);
  markLines(ownFrames(stackNow()));
  tabs();
  const target = line && $("code").querySelector(`[data-l="${line}"]`);
  if (target) target.scrollIntoView({ block: "center" });
}

function tabs() {
  const box = $("files");
  box.replaceChildren();
  box.hidden = D.files.length < 2;
  D.files.forEach((f, i) => {
    const b = button("", f.name, () => lookAt(i, 0));
    b.title = f.path;
    press(b, i === shown);
    box.append(b);
  });
  $("srcSub").textContent = D.files.length === 1 ? baseName(D.files[0].path) : "";
}

/** The line itself, and those that led to it. */
function markLines(own) {
  let target = null;
  const late = cur.ev < 0 && stop().type === "step" && stop().en.fault;
  for (const line of $("code").children) {
    const l = Number(line.dataset.l), here = f => f[2] === shown && f[3] === l;
    const is = own.length > 0 && here(own[0]), via = !is && own.slice(1).some(here);
    line.classList.toggle("cur", is);
    line.classList.toggle("late", is && Boolean(late));
    line.classList.toggle("via", via);
    if (is) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
    if (is || (via && !target)) target = line;
  }
  if (target) scrollInto($("srcBody"), target.offsetTop, target.offsetTop + target.offsetHeight);
}

export const hasSource = () => D.files.some(f => f.text != null);

export function renderSource() {
  if (!hasSource()) return;
  const own = ownFrames(stackNow()), first = Math.max(0, D.files.findIndex(f => f.text != null));
  const want = own[0] ? own[0][2] : shown < 0 ? first : shown;
  if (want !== shown) showFile(want);
  tabs();
  markLines(own);
}
