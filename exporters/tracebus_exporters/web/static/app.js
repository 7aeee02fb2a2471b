// The page, the browser's twin of `tracebus watch`: ties together the list of root runs, the tree of one, and its details.

import { finding } from "./finding.js";
import { setText, visible } from "./format.js";
import { bind } from "./keys.js";
import { batchTree, groupAsRun } from "./model/whole.js";
import { asked, narrow, remember, show } from "./panes.js";
import { copy } from "./view/copy.js";
import { Detail } from "./view/detail.js";
import { drawCounts, factsOf, say } from "./view/heads.js";
import { icon } from "./view/icons.js";
import { List } from "./view/list.js";
import { Tree } from "./view/tree.js";
import { connection, follow } from "./wire/follow.js";

const $ = (id) => document.getElementById(id);
const TICK = 200;
const MOST_ABOVE = 12;
const state = { following: true, paused: false, list: null, root: null, batch: null, run: null, wanted: null, stop: null, missedStructure: false, choosing: null };
const comparing = () => import("./comparing.js");

const detail = new Detail({
  title: $("detail-title"), kind: $("detail-kind"), call: $("detail-call"), strip: $("strip"), contents: $("contents"), tablist: $("tabs"), copyAll: $("copy-all"),
});
const tree = new Tree($("tree"), {
  selected(id, byHand) {
    drawDetail();
    if (state.root) remember(id === tree.runs[id]?.root_id ? state.root : `${state.root}/${id}`);
    if (byHand && narrow() && tree.row(id)?.type === "run") show("detail");
  },
  opened: (id) => (state.batch ? openMember(id) : $("contents").focus()),
  scaleEnd: (text) => setText($("scale-end"), text),
});
const list = new List($("runs"), {
  chosen(row, byHand) {
    if (byHand) setFollowing(false);
    if (byHand && state.choosing && row.type === "run" && row.id !== state.choosing) return compare(state.choosing, row.id);
    leaveComparison();
    if (row.type === "batch") openBatch(row);
    else if (row.type === "run") open(row.id);
    if (byHand) show("tree");
  },
});

// The browser's own way back.

addEventListener("popstate", ({ state: at }) => {
  document.body.dataset.pane = at?.pane ?? "list";
  const [root] = asked();
  if (root === "compare") return;
  if (root && root !== state.root) list.choose(root, false);
});

// Two runs.

async function choose(id) {
  state.choosing = id;
  (await comparing()).drawChoosing(id && (state.list?.runs[id]?.name ?? id));
  if (!id) return;
  setFollowing(false);
  show("list");
  $("runs").focus();
}

async function compare(left, right) {
  if (state.choosing) choose(null);
  const names = [left, right].map((id) => state.list?.runs[id]?.name);
  const { showComparison } = await comparing();
  remember(`compare/${left}/${right}`);
  show("tree");
  await showComparison(left, right, names[0] === names[1] ? names.slice(0, 1) : names);
}

/** Go back from a comparison to the run; says whether there was one. */
function leaveComparison() {
  if (!document.body.dataset.view) return false;
  comparing().then(({ hideComparison }) => hideComparison());
  delete document.body.dataset.view;
  if (state.root) remember(state.root);
  return true;
}

// Runs.

function open(id, wanted = null) {
  if (state.root === id && !wanted) return;
  leave();
  Object.assign(state, { root: id, wanted });
  remember(id);
  $("compare").hidden = false;
  setText($("run-title"), visible(state.list?.runs[id]?.name ?? "…"));
  state.stop = follow(`run ${id}`, {
    changed(run, structural) {
      state.run = run;
      state.missedStructure ||= structural;
      if (!state.paused) drawRun();
    },
    ended(message) {
      if (message && !state.run) say($("no-hits"), message);
      announce(message ?? `${state.list?.runs[id]?.name ?? "run"}: ${state.list?.runs[id]?.status ?? "ended"}`);
    },
  });
}

function leave() {
  state.stop?.();
  tree.clear();
  detail.clear();
  $("find").value = "";
  say($("no-hits"), null);
  setText($("run-facts"), "");
  $("compare").hidden = true;
  Object.assign(state, { root: null, batch: null, run: null, wanted: null, stop: null, missedStructure: false });
}

/** Show a batch as a tree of its runs, out of what the list knows of them. */
function openBatch(row) {
  leave();
  state.batch = row.id;
  drawBatch();
}

function drawBatch() {
  const row = list.rows.find(({ id }) => id === state.batch);
  if (!row) return;
  state.run = batchTree(row, state.list.runs);
  state.missedStructure = true;
  drawRun();
}

function openMember(id) {
  if (!state.list.runs[id]) return;
  list.toggle(state.batch, true);
  list.choose(id, true);
}

function drawRun() {
  const now = Date.now();
  tree.update(state.run.runs, state.missedStructure, now);
  state.missedStructure = false;
  $("tree").hidden = false;
  const wanted = state.wanted;
  if (wanted && Object.hasOwn(tree.runs, wanted)) {
    state.wanted = null;
    tree.show(wanted);
  }
  const top = state.run.runs[tree.model.tops[0]];
  if (top) setText($("run-title"), visible(top.name));
  setText($("run-facts"), factsOf(top, tree.model, now));
  drawDetail(now);
}

function drawDetail(now = Date.now()) {
  if (!state.run) return;
  const id = tree.selected;
  const row = tree.row(id);
  const { model } = tree;
  const callOf = (other) => model.number.get(other);
  if (row && row.type !== "run") {
    const { label, root } = tree.drawn.get(row.id) ?? {};
    return detail.update(groupAsRun(row, tree.runs, label?.textContent ?? row.type, root?.dataset.status ?? "ok"), { sum: null, callOf }, now);
  }
  const path = [];
  for (let at = tree.runs[id]?.parent_id; at && tree.runs[at]; at = tree.runs[at].parent_id) path.push(tree.runs[at].name);
  if (path.length > MOST_ABOVE) path.splice(MOST_ABOVE, path.length - MOST_ABOVE - 1, "…");
  path.reverse();
  detail.update(tree.runs[id], { number: callOf(id), total: model.models.length, sum: model.totals.get(id), callOf, path }, now);
}

function announce(text) {
  setText($("announcements"), visible(text));
}

function setFollowing(on) {
  state.following = on;
  $("follow").setAttribute("aria-pressed", String(on));
  if (on && list.latest) list.choose(list.latest, false);
}

function setPaused(on) {
  state.paused = on;
  $("pause").setAttribute("aria-pressed", String(on));
  if (on) return;
  state.missedStructure = true;
  if (state.list) drawList(true);
  if (state.run) drawRun();
}

const { findInRun, clear } = finding({ state, list, tree, announce });

// Keys and buttons.

const inList = () => $("list-pane").contains(document.activeElement);
const pane = () => (inList() ? list : tree);
const act = {
  move: (by) => pane().move(by),
  jump: (number) => tree.jump(number) || announce(`no model call ${number}`),
  fold: () => pane().fold(),
  unfold: () => (inList() ? list.unfold() : tree.toggle(tree.selected, true)),
  toggle: () => (inList() ? list.toggle(list.selected) : tree.toggle()),
  toggleAll: (on) => tree.toggleAll(on),
  enter() {
    if (inList()) return show("tree"), $("tree").focus();
    if (state.batch && tree.selected !== state.batch) return openMember(tree.selected);
    show("detail");
    $("contents").focus();
  },
  root: (by) => list.move(by),
  find(begin = "") {
    const input = begin || !inList() ? $("find") : $("filter");
    if (begin) findInRun((input.value = begin));
    input.focus();
    if (!begin) input.select();
  },
  hit: (by) => tree.nextHit(by),
  nextError: () => tree.next(({ status }) => status === "error", 1) || announce("no errors"),
  call(by) {
    const { models, number } = tree.model;
    tree.jump((number.get(tree.selected) ?? (by > 0 ? 0 : models.length + 1)) + by);
  },
  tab: (by) => detail.tabs.move(by),
  whole: () => announce(detail.toggleWhole() ? "the whole conversation" : "what is new"),
  markdown: () => setFormatted(!detail.formatted),
  compare: () => (state.root ? choose(state.root) : announce("choose a run first")),
  copy: () => copy(detail.copied()).then((done) => announce(done ? "copied" : "copying is not possible here")),
  follow: () => setFollowing(!state.following),
  pause: () => setPaused(!state.paused),
  help: () => $("help").showModal(),
  back() {
    if (state.choosing) choose(null);
    else if (leaveComparison()) $("tree").focus();
    else if ($("find").value) clear($("find"));
    else if ($("filter").value) clear($("filter"));
    else if ($("contents").contains(document.activeElement)) $("tree").focus();
  },
};

function setFormatted(on) {
  $("markdown").setAttribute("aria-pressed", String(on));
  detail.setFormatted(on);
}

bind(act, $("help-keys"));
for (const [id, action] of [["follow", act.follow], ["pause", act.pause], ["help-button", act.help], ["markdown", act.markdown], ["compare", act.compare], ["choose-none", () => choose(null)], ["leave-comparison", act.back]]) $(id).addEventListener("click", () => action());
for (const button of document.querySelectorAll(".back")) {
  button.append(icon("back"));
  button.addEventListener("click", () => (history.state?.pane ? history.back() : show(button.dataset.to)));
}

// The stream.

function drawList(structural) {
  list.update(state.list.runs, structural, Date.now());
  drawCounts($("counts"), $("missed"), state.list);
  const some = Object.keys(state.list.runs).length > 0;
  $("no-runs").hidden = some;
  $("runs").hidden = !list.rows.length;
  if (state.batch) drawBatch();
}

/** Begin with the comparison the address names. */
function begin(left) {
  const [, , right] = asked();
  if (!left || !right) return;
  list.selected = right;
  list.mark();
  open(right);
  compare(left, right);
}

let begun = false;
follow("list", {
  changed(found, structural) {
    state.list = found;
    if (state.paused) return;
    drawList(structural);
    const [root, run] = asked();
    if (!begun && root) {
      begun = true;
      setFollowing(false);
      if (root === "compare") return void begin(run);
      if (narrow()) show(run ? "detail" : "tree");
      list.selected = root;
      list.mark();
      open(root, run ?? root);
    } else if (state.following) list.choose(list.latest, false);
    begun = true;
  },
  ended: (message) => message && announce(message),
});
connection((text) => {
  $("connection").dataset.state = text;
  setText($("connection-text"), text);
});

// Running times run on between events.
setInterval(() => {
  const running = (one) => one && Object.values(one.runs).some((run) => run.status === "running");
  if (state.paused || document.hidden) return;
  if (running(state.list)) list.update(state.list.runs, false, Date.now());
  if (running(state.run)) drawRun();
}, TICK);
