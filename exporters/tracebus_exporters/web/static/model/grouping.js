// Which rows stand for many runs: batches, siblings alike, the rounds of a long agent. As in the terminal UI.

/** So many neighbours alike are one row. */
export const ALIKE = 10;
/** So many siblings that repeat a few names are the rounds of a loop; its middle is one row. */
const ROUNDS = 20;
const MOST_NAMES = 8;
const LARGE_BATCH = 8;

const likeness = (run) => `${run.kind} ${run.name}`;

/**
 * Returns what stands below one row: ids of runs, and groups {id, type, members, size}.
 * A group's type is `batch`, `alike` or `rounds`; its members are ids.
 *
 * @param ids the siblings, in the order they began.
 * @param look gives {run, calm}: whether it ended well, and all below it.
 * @param above what the groups' ids begin with.
 */
export function grouped(ids, look, above) {
  return rounds(alike(batches(ids, look, above), look, above), look, above);
}

function batches(ids, look, above) {
  const found = new Map();
  for (const id of ids) {
    const { batch } = look(id).run;
    if (!batch || batch.size < 2) continue;
    if (!found.has(batch.id)) found.set(batch.id, { id: `batch ${above} ${batch.id}`, type: "batch", size: batch.size, members: [] });
    found.get(batch.id).members.push(id);
  }
  if (!found.size) return ids;
  const told = new Set();
  const items = [];
  for (const id of ids) {
    const group = found.get(look(id).run.batch?.id);
    if (!group) items.push(id);
    else if (!told.has(group)) {
      told.add(group);
      const place = (member) => look(member).run.batch.index ?? 0;
      const asks = (member) => (look(member).run.status === "ok" ? 1 : 0);
      group.members.sort((one, other) => asks(one) - asks(other) || place(one) - place(other));
      group.open = group.size <= LARGE_BATCH;
      items.push(group);
    }
  }
  return items;
}

/** Neighbours of one kind and name that ended well; what runs or failed among them follows. */
function alike(items, look, above) {
  const told = [];
  const names = new Map();
  for (let at = 0; at < items.length; ) {
    let end = at + 1;
    const name = typeof items[at] === "string" ? likeness(look(items[at]).run) : null;
    while (name !== null && typeof items[end] === "string" && likeness(look(items[end]).run) === name) end += 1;
    const neighbours = items.slice(at, end);
    const members = name === null ? [] : neighbours.filter((id) => look(id).calm);
    at = end;
    if (members.length < ALIKE) {
      told.push(...neighbours);
      continue;
    }
    const number = names.get(name) ?? 0;
    names.set(name, number + 1);
    told.push({ id: `alike ${above} ${name} ${number}`, type: "alike", members, size: members.length });
    told.push(...neighbours.filter((id) => !look(id).calm));
  }
  return told;
}

/** The middle of a loop: its first round and its last two stay, and whatever did not end well. */
function rounds(items, look, above) {
  if (items.length < ROUNDS) return items;
  const names = new Map();
  for (const id of items) if (typeof id === "string") names.set(likeness(look(id).run), (names.get(likeness(look(id).run)) ?? 0) + 1);
  const repeated = [...names].filter(([, times]) => times > 2).map(([name]) => name);
  if (!repeated.length || names.size > MOST_NAMES) return items;
  const round = repeated.length;
  const told = items.slice(0, round);
  // The last two rounds begin with what every round begins with.
  let last = items.length - 2 * round;
  const first = typeof items[0] === "string" ? likeness(look(items[0]).run) : repeated[0];
  while (last > round && !(typeof items[last] === "string" && likeness(look(items[last]).run) === first)) last -= 1;
  let members = [];
  let number = 0;
  const close = () => {
    if (members.length >= ALIKE) told.push({ id: `rounds ${above} ${number++}`, type: "rounds", members, size: members.length });
    else told.push(...members);
    members = [];
  };
  for (const id of items.slice(round, last)) {
    if (typeof id === "string" && look(id).calm && repeated.includes(likeness(look(id).run))) members.push(id);
    else {
      close();
      told.push(id);
    }
  }
  close();
  return [...told, ...items.slice(last)];
}

/** What a group of rounds is made of: [name, how often], as they first come. */
export function namesOf(runs) {
  const names = new Map();
  for (const { name } of runs) names.set(name, (names.get(name) ?? 0) + 1);
  return [...names];
}
