// Choosing two runs, and the comparison of them.

import { setText, visible } from "./format.js";
import { drawComparison, drawMessage } from "./view/compare.js";
import { compared } from "./wire/ask.js";

const $ = (id) => document.getElementById(id);
let asking = null;

/** Say in the list that the run to compare *name* with is to be chosen; null takes that back. */
export function drawChoosing(name) {
  $("choosing").hidden = name === null;
  if (name !== null) setText($("choosing-text"), `Compare ${visible(name)} with: choose a run`);
}

/** Show how two runs differ. */
export async function showComparison(left, right, names) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  document.body.dataset.view = "compare";
  setText($("comparison-title"), visible(names.filter(Boolean).join(" and ") || "Comparison"));
  drawMessage($("comparison"), "Comparing …");
  const found = await compared(left, right, signal).catch((error) => error);
  if (signal.aborted) return;
  if (found instanceof Error) return void drawMessage($("comparison"), `They cannot be compared: ${found.message}`);
  drawComparison($("comparison"), found);
  $("comparison").scrollTop = 0;
  $("comparison").focus({ preventScroll: true });
  setText($("announcements"), visible(found.verdict));
}

/** Show the run again. */
export function hideComparison() {
  asking?.abort();
  delete document.body.dataset.view;
  $("comparison").replaceChildren();
}
