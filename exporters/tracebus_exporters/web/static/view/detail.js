// What is known of one run: what it put out, what it was given, facts, events, and all of it as JSON.

import { duration, element, setText, short, visible } from "../format.js";
import * as ask from "../wire/ask.js";
import { copyButton } from "./copy.js";
import { eventList } from "./events.js";
import { factsOf, stripOf } from "./facts.js";
import { setIcon } from "./icons.js";
import { json } from "./json.js";
import { payload, reasoning, said } from "./payload.js";
import { Tabs } from "./tabs.js";

const TABS = [["output", "Output"], ["input", "Input"], ["info", "Info"], ["events", "Events"], ["raw", "Raw"]];
const NEAR = 48;

const NOTICED = new Set(["tracebus.budget", "tracebus.loop"]);

export class Detail {
  constructor(parts) {
    Object.assign(this, parts);
    this.tabs = new Tabs(this.tablist, this.contents, TABS, () => this.draw());
    this.formatted = true;
    this.whole = false;
    this.copyAll.append(copyButton(() => this.copied(), "what is shown"));
    this.clear();
  }

  clear() {
    this.asking?.abort();
    Object.assign(this, { run: null, entry: null, known: null, key: null, live: null, events: null });
    this.contents.replaceChildren();
    this.strip.replaceChildren();
    this.stripKey = null;
    setText(this.title, "Details");
    setText(this.call, "");
    this.kind.replaceChildren();
    delete this.kind.dataset.icon;
  }

  /**
   * Show *run* as it is now.
   * @param about {number, total, sum, callOf}: which model call it is of how many, what it and the runs below it add
   *   up to, and what tells the number of another one.
   */
  update(run, about, now) {
    if (!run) return;
    this.about = about;
    if (this.run?.id !== run.id) {
      this.asking?.abort();
      Object.assign(this, { entry: null, known: null, key: null, live: null, events: null, whole: false, started: performance.now() });
      if (this.run) this.contents.scrollTop = 0; // not before the first: it would cost a layout
    }
    this.run = run;
    this.contents.parentElement.toggleAttribute("data-virtual", Boolean(run.virtual));
    setText(this.title, visible(run.name));
    setIcon(this.kind, run.kind, run.kind.replace("_", " "));
    this.kind.dataset.kind = run.kind;
    setText(this.call, about.number && about.total > 1 ? `model call ${about.number} of ${about.total}` : "");
    this.drawStrip(now);
    const key = `${run.id} ${run.status} ${run.events} ${run.retries} ${run.end_time}`;
    if (key !== this.key) {
      this.key = key;
      if (run.virtual) this.draw();
      else this.fetch(run.id);
    }
    if (run.status === "running") this.drawLive();
  }

  async fetch(id) {
    this.asking?.abort();
    const { signal } = (this.asking = new AbortController());
    try {
      const { run, known } = await ask.entry(id, signal);
      if (signal.aborted) return;
      Object.assign(this, { entry: run, known, events: null });
      this.draw();
    } catch (error) {
      if (!signal.aborted) this.contents.replaceChildren(element("p", "empty", `This run cannot be read: ${error.message}`));
    }
  }

  drawStrip(now) {
    const facts = stripOf(this.run, this.about.sum, now);
    const key = facts.join("\n");
    if (key === this.stripKey) return;
    this.stripKey = key;
    this.strip.replaceChildren(...facts.map(([name, value]) => {
      const fact = element("li", `fact fact-${name.replace(" ", "-")}`);
      fact.append(element("span", "quiet", name), " ", element("span", "", value));
      return fact;
    }));
    this.strip.dataset.status = this.run.status;
  }

  draw() {
    const { run, entry } = this;
    if (!run) return;
    this.live = null;
    if (run.virtual) return void this.contents.replaceChildren(factsOf(run, run, this.about));
    if (!entry) return;
    const draw = { output: () => this.output(), input: () => this.input(), info: () => [factsOf(run, entry, this.about)], events: () => this.eventList(), raw: () => [json(entry, 1)] };
    this.contents.replaceChildren(...draw[this.tabs.current]());
    if (run.status === "running") this.drawLive();
  }

  output() {
    const { run, entry } = this;
    const made = [];
    if (entry.error) made.push(failure(entry.error));
    for (const { error, attempt } of entry.retries ?? []) if (error) made.push(failure(error, `attempt ${attempt ?? "?"}`));
    if (run.status === "running") {
      const words = element("div", "plain streaming");
      const thoughts = reasoning("", true);
      thoughts.hidden = true;
      const calls = element("div");
      const waiting = element("p", "quiet", "waiting for output …");
      this.live = { thoughts, words, calls, waiting };
      made.push(thoughts, words, calls, waiting);
    } else {
      const words = entry.text.join("");
      const calls = (entry.tool_calls ?? []).map(({ name, args }) => ({ name, args: args.join("") }));
      if (entry.reasoning?.length) made.push(reasoning(entry.reasoning.join("")));
      if (words || calls.length) made.push(...said(words, calls, !this.formatted));
      else if (entry.outputs !== null) made.push(...payload(entry.outputs, { raw: !this.formatted, answer: true }));
      else if (!entry.error) made.push(element("p", "quiet", "no output recorded"));
    }
    if (run.noticed?.lines.length) made.push(notice(run.noticed.lines));
    for (const { name, data, time } of entry.events ?? []) if (!NOTICED.has(name)) made.push(customEvent(name, data, time - entry.start_time));
    return made;
  }

  input() {
    const { entry, known } = this;
    let before = null;
    if (known) {
      const number = this.about.callOf(known.run_id);
      before = { messages: known.messages, label: number ? `model call ${number}` : "an earlier call", whole: this.whole };
    }
    return payload(entry.inputs, { known: before, raw: !this.formatted });
  }

  eventList() {
    if (this.events) return [eventList(this.events, this.entry.start_time)];
    const { id } = this.run;
    const { signal } = this.asking;
    ask.events(id, signal).then(
      (events) => {
        this.events = events;
        if (this.run?.id === id && this.tabs.current === "events") this.draw();
      },
      (error) => signal.aborted || this.contents.replaceChildren(element("p", "empty", `The events cannot be read: ${error.message}`)),
    );
    return [element("p", "quiet", "reading …")];
  }

  /** What a running run has said so far; stays with its end, for who has not scrolled away from there. */
  drawLive() {
    if (!this.live) return;
    const { thoughts, words, calls, waiting } = this.live;
    const { run, contents } = this;
    const stay = contents.scrollHeight - contents.scrollTop - contents.clientHeight < NEAR;
    const text = run.text.join("");
    grow(words, text);
    const thought = run.reasoning?.join("") ?? "";
    thoughts.hidden = !thought;
    grow(thoughts.lastChild, thought);
    const key = JSON.stringify(run.tool_calls ?? []);
    if (this.live.calls.dataset.key !== key) {
      calls.dataset.key = key;
      calls.replaceChildren(...said("", (run.tool_calls ?? []).map(({ name, args }) => ({ name, args: args.join("") })), false));
    }
    words.hidden = !text;
    waiting.hidden = Boolean(text || thought || run.tool_calls?.length);
    if (stay) contents.scrollTop = contents.scrollHeight;
  }

  /** Show the whole conversation, or what is new in it. */
  toggleWhole() {
    this.whole = !this.whole;
    if (this.tabs.current !== "input") this.tabs.choose("input");
    else this.draw();
    return this.whole;
  }

  setFormatted(on) {
    this.formatted = on;
    this.draw();
  }

  copied() {
    const { entry, run } = this;
    if (!entry) return "";
    const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
    switch (this.tabs.current) {
      case "output":
        return run.text.join("") || entry.text.join("") || written(entry.outputs ?? entry.error);
      case "input":
        return written(entry.inputs);
      case "events":
        return written(this.events ?? []);
      default:
        return written(entry);
    }
  }
}

/** Appending keeps the reader's selection and costs nothing for long texts. */
function grow(target, text) {
  const before = target.shown ?? "";
  if (before === text) return;
  if (before && text.startsWith(before) && target.firstChild) target.firstChild.appendData(visible(text.slice(before.length)));
  else target.textContent = visible(text);
  target.shown = text;
}

function failure(error, when) {
  const made = element("section", "failure");
  const head = element("header");
  head.append(element("strong", "", short(error.type)));
  if (when) head.append(element("span", "quiet", when));
  head.append(copyButton(() => `${error.type}: ${error.message}\n\n${error.traceback ?? ""}`, "the error"));
  made.append(head, element("div", "plain", error.message));
  if (error.traceback) {
    const trace = element("details");
    trace.append(element("summary", "", "traceback"), element("pre", "trace", error.traceback));
    made.append(trace);
  }
  return made;
}

/** What tracebus noticed of a run: its budget's state, circles. Told in words; the Events tab has the facts. */
function notice(lines) {
  const made = element("section", "call custom noticed");
  const head = element("header");
  head.append(element("span", "call-name", "noticed"));
  made.append(head, ...lines.map((line) => element("div", "plain", line)));
  return made;
}

function customEvent(name, data, after) {
  const made = element("section", "call custom");
  const head = element("header");
  head.append(element("span", "arrow", "◦"), element("span", "call-name", name), element("span", "quiet", `event after ${duration(after)}`));
  made.append(head, data !== null && typeof data === "object" ? json(data) : element("div", "plain", String(data)));
  return made;
}

