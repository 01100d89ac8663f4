/* Mouse and finger in the time pane: go there, choose a range, zoom. */
import { $, el, button, isNarrow } from "./dom.js";
import { D, ownFrames } from "./data.js";
import { EV, callText, givesBlock } from "./calls.js";
import { STOPS } from "./replay.js";
import { go, goCall, goTo } from "./moment.js";
import { SIGN, changed, changeText, count, hex, ms, num, sz } from "./words.js";
import { kindName } from "./kinds.js";
import { G, TM, V, X, drawCursor, firstCall, fullDomain, setDomain, stopValue } from "./time.js";

export function tip(e, ...lines) {
  const t = $("tip");
  t.replaceChildren(...lines.map(line => el("div", "", line)));
  t.hidden = false;
  t.style.left = Math.max(4, Math.min(innerWidth - t.offsetWidth - 6, e.clientX + 14)) + "px";
  t.style.top = Math.max(4, e.clientY + 16 + t.offsetHeight > innerHeight ? e.clientY - t.offsetHeight - 12 : e.clientY + 16) + "px";
}
export const hideTip = () => { $("tip").hidden = true; };

/** What is at a point: {stop}, or {ev, n} the last of n allocations there, or null. */
function pick(x, y) {
  for (const [mx, i] of G.marks) if (y < 32 && Math.abs(mx - x) < 7) return { stop: i };
  if (!G.cells || y < G.S[0] - 8 || x < G.l) return null;
  const { cells, w, h } = G.cells, cx = Math.floor((x - G.l) / 2), cy = Math.floor((y - G.S[0]) / 2);
  let best = null, least = 26;
  for (let dy = -4; dy <= 4; dy++) for (let dx = -4; dx <= 4; dx++) {
    const px = cx + dx, py = cy + dy, c = px < 0 || py < 0 || px >= w || py >= h ? null : cells[py * w + px];
    if (!c || dx * dx + dy * dy >= least) continue;
    least = dx * dx + dy * dy;
    best = c;
  }
  return best;
}

function showTip(e, p) {
  if (p.stop != null) {
    const s = STOPS[p.stop];
    return tip(e, s.en.text, ...s.s.ch.slice(0, 6).map(c => `${SIGN[c.c]} ${changeText(c)} ${kindName(changed(c)[7])}`), ms(s.t));
  }
  const own = ownFrames(EV.stack[p.ev])[0];
  tip(e, callText(p.ev, hex), own ? `${D.fns[own[0]]} ${D.files[own[2]].name}:${own[3]}` : "", p.n > 1 ? `and ${num(p.n - 1)} more here` : ms(EV.t[p.ev]));
}

/** What was done in the chosen range: counts, what it left, by whom. */
function rangeSums([a, b]) {
  const i0 = firstCall(a), i1 = firstCall(b), sums = { n: 0, bytes: 0, frees: 0, kept: 0, keptBytes: 0, by: new Map() };
  for (let i = i0; i < i1; i++) {
    if (!givesBlock(i)) {
      sums.frees++;
      continue;
    }
    const w = EV.who[i], by = sums.by.get(EV.st[w]) || [0, 0];
    sums.n++;
    sums.bytes += EV.size[w];
    by[0]++;
    by[1] += EV.size[w];
    sums.by.set(EV.st[w], by);
    if (EV.dead[w] < i1) continue;
    sums.kept++;
    sums.keptBytes += EV.size[w];
  }
  return sums;
}

export function renderRange() {
  const box = $("rangebox");
  box.hidden = !TM.range;
  if (!TM.range) return;
  const [a, b] = TM.range, r = rangeSums(TM.range), table = el("table", "tbl");
  const changes = STOPS.filter(s => s.type === "step" && stopValue(s) >= a && stopValue(s) <= b).length;
  for (const [st, [n, bytes]] of [...r.by].sort((x, y) => y[1][1] - x[1][1]).slice(0, 4))
    table.append(el("tr", "", el("td", "mono", ownFrames(st).slice(0, 2).map(f => `${D.fns[f[0]]}:${f[3]}`).join(" ← ") || "–"), el("td", "r", num(n)), el("td", "r", sz(bytes))));
  const zoom = button("btn big", "Zoom in", () => {
    clearRange();
    setDomain(a, b);
  });
  box.replaceChildren(el("b", "", TM.order ? `${num(Math.round(a))} – ${num(Math.round(b))}` : `${ms(a)} – ${ms(b)}`),
    el("div", "", `allocated: ${num(r.n)} (${sz(r.bytes)}), ${count(r.frees, "free")}, ${count(changes, "step")}`),
    el("div", "", "not freed in it: ", el("b", "", num(r.kept)), ` (${sz(r.keptBytes)})`), table, el("div", "acts", zoom, button("btn", "Clear", clearRange)));
  box.style.left = Math.max(6, Math.min(G.W - box.offsetWidth - 6, (X(a) + X(b) - box.offsetWidth) / 2)) + "px";
}

export function clearRange() {
  TM.range = null;
  renderRange();
  drawCursor();
}

function click(x, y) {
  const p = pick(x, y);
  if (p && p.stop != null) go(p.stop);
  else if (p) goCall(p.ev);
  else if (x > G.l) goTo(V(x), TM.order ? "ord" : "t");
}

function wheel(e) {
  if (isNarrow() && !e.ctrlKey) return;
  e.preventDefault();
  const width = TM.d1 - TM.d0, sideways = Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey;
  if (sideways) return setDomain(TM.d0 + ((e.deltaX || e.deltaY) / G.w) * width, TM.d1 + ((e.deltaX || e.deltaY) / G.w) * width);
  const c = V(Math.max(G.l, e.offsetX)), f = Math.exp(e.deltaY * 0.0016);
  setDomain(c - (c - TM.d0) * f, c + (TM.d1 - c) * f);
}

export function wirePointer() {
  const tc = $("tc");
  let drag = null;
  tc.onpointerdown = e => {
    if (e.button) return;
    drag = { x: e.offsetX, y: e.offsetY, moved: false };
    tc.setPointerCapture(e.pointerId);
  };
  tc.onpointermove = e => {
    const p = drag ? null : pick(e.offsetX, e.offsetY);
    if (drag && Math.abs(e.offsetX - drag.x) > 4 && e.pointerType !== "touch") drag.moved = true;
    if (drag && drag.moved) {
      TM.range = [drag.x, e.offsetX].map(x => V(Math.max(G.l, x))).sort((a, b) => a - b);
      drawCursor();
    }
    if (p) showTip(e, p);
    else hideTip();
  };
  tc.onpointerup = e => {
    const d = drag;
    drag = null;
    if (!d) return;
    if (!d.moved) {
      clearRange();
      click(e.offsetX, e.offsetY);
    } else renderRange();
  };
  tc.onpointerleave = hideTip;
  tc.onpointercancel = () => { drag = null; };
  tc.addEventListener("wheel", wheel, { passive: false });
  tc.ondblclick = () => setDomain(...fullDomain());
}
