/* The picture of the map, as the lab draws it. */
import { $, el, isNarrow, scrollInto, still, svg } from "./dom.js";
import { D, WIDE } from "./data.js";
import { EV, blocksAfter } from "./calls.js";
import { blockNow, callsNow, cur, stop } from "./moment.js";
import { CHANGE, baseName, hex, num, signed, sz } from "./words.js";
import { SIGN } from "./words.js";
import { colour, css, kindName, paintKind } from "./kinds.js";
import { badge } from "./story.js";
import { LIMIT, items, open, opt, rowHeight } from "./layout.js";

const fills = r => (r.kind === "heap" || r.kind === "malloc_arena") && r.perms[1] === "w";
const isReserved = r => r.kind === "malloc_arena" && r.perms[0] === "-";
const nameOf = r => (isReserved(r) ? "arena, reserved" : kindName(r.kind));

/** Draws blocks in use from the lower left, row by row; returns the bytes in use. */
function drawUse(canvas, r, w, h, blocks, chosen) {
  const dpr = devicePixelRatio || 1, g = canvas.getContext("2d");
  canvas.width = Math.round(w * dpr);
  canvas.height = Math.round(h * dpr);
  g.scale(dpr, dpr);
  g.fillStyle = css(r.kind === "heap" ? "--heapfree" : "--arenafree");
  g.fillRect(0, 0, w, h);
  const rows = Math.max(3, Math.round(h / 4)), rh = h / rows, per = (r.e - r.s) / rows;
  const paint = (a, size, least) => {
    let y = Math.floor((a - r.s) / per), x = ((a - r.s) / per - y) * w, left = Math.max(least, (size / per) * w);
    for (; left > 0 && y < rows; y++, x = 0) {
      const part = Math.min(left, w - x);
      g.fillRect(x, h - (y + 1) * rh, part, rh + 0.4);
      left -= w - x;
    }
  };
  let used = 0;
  const inside = b => EV.addr[b] >= r.s && EV.addr[b] < r.e;
  g.fillStyle = css(colour(r.kind));
  for (const b of blocks) if (inside(b)) {
    used += EV.size[b];
    paint(EV.addr[b], EV.size[b], 0.8);
  }
  g.fillStyle = css("--ink");
  if (chosen != null && inside(chosen)) paint(EV.addr[chosen], EV.size[chosen], 4);
  return used;
}

/* ---- one row ---- */

function gapRow(o, h) {
  const size = h > 20 ? "big" : h > 12 ? "mid" : "small", tracer = o.tr > o.gap / 2 ? " · tracer" : " not mapped";
  const g = el("div", "g", o.gap > 2 ** 47 ? "⋯" : h > 9 ? sz(o.gap) + tracer : "");
  const n = el("div", "row gap " + size, g);
  g.title = `${sz(o.gap)} not mapped${o.tr ? ` (${sz(o.tr)} of procmap-trace)` : ""}`;
  n.setAttribute("aria-hidden", "true");
  return n;
}

function label(r, m, ghost) {
  const path = baseName(r.path), what = ghost ? CHANGE[r.ghost] || "cut off" : m ? CHANGE[m.c] : "";
  return [kindName(r.kind), sz(r.e - r.s), `${hex(r.s)}-${hex(r.e)}`, r.perms, path, what].filter(Boolean).join(", ");
}

function bar(r, m, o, h, context) {
  const b = el("button", "bar" + (r.perms.startsWith("---") ? " noacc" : ""));
  let use = "";
  paintKind(b, r.kind);
  b.dataset.id = r.id;
  b.tabIndex = -1;
  b.setAttribute("aria-label", label(r, m, r.ghost));
  if (isReserved(r) && !r.ghost) {
    b.style.setProperty("--kc", "var(--arenafree)");
    b.style.setProperty("--kt", "var(--ink)");
  }
  if (fills(r) && !r.ghost) {
    const canvas = el("canvas");
    b.append(canvas);
    b.classList.add("fills");
    use = sz(drawUse(canvas, r, context.width, h, context.blocks, context.chosen)) + (EV.isWhole ? " in use" : " in use, of the blocks in the page");
  }
  if (m && m.c === "grown" && m.b) {
    const g = el("div", "grow " + (r.e > m.b[1] ? "up" : "down"));
    g.style.height = Math.min(h - 8, Math.max(7, ((h * m.d) / (r.e - r.s)) * 0.55)) + "px";
    b.append(g);
  }
  for (const seam of m && m.seams ? m.seams : []) {
    const d = el("div", "seam");
    d.style.bottom = ((seam - r.s) / (r.e - r.s)) * 100 + "%";
    b.append(d);
  }
  if (!o.band) b.append(el("b", "", nameOf(r)), el("span", "sz", sz(r.e - r.s)));
  return { b, use };
}

/** What stands right of the box: the change, permissions, bytes in use, the block. */
function side(r, m, o, h, use, context) {
  const box = el("div", "lb2"), lines = [], at = context.chosen;
  if (r.ghost) box.append(badge(SIGN[r.ghost] || SIGN.shrunk, r.ghost === "cut" ? sz(r.s - r.e) : CHANGE[r.ghost]));
  else if (m) {
    const text = m.c === "grown" || m.c === "shrunk" ? signed(m.d) : m.c === "split" ? `part ${m.j + 1} of ${m.n}` : CHANGE[m.c];
    box.append(badge(SIGN[m.c], text), " ");
  }
  if (!r.ghost && !o.band) box.append(el("span", "p", m && m.was ? el("s", "", m.was) : null, m && m.was ? " → " : null, r.perms));
  if (use) lines.push(el("span", "", use));
  if (at != null && !r.ghost && EV.addr[at] >= r.s && EV.addr[at] < r.e) lines.push(el("span", "blk", `◂ ${hex(EV.addr[at])} ${num(EV.size[at])} B`));
  if ((r.kind === "mapped_file" || r.kind === "shared_memory") && r.path) lines.push(el("span", "", baseName(r.path)));
  const thread = D.threads.find(t => t.stack === r.s);
  if ((thread || r.tid) && !r.ghost) lines.push(el("span", "", `thread ${r.tid || thread.tid}`));
  lines.forEach((line, i) => box.append((m || r.ghost) && i === 0 && h >= 23 ? el("br") : " ", line));
  return box;
}

function regionRow(o, h, context) {
  const r = o.r, m = r.ghost ? null : context.view.marks.get(r.id), { b, use } = bar(r, m, o, h, context);
  const n = el("div", "row" + (r.ghost ? " ghost chg" : m ? " chg" : "") + (o.band ? " band" : "") + (cur.sel === r.id ? " sel" : ""), b);
  n.setAttribute("role", "listitem");
  if (context.first) n.append(el("span", "ad top", hex(r.e)));
  if (!o.band || context.ends) n.append(el("span", "ad", hex(r.s)));
  n.append(side(r, m, o, h, use, context));
  return n;
}

/* ---- around the rows ---- */

/** Of one file; further right where badges stand beside its regions. */
function bracket(g, a, view) {
  const aside = a.some(o => view.marks.has(o.r.id)) ? 170 : 50, y0 = a[0].y, y1 = a[a.length - 1].y + a[a.length - 1].h, line = el("div", "grp"), text = el("button", "grpl");
  const total = a.reduce((sum, o) => sum + o.r.e - o.r.s, 0), name = a[0].base === "vdso" ? "vdso, vvar" : baseName(a[0].base);
  text.append(el("b", "", name), " ", el("span", "", isNarrow() ? "" : `${sz(total)}, ${a.length} regions${a.lib ? (a.fold ? " ▸" : " ▾") : ""}`));
  text.title = a.base || a[0].base;
  text.tabIndex = a.lib ? 0 : -1;
  if (a.lib) {
    text.setAttribute("aria-expanded", String(!a.fold));
    text.onclick = () => {
      if (!open.delete(g)) open.add(g);
      renderMap({ instant: true });
    };
  }
  const place = (e, y, x) => {
    e.style.transform = `translateY(${y}px)`;
    e.style.left = `calc(var(--bx) + var(--bw) + ${x}px)`;
  };
  place(line, y0 + 1, a.fold ? 3 : aside);
  place(text, (y0 + y1) / 2 - 9, a.fold ? 14 : aside + 12);
  line.style.height = y1 - y0 - 2 + "px";
  return [line, text];
}

/** One band behind all rows that this step changed. */
function highlights(list, view) {
  const out = [];
  let band = null;
  for (const o of list) {
    if (o.gap || !(o.r.ghost || view.marks.has(o.r.id))) band = null;
    else if (band) band.style.height = o.y + o.h + 4 - parseFloat(band.style.top) + "px";
    else {
      band = el("div", "hl");
      band.style.top = o.y - 4 + "px";
      band.style.height = o.h + 8 + "px";
      out.push(band);
    }
  }
  return out;
}

/** Runs of regions without a large gap between them. */
function runs(list) {
  const out = [];
  let run = null;
  for (const o of list) {
    if (o.gap && o.h > 20) run = null;
    if (o.gap) continue;
    if (!run) out.push((run = { s: o.r.s, e: o.r.e, y0: o.y, y1: 0 }));
    run.s = Math.min(run.s, o.r.s);
    run.y1 = o.y + o.h;
  }
  return out;
}

/** The address space to scale, and from there to the rows. */
function fan(list, height) {
  const pic = $("pic"), bx = parseFloat(getComputedStyle(pic).getPropertyValue("--bx")), sw = 12, x1 = bx - (WIDE ? 92 : 66);
  const box = svg("svg", { id: "fan", width: bx, height: height + 14, "aria-hidden": "true" }), top = 14, h = height - top;
  const Y = a => top + h * (1 - Math.min(1, a / LIMIT));
  box.append(svg("rect", { x: 0.5, y: top, width: sw, height: h, fill: "var(--gap)", stroke: "var(--line2)" }));
  for (const f of runs(list)) {
    const a = Y(f.e), b = Math.max(Y(f.s), a + 2);
    box.append(svg("path", { d: `M${sw + 1} ${a}C${sw + 16} ${a} ${x1 - 16} ${f.y0} ${x1} ${f.y0}V${f.y1}C${x1 - 16} ${f.y1} ${sw + 16} ${b} ${sw + 1} ${b}Z`, fill: "var(--line)", opacity: 0.55 }));
    box.append(svg("rect", { x: 0.5, y: a, width: sw, height: b - a, fill: "var(--ink)" }));
  }
  const text = { "font-size": 10, fill: "var(--mut)" };
  box.append(svg("text", { x: 0, y: 9, ...text }, WIDE ? "128T" : "4G"), svg("text", { x: 3, y: height + 11, ...text }, "0"));
  box.append(svg("text", { transform: `translate(${sw + 12} ${height - 4}) rotate(-90)`, ...text }, "to scale"));
  return box;
}

/* ---- all of it ---- */

/** The moment without what has changed, where it is not that of a step. */
const viewNow = () => (cur.ev < 0 ? stop() : { ...stop(), marks: new Map(), ghosts: [] });
const keyOf = o => (o.gap ? "g" + hex(o.s) : "r" + o.r.id + (o.r.ghost ? "x" : ""));
const MANY = 400; /* so many rows do not slide */
let places = new Map();

/** Puts a row to its place; what was there before slides from where it was. */
function place(n, o, before) {
  const y = `translateY(${o.y}px)`;
  n.style.height = o.h + "px";
  n.style.transform = y;
  if (!before || (before.y === o.y && before.h === o.h)) return;
  n.animate([{ transform: `translateY(${before.y}px)`, height: before.h + "px" }, { transform: y, height: o.h + "px" }], { duration: 360, easing: "cubic-bezier(.3,.7,.2,1)" });
}

function focusRow(pic, id) {
  const first = pic.querySelector(".row.chg .bar") || pic.querySelector(".bar");
  const again = id && pic.querySelector(`.bar[data-id="${id}"]`);
  const b = again || first;
  if (b) b.tabIndex = 0;
  if (again) again.focus({ preventScroll: true });
}

export function renderMap(options = {}) {
  const pic = $("pic"), focused = document.activeElement && document.activeElement.dataset.id, view = viewNow(), { list, groups } = items(view);
  pic.style.setProperty("--bx", WIDE ? "156px" : "120px");
  const context = { view, blocks: blocksAfter(callsNow()), chosen: blockNow(), width: parseFloat(getComputedStyle(pic).getPropertyValue("--bw")), first: false, ends: false };
  const rows = [], moves = !options.instant && !still() && list.length < MANY, now = new Map();
  let y = 14;
  list.forEach((o, i) => {
    const before = list[i - 1], next = list[i + 1];
    Object.assign(o, { y, h: rowHeight(o) });
    Object.assign(context, { first: !before || Boolean(before.gap), ends: !next || Boolean(next.gap) || !next.band });
    const n = o.gap ? gapRow(o, o.h) : regionRow(o, o.h, context), key = keyOf(o);
    place(n, o, moves ? places.get(key) : null);
    now.set(key, { y: o.y, h: o.h });
    rows.push(n);
    y += o.h;
  });
  places = now;
  const brackets = [...groups].filter(([, a]) => a.length > 1).flatMap(([g, a]) => bracket(g, a, view));
  pic.replaceChildren(...highlights(list, view), ...rows, ...brackets);
  pic.prepend(fan(list, y));
  pic.style.height = y + 12 + "px";
  focusRow(pic, focused);
  const target = list.find(o => !o.gap && (o.r.ghost || view.marks.has(o.r.id)));
  if (target && !isNarrow() && !opt.text) scrollInto($("mapBody"), target.y, target.y + target.h, 0.33);
}
