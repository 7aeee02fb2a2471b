// The list of root runs as rows: batches and crowds of finished runs are one row each.

const CROWD = 20;
const FRESH = 10;

/**
 * Returns [{id, type, run | members, level, open}], the latest first. A type is `run`, `batch` or `crowd`.
 *
 * @param runs the list's document.
 * @param test which runs are to be seen, or null: then nothing is folded.
 * @param open which groups are open: a map of ids.
 */
export function listed(runs, test, open) {
  let all = Object.values(runs);
  if (test) all = all.filter(test);
  all.sort((one, other) => (other.start_time ?? 0) - (one.start_time ?? 0));
  if (test) return all.map((run) => ({ id: run.id, type: "run", run, level: 1 }));
  const rows = [];
  for (const item of crowds(batches(all))) {
    if (!item.members) {
      rows.push({ id: item.id, type: "run", run: item, level: 1 });
      continue;
    }
    const isOpen = open.get(item.id) ?? false;
    rows.push({ ...item, level: 1, open: isOpen });
    if (isOpen) rows.push(...item.members.map((run) => ({ id: run.id, type: "run", run, level: 2, above: item.id })));
  }
  return rows;
}

function batches(all) {
  const found = new Map();
  for (const run of all) {
    if (!run.batch || run.batch.size < 2) continue;
    if (!found.has(run.batch.id)) found.set(run.batch.id, { id: `batch ${run.batch.id}`, type: "batch", size: run.batch.size, members: [] });
    found.get(run.batch.id).members.push(run);
  }
  const told = new Set();
  return all.flatMap((run) => {
    const group = run.batch && found.get(run.batch.id);
    if (!group) return [run];
    if (told.has(group)) return [];
    told.add(group);
    const asks = (one) => (one.status === "ok" ? 1 : 0);
    group.members.sort((one, other) => asks(one) - asks(other) || (one.batch.index ?? 0) - (other.batch.index ?? 0));
    return [group];
  });
}

/** Neighbours that ended well, but for the newest. */
function crowds(items) {
  const told = items.slice(0, FRESH);
  let members = [];
  const close = () => {
    if (members.length >= CROWD) told.push({ id: `crowd ${members.at(-1).id}`, type: "crowd", size: members.length, members });
    else told.push(...members);
    members = [];
  };
  for (const item of items.slice(FRESH)) {
    if (!item.members && item.status === "ok" && !item.failures) members.push(item);
    else {
      close();
      told.push(item);
    }
  }
  close();
  return told;
}
