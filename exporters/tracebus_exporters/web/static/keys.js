// Every key in one table: what it does, and what the help says of it.

import { element } from "./format.js";

/**
 * Returns [keys, what the help calls them, what they do, action] for an app's *actions*.
 * An action gets the number typed before it, or null.
 */
const table = (act) => [
  [["j", "ArrowDown"], "↓ j", "down", () => act.move(1)],
  [["k", "ArrowUp"], "↑ k", "up", () => act.move(-1)],
  [["g", "Home"], "g", "first row", () => act.move(-Infinity)],
  [["G", "End"], "G", "last row; 57G: model call 57", (number) => (number === null ? act.move(Infinity) : act.jump(number))],
  [["h", "ArrowLeft"], "← h", "close, or to the parent", () => act.fold()],
  [["l", "ArrowRight"], "→ l", "open", () => act.unfold()],
  [[" "], "space", "open or close", () => act.toggle()],
  [["o"], "o", "open all", () => act.toggleAll(true)],
  [["O"], "O", "close all", () => act.toggleAll(false)],
  [["Enter"], "⏎", "to the tree, the run, its contents", () => act.enter()],
  [["J"], "J", "older root run", () => act.root(1)],
  [["K"], "K", "newer root run", () => act.root(-1)],
  [["/"], "/", "find: words, #57, kind:tool, status:error, took:>2s, !…", () => act.find()],
  [["#"], "#", "find a model call by its number", () => act.find("#")],
  [["n"], "n", "next hit", () => act.hit(1)],
  [["N"], "N", "previous hit", () => act.hit(-1)],
  [["e"], "e", "next error", () => act.nextError()],
  [["}"], "}", "next model call", () => act.call(1)],
  [["{"], "{", "previous model call", () => act.call(-1)],
  [["]"], "]", "next tab of the details", () => act.tab(1)],
  [["["], "[", "previous tab", () => act.tab(-1)],
  [["a"], "a", "the whole conversation, or what is new in it", () => act.whole()],
  [["m"], "m", "Markdown as it reads, or as it is written", () => act.markdown()],
  [["c"], "c", "compare with another run: choose it in the list", () => act.compare()],
  [["y"], "y", "copy what is shown", () => act.copy()],
  [["f"], "f", "follow the latest run", () => act.follow()],
  [["p"], "p", "hold the picture still; events keep coming in", () => act.pause()],
  [["Escape"], "esc", "back; leaves a filter", () => act.back()],
  [["?"], "?", "these keys", () => act.help()],
];

/** Let the keyboard drive *act*, and write a row for every key into *help*, a table's body. */
export function bind(act, help) {
  const keys = table(act);
  const actions = new Map(keys.flatMap(([names, , , action]) => names.map((name) => [name, action])));
  let typed = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    if (target instanceof HTMLInputElement) return;
    // A control's own keys stay its own; so does scrolling the contents.
    if (target.closest("button, summary") && [" ", "Enter"].includes(key)) return;
    if (target.closest("#contents") && (key.startsWith("Arrow") || [" ", "Home", "End"].includes(key))) return;
    if (/^\d$/.test(key)) return void (typed += key);
    const action = actions.get(key);
    const number = typed ? Number(typed) : null;
    if (!["Shift"].includes(key)) typed = "";
    if (!action) return;
    event.preventDefault();
    action(number);
  });
  for (const [, names, says] of keys) {
    const row = element("tr");
    const head = element("th");
    head.scope = "row";
    head.append(...names.split(" ").flatMap((name) => [element("kbd", "", name), " "]));
    row.append(head, element("td", "", says));
    help.append(row);
  }
}
