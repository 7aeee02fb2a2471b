// The page: the browser's twin of `tracebus watch`.

import { Detail } from "./detail.js";
import { follow } from "./follow.js";
import { count, visible } from "./format.js";
import { Runs } from "./runs.js";
import { Tree } from "./tree.js";

const $ = (id) => document.getElementById(id);
const state = { following: true, paused: false, list: null, run: null, stop: null };

const detail = new Detail($("detail-title"), $("contents"), $("facts"));
const tree = new Tree($("tree"), {
  selected: () => draw(),
  scaleEnd: (text) => ($("scale-end").textContent = text),
});
const runs = new Runs($("runs"), {
  selected(id, byHand) {
    if (byHand) setFollowing(false);
    open(id);
  },
});

function open(id) {
  state.stop?.();
  state.run = null;
  tree.clear();
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  $("run-title").textContent = visible(state.list?.runs[id]?.name ?? id);
  state.stop = follow(`runs/${encodeURIComponent(id)}/stream`, {
    changed(run, structural) {
      state.run = run;
      if (state.paused) state.missedStructure ||= structural;
      else {
        tree.update(run, structural || state.missedStructure, Date.now());
        state.missedStructure = false;
        draw();
      }
    },
    ended(message) {
      const name = state.list?.runs[id]?.name ?? "run";
      announce(message ?? `${name}: ${state.run?.runs[id]?.status ?? "ended"}`);
    },
  });
}

function draw() {
  if (state.run && !state.paused) detail.update(state.run.runs[tree.selected], Date.now());
}

function drawCounts() {
  const { running = 0, ok = 0, error = 0, ...others } = runs.counts();
  const rest = Object.values(others).reduce((sum, number) => sum + number, 0);
  const used = Object.values(state.list?.runs ?? {}).reduce((sum, run) => sum + (run.total_tokens ?? 0), 0);
  $("counts").textContent = `${running} running  ${ok} ✓  ${error} ✗  ${rest} ⊘  ${count(used)} tok`;
  const missed = state.list?.missed ?? 0;
  $("missed").hidden = !missed;
  $("missed").textContent = `${count(missed)} missed`;
}

function announce(text) {
  $("announcements").textContent = visible(text);
}

function setFollowing(on) {
  state.following = on;
  $("follow").setAttribute("aria-pressed", String(on));
  if (on) runs.select(runs.order[0], false);
}

function setPaused(on) {
  state.paused = on;
  $("pause").setAttribute("aria-pressed", String(on));
  if (!on && state.run) {
    tree.update(state.run, true, Date.now());
    draw();
  }
}

function setFilter(text) {
  runs.filter = tree.filter = text.toLowerCase();
  if (state.list) runs.update(state.list, true, Date.now());
  // A root that matches by its own name is shown whole.
  if (state.run && !tree.matching().size) tree.filter = "";
  if (state.run) tree.update(state.run, true, Date.now());
}

const pane = () => ($("runs").contains(document.activeElement) ? runs : tree);
const KEYS = {
  ArrowDown: () => pane().move(1),
  ArrowUp: () => pane().move(-1),
  j: () => pane().move(1),
  k: () => pane().move(-1),
  g: () => pane().move(-Infinity),
  G: () => pane().move(Infinity),
  Home: () => pane().move(-Infinity),
  End: () => pane().move(Infinity),
  ArrowLeft: () => tree.fold(),
  h: () => tree.fold(),
  ArrowRight: () => tree.toggle(tree.selected, false),
  l: () => tree.toggle(tree.selected, false),
  " ": () => tree.toggle(),
  Enter: () => $("tree").focus(),
  "[": () => runs.move(-1),
  "]": () => runs.move(1),
  e: () => tree.nextError(),
  f: () => setFollowing(!state.following),
  p: () => setPaused(!state.paused),
  "/": () => $("filter").focus(),
  "?": () => $("help").showModal(),
  y: () => navigator.clipboard.writeText(JSON.stringify(state.run?.runs[tree.selected], null, 2)).then(() => announce("copied")),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target === $("filter")) {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    if (event.key === "Escape") setFilter((event.target.value = ""));
    $("tree").focus();
    return;
  }
  // A button's own keys stay its own; so does scrolling the details.
  if (event.target.closest("button") && [" ", "Enter"].includes(event.key)) return;
  if ($("detail") === event.target && event.key.startsWith("Arrow")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

$("filter").addEventListener("input", ({ target }) => setFilter(target.value));
$("follow").addEventListener("click", () => setFollowing(!state.following));
$("pause").addEventListener("click", () => setPaused(!state.paused));
$("help-button").addEventListener("click", () => $("help").showModal());

follow("runs/stream", {
  changed(list, structural) {
    state.list = list;
    runs.update(list, structural, Date.now());
    drawCounts();
    $("no-runs").hidden = runs.order.length > 0;
    const asked = decodeURIComponent(location.hash.slice(1));
    if (asked && !runs.selected) {
      setFollowing(false);
      runs.select(asked, false);
    } else if (state.following && !state.paused) runs.select(runs.order[0], false);
  },
  connection(text) {
    $("connection").dataset.state = text;
    $("connection-text").textContent = text;
  },
  ended(message) {
    $("connection").dataset.state = "ended";
    $("connection-text").textContent = visible(message ?? "ended");
  },
});

// Running times run on between events.
setInterval(() => {
  const running = (one) => one && Object.values(one.runs).some((run) => run.status === "running");
  if (state.paused || document.hidden) return;
  if (running(state.list)) runs.update(state.list, false, Date.now());
  if (running(state.run)) {
    tree.update(state.run, false, Date.now());
    draw();
  }
}, 200);
