/* Puts the panes together: what a moment changes, what the keys do, links into a moment. */
import { $, el, isNarrow, press } from "./dom.js";
import { D } from "./data.js";
import { EV, loadCalls } from "./calls.js";
import { STOPS, replay } from "./replay.js";
import { callsNow, cur, go, goCall, goEntry, lastStop, moment, moved, onMove, stop } from "./moment.js";
import { baseName, changed, changeText, count, hex, ms, num, signed, sz } from "./words.js";
import { kindName } from "./kinds.js";
import { hasSource, indexLines, renderSource } from "./source.js";
import { buildStory, exitText, renderStory, search } from "./story.js";
import { fit, opt } from "./layout.js";
import { renderMap } from "./map.js";
import { buildLegend, renderDetail, renderText, select } from "./regions.js";
import { TM, callValue, drawCursor, drawTime, fullDomain, setDomain, stopValue } from "./time.js";
import { clearRange, hideTip, tip, wirePointer } from "./pointer.js";
import { buildHelp, buildSteppers, renderSteppers } from "./help.js";

const hashed = Object.fromEntries(location.hash.slice(1).split("&").filter(Boolean).map(p => p.split("=")));
const root = document.documentElement;

/* ---- a moment ---- */

function spoken() {
  const s = stop();
  if (s.type !== "step") return s.type === "exit" ? "EXIT: " + exitText() : "START";
  return `Step ${cur.i}: ${s.en.text}. ${s.s.ch.map(c => `${kindName(changed(c)[7])} ${changeText(c)} ${sz(changed(c)[1] - changed(c)[0])}`).join(", ")}`;
}

function say() {
  const s = stop(), more = cur.i && cur.ev < 0 ? s.mapped - STOPS[cur.i - 1].mapped : 0, tc = $("tc"), text = spoken();
  $("mapSub").textContent = `${sz(s.mapped)} in ${s.regions} regions${more ? ", " + signed(more) : ""}`;
  tc.setAttribute("aria-valuemin", "0");
  tc.setAttribute("aria-valuemax", String(lastStop()));
  tc.setAttribute("aria-valuenow", String(cur.i));
  tc.setAttribute("aria-valuetext", `${text}, ${ms(moment())}`);
  if (root.dataset.ready) $("live").textContent = text;
}

function showTime() {
  const v = cur.ev >= 0 ? callValue(cur.ev) : stopValue(stop()), half = (TM.d1 - TM.d0) / 2;
  if (v < TM.d0 || v > TM.d1) setDomain(v - half, v + half);
  else drawCursor();
}

function render(options) {
  renderSource();
  renderStory();
  renderMap(options);
  if (opt.text) renderText();
  renderDetail();
  renderSteppers();
  say();
  showTime();
  try {
    history.replaceState(null, "", "#" + (cur.ev >= 0 ? "event=" + cur.ev : "step=" + cur.i));
  } catch {
    /* a page within a page has no address */
  }
}

/* ---- what can be switched ---- */

function toggles() {
  for (const [id, on] of [["bPic", !opt.text], ["bTxt", opt.text], ["bLib", opt.libs], ["bTracer", opt.tracer], ["bXt", !TM.order], ["bXo", TM.order]]) press($(id), on);
  $("pic").hidden = opt.text;
  $("maptext").hidden = !opt.text;
  $("mapBody").classList.toggle("txt", opt.text);
}

function setOption(name, on) {
  opt[name] = on;
  toggles();
  fit();
  moved({ instant: true });
}

function setOrder(on) {
  TM.order = on;
  clearRange();
  toggles();
  setDomain(...fullDomain());
}

function setTheme(theme) {
  root.dataset.theme = theme;
  if (!STOPS.length) return;
  renderMap({ instant: true });
  drawTime();
}
const otherTheme = () => setTheme(root.dataset.theme === "dark" ? "light" : "dark");

function zoom(factor) {
  const at = Math.min(TM.d1, Math.max(TM.d0, cur.ev >= 0 ? callValue(cur.ev) : stopValue(stop())));
  setDomain(at - (at - TM.d0) * factor, at + (TM.d1 - at) * factor);
}

let playing = 0;
function play() {
  clearInterval(playing);
  if (playing) {
    playing = 0;
    return;
  }
  if (cur.i === lastStop()) go(0);
  playing = setInterval(() => {
    go(cur.i + 1);
    if (cur.i === lastStop()) play();
  }, 1500);
}

function escape() {
  if (TM.range) clearRange();
  else if (cur.sel != null) select(cur.sel);
  else if (cur.ev >= 0) go(cur.i);
}

/* ---- keys ---- */

const KEY = {
  ArrowRight: e => (e.shiftKey ? goEntry(1) : go(cur.i + 1)), ArrowLeft: e => (e.shiftKey ? goEntry(-1) : go(cur.i - (cur.ev >= 0 ? 0 : 1))),
  Home: () => go(0), End: () => go(lastStop()), ".": () => goCall(callsNow()), ",": () => goCall(callsNow() - 2),
  t: () => setOption("text", !opt.text), a: () => setOption("libs", !opt.libs), d: otherTheme, o: () => setOrder(!TM.order), "?": () => $("help").showModal(), "/": () => $("find").focus(),
  0: () => setDomain(...fullDomain()), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
  1: () => $("srcBody").focus(), 2: () => $("list").querySelector(".card").focus(), 3: () => $("pic").querySelector(".bar[tabindex='0']")?.focus(), 4: () => $("tc").focus(), Escape: escape
};

function onKey(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || $("help").open || e.target.tagName === "INPUT") return;
  const action = KEY[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (e.key === " " && e.target.tagName !== "BUTTON") {
    e.preventDefault();
    return play();
  }
  if (!action) return;
  e.preventDefault();
  if (playing) play();
  action(e);
}

/** Up and down from region to region. */
function onMapKey(e) {
  const bars = [...$("pic").querySelectorAll(".row .bar")], i = bars.indexOf(document.activeElement);
  const next = bars[i + (e.key === "ArrowDown" ? 1 : -1)];
  if ((e.key !== "ArrowUp" && e.key !== "ArrowDown") || i < 0) return;
  e.preventDefault();
  if (!next) return;
  bars[i].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/* ---- the beginning ---- */

function wireMap() {
  const pic = $("pic"), barOf = e => e.target.closest(".bar"), shown = id => [...stop().state, ...stop().ghosts].find(r => r.id === id);
  pic.addEventListener("click", e => { if (barOf(e)) select(Number(barOf(e).dataset.id)); });
  pic.addEventListener("mousemove", e => {
    const r = barOf(e) && shown(Number(barOf(e).dataset.id));
    if (r) tip(e, `${kindName(r.kind)} ${sz(r.e - r.s)}`, `${hex(r.s)}-${hex(r.e)} ${r.perms}`, r.path, `${num((r.e - r.s) / D.prog.page)} × ${sz(D.prog.page)}`);
    else hideTip();
  });
  pic.addEventListener("mouseleave", hideTip);
  pic.addEventListener("keydown", onMapKey);
}

function wire() {
  const click = { bTheme: otherTheme, bHelp: () => $("help").showModal(), bPic: () => setOption("text", false), bTxt: () => setOption("text", true), bLib: () => setOption("libs", !opt.libs), bTracer: () => setOption("tracer", !opt.tracer), bXt: () => setOrder(false), bXo: () => setOrder(true), bZ: () => setDomain(...fullDomain()) };
  for (const id in click) $(id).onclick = click[id];
  $("find").onkeydown = e => {
    if (e.key === "Enter") $("find").classList.toggle("none", !search($("find").value));
    if (e.key === "Escape") $("list").querySelector(".card").focus();
  };
  $("find").oninput = () => $("find").classList.remove("none");
  addEventListener("keydown", onKey);
  wireMap();
  wirePointer();
  const resized = () => {
    fit();
    renderMap({ instant: true });
    drawTime();
  };
  new ResizeObserver(() => requestAnimationFrame(resized)).observe($("mapBody"));
  new ResizeObserver(() => requestAnimationFrame(drawTime)).observe($("tc"));
  addEventListener("beforeprint", () => {
    root.dataset.was = root.dataset.theme;
    TM.paper = true;
    setTheme("light");
    renderText();
  });
  addEventListener("afterprint", () => {
    TM.paper = false;
    setTheme(root.dataset.was || "light");
  });
}

function facts() {
  const p = D.prog, x = D.exit, all = x.unexplained ? `${num(x.unexplained)} not explained` : "all explained";
  $("prog").textContent = p.argv.map((a, i) => (i ? a : baseName(a))).join(" ");
  const lost = x.lost ? `${num(x.lost)} events lost` : "", others = D.others ? `${count(D.others, "other process image")} not shown` : "";
  $("facts").textContent = [`${p.class}-bit${p.pie ? " PIE" : ""}`, p.libc, `pid ${p.pid}`, exitText(), `${count(x.changes || 0, "change")}, ${all}`, lost, others].filter(Boolean).join(" · ");
  $("storySub").textContent = `${count(x.changes || 0, "change")} of the map in ${count(lastStop() - 1, "step")}`;
  $("timeSub").textContent = `${count(x.calls || 0, "allocation")}, ${count(x.frees || 0, "free")}${EV.isWhole ? "" : `: so many that only ${num(EV.m)} are drawn`}${isNarrow() ? "" : " · click: go there · drag: range · wheel: zoom"}`;
  document.querySelector("main").classList.toggle("nosrc", !hasSource());
}

async function main() {
  setTheme(hashed.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  await loadCalls();
  replay();
  indexLines();
  buildStory();
  buildLegend();
  buildHelp();
  buildSteppers();
  facts();
  wire();
  opt.text = Boolean(hashed.text);
  TM.order = Boolean(hashed.order);
  [TM.d0, TM.d1] = fullDomain();
  toggles();
  fit();
  drawTime();
  onMove(render);
  if (hashed.event != null) goCall(Number(hashed.event));
  else go(hashed.step != null ? Number(hashed.step) : Math.min(1, lastStop() - 1), { instant: true });
  root.dataset.ready = "1";
}

main().catch(e => document.body.prepend(el("pre", "failed", "procmap-trace: " + ((e && e.stack) || e))));
