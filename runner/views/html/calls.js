/* All calls of the allocator, from the columns of runner/views/html_calls.c. */
import { $ } from "./dom.js";
import { D } from "./data.js";

const NAME = 31, GIVES = 32, TAKES = 64;
export const NEVER = 0xffffffff;

/**
 * Of each call i: t[i] its time, live[i] bytes in use behind it, who[i] the block that it gives, or else takes, or -1.
 * Of each block a: size, addr, lg (log2 of the size), pl (0 heap, 1 own region, 2 arena, 3 not known), st its stack,
 * max: the largest block; liveMost: the most bytes in use.
 * leftOut, leftFrees: of each call the calls before it that are not in the page; isWhole: there are none;
 * why: of the first calls [code, sentence], why the block lies where it does; a list of one where there is nothing to say.
 * born and dead: the numbers of the calls. special: calls whose blocks are drawn always.
 */
export const EV = { n: D.ev.n, m: D.ev.m, max: 0, liveMost: 0, t: new Float64Array(D.ev.n), live: new Float64Array(D.ev.n), who: new Int32Array(D.ev.n), old: new Map(),
  stack: new Uint32Array(D.ev.n), k: new Uint8Array(0), ord: new Float64Array(D.ev.n),
  size: new Float64Array(D.ev.m), addr: new Float64Array(D.ev.m), lg: new Float32Array(D.ev.m), pl: new Uint8Array(0), st: new Uint32Array(D.ev.m),
  born: new Uint32Array(D.ev.m), dead: new Uint32Array(D.ev.m).fill(NEVER), special: [],
  leftOut: new Float64Array(D.ev.n), leftFrees: new Float64Array(D.ev.n), isWhole: true, why: [] };

export const PLACES = ["heap", "malloc_mmap", "malloc_arena", "anonymous"];
export const callName = i => D.ev.names[EV.k[i] & NAME] || "";
export const givesBlock = i => (EV.k[i] & GIVES) !== 0;
export const takesBlock = i => (EV.k[i] & TAKES) !== 0;

async function inflate(base64) {
  const text = atob(base64), bytes = Uint8Array.from(text, c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Reads varints: seven bits a byte, the lowest first. */
function reader(bytes) {
  let at = 0;
  return () => {
    let b = bytes[at++];
    if (b < 128) return b;
    let v = b & 127, times = 128;
    do {
      b = bytes[at++];
      v += (b & 127) * times;
      times *= 128;
    } while (b > 127);
    return v;
  };
}

const unzigzag = z => (z % 2 ? -(z + 1) / 2 : z / 2);

function readBlocks(column) {
  const size = reader(column.size), addr = reader(column.addr), st = reader(column.st);
  for (let a = 0, last = 0; a < EV.m; a++) {
    const s = (EV.size[a] = size()), z = addr();
    EV.lg[a] = Math.log2(Math.max(s, 8));
    EV.max = Math.max(EV.max, s);
    last += unzigzag(z);
    EV.addr[a] = last * 8;
    EV.st[a] = st();
  }
}

function readCalls(column) {
  const t = reader(column.t), back = reader(column.back), taker = reader(column.fst);
  const leftOut = reader(column.la), leftFrees = reader(column.lf), leftBytes = reader(column.lb);
  for (let i = 0, now = 0, a = 0, live = 0; i < EV.n; i++) {
    EV.t[i] = now += t();
    EV.who[i] = -1;
    EV.leftOut[i] = leftOut();
    EV.leftFrees[i] = leftFrees();
    live += unzigzag(leftBytes());
    const distance = takesBlock(i) ? back() : 0;
    if (distance) {
      const w = a - distance;
      EV.dead[w] = i;
      EV.who[i] = w;
      live -= EV.size[w];
      if (givesBlock(i)) EV.old.set(i, w);
    }
    if (givesBlock(i)) {
      EV.born[a] = i;
      EV.who[i] = a;
      live += EV.size[a];
      EV.stack[i] = EV.st[a++];
    } else EV.stack[i] = taker();
    EV.live[i] = live;
    EV.liveMost = Math.max(EV.liveMost, live);
  }
}

export async function loadCalls() {
  const raw = await inflate($("calls").textContent.trim()), column = {};
  let at = 0;
  for (const [name, length] of D.ev.cols) column[name] = raw.subarray(at, (at += length));
  EV.k = column.k;
  EV.pl = column.pl;
  readBlocks(column);
  readCalls(column);
  EV.why = new TextDecoder().decode(column.why).split("\n").map(line => line.split("\t"));
  EV.isWhole = !D.ev.left.some(Boolean) && EV.leftOut.every(n => !n) && EV.leftFrees.every(n => !n);
  for (let a = 0; a < EV.m; a++) if (EV.pl[a] || (EV.lg[a] >= 17 && EV.special.length < 6000)) EV.special.push(EV.born[a]);
}

/** Bytes in use when so many calls have been made. */
export const liveAfter = calls => (calls ? EV.live[calls - 1] : 0);
/** The blocks in use then. @returns {number[]} */
export function blocksAfter(calls) {
  const out = [];
  for (let a = 0; a < EV.m && EV.born[a] < calls; a++) if (EV.dead[a] >= calls) out.push(a);
  return out;
}
/** "malloc(400) = 5655b1a0" */
export function callText(i, hex) {
  const w = EV.who[i], name = callName(i);
  if (!givesBlock(i)) return name === "free" ? `free(${w < 0 ? "…" : hex(EV.addr[w])})` : `${name}(…) failed`;
  const old = EV.old.get(i);
  return `${name}(${old == null ? "" : hex(EV.addr[old]) + ", "}${EV.size[w]}) = ${hex(EV.addr[w])}`;
}
