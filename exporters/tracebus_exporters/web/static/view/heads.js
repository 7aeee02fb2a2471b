// The lines above lists: how many runs there are, what one adds up to; and what is said where nothing is seen.

import { STATUS, count, dollars, duration, element, setText, several } from "../format.js";

/** Draw how many of the root runs are in which state, and how many events were missed. */
export function drawCounts(line, missedLine, { runs, missed = 0 }) {
  const counts = {};
  const all = Object.values(runs);
  for (const { status } of all) counts[status] = (counts[status] ?? 0) + 1;
  const { running = 0, ok = 0, error = 0, ...others } = counts;
  const rest = Object.values(others).reduce((sum, number) => sum + number, 0);
  const used = all.reduce((sum, run) => sum + (run.total_tokens ?? 0), 0);
  const parts = [["running", `${running} running`], ["ok", `${ok} ${STATUS.ok}`], ["error", `${error} ${STATUS.error}`], ["cancelled", `${rest} ${STATUS.cancelled}`], ["tokens", `${count(used)} tok`]];
  const key = parts.map(([, text]) => text).join();
  if (line.dataset.key !== key) {
    line.dataset.key = key;
    line.replaceChildren(...parts.flatMap(([name, text]) => [element("span", `count-${name}${text.startsWith("0") ? " none" : ""}`, text), " "]));
  }
  missedLine.hidden = !missed;
  setText(missedLine, `${count(missed)} missed`);
}

/** What a root run and all below it come to, in words; *model* holds its rows. */
export function factsOf(top, model, now) {
  if (!top) return "";
  const sum = model.totals.get(top.id);
  const calls = model.models.length;
  const took = top.start_time === null ? "" : duration((top.end_time ?? (top.status === "running" ? now : top.start_time)) - top.start_time);
  const words = [top.status, took, calls ? several(calls, "model call") : several(model.totals.size, "run")];
  if (sum?.failures) words.push(`${sum.failures} ${STATUS.error}`);
  if (sum && sum.input_tokens !== null) words.push(`${count(sum.input_tokens + (sum.output_tokens ?? 0))} tokens`);
  if (sum && sum.cost !== null) words.push(dollars(sum.cost) + (sum.partial ? "+" : ""));
  return words.filter(Boolean).join(" · ");
}

/** Say in *place* why nothing is to be seen, and how to leave; nothing where *text* is null. */
export function say(place, text, leaveFilter) {
  place.hidden = text === null;
  if (text === null) return void place.replaceChildren();
  const made = [element("p", "", text)];
  if (leaveFilter) {
    const button = element("button", "", "Clear the filter");
    button.type = "button";
    button.addEventListener("click", leaveFilter);
    const hint = element("p", "quiet", "or press ");
    hint.append(element("kbd", "", "esc"));
    made.push(button, hint);
  }
  place.replaceChildren(...made);
}
