// What is known of a run beside its contents: a line of the figures one looks for first, and all of them.

import { MODELS, clock, count, dollars, duration, element, tokens } from "../format.js";
import { json } from "./json.js";

function figuresOf(run, sum, now) {
  const elapsed = run.start_time === null ? null : (run.end_time ?? (run.status === "running" ? now : run.start_time)) - run.start_time;
  const first = run.first_token_time === undefined || run.start_time === null ? null : run.first_token_time - run.start_time;
  const output = run.usage?.output_tokens ?? (run.status === "running" ? run.streamed : null);
  const seconds = elapsed !== null && first !== null ? (elapsed - first) / 1000 : 0;
  const usage = run.usage ?? (sum?.input_tokens === null ? null : sum);
  return {
    took: elapsed === null ? "" : duration(elapsed),
    first: first === null ? "" : duration(first),
    rate: output && seconds > 0.001 ? `${run.usage ? "" : "~"}${count(Math.round(output / seconds))} tok/s` : "",
    used: usage ? tokens(usage.input_tokens, usage.output_tokens) : run.streamed ? `~${count(run.streamed)}` : MODELS.has(run.kind) && run.status !== "running" ? "unknown" : "",
    cost: sum && sum.cost !== null ? dollars(sum.cost) + (sum.partial ? "+" : "") : "",
  };
}

const modelOf = (run) => [run.response_model ?? run.model?.name, run.model?.provider].filter(Boolean).join(" · ");

/** [name, value] of what is said in the line above the contents. */
export function stripOf(run, sum, now) {
  const { took, first, rate, used, cost } = figuresOf(run, sum, now);
  return [["status", run.status], ["took", took], ["first token", first], ["rate", rate], ["tokens", used], ["cost", cost], ["model", modelOf(run)]].filter(([, value]) => value);
}

/** All that is known, as a list of terms. */
export function factsOf(run, entry, { sum, number, total, path = [] }) {
  const { took, first, rate, used, cost } = figuresOf(run, sum, run.end_time);
  const usage = entry.usage ?? {};
  const rows = [
    ["status", run.status],
    ["kind", run.kind.replace("_", " ")],
    ["under", path.join(" › ")],
    ["model call", number && total > 1 ? `${number} of ${total}` : ""],
    ["model", modelOf(entry)],
    ["started", clock(run.start_time)],
    ["took", took],
    ["first token", first],
    ["rate", rate],
    ["tokens", used],
    ["cache read", count(usage.cache_read_tokens)],
    ["cache write", count(usage.cache_creation_tokens)],
    ["reasoning", count(usage.reasoning_tokens)],
    ["cost", cost],
    ["from cache", entry.cached ? "yes" : ""],
    ["finish", entry.finish_reasons?.join(", ") ?? ""],
    ["failures", sum?.failures ? `${sum.failures} below` : ""],
    ["tags", entry.tags?.join(", ") ?? ""],
    ["tool call", entry.tool_call_id ?? ""],
    ["response id", entry.response_id ?? ""],
    ["run id", entry.virtual ? "" : entry.id],
    ["left out", entry.cuts],
    ["parameters", entry.model?.parameters],
    ["metadata", entry.metadata],
  ];
  const list = element("dl", "facts");
  for (const [name, value] of rows) {
    if (!value || (typeof value === "object" && !Object.keys(value).length)) continue;
    const shown = element("dd", "", typeof value === "string" ? value : undefined);
    if (typeof value === "object") shown.append(json(value, 1));
    list.append(element("dt", "", name), shown);
  }
  return list;
}
