// A tree's document as rows: what is open, what is found, what is folded.

import { addUp } from "./totals.js";
import { grouped } from "./grouping.js";

export class Rows {
  constructor() {
    this.open = new Map();
    this.brought = new Set();
    this.kept = null;
    this.take({}); // keys may be pressed before a document has come
  }

  /** Take in a document whose runs are others, or are in other states. */
  take(runs) {
    this.runs = runs;
    Object.assign(this, addUp(runs));
    this.number = new Map(this.models.map((id, place) => [id, place + 1]));
    this.arrange();
  }

  /** Find out anew which rows there are. Trees may be deeper than calls can be nested. */
  arrange() {
    this.rows = [];
    this.place = new Map();
    this.holder = new Map();
    const waiting = this.below(this.tops, 1, "top", null);
    while (waiting.length) {
      const row = waiting.pop();
      this.place.set(row.id, this.rows.push(row) - 1);
      if (row.open) for (const inside of this.inside(row)) waiting.push(inside);
    }
  }

  /** What stands directly below an open row, the last first. */
  inside({ id, type, level, members }) {
    if (type === "run") return this.below(this.children.get(id) ?? [], level + 1, id, id);
    const common = (number) => ({ level: level + 1, parent: id, position: number + 1, siblings: members.length });
    return members.map((member, number) => this.runRow(member, common(number))).reverse();
  }

  below(ids, level, above, parent) {
    const wanted = this.kept ? ids.filter((id) => this.kept.has(id)) : ids;
    // What was found stands by itself.
    const items = this.kept ? wanted : grouped(wanted, (id) => this.look(id), above);
    const rowOf = (item, number) => {
      const common = { level, parent, position: number + 1, siblings: items.length };
      return typeof item === "string" ? this.runRow(item, common) : this.groupRow(item, common);
    };
    return items.map(rowOf).reverse();
  }

  runRow(id, common) {
    const below = this.children.get(id)?.length ?? 0;
    return { id, type: "run", ...common, below, open: this.kept !== null || (this.open.get(id) ?? true) };
  }

  groupRow(group, common) {
    for (const member of group.members) this.holder.set(member, group.id);
    return { ...group, ...common, below: group.members.length, open: this.open.get(group.id) ?? group.open ?? false };
  }

  /** What grouping asks of a run: one that was jumped to is never folded away. */
  look(id) {
    const sum = this.totals.get(id);
    const calm = this.runs[id].status === "ok" && !sum.failures && !sum.running && !this.brought.has(id);
    return { run: this.runs[id], calm };
  }

  /** Have a run be seen: open what is above it, and take it out of what it is folded into. */
  bring(id) {
    this.brought = new Set();
    for (let at = id; at !== null && Object.hasOwn(this.runs, at); at = this.runs[at].parent_id) {
      this.brought.add(at);
      if (at !== id) this.open.set(at, true);
    }
    this.arrange();
    // In a batch, or in one that the reader opened, it stays where it is.
    for (const one of this.brought) {
      const holder = this.holder.get(one);
      if (holder && !this.place.has(one)) this.open.set(holder, true);
    }
    this.arrange();
  }

  setOpen(id, open) {
    this.open.set(id, open);
    this.arrange();
  }

  /** The runs of *wanted*, with all that is above them. */
  keep(wanted) {
    this.kept = null;
    if (wanted) {
      this.kept = new Set();
      for (const found of wanted) {
        for (let id = found; id !== null && Object.hasOwn(this.runs, id) && !this.kept.has(id); id = this.runs[id].parent_id) this.kept.add(id);
      }
    }
    this.arrange();
  }
}
