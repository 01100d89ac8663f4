/* The map after each step: START and the changes, in the order in which they can be applied. */
import { D, ENTRIES, STEPS } from "./data.js";
import { EV } from "./calls.js";

/**
 * @typedef {{id: number, s: number, e: number, perms: string, off: number, dev: string, ino: number, path: string,
 *   kind: string, tracer: boolean, tid: number, from?: number, ghost?: string, d?: number}} Region
 *   id: stays the same while it lives; from: the region that it was split from; ghost: it has just gone, and how
 * @typedef {{c: string, d: number, b?: any, was?: string, n?: number, j?: number, seams?: number[]}} Mark
 * @typedef {{type: string, t: number, oi: number, n: number, state: Region[], marks: Map<number, Mark>, ghosts: Region[],
 *   s?: any, en?: any, pos: number, ord: number, mapped: number, malloc: number, regions: number}} Stop
 *   a moment to stop at: START, a step, or EXIT; oi: calls of the allocator before it; ord: its place in the order
 */

const SHOWN = 50; /* of what many changes did */
let nextId = 1;
/** @returns {Region} */
const region = r => ({ id: nextId++, s: r[0], e: r[1], perms: r[2], off: r[3], dev: r[4], ino: r[5], path: r[6], kind: r[7], tracer: !!r[8], tid: r[9] });

/** @type {Stop[]} */
export const STOPS = [];
/** Of each region what happened to it: [number of the stop, change, bytes]. @type {Map<number, [number, string, number][]>} */
export const HISTORY = new Map();

function find(state, b) {
  const i = state.findIndex(r => r.s === b[0] && r.e === b[1]);
  return i >= 0 ? i : state.findIndex(r => r.s < b[1] && r.e > b[0]);
}

function take(state, b) {
  const i = find(state, b);
  return i < 0 ? null : state.splice(i, 1)[0];
}

const APPLY = {
  added(ch, state, marks) {
    const r = region(ch.a);
    state.push(r);
    marks.set(r.id, { c: ch.c, d: ch.d });
  },
  removed(ch, state, marks, ghosts) {
    const r = take(state, ch.b);
    if (r) ghosts.push({ ...r, ghost: ch.c, d: ch.d });
  },
  temp(ch, state, marks, ghosts) {
    ghosts.push({ ...region(ch.b), ghost: ch.c, d: 0 });
  },
  split(ch, state, marks) {
    const old = take(state, ch.b);
    ch.p.forEach((part, j) => {
      const r = region(part);
      if (old && j === 0) r.id = old.id;
      else if (old) r.from = old.id;
      state.push(r);
      marks.set(r.id, { c: ch.c, n: ch.p.length, j, d: 0 });
    });
  },
  merged(ch, state, marks) {
    const old = ch.p.map(part => take(state, part)).filter(Boolean), r = region(ch.a);
    if (old[0]) r.id = old[0].id;
    state.push(r);
    marks.set(r.id, { c: ch.c, n: ch.p.length, seams: ch.p.slice(1).map(part => part[0]), d: 0 });
  },
  protection(ch, state, marks) {
    const r = replace(ch, state), m = marks.get(r.id);
    marks.set(r.id, { ...(m || { d: 0, c: ch.c }), was: ch.b[2] });
  },
  grown(ch, state, marks) {
    marks.set(replace(ch, state).id, { c: ch.c, d: ch.d, b: ch.b });
  },
  shrunk(ch, state, marks, ghosts) {
    const r = replace(ch, state);
    marks.set(r.id, { c: ch.c, d: ch.d, b: ch.b });
    for (const [x, y] of [[ch.b[0], r.s], [r.e, ch.b[1]]]) if (y > x) ghosts.push({ ...r, id: nextId++, s: x, e: y, ghost: "cut", d: ch.d });
  },
  moved(ch, state, marks, ghosts) {
    const i = find(state, ch.b), old = state[i], r = replace(ch, state);
    marks.set(r.id, { c: ch.c, d: ch.d, b: ch.b });
    if (old) ghosts.push({ ...old, id: nextId++, ghost: "removed", d: 0 });
  }
};

function replace(ch, state) {
  const old = take(state, ch.b), r = region(ch.a);
  if (old) Object.assign(r, { id: old.id, from: old.from });
  state.push(r);
  return r;
}

const byAddress = (a, b) => a.s - b.s;

function note(id, entry) {
  if (!HISTORY.has(id)) HISTORY.set(id, []);
  HISTORY.get(id).push(entry);
}

/** The map behind many changes: what is as it was stays the same. */
function leap(map, state, marks, ghosts) {
  const was = new Map(state.map(r => [`${r.s} ${r.e} ${r.perms} ${r.path}`, r]));
  state.splice(0, Infinity, ...map.map(region).map(r => was.get(`${r.s} ${r.e} ${r.perms} ${r.path}`) || r));
  const now = new Set(state);
  for (const r of was.values()) if (!now.has(r) && ghosts.length < SHOWN) ghosts.push({ ...r, ghost: "removed", d: r.s - r.e });
  const old = new Set(was.values());
  for (const r of state) if (!old.has(r) && marks.size < SHOWN && !r.tracer) marks.set(r.id, { c: "added", d: r.e - r.s });
}

function addStep(s, n, before) {
  const marks = new Map(), ghosts = [], state = before.slice(), en = ENTRIES[s.e];
  if (s.map) leap(s.map, state, marks, ghosts);
  for (const ch of s.ch) APPLY[ch.c](ch, state, marks, ghosts);
  for (const id of [...marks.keys()]) if (!state.some(r => r.id === id)) marks.delete(id);
  state.sort(byAddress);
  STOPS.push({ type: "step", s, en, t: s.t, oi: en.ev != null ? en.ev + 1 : en.o, state, marks, ghosts, n, pos: en.steps.indexOf(n - 1), ord: 0, mapped: 0, malloc: 0, regions: 0 });
  for (const [id, m] of marks) note(id, [n, m.c, m.d]);
  for (const g of ghosts) if (g.ghost !== "cut") note(g.id, [n, g.ghost, g.d]);
  return state;
}

const isMallocs = r => r.kind === "heap" || r.kind === "malloc_mmap" || (r.kind === "malloc_arena" && r.perms[0] === "r");

function sums(stop) {
  for (const r of stop.state) {
    if (r.tracer) continue;
    stop.mapped += r.e - r.s;
    stop.regions++;
    if (isMallocs(r)) stop.malloc += r.e - r.s;
  }
}

/** The places of all stops and calls in their order. */
function order() {
  let most = 0;
  STOPS.forEach((s, i) => {
    most = s.oi = Math.max(most, s.oi);
    s.ord = s.oi + i;
  });
  for (let i = 0, j = 0; i < EV.n; i++) {
    while (j < STOPS.length && STOPS[j].oi <= i) j++;
    EV.ord[i] = i + j;
  }
}

export function replay() {
  let state = D.start.map(region).sort(byAddress);
  const end = D.exit.t ?? Math.max(D.t0, EV.n ? EV.t[EV.n - 1] : 0, ...STEPS.slice(-1).map(s => s.t));
  const edge = { marks: new Map(), ghosts: [], pos: 0, ord: 0, mapped: 0, malloc: 0, regions: 0 };
  STOPS.push({ ...edge, type: "start", t: D.t0, oi: 0, n: 0, state });
  STEPS.forEach((s, i) => { state = addStep(s, i + 1, state); });
  STOPS.push({ ...edge, type: "exit", t: end, oi: EV.n, n: STOPS.length, state });
  STOPS.forEach(sums);
  order();
}
