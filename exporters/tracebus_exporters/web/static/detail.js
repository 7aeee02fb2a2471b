// What is known of one run.

import { answers, questions } from "./decisions.js";
import { count, duration, element, visible } from "./format.js";
import { short } from "./tree.js";

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

export class Detail {
  constructor(title, contents, facts) {
    Object.assign(this, { title, contents, facts });
    this.blocks = new Map();
    this.shown = null;
  }

  update(run, now) {
    if (!run) return;
    if (this.shown !== run.id) {
      this.contents.replaceChildren();
      this.blocks.clear();
      this.shown = run.id;
    }
    this.title.textContent = visible(run.name);
    const running = run.status === "running";
    // Stay with the text as it grows, for who has not scrolled away from its end.
    const pane = this.contents.closest("section");
    const growing = running ? this.blocks.get("Text")?.root : null;
    const bottom = (one) => one.getBoundingClientRect().bottom - pane.getBoundingClientRect().bottom;
    const stay = growing && Math.abs(bottom(growing)) < 80;
    this.block("Error", run.error && [`${short(run.error.type)}: ${run.error.message}`, run.error.traceback].filter(Boolean).join("\n\n"), "error");
    this.block("Reasoning", run.reasoning?.join(""), "reasoning");
    this.block("Text", run.text.join(""), running ? "text streaming" : "text");
    for (const [number, call] of (run.tool_calls ?? []).entries()) this.block(`Tool call ${number + 1}`, `${call.name}(${call.args.join("")})`, "code");
    // A model's answer is its text; its outputs say the same again.
    if (!run.text.length) this.block("Output", run.outputs === null ? null : answers(run.outputs) ?? written(run.outputs), "code");
    this.block("Input", run.inputs === null ? null : questions(run.inputs, written) ?? written(run.inputs), "code");
    for (const [number, event] of (run.events ?? []).entries()) this.block(`Event ${number + 1}: ${event.name}`, written(event.data), "code");
    if (stay && bottom(growing) > 0) pane.scrollTop += bottom(growing) + 12;
    this.drawFacts(run, now);
  }

  block(label, text, className) {
    let block = this.blocks.get(label);
    if (!text) return void (block && (block.root.hidden = true));
    if (!block) {
      const root = element("section", "block");
      const body = element("pre");
      root.append(element("h3", "", label), body);
      block = { root, body, text: null };
      this.blocks.set(label, block);
      this.contents.append(root);
    }
    block.root.hidden = false;
    block.body.className = className;
    if (block.text === text) return;
    // Appending keeps the reader's selection and costs nothing for long texts.
    if (block.text !== null && text.startsWith(block.text) && block.body.firstChild) block.body.firstChild.appendData(visible(text.slice(block.text.length)));
    else block.body.textContent = visible(text);
    block.text = text;
  }

  drawFacts(run, now) {
    const elapsed = run.start_time === null ? null : (run.end_time ?? (run.status === "running" ? now : run.start_time)) - run.start_time;
    const first = run.first_token_time === undefined || run.start_time === null ? null : run.first_token_time - run.start_time;
    const output = run.usage?.output_tokens;
    const seconds = elapsed !== null && first !== null ? (elapsed - first) / 1000 : 0;
    const facts = [
      ["status", run.status],
      ["kind", run.kind.replace("_", " ")],
      ["model", [run.response_model ?? run.model?.name, run.model?.provider].filter(Boolean).join(" · ")],
      ["time", elapsed === null ? "" : duration(elapsed)],
      ["ttft", first === null ? "" : duration(first)],
      ["rate", output && seconds > 0 ? `${(output / seconds).toFixed(0)} tok/s` : ""],
      ["tokens", run.usage ? `${count(run.usage.input_tokens) || "unknown"} in  ${count(run.usage.output_tokens) || "unknown"} out` : ""],
      ["cached", run.usage?.cache_read_tokens ? `${count(run.usage.cache_read_tokens)} read` : ""],
      ["finish", run.finish_reasons?.join(", ") ?? ""],
      ["retries", run.retries ? String(run.retries.length) : ""],
      ["tags", run.tags.join(", ")],
      ["metadata", Object.entries(run.metadata).map(([key, value]) => `${key}=${written(value)}`).join("  ")],
      ["run id", run.id],
      ["left out", run.cuts ? `${run.cuts.length} values` : ""],
    ].filter(([, value]) => value);
    const key = JSON.stringify(facts);
    if (key === this.factsKey) return;
    this.factsKey = key;
    this.facts.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  }
}
