/* What procmap-trace has written into the page (runner/views/html.c). */
import { $ } from "./dom.js";

/**
 * @typedef {[number, number, string, number, string, number, string, string, number, number]} RawRegion
 *   start, end, permissions, offset, device, inode, path, kind, 1: of procmap-trace, thread
 * @typedef {{c: string, d: number, b: RawRegion|null, a: RawRegion|null, p?: RawRegion[], lib?: string, code: string,
 *   args?: Object<string, number>, why: string}} Change
 *   what happened, bytes more, before, after, parts, library, reason with its arguments and sentence
 * @typedef {{e: number, t: number, sys?: string, ch: Change[], sys2?: string, many?: number, map?: RawRegion[]}} Step
 *   one system call: of which entry, when, its text, its changes; or so many changes together, and the map behind them
 * @typedef {{t: number, tid: number, call: string, text: string, caller?: string, stack?: number, fault?: number,
 *   self?: number, ev?: number, o?: number, steps: number[]}} Entry
 *   one call of the program; ev: its number among the calls of the allocator; o: so many of these came before it
 */

export const D = JSON.parse($("data").textContent);
export const PAGE = D.prog.page || 4096;
export const WIDE = D.prog.class === 64;

/** A call that maps something and unmaps it again, as the stack of system's child: one step, it came and went. */
function cameAndWent(a, b) {
  const x = a.ch[0], y = b.ch[0];
  return a.e === b.e && a.ch.length === 1 && b.ch.length === 1 && x.code === "child_stack" && x.c === "added" &&
    y.c === "removed" && x.a[0] === y.b[0] && x.a[1] === y.b[1];
}

/** @returns {Step[]} */
function foldSteps() {
  const out = [];
  for (const s of D.steps) {
    const last = out[out.length - 1];
    if (!last || !cameAndWent(last, s)) out.push({ ...s });
    else Object.assign(last, { sys2: s.sys, ch: [{ ...last.ch[0], c: "temp", d: 0, b: last.ch[0].a, a: null }] });
  }
  return out;
}

/** @type {Step[]} */
export const STEPS = foldSteps();
/** @type {Entry[]} */
export const ENTRIES = D.entries.map(e => ({ ...e, steps: [] }));
STEPS.forEach((s, i) => ENTRIES[s.e].steps.push(i));

/** @typedef {[number, number, number, number]} Frame function, module, file or -1, line */
/** @param {number|undefined} id @returns {Frame[]} */
export const framesOf = id => D.stacks[id || 0] || [];
/** Those whose source is the program's own. @param {number|undefined} id @returns {Frame[]} */
export const ownFrames = id => framesOf(id).filter(f => f[2] >= 0);
