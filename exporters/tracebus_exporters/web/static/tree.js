// One root run as a tree with a waterfall.

import { KIND, STATUS, duration, element, tokens, visible } from "./format.js";

const MOST_ROWS = 2000;

export class Tree {
  constructor(container, { selected, scaleEnd }) {
    this.container = container;
    this.onSelect = selected;
    this.scaleEnd = scaleEnd;
    this.rows = new Map();
    this.folded = new Set();
    this.children = new Map();
    this.order = [];
    this.selected = null;
    this.filter = "";
    container.addEventListener("click", (event) => {
      const row = event.target.closest("[role=treeitem]");
      if (!row) return;
      if (event.target.closest(".twig")) this.toggle(row.dataset.id);
      this.select(row.dataset.id);
    });
  }

  clear() {
    this.container.replaceChildren();
    this.rows.clear();
    this.folded.clear();
    this.selected = null;
    this.byHand = false;
    this.document = null;
  }

  /** Until somebody chooses a row, show the run that speaks. */
  listen() {
    if (this.byHand) return;
    const speaks = ({ id }) => {
      const run = this.document.runs[id];
      return run.status === "running" && run.text.length > 0 && (run.kind === "chat_model" || run.kind === "llm");
    };
    const id = this.order.find(speaks)?.id;
    if (id && id !== this.selected) {
      this.selected = id;
      this.mark();
    }
  }

  update(document, structural, now) {
    this.document = document;
    if (structural || this.order.some(({ id }) => !Object.hasOwn(document.runs, id))) this.arrange();
    this.listen();
    this.draw(now);
  }

  /** Find out who is whose child, and which rows are to be seen. */
  arrange() {
    const runs = this.document.runs;
    this.children = new Map();
    const tops = [];
    for (const run of Object.values(runs)) {
      const parent = run.parent_id;
      if (parent !== null && Object.hasOwn(runs, parent)) {
        if (!this.children.has(parent)) this.children.set(parent, []);
        this.children.get(parent).push(run.id);
      } else tops.push(run.id);
    }
    const kept = this.filter ? this.matching() : null;
    this.order = [];
    const visit = (id, level, position, size) => {
      if (kept && !kept.has(id)) return;
      this.order.push({ id, level, position, size });
      if (this.folded.has(id) && !kept) return;
      const below = this.children.get(id) ?? [];
      below.forEach((child, number) => visit(child, level + 1, number + 1, below.length));
    };
    tops.forEach((id, number) => visit(id, 1, number + 1, tops.length));
    if (!this.order.some(({ id }) => id === this.selected)) this.selected = this.order[0]?.id ?? null;
    this.place();
  }

  /** The runs that match the filter, with their ancestors. */
  matching() {
    const kept = new Set();
    for (const run of Object.values(this.document.runs)) {
      if (!`${run.name} ${run.kind} ${run.status}`.toLowerCase().includes(this.filter)) continue;
      for (let id = run.id; id !== null && !kept.has(id); id = this.document.runs[id]?.parent_id ?? null) kept.add(id);
    }
    return kept;
  }

  place() {
    const shown = this.order.slice(0, MOST_ROWS);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.rows) if (!wanted.has(id)) { row.root.remove(); this.rows.delete(id); }
    let before = this.container.firstElementChild;
    for (const { id, level, position, size } of shown) {
      const row = this.rows.get(id) ?? this.make(id);
      row.root.setAttribute("aria-level", level);
      row.root.setAttribute("aria-posinset", position);
      row.root.setAttribute("aria-setsize", size);
      row.indent.style.width = `${(level - 1) * 1.1}rem`;
      const below = this.children.has(id);
      row.twig.textContent = below ? (this.folded.has(id) ? "▸" : "▾") : "";
      if (below) row.root.setAttribute("aria-expanded", String(!this.folded.has(id)));
      else row.root.removeAttribute("aria-expanded");
      if (row.root === before) before = before.nextElementSibling;
      else this.container.insertBefore(row.root, before);
    }
    this.more?.remove();
    if (this.order.length > MOST_ROWS) {
      this.more = element("p", "empty", `… and ${this.order.length - MOST_ROWS} more runs; filter to see them`);
      this.container.append(this.more);
    }
    this.mark();
  }

  make(id) {
    const root = element("div", "row");
    root.setAttribute("role", "treeitem");
    root.dataset.id = id;
    root.id = `row-${id}`;
    const parts = { root };
    const name = element("span", "name");
    for (const part of ["indent", "twig", "status", "kind", "label", "note"]) name.append((parts[part] = element("span", part)));
    for (const part of ["indent", "twig", "kind"]) parts[part].setAttribute("aria-hidden", "true");
    root.append(name);
    for (const part of ["time", "ttft", "used"]) root.append((parts[part] = element("span", `number ${part}`)));
    const track = element("span", "track");
    track.setAttribute("aria-hidden", "true");
    for (const part of ["wait", "bar", "first"]) track.append((parts[part] = element("span", part)));
    root.append(track);
    this.rows.set(id, parts);
    return parts;
  }

  draw(now) {
    const runs = Object.values(this.document.runs);
    let start = Infinity;
    let end = -Infinity;
    for (const run of runs) {
      if (run.start_time !== null) start = Math.min(start, run.start_time);
      end = Math.max(end, run.end_time ?? (run.status === "running" ? now : run.start_time ?? 0));
    }
    const span = Math.max(end - start, 1);
    this.scaleEnd(Number.isFinite(span) ? duration(span) : "");
    for (const [id, row] of this.rows) this.drawRow(this.document.runs[id], row, start, span, now);
  }

  drawRow(run, row, start, span, now) {
    const ended = run.end_time ?? (run.status === "running" ? now : run.start_time);
    const set = (part, text) => { if (row[part].textContent !== text) row[part].textContent = text; };
    row.root.dataset.status = run.status;
    row.root.dataset.kind = run.kind;
    set("status", STATUS[run.status] ?? "?");
    row.status.title = run.status;
    row.status.ariaLabel = run.status;
    row.status.setAttribute("role", "img");
    set("kind", KIND[run.kind] ?? "·");
    const model = run.model?.name ? ` ${run.model.name}` : "";
    set("label", visible(run.name + model));
    const retries = run.retries ? ` ↻${run.retries.length}` : "";
    set("note", visible(run.error ? `${short(run.error.type)}: ${run.error.message.split("\n", 1)[0]}${retries}` : retries));
    const begun = run.start_time;
    set("time", begun === null ? "" : duration(ended - begun));
    set("ttft", run.first_token_time !== undefined && begun !== null ? duration(run.first_token_time - begun) : "");
    set("used", run.usage ? tokens(run.usage.input_tokens ?? null, run.usage.output_tokens ?? null) : "");
    if (begun === null) return;
    const first = run.first_token_time ?? begun;
    const at = (time) => `${(100 * (time - start)) / span}%`;
    const wide = (from, to) => `${Math.max(0, (100 * (to - from)) / span)}%`;
    row.wait.style.left = at(begun);
    row.wait.style.width = wide(begun, first);
    row.bar.style.left = at(first);
    row.bar.style.width = wide(first, ended);
    row.first.hidden = run.first_token_time === undefined;
    row.first.style.left = at(first);
  }

  mark() {
    for (const [id, row] of this.rows) row.root.setAttribute("aria-selected", String(id === this.selected));
    if (this.selected) this.container.setAttribute("aria-activedescendant", `row-${this.selected}`);
  }

  select(id) {
    if (!id) return;
    this.byHand = true;
    this.selected = id;
    this.mark();
    this.rows.get(id)?.root.scrollIntoView({ block: "nearest" });
    this.onSelect(id);
  }

  move(by) {
    const at = this.order.findIndex(({ id }) => id === this.selected);
    this.select(this.order[Math.min(Math.max(at + by, 0), this.order.length - 1)]?.id);
  }

  toggle(id = this.selected, fold = !this.folded.has(id)) {
    if (!this.children.has(id)) return false;
    if (fold === this.folded.has(id)) return false;
    if (fold) this.folded.add(id);
    else this.folded.delete(id);
    this.arrange();
    this.draw(Date.now());
    return true;
  }

  /** Fold, or go to the parent where there is nothing to fold. */
  fold() {
    if (!this.toggle(this.selected, true)) this.select(this.document?.runs[this.selected]?.parent_id);
  }

  nextError() {
    const at = this.order.findIndex(({ id }) => id === this.selected);
    const rotated = [...this.order.slice(at + 1), ...this.order.slice(0, at + 1)];
    this.select(rotated.find(({ id }) => this.document.runs[id].status === "error")?.id);
  }
}

export const short = (type) => type.split(".").at(-1);
