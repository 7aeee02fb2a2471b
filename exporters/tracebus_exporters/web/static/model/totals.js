// What a run and the runs below it add up to.

import { MODELS } from "../format.js";

const COUNTS = ["input_tokens", "output_tokens"];

/**
 * Returns {totals, children, tops, models} of a document's runs, which stand in the order they began.
 * totals: for each run {failures, running, calls, input_tokens, output_tokens, cost, partial, end}, `calls` of models;
 * models: the ids of the model calls, in their order.
 */
export function addUp(runs) {
  const children = new Map();
  const tops = [];
  const models = [];
  const order = Object.values(runs);
  for (const run of order) {
    const parent = run.parent_id;
    if (parent !== null && Object.hasOwn(runs, parent) && parent !== run.id) {
      if (!children.has(parent)) children.set(parent, []);
      children.get(parent).push(run.id);
    } else tops.push(run.id);
    if (MODELS.has(run.kind)) models.push(run.id);
  }
  const totals = new Map();
  const waiting = [...tops];
  const downwards = [];
  while (waiting.length) {
    const id = waiting.pop();
    downwards.push(id);
    waiting.push(...(children.get(id) ?? []));
  }
  for (const id of downwards.reverse()) totals.set(id, sumOf(runs[id], (children.get(id) ?? []).map((child) => totals.get(child))));
  return { totals, children, tops, models };
}

function sumOf(run, below) {
  const sum = { failures: 0, running: 0, calls: MODELS.has(run.kind) ? 1 : 0, input_tokens: null, output_tokens: null, cost: null, partial: false, open: 0 };
  for (const one of below) {
    sum.failures += one.failures + (one.status === "error" ? 1 : 0);
    sum.running += one.running + (one.status === "running" ? 1 : 0);
    sum.calls += one.calls;
    add(sum, one);
  }
  sum.status = run.status;
  // A model that calls a model reports the inner one's tokens again.
  if (sum.input_tokens === null && sum.output_tokens === null) {
    if (run.usage) add(sum, { ...run.usage, cost: run.cost, partial: (run.cost ?? null) === null });
    else if (MODELS.has(run.kind) && run.status !== "running") sum.partial = true;
  }
  return sum;
}

function add(sum, one) {
  for (const name of [...COUNTS, "cost"]) if ((one[name] ?? null) !== null) sum[name] = (sum[name] ?? 0) + one[name];
  sum.partial ||= Boolean(one.partial);
}

/** Middle and 95th percentile of *runs*' times, in milliseconds. */
export function spread(runs) {
  const took = runs.filter((run) => run.end_time !== null && run.start_time !== null).map((run) => run.end_time - run.start_time);
  took.sort((one, other) => one - other);
  const at = (share) => took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? null;
  return { middle: at(0.5), most: at(0.95), sum: took.reduce((all, one) => all + one, 0) };
}
