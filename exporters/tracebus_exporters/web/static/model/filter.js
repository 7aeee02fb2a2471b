// What is typed to find runs: words, `kind:tool`, `status:error`, `took:>2s`, and `!` before one turns it round.

const TEXTS = {
  name: (run) => run.name,
  kind: (run) => run.kind,
  status: (run) => run.status,
  model: (run) => `${run.response_model ?? ""} ${run.model?.name ?? ""}`,
  error: (run) => (run.error ? `${run.error.type}: ${run.error.message}` : ""),
  tag: (run) => (run.tags ?? []).join(" "),
  input: (run) => run.input ?? "",
  output: (run) => run.output ?? "",
};
const NUMBERS = {
  took: (run) => (run.end_time === null || run.start_time === null ? null : run.end_time - run.start_time),
  ttft: (run) => (run.first_token_time === undefined ? null : run.first_token_time - run.start_time),
  tokens: (run) => run.total_tokens ?? run.usage?.total_tokens ?? null,
  cost: (run) => run.cost ?? null,
};
const UNITS = { µs: 0.001, us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, k: 1000 };
const TIMES = new Set(["took", "ttft"]); // in seconds, where no unit is said
const CONDITION = /^(!?)(\w+):(.*)$/;
const COMPARED = /^([<>]=?|=)?(\d+(?:\.\d+)?)(µs|us|ms|s|m|h|k)?$/;

/** The number of the model call that `#57` asks for, or null. */
export function callAsked(text) {
  const found = /^#(\d+)$/.exec(text.trim());
  return found ? Number(found[1]) : null;
}

/** What is to be looked for in texts: what was typed, where that is no condition. */
export function wordsIn(text) {
  return text.trim().split(/\s+/).filter((word) => word && !fieldOf(word)).join(" ");
}

function fieldOf(word) {
  const found = CONDITION.exec(word);
  return found && (Object.hasOwn(TEXTS, found[2]) || Object.hasOwn(NUMBERS, found[2])) ? found : null;
}

/** A test of runs; all its conditions must hold. */
export function filterOf(text) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map(condition);
  return (run) => tests.every((test) => test(run));
}

function condition(word) {
  const found = fieldOf(word);
  if (!found) {
    const wanted = word.toLowerCase();
    return (run) => `${run.name} ${run.kind} ${run.status} ${TEXTS.model(run)} ${TEXTS.error(run)} ${run.input ?? ""}`.toLowerCase().includes(wanted);
  }
  const [, turned, field, value] = found;
  const test = Object.hasOwn(NUMBERS, field) ? compared(NUMBERS[field], value, field) : (run) => TEXTS[field](run).toLowerCase().includes(value.toLowerCase());
  return turned ? (run) => !test(run) : test;
}

function compared(read, value, field) {
  const found = COMPARED.exec(value);
  if (!found) return () => true; // being typed
  const [, sign = ">=", digits, unit] = found;
  const limit = Number(digits) * (UNITS[unit] ?? (TIMES.has(field) ? 1000 : 1));
  return (run) => {
    const amount = read(run);
    if (amount === null || Number.isNaN(amount)) return false;
    if (sign === "=") return amount === limit;
    if (sign.startsWith(">")) return amount > limit || (sign === ">=" && amount === limit);
    return amount < limit || (sign === "<=" && amount === limit);
  };
}
