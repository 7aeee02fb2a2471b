// Of very many rows, the stretch that is drawn: around what was last chosen, with a word before and after.

import { element, thousands } from "../format.js";

const MOST_ROWS = 2000;

export class Stretch {
  constructor(container) {
    this.container = container;
    this.first = 0;
    this.marks = [];
  }

  /** Those of *rows* that are drawn. */
  of(rows) {
    this.first = Math.max(0, Math.min(this.first, rows.length - MOST_ROWS));
    return rows.slice(this.first, this.first + MOST_ROWS);
  }

  /** Have row number *at* be in the middle. */
  around(at) {
    this.first = Math.max(0, at - MOST_ROWS / 2);
  }

  /** Take away what is said about rows that are not drawn. */
  unmark() {
    for (const mark of this.marks) mark.remove();
    this.marks = [];
  }

  /** Say how many rows of *total* come before and after; whoever clicks there gets them. */
  mark(total) {
    const end = Math.min(total, this.first + MOST_ROWS);
    if (this.first) this.container.prepend(this.made(this.first, "before", this.first));
    if (end < total) this.container.append(this.made(total - end, "more", end - 1));
  }

  made(number, where, at) {
    const made = element("p", "empty beyond", `… ${thousands(number)} rows ${where}`);
    made.dataset.at = at;
    this.marks.push(made);
    return made;
  }
}
