/* The story pane: call -> system call -> change -> why, and the stack. */
import { $, el, button, isNarrow, scrollInto } from "./dom.js";
import { D, ENTRIES, STEPS, framesOf, ownFrames } from "./data.js";
import { EV, NEVER, callText, givesBlock, takesBlock } from "./calls.js";
import { STOPS } from "./replay.js";
import { cur, go, lastStop, moved, stackNow, stop } from "./moment.js";
import { SIGN, baseName, changed, changeText, count, hex, ms, num, sentence, signed, sz } from "./words.js";
import { colour, kindName, paintKind } from "./kinds.js";
import { lookAt } from "./source.js";

export const exitText = () => D.exit.signal || (D.exit.status != null ? `exit ${D.exit.status}` : D.exit.end || "the trace ends here");

/* ---- the list ---- */

/** For each entry, and the end: [allocations, frees] before it that changed nothing. */
function quietCalls() {
  const out = [], own = new Set(ENTRIES.map(e => e.ev).filter(i => i != null));
  let i = 0;
  const upTo = end => {
    const sums = [0, 0];
    for (; i < end; i++) {
      sums[0] += EV.leftOut[i] || 0;
      sums[1] += EV.leftFrees[i] || 0;
      if (!own.has(i)) sums[takesBlock(i) && !givesBlock(i) ? 1 : 0]++;
    }
    out.push(sums);
  };
  ENTRIES.forEach(e => upTo(e.ev ?? e.o));
  upTo(EV.n);
  out[out.length - 1] = out[out.length - 1].map((n, k) => n + D.ev.left[k]);
  return out;
}

function foldText([allocations, frees]) {
  const parts = [allocations && count(allocations, "allocation"), frees && count(frees, "free")].filter(Boolean);
  return parts.length ? `${parts.join(", ")}: no change of the map` : "";
}

function row(key, t, sign, head, tail, stopNumber) {
  const b = el("button", "en", el("span", "t", (t / 1e6).toFixed(2)), el("span", "sg", sign), el("span", "c", el("span", "mono", head), tail ? el("span", "d", "  " + tail) : null));
  const li = el("li", "", b);
  b.onclick = () => go(stopNumber);
  li.dataset.k = key;
  return li;
}

export function buildStory() {
  const list = $("list"), quiet = quietCalls();
  const fold = sums => { if (foldText(sums)) list.append(el("li", "fold", foldText(sums))); };
  list.append(row("start", D.t0, "", "START", "", 0));
  ENTRIES.forEach((en, i) => {
    const changes = en.steps.flatMap(s => STEPS[s].ch), kinds = [...new Set(changes.map(c => c.c))];
    const bytes = changes.reduce((sum, c) => sum + c.d, 0);
    fold(quiet[i]);
    list.append(row("e" + i, en.t, kinds.length > 2 || !changes.length ? "…" : kinds.map(k => SIGN[k]).join(""), en.text,
      `${bytes ? signed(bytes) + " " : ""}${changes.length ? kindName(changed(changes[0])[7]) : ""}`, en.steps[0] + 1));
  });
  fold(quiet[ENTRIES.length]);
  list.append(row("exit", STOPS[lastStop()].t, "", "EXIT: " + exitText(), "", lastStop()));
}

/* ---- the card of this moment ---- */

/** One link of the chain: a label, and what stands behind it. */
const link = (cls, label, ...parts) => el("li", cls, el("span", "lb", label), el("span", "v", ...parts));

export const badge = (sign, text) => el("span", "badge", el("span", "s", sign), text);

function changeLink(c, label) {
  const r = changed(c), resized = c.c === "grown" || c.c === "shrunk";
  const perms = c.c === "protection" ? [el("s", "", c.b[2]), " → ", el("b", "", r[2])] : [r[2]];
  const size = el("span", "kz", resized ? el("span", "res", sz(c.b[1] - c.b[0]) + " → ") : null, sz(r[1] - r[0]));
  const li = link("ch", label, badge(SIGN[c.c], changeText(c)), " ", el("span", "kn", kindName(r[7])), " ", size,
    el("span", "rg2", `${hex(r[0])}-${hex(r[1])} `, ...perms, r[6] ? " " + baseName(r[6]) : ""));
  paintKind(li, r[7]);
  return li;
}

function otherStep(si) {
  const q = STEPS[si], li = el("li", "sub", el("span", "lb"));
  li.append(button("", `${q.sys || ""} → ${q.ch.map(c => SIGN[c.c] + " " + changeText(c)).join(", ")}`, () => go(si + 1)));
  return li;
}

function stepLinks(q) {
  const out = [], told = new Set();
  if (q.sys) out.push(link("k", "system call", q.sys, q.sys2 ? el("br") : null, q.sys2));
  q.ch.forEach((c, i) => out.push(changeLink(c, i ? "" : "change")));
  for (const c of q.ch) {
    if (!c.why || told.has(c.why)) continue;
    out.push(link("y", told.size ? "" : "why", sentence(c.why)));
    told.add(c.why);
  }
  return out;
}

function thresholdLink(en) {
  const at = D.thresholds.findIndex(t => en.ev != null && t[1] === en.ev + 1);
  if (at < 0) return null;
  const before = at ? D.thresholds[at - 1][2] : D.threshold;
  return link("y", "mmap threshold", `From now on it is ${sz(D.thresholds[at][2])} (was ${sz(before)}).`);
}

function stepCard(card, s) {
  const en = s.en, chain = el("ol", "chain");
  card.append(el("div", "hd", el("b", "", (en.fault ? "noticed in " : "") + (en.caller || "–").replace(" -> ", " → ")), el("span", "", ms(s.t))));
  if (s.s.many) chain.append(link("y", "changes", `${num(s.s.many)} further changes of the map. The page tells the first ${num(STEPS.length - 1)} steps one by one, and these together.`));
  if (!en.self) chain.append(link("c", en.fault ? "cause" : "call", en.fault ? "page fault (no call)" : en.text));
  const block = s.pos === 0 && en.ev != null ? EV.why[en.ev] || [] : []; /* which a change may have told already, and better */
  if (block[1] && !en.steps.some(si => STEPS[si].ch.some(c => c.code === block[0]))) chain.append(link("y", "block", sentence(block[1])));
  const moves = s.pos === 0 ? thresholdLink(en) : null;
  if (moves) chain.append(moves);
  en.steps.forEach((si, j) => {
    if (Math.abs(j - s.pos) > 8) return;
    if (j === s.pos) chain.append(...stepLinks(STEPS[si]));
    else chain.append(otherStep(si));
  });
  card.append(chain);
}

function callCard(card) {
  const ev = cur.ev, w = EV.who[ev], own = ownFrames(stackNow())[0];
  card.append(el("div", "hd", el("b", "", own ? `${D.fns[own[0]]} ${D.files[own[2]].name}:${own[3]}` : "–"), el("span", "", ms(EV.t[ev]))));
  const chain = el("ol", "chain", link("c", "call", callText(ev, hex)), link("k", "change", "none of the map"));
  if (EV.why[ev]?.[1]) chain.append(link("y", "why", sentence(EV.why[ev][1])));
  if (w >= 0) chain.append(link("y", "freed", EV.dead[w] === NEVER ? "never" : ms(EV.t[EV.dead[w]])));
  card.append(chain);
}

function kindTable() {
  const kinds = new Map(), table = el("table", "tbl");
  [STOPS[0].state, STOPS[lastStop()].state].forEach((state, z) => {
    for (const r of state) if (!r.tracer) {
      if (!kinds.has(r.kind)) kinds.set(r.kind, [0, 0]);
      kinds.get(r.kind)[z] += r.e - r.s;
    }
  });
  const rows = [...kinds].sort((a, b) => Math.abs(b[1][1] - b[1][0]) - Math.abs(a[1][1] - a[1][0]) || b[1][1] - a[1][1]);
  for (const [k, [before, after]] of rows) {
    const i = el("i", "dot");
    i.style.background = `var(${colour(k)})`;
    table.append(el("tr", "", el("td", "", i, kindName(k)), el("td", "r", sz(after)), el("td", "r", after === before ? "=" : signed(after - before))));
  }
  return table;
}

function exitCard(card, s) {
  const x = D.exit, chain = el("ol", "chain");
  card.append(el("div", "hd", el("b", "", exitText()), el("span", "", ms(s.t))));
  if (x.fatal) chain.append(link("c", "ended by", x.fatal));
  if (x.fatal_why) chain.append(link("y", "why", sentence(x.fatal_why)));
  chain.append(link("y", "map, since START", kindTable()));
  if (EV.n) chain.append(link("y", "malloc", `${count(x.calls, "allocation")}, ${count(x.frees, "free")}; never freed: ${num(x.live)} (${sz(x.live_bytes)})`));
  card.append(chain);
}

function startCard(card, s) {
  card.append(el("div", "hd", el("b", "", "START"), el("span", "", ms(s.t))));
  card.append(el("ol", "chain", link("y", "map", `Before main: the kernel and the dynamic loader have mapped ${s.regions} regions, ${sz(s.mapped)}. Press → to see each change of the map, and why it happens.`)));
}

function stackBox(id) {
  const list = el("ol");
  for (const [fn, mod, file, line] of framesOf(id)) {
    const where = file >= 0 ? button("w", `${D.files[file].name}:${line}`, () => lookAt(file, line)) : el("span", "", baseName(D.mods[mod]));
    list.append(el("li", file >= 0 ? "own" : "lib", el("span", "", D.fns[fn]), el("span", "w", where)));
  }
  return list.childElementCount ? el("div", "stk", el("h3", "", "Call stack, innermost first"), list) : null;
}

function card() {
  const box = el("div", "card"), s = stop();
  box.tabIndex = -1;
  if (cur.ev >= 0) callCard(box);
  else if (s.type === "step") stepCard(box, s);
  else if (s.type === "exit") exitCard(box, s);
  else startCard(box, s);
  const stack = stackBox(stackNow());
  if (stack) box.append(stack);
  return box;
}

export function renderStory() {
  const list = $("list"), s = stop(), had = list.contains(document.activeElement);
  for (const x of list.querySelectorAll(".card,.evrow")) x.remove();
  for (const li of list.querySelectorAll("li.cur")) li.classList.remove("cur");
  for (const b of list.querySelectorAll("[aria-current]")) b.removeAttribute("aria-current");
  const key = s.type === "step" ? "e" + s.s.e : s.type;
  let target = [...list.children].find(li => li.dataset.k === key);
  target.firstChild.setAttribute("aria-current", "step");
  if (cur.ev >= 0) {
    const li = el("li", "evrow");
    target.after(li);
    target = li;
  }
  target.classList.add("cur");
  target.append(card());
  if (had) list.querySelector(".card").focus({ preventScroll: true });
  if (!isNarrow()) scrollInto($("storyBody"), target.offsetTop, target.offsetTop + target.offsetHeight, 0.25);
}

/* ---- search ---- */

const textOf = i => {
  const en = STOPS[i].en;
  const parts = en ? [en.text, en.caller, ...STOPS[i].s.ch.map(c => `${c.c} ${c.why} ${kindName(changed(c)[7])} ${sz(changed(c)[1] - changed(c)[0])} ${hex(changed(c)[0])} ${changed(c)[6]}`)] : [STOPS[i].type];
  return parts.join(" ").toLowerCase();
};

/** To the next step in which the text is found; false: there is none. */
export function search(text) {
  const wanted = text.trim().toLowerCase();
  for (let n = 1; wanted && n <= STOPS.length; n++) {
    const i = (cur.i + n) % STOPS.length;
    if (!textOf(i).includes(wanted)) continue;
    go(i);
    return true;
  }
  moved();
  return false;
}
