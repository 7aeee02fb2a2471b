// The list of root runs, latest first.

import { STATUS, clock, count, dollars, duration, element, scrollTo, setText, several, short, visible } from "../format.js";
import { filterOf } from "../model/filter.js";
import { listed } from "../model/listing.js";
import { spread } from "../model/totals.js";
import { setIcon } from "./icons.js";

const PARTS = ["state", "label", "inside", "time", "begins", "note"];

/** Mark how many runs inside ended in an error. */
function drawInside(place, failures) {
  setText(place, failures ? `${failures} ${STATUS.error}` : "");
  place.title = failures ? `${several(failures, "run")} inside ended in an error` : "";
}

export class List {
  /** chosen(row, byHand) is called with the row of a run or of a batch. */
  constructor(container, { chosen }) {
    this.container = container;
    this.onChosen = chosen;
    this.runs = {};
    this.rows = [];
    this.drawn = new Map();
    this.open = new Map();
    this.test = null;
    this.selected = null;
    container.addEventListener("click", (event) => {
      const id = event.target.closest("[role=option]")?.dataset.id;
      if (id) this.choose(id, true, true);
    });
  }

  update(runs, structural, now) {
    this.runs = runs;
    // A run may have left the list since the last drawing.
    if (structural || this.rows.some(({ run }) => run && !Object.hasOwn(runs, run.id))) this.arrange();
    for (const row of this.rows) this.draw(row, this.drawn.get(row.id), now);
  }

  /** Show what matches *text*, and the runs *found* to have it in what was said. */
  filter(text, found = new Set()) {
    const matches = filterOf(text);
    this.test = text.trim() ? (run) => found.has(run.id) || matches(run) : null;
    this.arrange();
    this.update(this.runs, false, Date.now());
  }

  arrange() {
    this.rows = listed(this.runs, this.test, this.open);
    const wanted = new Set(this.rows.map(({ id }) => id));
    for (const [id, { root }] of this.drawn) if (!wanted.has(id)) { root.remove(); this.drawn.delete(id); }
    let before = this.container.firstElementChild;
    for (const row of this.rows) {
      const drawn = this.drawn.get(row.id) ?? this.make(row);
      drawn.root.classList.toggle("inside", row.level > 1);
      if (drawn.root === before) before = before.nextElementSibling;
      else this.container.insertBefore(drawn.root, before);
    }
    this.mark();
  }

  make({ id }) {
    const root = element("div", "run");
    root.setAttribute("role", "option");
    root.dataset.id = id;
    root.id = `run-${id}`;
    const drawn = { root };
    for (const part of PARTS) root.append((drawn[part] = element("span", part)));
    this.drawn.set(id, drawn);
    return drawn;
  }

  draw(row, drawn, now) {
    if (!drawn) return;
    if (row.members) this.drawGroup(row, drawn, now);
    else this.drawRun(this.runs[row.id], drawn, now);
  }

  drawRun(run, drawn, now) {
    const key = `${run.status} ${run.name} ${run.end_time} ${run.descendants} ${run.total_tokens} ${run.cost} ${run.failures} ${run.input} ${run.output}`;
    if (drawn.key === key && run.status !== "running") return;
    drawn.key = key;
    drawn.root.dataset.status = run.status;
    setIcon(drawn.state, run.status, run.status);
    setText(drawn.label, visible(run.name));
    const ended = run.end_time ?? (run.status === "running" ? now : null);
    setText(drawn.time, run.start_time === null || ended === null ? "" : duration(ended - run.start_time));
    const failed = run.error ? `${short(run.error.type)}: ${run.error.message}` : "";
    drawn.begins.classList.toggle("failed", Boolean(failed));
    setText(drawn.begins, visible(failed || run.input || run.output || ""));
    const facts = [clock(run.start_time), several(run.descendants + 1, "run")];
    if (run.total_tokens !== null) facts.push(`${count(run.total_tokens)} tok`);
    if (run.cost !== null) facts.push((run.about ? "~" : "") + dollars(run.cost));
    drawInside(drawn.inside, run.failures);
    setText(drawn.note, facts.join(" · "));
  }

  drawGroup(row, drawn, now) {
    const members = row.members.map(({ id }) => this.runs[id]).filter(Boolean);
    const counts = {};
    for (const { status } of members) counts[status] = (counts[status] ?? 0) + 1;
    const unfinished = counts.running || (row.type === "batch" && members.length < row.size && !members.every(({ end_time }) => end_time !== null));
    const status = unfinished ? "running" : counts.error ? "error" : "ok";
    drawn.root.dataset.status = status;
    drawn.root.classList.add("group");
    setIcon(drawn.state, row.type === "batch" ? "batch" : "many", row.type === "batch" ? "batch" : "several runs");
    const names = new Set(members.map(({ name }) => name));
    setText(drawn.label, row.type === "crowd" && names.size > 1 ? `${row.size} finished ok` : `${visible([...names][0] ?? "")} ×${row.size}`);
    const starts = members.map(({ start_time }) => start_time).filter((time) => time !== null);
    const ends = members.map(({ end_time }) => end_time ?? now);
    setText(drawn.time, starts.length ? duration(Math.max(...ends) - Math.min(...starts)) : "");
    const { middle, most } = spread(members);
    setText(drawn.begins, middle === null ? "" : `p50 ${duration(middle)} · p95 ${duration(most)}`);
    const used = members.reduce((sum, { total_tokens }) => sum + (total_tokens ?? 0), 0);
    const done = members.filter(({ status }) => status !== "running").length;
    const facts = [clock(Math.min(...starts)), row.type === "batch" ? `${done}/${row.size} done` : row.open ? "open" : "folded"];
    if (used) facts.push(`${count(used)} tok`);
    const costs = members.map(({ cost }) => cost).filter((cost) => cost !== null);
    if (costs.length) facts.push((members.some(({ about }) => about) ? "~" : "") + dollars(costs.reduce((sum, cost) => sum + cost, 0)));
    drawInside(drawn.inside, counts.error ?? 0);
    setText(drawn.note, facts.join(" · "));
  }

  mark() {
    for (const [id, { root }] of this.drawn) root.setAttribute("aria-selected", String(id === this.selected));
    if (this.drawn.has(this.selected)) this.container.setAttribute("aria-activedescendant", `run-${this.selected}`);
    else this.container.removeAttribute("aria-activedescendant");
  }

  /** Choose a row; a second time opens or closes a group. */
  choose(id, byHand, toggling = false) {
    const row = this.rows.find((one) => one.id === id);
    if (row?.members && toggling && (row.type === "crowd" || id === this.selected)) this.toggle(id);
    if (!id || id === this.selected) return void (byHand && row && this.onChosen(row, byHand));
    this.selected = id;
    this.mark();
    scrollTo(this.drawn.get(id)?.root);
    this.onChosen(row ?? { id, type: "run", run: this.runs[id] }, byHand);
  }

  toggle(id, open = !this.open.get(id)) {
    this.open.set(id, open);
    this.arrange();
    this.update(this.runs, false, Date.now());
  }

  /** Close, or go to the group a run is in. */
  fold() {
    const row = this.rows.find(({ id }) => id === this.selected);
    if (row?.members) this.toggle(row.id, false);
    else if (row?.above) this.choose(row.above, true);
  }

  unfold() {
    const row = this.rows.find(({ id }) => id === this.selected);
    if (row?.members) this.toggle(row.id, true);
  }

  move(by) {
    const at = this.rows.findIndex(({ id }) => id === this.selected);
    const row = this.rows[Math.min(Math.max(at + by, 0), this.rows.length - 1)];
    if (row) this.choose(row.id, true);
  }

  /** The latest root run's row. */
  get latest() {
    return this.rows[0]?.id;
  }
}
