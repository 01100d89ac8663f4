/* The map as text, the chosen region with its history, the legend. */
import { $, el, button } from "./dom.js";
import { WIDE } from "./data.js";
import { HISTORY, STOPS } from "./replay.js";
import { cur, go, moved, stop } from "./moment.js";
import { CHANGE, SIGN, hex, signed, sz } from "./words.js";
import { colour, kindName, kindText, paintKind } from "./kinds.js";
import { opt } from "./layout.js";

const mapsLine = r => `${hex(r.s)}-${hex(r.e)} ${r.perms} ${r.off.toString(16).padStart(8, "0")} ${r.dev} ${r.ino}`.padEnd(WIDE ? 72 : 48) + (r.path ? " " + r.path : "");

export function renderText() {
  const st = stop(), exact = cur.ev < 0, box = $("maptext");
  const all = st.state.filter(r => !r.tracer || opt.tracer).concat(exact ? st.ghosts : []).sort((a, b) => a.s - b.s);
  box.replaceChildren(el("p", "", "as /proc/PID/maps prints it: low addresses first"));
  for (const r of all) {
    const m = exact ? st.marks.get(r.id) : null, i = el("i");
    const line = el("div", (r.ghost ? "gone" : m ? "chg" : "") + (cur.sel === r.id ? " sel" : ""), el("b", "", r.ghost ? SIGN[r.ghost] || SIGN.shrunk : m ? SIGN[m.c] : ""), i, mapsLine(r));
    paintKind(i, r.kind);
    line.onclick = () => select(r.id);
    box.append(line);
  }
}

export function select(id) {
  cur.sel = cur.sel === id ? null : id;
  moved({ instant: true });
}

function findRegion(id) {
  for (const s of [stop(), ...STOPS]) {
    const r = s.state.find(x => x.id === id) || s.ghosts.find(x => x.id === id);
    if (r) return { r, gone: s !== stop() };
  }
  return null;
}

export function renderDetail() {
  const box = $("detail"), found = cur.sel == null ? null : findRegion(cur.sel);
  box.hidden = !found;
  if (!found) return;
  const { r, gone } = found, i = el("i", "dot"), x = button("x", "×", () => select(cur.sel)), history = el("p", "hist", el("b", "", "History: "));
  i.style.background = `var(${colour(r.kind)})`;
  x.setAttribute("aria-label", "Close");
  if (STOPS[0].state.some(q => q.id === cur.sel)) history.append(button("", "there at the start", () => go(0)));
  for (const [n, c, d] of HISTORY.get(cur.sel) || []) history.append(button("", `${SIGN[c]} ${CHANGE[c]} ${d ? signed(d) : ""} (step ${n})`, () => go(n)));
  box.replaceChildren(el("h3", "", i, kindName(r.kind), el("span", "mono mut", `${hex(r.s)}-${hex(r.e)} ${r.perms} ${sz(r.e - r.s)}`), x));
  box.append(el("p", "", kindText(r.kind) + (gone ? " (not mapped at this moment)" : "")), r.path ? el("p", "mut mono", r.path + (r.ino ? ` · inode ${r.ino}` : "")) : "", history);
}

export function buildLegend() {
  const kinds = new Set(STOPS.flatMap(s => [...s.state, ...s.ghosts]).filter(r => !r.tracer).map(r => r.kind)), box = $("legend");
  const add = (name, c, c2) => {
    const i = el("i", c2 ? "two" : "");
    i.style.setProperty("--kc", `var(${c})`);
    if (c2) i.style.setProperty("--k2", `var(${c2})`);
    box.insertBefore(el("span", "", i, name), $("bLib"));
  };
  if (kinds.has("stack")) add("stack", "--stack");
  if (kinds.has("malloc_mmap")) add("malloc block", "--mmap");
  if (kinds.has("malloc_arena")) add("malloc arena: in use, free", "--arena", "--arenafree");
  if (kinds.has("heap")) add("heap: in use, free", "--heap", "--heapfree");
  add("code: program, library", "--code", "--lcode");
  add("data", "--data", "--ldata");
  if (kinds.has("bss")) add("bss", "--bss", "--lbss");
  add("constants", "--rodata", "--lrodata");
  add("other", "--anon", "--sys");
}
