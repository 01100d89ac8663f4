/* Numbers and changes in words. */
import { WIDE } from "./data.js";

export const SIGN = { added: "+", removed: "−", grown: "^", shrunk: "v", moved: ">", protection: "*", split: "<", merged: "=", temp: "±" };
export const CHANGE = { added: "added", removed: "removed", grown: "grown", shrunk: "shrunk", moved: "moved", protection: "permissions", split: "split", merged: "merged", temp: "came and went" };

/** "1,000,000" @param {number} n */
export const num = n => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
/** As /proc/PID/maps has it. @param {number} n */
export const hex = n => n.toString(16).padStart(WIDE ? 12 : 8, "0");
/** "1 call", "3 calls" */
export const count = (n, word) => `${num(n)} ${word}${n === 1 ? "" : "s"}`;

const UNITS = [[1024 ** 4, "T"], [1024 ** 3, "G"], [1024 ** 2, "M"], [1024, "K"]];
/** "4K", "26.7M" @param {number} n bytes */
export function sz(n) {
  const sign = n < 0 ? "−" : "", b = Math.abs(n);
  if (b >= 1024 && b < 16 * 1024 ** 2 && b % 1024 === 0 && b % 1024 ** 2) return sign + b / 1024 + "K";
  for (const [u, c] of UNITS) if (b >= u) return sign + (b % u === 0 ? b / u : b < 100 * u ? (b / u).toFixed(1) : Math.round(b / u)) + c;
  return sign + b + " B";
}
/** "+4K" */
export const signed = n => (n > 0 ? "+" : "") + sz(n);
/** @param {number} t nanoseconds */
export const ms = (t, digits = 3) => (t / 1e6).toFixed(digits) + " ms";

/** @param {import("./data.js").Change} c */
export function changeText(c) {
  if (c.c === "grown" || c.c === "shrunk") return `${CHANGE[c.c]} ${signed(c.d)}`;
  return c.c === "split" ? `split into ${(c.p || []).length}` : CHANGE[c.c];
}
/** The sign of a step. @param {import("./data.js").Step} s */
export const signOf = s => (s.ch[0] ? SIGN[s.ch[0].c] : "…");
export const changed = c => c.a || c.b;
export const baseName = path => path.slice(path.lastIndexOf("/") + 1);
/** A sentence of the trace, as a sentence of a page. */
export const sentence = why => (why ? why[0].toUpperCase() + why.slice(1) + (/[.?!)]$/.test(why) ? "" : ".") : "");
