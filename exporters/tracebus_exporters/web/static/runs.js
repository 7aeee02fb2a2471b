// The list of root runs, latest first.

import { STATUS, clock, count, duration, element, visible } from "./format.js";

export class Runs {
  constructor(container, { selected }) {
    this.container = container;
    this.onSelect = selected;
    this.rows = new Map();
    this.order = [];
    this.filter = "";
    this.selected = null;
    container.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.select(row.dataset.id, true);
    });
  }

  update(document, structural, now) {
    this.document = document;
    // A run may have left the list since the last drawing.
    if (structural || this.order.some((id) => !Object.hasOwn(document.runs, id))) this.arrange();
    for (const id of this.order) this.draw(document.runs[id], this.rows.get(id), now);
  }

  arrange() {
    const runs = Object.values(this.document.runs)
      .filter((run) => `${run.name} ${run.kind} ${run.status}`.toLowerCase().includes(this.filter))
      .sort((one, other) => (other.start_time ?? 0) - (one.start_time ?? 0));
    this.order = runs.map(({ id }) => id);
    const wanted = new Set(this.order);
    for (const [id, row] of this.rows) if (!wanted.has(id)) { row.root.remove(); this.rows.delete(id); }
    let before = this.container.firstElementChild;
    for (const id of this.order) {
      const row = this.rows.get(id) ?? this.make(id);
      if (row.root === before) before = before.nextElementSibling;
      else this.container.insertBefore(row.root, before);
    }
    this.mark();
  }

  make(id) {
    const root = element("div", "run");
    root.setAttribute("role", "option");
    root.dataset.id = id;
    root.id = `run-${id}`;
    const parts = { root };
    for (const part of ["status", "label", "time", "note"]) root.append((parts[part] = element("span", part)));
    parts.status.setAttribute("role", "img");
    this.rows.set(id, parts);
    return parts;
  }

  draw(run, row, now) {
    const key = `${run.status} ${run.name} ${run.end_time} ${run.descendants} ${run.total_tokens} ${run.failures}`;
    if (row.key === key && run.status !== "running") return;
    row.key = key;
    const set = (part, text) => { if (row[part].textContent !== text) row[part].textContent = text; };
    row.root.dataset.status = run.status;
    set("status", STATUS[run.status] ?? "?");
    row.status.ariaLabel = run.status;
    set("label", visible(run.name));
    const ended = run.end_time ?? (run.status === "running" ? now : null);
    set("time", run.start_time === null || ended === null ? "" : duration(ended - run.start_time));
    const facts = [clock(run.start_time), `${run.descendants + 1} runs`];
    if (run.total_tokens !== null) facts.push(`${count(run.total_tokens)} tok`);
    if (run.failures) facts.push(`${run.failures} ✗`);
    set("note", facts.join(" · "));
  }

  mark() {
    for (const [id, row] of this.rows) row.root.setAttribute("aria-selected", String(id === this.selected));
    if (this.selected) this.container.setAttribute("aria-activedescendant", `run-${this.selected}`);
  }

  select(id, byHand) {
    if (!id || id === this.selected) return;
    this.selected = id;
    this.mark();
    this.rows.get(id)?.root.scrollIntoView({ block: "nearest" });
    this.onSelect(id, byHand);
  }

  move(by) {
    const at = this.order.indexOf(this.selected);
    this.select(this.order[Math.min(Math.max(at + by, 0), this.order.length - 1)], true);
  }

  counts() {
    const counts = {};
    for (const run of Object.values(this.document?.runs ?? {})) counts[run.status] = (counts[run.status] ?? 0) + 1;
    return counts;
  }
}
