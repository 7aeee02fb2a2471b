// A row of the tree: a run or many, where it stands, what is said of it, and its bar.

import { MODELS, STATUS, count, dollars, duration, element, setText, short, tokens, visible } from "../format.js";
import { namesOf } from "../model/grouping.js";
import { spread } from "../model/totals.js";
import { drawBar, track } from "./bars.js";
import { setIcon } from "./icons.js";

/** So many levels are indented; deeper ones stand under one another, each with its number. */
const DEEPEST = 12;

/** The elements of a row that is yet to be drawn. */
export function make(id) {
  const root = element("div", "row");
  root.setAttribute("role", "treeitem");
  root.dataset.id = id;
  root.id = `row-${id}`;
  const parts = { root };
  const name = element("span", "name");
  for (const part of ["indent", "twig", "state", "kind", "label", "number", "begins"]) name.append((parts[part] = element("span", part)));
  setIcon(parts.twig, "twig");
  root.append(name);
  for (const part of ["time", "ttft", "used", "cost"]) root.append((parts[part] = element("span", `figure ${part}`)));
  parts.track = track();
  root.append(parts.track.root);
  return parts;
}

/** Say where the row stands in the tree. */
export function describe({ level, position, siblings, below, open }, { root, indent, twig }) {
  root.setAttribute("aria-level", level);
  root.setAttribute("aria-posinset", position);
  root.setAttribute("aria-setsize", siblings);
  indent.style.setProperty("--level", Math.min(level - 1, DEEPEST));
  setText(indent, level - 1 > DEEPEST ? String(level - 1) : "");
  twig.hidden = !below;
  root.classList.toggle("open", Boolean(below && open));
  if (below) root.setAttribute("aria-expanded", String(open));
  else root.removeAttribute("aria-expanded");
}

/** Draw the row of a run. */
export function drawRun(run, row, parts, { model, scale, now }) {
  const ended = run.end_time ?? (run.status === "running" ? now : run.start_time);
  const sum = model.totals.get(run.id);
  parts.root.dataset.status = run.status;
  parts.root.dataset.kind = run.kind;
  setIcon(parts.state, run.status, run.status);
  setIcon(parts.kind, run.kind, run.kind.replace("_", " "));
  setText(parts.label, visible(run.name));
  const call = model.models.length > 1 ? model.number.get(run.id) : undefined;
  setText(parts.number, call ? `#${call}` : "");
  const failed = run.status === "error" ? failure(run) : "";
  parts.begins.classList.toggle("failed", Boolean(failed));
  setText(parts.begins, visible(remarks(run, row, sum, failed)));
  const begun = run.start_time;
  setText(parts.time, begun === null ? "" : duration(ended - begun));
  setText(parts.ttft, run.first_token_time !== undefined && begun !== null ? duration(run.first_token_time - begun) : "");
  setText(parts.used, used(run, sum));
  setText(parts.cost, sum && sum.cost !== null ? dollars(sum.cost) + (sum.partial ? "+" : "") : "");
  if (begun !== null) drawBar(parts.track, scale, { begun, first: run.first_token_time, ended });
}

/** Draw the row that stands for many runs. */
export function drawGroup(row, parts, { model, scale, now }) {
  const members = row.members.map((id) => model.runs[id]).filter(Boolean);
  const sums = members.map(({ id }) => model.totals.get(id));
  const counts = {};
  for (const { status } of members) counts[status] = (counts[status] ?? 0) + 1;
  const done = members.length - (counts.running ?? 0);
  const status = counts.running || members.length < row.size ? "running" : counts.error ? "error" : "ok";
  parts.root.dataset.status = status;
  parts.root.dataset.kind = row.type === "alike" ? members[0].kind : row.type;
  parts.root.classList.add("group");
  setIcon(parts.state, status, status);
  setIcon(parts.kind, row.type === "batch" ? "batch" : row.type === "alike" ? members[0].kind : "many", row.type);
  const { middle, most, sum } = spread(members);
  setText(parts.label, row.type === "rounds" ? roundsOf(members) : `${visible(members[0].name)} ×${row.size}`);
  setText(parts.number, row.type === "rounds" ? callsIn(row.members, model) : "");
  const words = [row.type === "batch" && `${done}/${row.size} done`, counts.error && `${counts.error} ${STATUS.error}`, middle !== null && `p50 ${duration(middle)}`, most !== null && `p95 ${duration(most)}`];
  setText(parts.begins, words.filter(Boolean).join(" · "));
  const begun = Math.min(...members.map(({ start_time }) => start_time ?? Infinity));
  const ended = Math.max(...members.map((run) => run.end_time ?? (run.status === "running" ? now : (run.start_time ?? 0))));
  setText(parts.time, row.type === "alike" ? `Σ${duration(sum)}` : duration(ended - begun));
  const all = (name) => sums.reduce((total, one) => ((one?.[name] ?? null) === null ? total : (total ?? 0) + one[name]), null);
  setText(parts.used, tokens(all("input_tokens"), all("output_tokens")));
  setText(parts.cost, dollars(all("cost")));
  if (Number.isFinite(begun)) drawBar(parts.track, scale, { begun, first: undefined, ended });
}

/** Which model calls are below *ids*: `#3–57`. */
function callsIn(ids, model) {
  let least = Infinity;
  let most = 0;
  const waiting = [...ids];
  while (waiting.length) {
    const id = waiting.pop();
    const number = model.number.get(id);
    if (number) [least, most] = [Math.min(least, number), Math.max(most, number)];
    waiting.push(...(model.children.get(id) ?? []));
  }
  return most ? `#${least}–${most}` : "";
}

const failure = (run) => (run.error ? `${short(run.error.type)}: ${run.error.message.split("\n", 1)[0]}` : "");

function remarks(run, row, sum, failed) {
  const words = [...(run.noticed?.lines ?? []), gauge(run, sum)];
  if ((run.attempt ?? 1) > 1) words.push(`↻${run.attempt}`);
  else if (run.retries) words.push(`↻${run.retries}`);
  if (failed) return [...words, failed].filter(Boolean).join(" ");
  if (row.below && !row.open && sum?.failures) words.push(`${sum.failures} ${STATUS.error} inside`);
  words.push(run.text.length && run.status === "running" ? run.text.join("").slice(-200) : run.output || run.input || "");
  return words.filter(Boolean).join(" · ");
}

// How far a root run is with its budget: the limit of which the largest part is used.
function gauge(run, sum) {
  const limits = run.noticed?.limits ?? {};
  const spent = {
    cost: sum?.cost ?? null,
    model_calls: sum?.calls ?? null,
    tokens: sum && (sum.input_tokens ?? sum.output_tokens) !== null ? (sum.input_tokens ?? 0) + (sum.output_tokens ?? 0) : null,
    seconds: ((run.end_time ?? Date.now()) - run.start_time) / 1000,
  };
  const shares = Object.entries(limits).filter(([limit]) => spent[limit] != null).map(([limit, of]) => [spent[limit] / of, limit]);
  if (!shares.length) return "";
  const [share, limit] = shares.sort((one, other) => other[0] - one[0])[0];
  const full = Math.min(8, Math.round(share * 8));
  return `${"█".repeat(full)}${"░".repeat(8 - full)} ${Math.round(share * 100)} % of its ${limit.replace("_", " ")} budget`;
}

function used(run, sum) {
  if (run.status === "running" && run.streamed && !run.usage) return `~${count(run.streamed)}`;
  if (!sum || (sum.input_tokens === null && sum.output_tokens === null)) return "";
  return (sum.running ? "~" : "") + tokens(sum.input_tokens, sum.output_tokens);
}

const roundsOf = (members) => namesOf(members).map(([name, times]) => `${visible(name)} ×${times}`).join(", ");

