// One root run as a tree with a waterfall.

import { MODELS, STATUS, count, dollars, duration, element, scrollTo, setText, short, tokens, visible } from "../format.js";
import { callAsked, filterOf } from "../model/filter.js";
import { namesOf } from "../model/grouping.js";
import { Rows } from "../model/rows.js";
import { spread } from "../model/totals.js";
import { drawBar, scaleOf, track } from "./bars.js";
import { setIcon } from "./icons.js";
import { Stretch } from "./stretch.js";

/** So many levels are indented; deeper ones stand under one another, each with its number. */
const DEEPEST = 12;

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
      const drawn = this.drawn.get(row.id) ?? this.make(row.id);
      this.describe(row, drawn);
      if (drawn.root === before) before = before.nextElementSibling;
      else this.container.insertBefore(drawn.root, before);
    }
    this.stretch.mark(this.model.rows.length);
    if (!this.model.place.has(this.selected)) this.selected = this.model.rows[0]?.id ?? null;
    this.mark();
  }

  describe({ level, position, siblings, below, open }, { root, indent, twig }) {
    root.setAttribute("aria-level", level);
    root.setAttribute("aria-posinset", position);
    root.setAttribute("aria-setsize", siblings);
    indent.style.setProperty("--level", Math.min(level - 1, DEEPEST));
    setText(indent, level - 1 > DEEPEST ? String(level - 1) : "");
    twig.hidden = !below;
    root.classList.toggle("open", Boolean(below && open));
    if (below) root.setAttribute("aria-expanded", String(open));
    else root.removeAttribute("aria-expanded");
  }

  make(id) {
    const root = element("div", "row");
    root.setAttribute("role", "treeitem");
    root.dataset.id = id;
    root.id = `row-${id}`;
    const parts = { root };
    const name = element("span", "name");
    for (const part of ["indent", "twig", "state", "kind", "label", "number", "begins"]) name.append((parts[part] = element("span", part)));
    setIcon(parts.twig, "twig");
    root.append(name);
    for (const part of ["time", "ttft", "used", "cost"]) root.append((parts[part] = element("span", `figure ${part}`)));
    parts.track = track();
    root.append(parts.track.root);
    this.drawn.set(id, parts);
    return parts;
  }

  draw(now) {
    this.scale = scaleOf(Object.values(this.runs), now);
    // A column of which nothing is known leaves its place to the names.
    const all = Object.values(this.runs);
    this.container.parentElement.classList.toggle("no-ttft", !all.some((run) => run.first_token_time !== undefined));
    this.container.parentElement.classList.toggle("no-cost", !all.some((run) => (run.cost ?? null) !== null));
    this.scaleEnd(Number.isFinite(this.scale.start) ? duration(this.scale.span) : "");
    for (const row of this.stretch.of(this.model.rows)) {
      const parts = this.drawn.get(row.id);
      if (row.type === "run") this.drawRun(this.runs[row.id], row, parts, now);
      else this.drawGroup(row, parts, now);
    }
  }

  drawRun(run, row, parts, now) {
    const ended = run.end_time ?? (run.status === "running" ? now : run.start_time);
    const sum = this.model.totals.get(run.id);
    parts.root.dataset.status = run.status;
    parts.root.dataset.kind = run.kind;
    setIcon(parts.state, run.status, run.status);
    setIcon(parts.kind, run.kind, run.kind.replace("_", " "));
    setText(parts.label, visible(run.name));
    const call = this.model.models.length > 1 ? this.model.number.get(run.id) : undefined;
    setText(parts.number, call ? `#${call}` : "");
    const failed = run.status === "error" ? failure(run) : "";
    parts.begins.classList.toggle("failed", Boolean(failed));
    setText(parts.begins, visible(remarks(run, row, sum, failed)));
    const begun = run.start_time;
    setText(parts.time, begun === null ? "" : duration(ended - begun));
    setText(parts.ttft, run.first_token_time !== undefined && begun !== null ? duration(run.first_token_time - begun) : "");
    setText(parts.used, used(run, sum));
    setText(parts.cost, sum && sum.cost !== null ? dollars(sum.cost) + (sum.partial ? "+" : "") : "");
    if (begun !== null) drawBar(parts.track, this.scale, { begun, first: run.first_token_time, ended });
  }

  drawGroup(row, parts, now) {
    const members = row.members.map((id) => this.runs[id]).filter(Boolean);
    const sums = members.map(({ id }) => this.model.totals.get(id));
    const counts = {};
    for (const { status } of members) counts[status] = (counts[status] ?? 0) + 1;
    const done = members.length - (counts.running ?? 0);
    const status = counts.running || members.length < row.size ? "running" : counts.error ? "error" : "ok";
    parts.root.dataset.status = status;
    parts.root.dataset.kind = row.type === "alike" ? members[0].kind : row.type;
    parts.root.classList.add("group");
    setIcon(parts.state, status, status);
    setIcon(parts.kind, row.type === "batch" ? "batch" : row.type === "alike" ? members[0].kind : "many", row.type);
    const { middle, most, sum } = spread(members);
    setText(parts.label, row.type === "rounds" ? roundsOf(members) : `${visible(members[0].name)} ×${row.size}`);
    setText(parts.number, row.type === "rounds" ? this.calls(row.members) : "");
    const words = [row.type === "batch" && `${done}/${row.size} done`, counts.error && `${counts.error} ${STATUS.error}`, middle !== null && `p50 ${duration(middle)}`, most !== null && `p95 ${duration(most)}`];
    setText(parts.begins, words.filter(Boolean).join(" · "));
    const begun = Math.min(...members.map(({ start_time }) => start_time ?? Infinity));
    const ended = Math.max(...members.map((run) => run.end_time ?? (run.status === "running" ? now : (run.start_time ?? 0))));
    setText(parts.time, row.type === "alike" ? `Σ${duration(sum)}` : duration(ended - begun));
    const all = (name) => sums.reduce((total, one) => ((one?.[name] ?? null) === null ? total : (total ?? 0) + one[name]), null);
    setText(parts.used, tokens(all("input_tokens"), all("output_tokens")));
    setText(parts.cost, dollars(all("cost")));
    if (Number.isFinite(begun)) drawBar(parts.track, this.scale, { begun, first: undefined, ended });
  }

  /** Which model calls are below *ids*: `#3–57`. */
  calls(ids) {
    let least = Infinity;
    let most = 0;
    const waiting = [...ids];
    while (waiting.length) {
      const id = waiting.pop();
      const number = this.model.number.get(id);
      if (number) [least, most] = [Math.min(least, number), Math.max(most, number)];
      waiting.push(...(this.model.children.get(id) ?? []));
    }
    return most ? `#${least}–${most}` : "";
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

export const failure = (run) => (run.error ? `${short(run.error.type)}: ${run.error.message.split("\n", 1)[0]}` : "");

function remarks(run, row, sum, failed) {
  const words = [...(run.noticed?.lines ?? []), gauge(run, sum)];
  if ((run.attempt ?? 1) > 1) words.push(`↻${run.attempt}`);
  else if (run.retries) words.push(`↻${run.retries}`);
  if (failed) return [...words, failed].filter(Boolean).join(" ");
  if (row.below && !row.open && sum?.failures) words.push(`${sum.failures} ${STATUS.error} inside`);
  words.push(run.text.length && run.status === "running" ? run.text.join("").slice(-200) : run.output || run.input || "");
  return words.filter(Boolean).join(" · ");
}

// How far a root run is with its budget: the limit of which the largest part is used.
function gauge(run, sum) {
  const limits = run.noticed?.limits ?? {};
  const spent = {
    cost: sum?.cost ?? null,
    model_calls: sum?.calls ?? null,
    tokens: sum && (sum.input_tokens ?? sum.output_tokens) !== null ? (sum.input_tokens ?? 0) + (sum.output_tokens ?? 0) : null,
    seconds: ((run.end_time ?? Date.now()) - run.start_time) / 1000,
  };
  const shares = Object.entries(limits).filter(([limit]) => spent[limit] != null).map(([limit, of]) => [spent[limit] / of, limit]);
  if (!shares.length) return "";
  const [share, limit] = shares.sort((one, other) => other[0] - one[0])[0];
  const full = Math.min(8, Math.round(share * 8));
  return `${"█".repeat(full)}${"░".repeat(8 - full)} ${Math.round(share * 100)} % of its ${limit.replace("_", " ")} budget`;
}

function used(run, sum) {
  if (run.status === "running" && run.streamed && !run.usage) return `~${count(run.streamed)}`;
  if (!sum || (sum.input_tokens === null && sum.output_tokens === null)) return "";
  return (sum.running ? "~" : "") + tokens(sum.input_tokens, sum.output_tokens);
}

const roundsOf = (members) => namesOf(members).map(([name, times]) => `${visible(name)} ×${times}`).join(", ");

