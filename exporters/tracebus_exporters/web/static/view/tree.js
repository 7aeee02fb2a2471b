// One root run as a tree with a waterfall: which rows are drawn, and which is chosen.

import { MODELS, duration, scrollTo } from "../format.js";
import { callAsked, filterOf } from "../model/filter.js";
import { Rows } from "../model/rows.js";
import { scaleOf } from "./bars.js";
import { describe, drawGroup, drawRun, make } from "./row.js";
import { Stretch } from "./stretch.js";

export class Tree {
  /** selected(id) is called when another row is, opened(id) when one is to be shown by itself. */
  constructor(container, { selected, opened, scaleEnd }) {
    Object.assign(this, { container, onSelect: selected, onOpen: opened, scaleEnd });
    this.drawn = new Map();
    this.stretch = new Stretch(container);
    this.clear();
    container.addEventListener("click", (event) => {
      const beyond = event.target.closest(".beyond");
      if (beyond) return this.goTo(Number(beyond.dataset.at));
      const id = event.target.closest("[role=treeitem]")?.dataset.id;
      if (!id) return;
      const group = this.row(id)?.type !== "run";
      if (event.target.closest(".twig") || group) this.toggle(id);
      this.select(id, { byHand: true, open: true });
    });
    container.addEventListener("dblclick", (event) => {
      const id = event.target.closest("[role=treeitem]")?.dataset.id;
      if (id && !event.target.closest(".twig")) this.onOpen(id);
    });
  }

  clear() {
    this.container.replaceChildren();
    this.drawn.clear();
    this.model = new Rows();
    this.selected = null;
    this.byHand = false;
    this.filter = "";
    this.found = null;
    this.stretch.first = 0;
  }

  get runs() {
    return this.model.runs;
  }

  row(id) {
    return this.model.rows[this.model.place.get(id)];
  }

  update(runs, structural, now) {
    if (structural || this.model.rows.some(({ id, type }) => type === "run" && !Object.hasOwn(runs, id))) {
      this.model.take(runs);
      if (this.filter) this.model.keep(this.matching());
      this.place();
    } else this.model.runs = runs;
    this.listen();
    this.draw(now);
  }

  /** Until somebody chooses a row, show the run that speaks. */
  listen() {
    if (this.byHand) return;
    const speaks = ({ id, type }) => {
      const run = this.runs[id];
      return type === "run" && run.status === "running" && run.text.length > 0 && MODELS.has(run.kind);
    };
    const id = this.model.rows.find(speaks)?.id;
    if (id) this.select(id);
  }

  /** Show only runs that *text* is about, or in whose texts *found* says it is. */
  setFilter(text, found = null) {
    this.filter = callAsked(text) === null ? text.trim() : "";
    this.found = found;
    this.model.keep(this.filter ? this.matching() : null);
    this.place();
    this.draw(Date.now());
    if (this.filter && !this.hits.has(this.selected)) this.nextHit(1, false);
  }

  matching() {
    const test = filterOf(this.filter);
    this.hits = new Set(Object.values(this.runs).filter(test).map(({ id }) => id));
    for (const id of this.found ?? []) this.hits.add(id);
    return this.hits;
  }

  /** Go to the model call of that number; tells whether there is one. */
  jump(number) {
    const id = this.model.models[number - 1];
    if (id) this.show(id);
    return Boolean(id);
  }

  /** Bring a run to where it is seen, and choose it. */
  show(id) {
    if (!Object.hasOwn(this.runs, id)) return;
    this.model.bring(id);
    this.place();
    this.draw(Date.now());
    this.select(id, { byHand: true });
  }

  place() {
    this.stretch.unmark();
    const shown = this.stretch.of(this.model.rows);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, { root }] of this.drawn) if (!wanted.has(id)) { root.remove(); this.drawn.delete(id); }
    let before = this.container.firstElementChild;
    for (const row of shown) {
      const drawn = this.drawn.get(row.id) ?? make(row.id);
      this.drawn.set(row.id, drawn);
      describe(row, drawn);
      if (drawn.root === before) before = before.nextElementSibling;
      else this.container.insertBefore(drawn.root, before);
    }
    this.stretch.mark(this.model.rows.length);
    if (!this.model.place.has(this.selected)) this.selected = this.model.rows[0]?.id ?? null;
    this.mark();
  }

  draw(now) {
    const all = Object.values(this.runs);
    const scale = scaleOf(all, now);
    // A column of which nothing is known leaves its place to the names.
    this.container.parentElement.classList.toggle("no-ttft", !all.some((run) => run.first_token_time !== undefined));
    this.container.parentElement.classList.toggle("no-cost", !all.some((run) => (run.cost ?? null) !== null));
    this.scaleEnd(Number.isFinite(scale.start) ? duration(scale.span) : "");
    for (const row of this.stretch.of(this.model.rows)) {
      const parts = this.drawn.get(row.id);
      if (row.type === "run") drawRun(this.runs[row.id], row, parts, { model: this.model, scale, now });
      else drawGroup(row, parts, { model: this.model, scale, now });
    }
  }

  /** Draw the rows around number *at*, which are many rows away. */
  goTo(at) {
    this.stretch.around(at);
    this.place();
    this.draw(Date.now());
    scrollTo(this.drawn.get(this.model.rows[at].id).root, "center");
  }

  mark() {
    for (const [id, { root }] of this.drawn) root.setAttribute("aria-selected", String(id === this.selected));
    if (this.drawn.has(this.selected)) this.container.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.container.removeAttribute("aria-activedescendant");
  }

  select(id, { byHand = false, scroll = true, open = false } = {}) {
    if (!id) return;
    this.byHand ||= byHand;
    const other = id !== this.selected;
    this.selected = id;
    if (this.model.place.has(id) && !this.drawn.has(id)) this.goTo(this.model.place.get(id));
    this.mark();
    if (scroll) scrollTo(this.drawn.get(id)?.root);
    if (other || open) this.onSelect(id, open);
  }

  move(by) {
    const at = this.model.place.get(this.selected) ?? 0;
    const row = this.model.rows[Math.min(Math.max(at + by, 0), this.model.rows.length - 1)];
    this.select(row?.id, { byHand: true });
  }

  toggle(id = this.selected, open = undefined) {
    const row = this.row(id);
    if (!row?.below || row.open === (open ?? !row.open)) return false;
    this.model.setOpen(id, open ?? !row.open);
    this.place();
    this.draw(Date.now());
    return true;
  }

  toggleAll(open) {
    for (const { id, below, level } of [...this.model.rows]) if (below && level > 1) this.model.open.set(id, open);
    this.model.arrange();
    this.place();
    this.draw(Date.now());
  }

  /** Close, or go to the parent where there is nothing to close. */
  fold() {
    if (!this.toggle(this.selected, false)) this.select(this.row(this.selected)?.parent, { byHand: true });
  }

  nextError() {
    this.next((run) => run.status === "error", 1);
  }

  nextHit(by, byHand = true) {
    if (this.hits?.size) this.next(({ id }) => this.hits.has(id), by, byHand);
  }

  /** Choose the next run of which *test* is true, in the order of the tree. */
  next(test, by, byHand = true) {
    const order = [];
    const waiting = [...this.model.tops].reverse();
    while (waiting.length) {
      const id = waiting.pop();
      order.push(id);
      waiting.push(...[...(this.model.children.get(id) ?? [])].reverse());
    }
    if (by < 0) order.reverse();
    const at = order.indexOf(this.selected);
    const id = [...order.slice(at + 1), ...order.slice(0, at + 1)].find((one) => test(this.runs[one]));
    if (!id) return false;
    if (this.model.place.has(id)) this.select(id, { byHand });
    else this.show(id);
    return true;
  }
}
