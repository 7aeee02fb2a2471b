// Finding: in the list by what is known and said of root runs, in a tree by words, kinds, or a model call's number.

import { setText, several } from "./format.js";
import { callAsked, wordsIn } from "./model/filter.js";
import { say } from "./view/heads.js";
import { find, search } from "./wire/ask.js";

const $ = (id) => document.getElementById(id);
const TYPING = 120;
const SEARCHING = 300;

/** Tie the two fields to *list* and *tree*; *state* says which run is looked at, *announce* tells what was found. */
export function finding({ state, list, tree, announce }) {
  let listSearch = null;
  let searching = null;
  let typing = null;

  /** Filter by what the list knows; a moment later, by what was said inside the runs as well. */
  function filterList(text) {
    listSearch?.abort();
    const { signal } = (listSearch = new AbortController());
    drawFiltered(text);
    setText($("searched"), "");
    const words = text.trim();
    if (words.length < 2 || wordsIn(words) !== words) return;
    setTimeout(async () => {
      if (signal.aborted) return;
      const answer = await search(words, signal).catch(() => null);
      if (signal.aborted || !answer) return;
      drawFiltered(text, new Set(answer.runs));
      setText($("searched"), `said in ${answer.runs.length} of ${several(answer.searched, "run")}`);
    }, SEARCHING);
  }

  function drawFiltered(text, found) {
    list.filter(text, found);
    const none = text.trim() && !list.rows.length;
    $("runs").hidden = !list.rows.length;
    say($("no-listed"), none ? `None of ${several(Object.keys(state.list?.runs ?? {}).length, "root run")} matches “${text.trim()}”.` : null, () => clear($("filter")));
  }

  function findInRun(text) {
    clearTimeout(typing);
    searching?.abort();
    if (!state.run) return;
    const number = callAsked(text);
    if (number !== null || !text.trim()) return void applyFind(text, null);
    const words = wordsIn(text);
    if (words.length < 2 || !state.root) return void applyFind(text, null);
    typing = setTimeout(async () => {
      searching = new AbortController();
      const { signal } = searching;
      const found = await find(state.root, words, signal).then((answer) => answer, () => null);
      if (!signal.aborted) applyFind(text, found?.runs ?? null, found?.in);
    }, TYPING);
  }

  function applyFind(text, found, having = null) {
    const number = callAsked(text);
    tree.setFilter(text, found);
    const wanted = text.trim();
    let none = null;
    if (number !== null) {
      const calls = tree.model.models.length;
      if (!tree.jump(number)) none = `There ${calls === 1 ? "is" : "are"} ${several(calls, "model call")} in this run, no #${number}.`;
    } else if (wanted && !tree.hits.size) none = `Nothing in this run matches “${wanted}”.`;
    $("tree").hidden = none !== null;
    say($("no-hits"), none, () => clear($("find")));
    setText($("found"), found?.length ? `first in ${several(found.length, "run")}, in ${having} all told` : "");
    if (wanted && number === null && tree.hits.size) announce(several(tree.hits.size, "hit"));
  }

  function clear(input) {
    input.value = "";
    if (input.id === "filter") filterList("");
    else {
      const { selected } = tree;
      findInRun("");
      // What was found stays in sight, among the others.
      if (tree.runs[selected]) tree.show(selected);
    }
    (input.id === "filter" ? $("runs") : $("tree")).focus();
  }

  for (const [input, act] of [[$("filter"), filterList], [$("find"), findInRun]]) {
    input.addEventListener("input", () => act(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") clear(input);
      else if (event.key === "Enter") (input.id === "filter" ? $("runs") : $("tree")).focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  return { findInRun, clear };
}
