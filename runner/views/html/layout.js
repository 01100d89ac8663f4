/* Where everything stands in the picture of the map: rows, high addresses on top, gaps cut short. */
import { $, isNarrow } from "./dom.js";
import { PAGE, WIDE } from "./data.js";
import { STOPS } from "./replay.js";
import { isLibrary } from "./kinds.js";

export const opt = { tracer: false, libs: false, text: false };
export const open = new Set(); /* libraries that are unfolded */
export const LIMIT = WIDE ? 0x7ffffffff000 : 0xffffe000;
const NEAR = 16777216, BIG = 67108864, SMALL = 262144;

/**
 * @typedef {{r?: any, g?: string|null, base?: string|null, band?: boolean, gap?: number, s?: number, e?: number, tr?: number,
 *   y?: number, h?: number}} Item a region with the group that it belongs to, or a gap
 */

const isVdso = r => r.kind === "vdso" || r.kind === "vvar";

/** The file that a region belongs to: its own, or for a bss that of the region before. */
function fileOf(r, before, last) {
  if (r.tracer) return null;
  if (isVdso(r)) return "vdso";
  if (r.path && !r.path.startsWith("[") && !r.ghost) return r.path;
  return (r.kind === "lib_bss" || r.kind === "bss") && before && before.e === r.s ? last : null;
}

/** Regions in descending order; those of one file near each other are a group. */
function grouped(regions) {
  const out = [];
  let before = null, last = null, spans = 0;
  for (const r of regions) {
    const base = fileOf(r, before, last), same = base && out.findLast(o => o.base === base);
    if (same && r.s - same.r.e <= NEAR) out.push({ r, g: same.g, base });
    else out.push({ r, g: base && (same ? base + "#" + ++spans : base), base });
    before = r;
    last = base;
  }
  return out.reverse();
}

/** @returns {{list: Item[], groups: Map<string, any>}} */
export function items(st) {
  const shown = st.state.filter(r => !r.tracer || opt.tracer).concat(st.ghosts).sort((a, b) => a.s - b.s);
  const hidden = opt.tracer ? [] : st.state.filter(r => r.tracer), out = grouped(shown), groups = new Map();
  for (const o of out) if (o.g) groups.set(o.g, [...(groups.get(o.g) || []), o]);
  for (const [g, a] of groups) {
    a.lib = a.some(o => isLibrary(o.r.kind)) || a[0].base === "vdso";
    a.fold = a.lib && a.length > 1 && !a.some(o => st.marks.has(o.r.id)) && !opt.libs && !open.has(g);
    if (a.fold) for (const o of a) o.band = true;
  }
  const list = [];
  let top = out.length && out[0].r.e > LIMIT ? out[0].r.e : LIMIT;
  for (const o of out) {
    const tr = hidden.reduce((sum, h) => sum + (h.s >= o.r.e && h.e <= top ? h.e - h.s : 0), 0);
    if (o.r.e < top) list.push({ gap: top - o.r.e, s: o.r.e, e: top, tr });
    list.push(o);
    top = Math.min(top, o.r.s);
  }
  if (top > 0) list.push({ gap: top, s: 0, e: top, tr: 0 });
  return { list, groups };
}

/* ---- heights: H0 + K * log2(pages), K such that the highest map of all fits ---- */

const FIT = { K: 3, H0: 18, gap: 1 };
const lg = n => Math.log2(Math.max(1, n / PAGE));
const gapHeight = g => (g < SMALL ? 13 : (g < BIG ? 18 : 28) * 1);

export function rowHeight(o) {
  if (o.gap) return gapHeight(o.gap) * FIT.gap;
  const size = lg(o.r.e - o.r.s);
  return o.band ? 5 + FIT.K * 0.42 * size : FIT.H0 + FIT.K * size;
}

function measure(st) {
  const m = { base: 0, n: 0, size: 0 };
  for (const o of items(st).list) {
    if (o.gap) m.base += gapHeight(o.gap);
    else if (o.band) {
      m.base += 5;
      m.size += 0.42 * lg(o.r.e - o.r.s);
    } else {
      m.n++;
      m.size += lg(o.r.e - o.r.s);
    }
  }
  return m;
}

export function fit() {
  const room = isNarrow() ? 560 : Math.max(340, $("mapBody").clientHeight - 28);
  const every = Math.ceil(STOPS.length / 80), all = STOPS.filter((s, i) => i % every === 0).map(measure);
  const least = (H0, gap) => Math.min(8, ...all.map(m => (room - m.base * gap - m.n * H0) / (m.size || 1)));
  Object.assign(FIT, { H0: 20, gap: 1, K: least(20, 1) });
  if (FIT.K < 2.4) Object.assign(FIT, { H0: 17, K: least(17, 1) });
  if (FIT.K < 1.6) Object.assign(FIT, { H0: 15.5, gap: 0.78, K: least(15.5, 0.78) });
  FIT.K = Math.max(1.1, FIT.K);
}
