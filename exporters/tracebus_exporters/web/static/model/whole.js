// A row for many runs, told as if it were one run: a batch of root runs, and rows folded together.

/** A batch as a tree of its runs, out of what the list knows of them: {runs}. */
export function batchTree(row, listed) {
  const members = row.members.map(({ id }) => listed[id]).filter(Boolean);
  const done = members.length === row.size && members.every(({ status }) => status !== "running");
  const starts = members.map((run) => run.start_time).filter((time) => time !== null);
  const whole = {
    id: row.id, parent_id: null, kind: "batch", name: `${members[0].name} ×${row.size}`, text: [], virtual: true, usage: null, error: null,
    status: !done ? "running" : members.some(({ status }) => status === "error") ? "error" : "ok",
    start_time: starts.length ? Math.min(...starts) : null, end_time: done ? Math.max(...members.map((run) => run.end_time ?? 0)) : null,
  };
  const runs = { [row.id]: whole };
  for (const run of members) {
    const usage = run.total_tokens === null ? null : { input_tokens: run.input_tokens, output_tokens: run.output_tokens };
    runs[run.id] = { ...run, parent_id: row.id, batch: null, usage, text: [] };
  }
  return { runs };
}

/** A row of many runs, as far as it can be told like one; *name* and *status* are what the row says. */
export function groupAsRun(row, runs, name, status) {
  const members = row.members.map((id) => runs[id]).filter(Boolean);
  const ends = members.map(({ end_time }) => end_time);
  const start_time = Math.min(...members.map((run) => run.start_time));
  return { id: row.id, kind: row.type, name, status, start_time, end_time: ends.includes(null) ? null : Math.max(...ends), text: [], usage: null, virtual: true };
}
