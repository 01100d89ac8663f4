/* The time pane: changes, mapped bytes, malloc's bytes, every allocation by its size. */
import { $ } from "./dom.js";
import { D, PAGE } from "./data.js";
import { EV, NEVER, liveAfter } from "./calls.js";
import { STOPS } from "./replay.js";
import { blockNow, callsNow, cur, lastStop, stop } from "./moment.js";
import { num, signOf, sz } from "./words.js";
import { css } from "./kinds.js";

/** order: by number instead of time; from d0 to d1 is shown; range: what is chosen, or null; paper: for it all is one picture */
export const TM = { order: false, d0: 0, d1: 1, range: null, paper: false };
/** Where things are: l left, w width, the lanes' [top, bottom]. @type {any} */
export const G = { marks: [], cells: null };

export const stopValue = s => (TM.order ? s.ord : s.t);
export const callValue = i => (TM.order ? EV.ord[i] : EV.t[i]);
export const fullDomain = () => [0, Math.max(1, stopValue(STOPS[lastStop()])) * 1.01];
export const X = v => G.l + ((v - TM.d0) / (TM.d1 - TM.d0)) * G.w;
export const V = x => TM.d0 + ((x - G.l) / G.w) * (TM.d1 - TM.d0);
export function firstCall(v) {
  let a = 0, b = EV.n;
  while (a < b) {
    const m = (a + b) >> 1;
    if (callValue(m) < v) a = m + 1;
    else b = m;
  }
  return a;
}

const FEW = 1500, RECENT = 28;
const HEIGHT = ["--heap", "--mmap", "--arena", "--anon"];

function lanes() {
  const box = $("tc"), dpr = devicePixelRatio || 1, w = box.clientWidth, h = box.clientHeight, l = w < 600 ? 76 : 132;
  for (const c of [$("c1"), $("c2")]) Object.assign(c, { width: w * dpr, height: h * dpr });
  const A = [33, 33 + Math.round((h - 34) * 0.13)], B = [A[1] + 8, A[1] + 8 + Math.round((h - 34) * 0.2)];
  Object.assign(G, { l, w: w - l - 14, W: w, H: h, rail: [6, RECENT], A, B, S: [B[1] + 10, h - 20], narrow: w < 600 });
  const g = $("c1").getContext("2d");
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  g.textBaseline = "middle";
  return g;
}

/** An area in steps, a value for each stop. */
function area(g, key, [y0, y1], lo, hi, fill) {
  const Y = v => y1 - ((v - lo) / (hi - lo || 1)) * (y1 - y0);
  g.beginPath();
  g.moveTo(X(stopValue(STOPS[0])), y1);
  STOPS.forEach((s, i) => {
    const x = X(stopValue(s));
    if (i) g.lineTo(x, Y(STOPS[i - 1][key]));
    g.lineTo(x, Y(s[key]));
  });
  g.lineTo(X(stopValue(STOPS[lastStop()])), y1);
  g.closePath();
  g.fillStyle = fill;
  g.fill();
}

function drawMapped(g) {
  const values = STOPS.map(s => s.mapped), hi = Math.max(...values), least = Math.min(...values);
  const lo = least > hi * 0.5 && hi > least ? least - (hi - least) * 0.25 : 0;
  area(g, "mapped", G.A, lo, hi, css("--rodata"));
  if (lo <= 0) return;
  g.strokeStyle = css("--pane"); /* a zigzag: the scale does not begin at 0 */
  g.lineWidth = 2;
  g.beginPath();
  for (let x = G.l, up = 0; x <= G.W; x += 5, up ^= 1) g.lineTo(x, G.A[1] - 3 - (up ? 3 : 0));
  g.stroke();
}

/** Bytes in use: for each pixel the most. */
function drawLive(g, hi) {
  const i0 = Math.max(0, firstCall(TM.d0) - 1), i1 = Math.min(EV.n, firstCall(TM.d1) + 1), [y0, y1] = G.B;
  const end = Math.min(X(stopValue(STOPS[lastStop()])), G.W);
  let x0 = 0, most = 0, last = 0;
  const flush = x1 => {
    const v = Math.max(most, last), y = Math.min(1, v / hi) * (y1 - y0);
    if (v) g.fillRect(x0, y1 - y, Math.max(1, x1 - x0) + 0.4, y);
  };
  g.fillStyle = css("--heap");
  last = i0 > 0 ? EV.live[i0 - 1] : 0;
  x0 = i0 > 0 ? G.l : i0 < i1 ? X(callValue(i0)) : G.l;
  for (let i = i0; i < i1; i++) {
    const x = X(callValue(i));
    if (x - x0 >= 1) {
      flush(x);
      x0 = x;
      most = 0;
    }
    last = EV.live[i];
    most = Math.max(most, last);
  }
  if (EV.n) flush(end);
}

function sizeScale() {
  const hi = Math.max(524288, (D.threshold || 0) * 3, ...D.thresholds.map(t => t[2] * 3), EV.max * 1.3), l0 = 4 - 0.8, l1 = Math.log2(hi), [y0, y1] = G.S;
  G.ky = (y1 - y0) / (l1 - l0);
  G.Y = v => y1 - (Math.log2(Math.max(v, 8)) - l0) * G.ky;
  G.sizes = [16, 256, 4096, 65536, 1048576, 16777216, 268435456].filter(v => v < hi);
}

const SHAPE = [
  (g, x, y, r) => g.arc(x, y, r, 0, 7),
  (g, x, y, r) => [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]].forEach(([a, b], i) => (i ? g.lineTo(x + a * r, y + b * r) : g.moveTo(x + a * r, y + b * r))),
  (g, x, y, r) => [[0, -1.2], [1.15, 1], [-1.15, 1]].forEach(([a, b], i) => (i ? g.lineTo(x + a * r, y + b * r) : g.moveTo(x + a * r, y + b * r)))
];

function dot(g, block, r, colours, edge, kept) {
  const pl = EV.pl[block];
  g.beginPath();
  (SHAPE[pl] || SHAPE[0])(g, X(callValue(EV.born[block])), G.Y(EV.size[block]), r);
  g.closePath();
  g.fillStyle = colours[pl];
  g.strokeStyle = kept ? css("--ink") : edge;
  g.lineWidth = kept ? 1.6 : 1;
  g.fill();
  if (r > 2.4) g.stroke();
}

/** Cells of 2 x 2 pixels, the more opaque the more allocations are in them; what is special as dots. */
function drawCells(g, cells, w, h, colours) {
  const most = Math.log(cells.reduce((a, c) => (c.n > a ? c.n : a), 1) + 1);
  g.fillStyle = colours[0];
  cells.forEach((c, at) => {
    g.globalAlpha = 0.22 + (0.78 * Math.log(c.n + 1)) / most;
    g.fillRect(G.l + (at % w) * 2, G.S[0] + Math.floor(at / w) * 2, 2, 2);
  });
  g.globalAlpha = 1;
}

function drawSizes(g) {
  const colours = HEIGHT.map(css), pane = css("--pane"), w = Math.ceil(G.w / 2) + 1, h = Math.ceil((G.S[1] - G.S[0]) / 2) + 2;
  const cells = [], i0 = firstCall(TM.d0), i1 = firstCall(TM.d1), seen = [];
  let count = 0;
  for (let a = 0; a < EV.m; a++) {
    const i = EV.born[a];
    if (i < i0 || i >= i1) continue;
    const x = Math.max(0, Math.floor((X(callValue(i)) - G.l) / 2)), y = Math.max(0, Math.min(h - 1, Math.floor((G.Y(EV.size[a]) - G.S[0]) / 2))), at = y * w + x;
    const c = cells[at];
    if (c) {
      c.n++;
      c.ev = i;
    } else cells[at] = { n: 1, ev: i };
    if (count++ < FEW) seen.push(a);
  }
  G.cells = { cells, w, h };
  if (count > FEW) {
    drawCells(g, cells, w, h, colours);
    for (const i of EV.special) if (i >= i0 && i < i1) dot(g, EV.who[i], EV.pl[EV.who[i]] ? 4.8 : 2.6, colours, pane, false);
  } else for (const a of seen) dot(g, a, count < 60 ? 4.6 : count < 300 ? 3.2 : 2.2, colours, pane, count < 300 && EV.dead[a] === NEVER);
}

function drawThreshold(g) {
  if (!D.threshold) return;
  const points = [[0, D.threshold]].concat(D.thresholds.map(t => [TM.order ? (t[1] ? EV.ord[t[1] - 1] : 0) : t[0], t[2]]));
  g.strokeStyle = g.fillStyle = css("--ink");
  g.lineWidth = 1.6;
  g.setLineDash([5, 3]);
  g.beginPath();
  points.forEach(([v, size], i) => {
    const x = Math.max(G.l, X(v));
    if (i) g.lineTo(x, G.Y(points[i - 1][1]));
    g.lineTo(i ? x : G.l, G.Y(size));
  });
  const last = points.filter(p => p[0] <= TM.d1).pop()[1], y = G.Y(points[points.length - 1][1]);
  g.lineTo(G.W - 14, y);
  g.stroke();
  g.setLineDash([]);
  g.textAlign = "right";
  g.font = `11px ${css("--ui")}`;
  g.fillText(`mmap threshold ${sz(last)}`, G.W - 16, G.Y(last) + (G.Y(last) - G.S[0] > 18 ? -8 : 9));
}

/** A step of 1, 2 or 5 times a power of ten. */
function tickStep(span, ticks) {
  const raw = span / ticks, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= raw);
}

function drawAxes(g) {
  const line = css("--line"), mut = css("--mut"), unit = TM.order ? 1 : 1e6;
  g.fillStyle = line;
  for (const v of G.sizes) g.fillRect(G.l, Math.round(G.Y(v)), G.w + 14, 1);
  g.fillStyle = css("--line2");
  for (const y of [G.A[1], G.B[1], G.S[1], G.rail[1] - 1]) g.fillRect(G.l, y, G.w + 14, 1);
  const step = Math.max(tickStep((TM.d1 - TM.d0) / unit, Math.max(2, Math.floor(G.w / 110))), TM.order ? 1 : 0), digits = TM.order ? 0 : Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  g.fillStyle = mut;
  g.font = `11px ${css("--ui")}`;
  g.textAlign = "center";
  for (let v = Math.ceil(TM.d0 / unit / step) * step; v * unit <= TM.d1; v += step) {
    const x = X(v * unit);
    g.fillRect(x, G.S[1], 1, 4);
    if (x > G.l + 8 && x < G.W - 34) g.fillText(TM.order ? num(Math.round(v)) : v.toFixed(digits) + " ms", x, G.S[1] + 12);
  }
  g.textAlign = "right";
  g.font = `10px ${css("--ui")}`;
  const skip = G.ky * 4 < 15 ? 2 : 1;
  G.sizes.forEach((v, i) => { if (i % skip === 0) g.fillText(sz(v), G.l - 6, G.Y(v)); });
}

function drawRail(g) {
  let last = -99;
  G.marks = [];
  g.textAlign = "center";
  g.font = `700 13px ${css("--mono")}`;
  g.fillStyle = css("--ink");
  STOPS.forEach((s, i) => {
    const x = X(stopValue(s));
    if (s.type !== "step" || x < G.l - 1 || x > G.W) return;
    g.fillRect(x - 0.75, G.rail[1] - 5, 1.5, 5);
    if (x - last > 11) {
      g.fillText(signOf(s.s), x, G.rail[0] + 8);
      last = x;
    }
    G.marks.push([x, i]);
  });
}

export function drawTime() {
  if (!$("tc").clientWidth || !STOPS.length) return;
  const g = lanes(), hi = Math.max(PAGE, EV.liveMost, ...STOPS.map(s => s.malloc)); /* a block may lie in a region that is not malloc's alone */
  sizeScale();
  drawAxes(g);
  g.save();
  g.beginPath();
  g.rect(G.l, 0, G.w + 14, G.H);
  g.clip();
  drawMapped(g);
  area(g, "malloc", G.B, 0, hi, css("--heapfree"));
  drawLive(g, hi);
  drawSizes(g);
  drawThreshold(g);
  drawRail(g);
  g.restore();
  drawCursor();
}

/** The values of this moment, which are the legend, too. */
function labels(g) {
  const one = (y, name, value, fill) => {
    g.fillStyle = fill;
    g.fillRect(4, y - 4, 8, 8);
    g.textAlign = "left";
    g.fillStyle = css("--mut");
    g.font = `11px ${css("--ui")}`;
    if (!G.narrow) g.fillText(name, 16, y);
    g.textAlign = "right";
    g.fillStyle = css("--ink");
    g.font = `600 11.5px ${css("--ui")}`;
    g.fillText(value, G.l - 6, y);
  };
  one((G.A[0] + G.A[1]) / 2, "mapped", sz(stop().mapped), css("--rodata"));
  one(G.B[0] + (G.B[1] - G.B[0]) * 0.3, "malloc holds", sz(stop().malloc), css("--heapfree"));
  one(G.B[0] + (G.B[1] - G.B[0]) * 0.75, "in use", sz(liveAfter(callsNow())), css("--heap"));
  if (G.narrow) return;
  g.textAlign = "left";
  g.fillStyle = css("--mut");
  g.font = `11px ${css("--ui")}`;
  g.fillText("changes", 16, 17);
  g.fillText("size of each", 16, (G.S[0] + G.S[1]) / 2 - 7);
  g.fillText("allocation", 16, (G.S[0] + G.S[1]) / 2 + 7);
}

/** The block of this moment, up to its free. */
function blockLine(g, w) {
  const x = X(callValue(EV.born[w])), y = G.Y(EV.size[w]), end = EV.dead[w] === NEVER ? G.W : X(callValue(EV.dead[w]));
  g.strokeStyle = css("--ink");
  g.lineWidth = 2;
  g.beginPath();
  g.moveTo(Math.max(G.l, x + 8), y);
  g.lineTo(Math.max(G.l, end), y);
  g.stroke();
  if (x < G.l) return;
  g.beginPath();
  g.arc(x, y, 8, 0, 7);
  g.stroke();
}

export function drawCursor() {
  const dpr = devicePixelRatio || 1, g = $(TM.paper ? "c1" : "c2").getContext("2d"), s = stop();
  if (!G.S) return;
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  if (!TM.paper) g.clearRect(0, 0, G.W, G.H);
  g.textBaseline = "middle";
  labels(g);
  if (TM.range) {
    const a = Math.max(G.l, X(TM.range[0])), b = Math.min(G.W, X(TM.range[1]));
    g.fillStyle = css("--acc");
    g.globalAlpha = 0.16;
    g.fillRect(a, RECENT, b - a, G.S[1] - RECENT);
    g.globalAlpha = 1;
  }
  const x = X(cur.ev >= 0 ? callValue(cur.ev) : stopValue(s)), w = blockNow();
  if (x < G.l - 1 || x > G.W) return;
  g.fillStyle = css("--ink");
  g.fillRect(x - 0.75, 24, 1.5, G.S[1] - 24);
  g.fillRect(x - 9, 3, 18, 21);
  g.fillStyle = css("--pane");
  g.font = `700 14px ${css("--mono")}`;
  g.textAlign = "center";
  g.fillText(s.type === "step" && cur.ev < 0 ? signOf(s.s) : "•", x, 14);
  if (w != null) blockLine(g, w);
}

export function setDomain(a, b) {
  const [f0, f1] = fullDomain(), width = Math.min(f1 - f0, Math.max(b - a, (f1 - f0) * 1e-6)), middle = (a + b) / 2;
  TM.d0 = Math.max(f0, Math.min(f1 - width, middle - width / 2));
  TM.d1 = TM.d0 + width;
  $("bZ").hidden = width >= f1 - f0;
  drawTime();
}
