/* The moment that all panes show: a stop, or a call of the allocator between two stops. */
import { D } from "./data.js";
import { EV } from "./calls.js";
import { STOPS } from "./replay.js";

/** i: the stop; ev: the call of the allocator behind it, or -1; sel: the chosen region's id, or null */
export const cur = { i: 0, ev: -1, sel: null };
const watchers = [];

/** @param {(options: {instant?: boolean}) => void} watcher called when the moment has changed */
export const onMove = watcher => watchers.push(watcher);
export const moved = (options = {}) => watchers.forEach(w => w(options));

export const lastStop = () => STOPS.length - 1;
export const stop = () => STOPS[cur.i];
/** Nanoseconds. */
export const moment = () => (cur.ev >= 0 ? EV.t[cur.ev] : stop().t);
/** So many calls of the allocator have been made. */
export const callsNow = () => (cur.ev >= 0 ? cur.ev + 1 : stop().oi);
/** The stack: of the call, or of the fatal signal. */
export const stackNow = () => (cur.ev >= 0 ? EV.stack[cur.ev] : { step: () => stop().en.stack, exit: () => D.exit.fatal_stack, start: () => 0 }[stop().type]());
/** The block that it is about, or null. */
export function blockNow() {
  const ev = cur.ev >= 0 ? cur.ev : stop().type === "step" ? stop().en.ev : null;
  return ev == null || EV.who[ev] < 0 ? null : EV.who[ev];
}

export function go(i, options) {
  cur.i = Math.max(0, Math.min(lastStop(), Number.isFinite(i) ? i : 0));
  cur.ev = -1;
  moved(options);
}

/** To a call of the allocator; where it has changed the map, to that step. */
export function goCall(ev) {
  if (!EV.n) return;
  ev = Math.max(0, Math.min(EV.n - 1, Number.isFinite(ev) ? ev : 0));
  const step = STOPS.findIndex(s => s.type === "step" && s.en.ev === ev);
  if (step >= 0) return go(step);
  let i = 0;
  while (i + 1 < lastStop() && STOPS[i + 1].oi <= ev) i++;
  cur.i = i;
  cur.ev = ev;
  moved();
}

/** To the last stop up to a time, or a place in the order. */
export function goTo(value, key) {
  let i = 0;
  while (i < lastStop() && STOPS[i + 1][key] <= value) i++;
  go(i);
}

/** To the next call of the program that changed the map, or the one before. */
export function goEntry(direction) {
  const en = stop().en;
  let i = cur.i + direction;
  while (i > 0 && i < lastStop() && STOPS[i].en === en) i += direction;
  if (direction < 0) while (i > 1 && STOPS[i].en && STOPS[i - 1].en === STOPS[i].en) i--;
  go(i);
}
