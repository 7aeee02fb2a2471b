// What went into a run and what came out, by its shape: text, conversation, documents, tool calls, JSON.

import { element, several } from "../format.js";
import { copyButton } from "./copy.js";
import { answers, questions } from "./decisions.js";
import { json, longText } from "./json.js";
import { markdown } from "./markdown.js";
import { fileIn, media } from "./media.js";

const LONG = 3000;
/** Of a long conversation the end is shown, and the rest when it is asked for: its last message, where it is an answer. */
const LAST = 12;
const FEW = 4;
const ROLES = { human: "user", user: "user", ai: "assistant", assistant: "assistant", system: "system", developer: "system", tool: "tool", function: "tool" };
/** Roles whose text is a program's, where an asterisk is an asterisk. */
const AS_WRITTEN = new Set(["tool"]);

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isMessage = (value) => isObject(value) && "content" in value && ("type" in value || "role" in value);

/**
 * Return *value* as elements.
 * @param known {messages, label, whole}: how many messages came before, what to call them, whether all are shown.
 * @param raw whether Markdown is shown as it was written.
 * @param answer whether it is what came out.
 */
export function payload(value, { known = null, raw = false, answer = false } = {}) {
  if (value === null || value === undefined) return [element("p", "quiet", "nothing recorded")];
  if (typeof value === "string") return [text(value, raw)];
  if (isMessage(value)) return [message(value, raw)];
  const decided = answer ? answers(value) : questions(value, (one) => (typeof one === "string" ? one : JSON.stringify(one, null, 2)));
  if (decided !== null) return [text(decided, true)];
  if (Array.isArray(value?.messages) && value.messages.length && value.messages.every(isMessage)) {
    const { messages, ...rest } = value;
    const shown = conversation(messages, known, raw, answer);
    return Object.keys(rest).length ? [json(rest), ...shown] : shown;
  }
  if (Array.isArray(value?.documents)) return value.documents.map((one, place) => documentOf(one, place + 1));
  const texts = value?.prompts ?? value?.completions;
  if (Array.isArray(texts) && texts.every((one) => typeof one === "string" || typeof one?.text === "string")) return texts.map((one) => text(one.text ?? one, raw));
  if (isObject(value) && Object.keys(value).length === 1 && typeof value.query === "string") return [text(value.query, raw)];
  if (Array.isArray(value) && value.length === 1 && isObject(value[0]?.update) && "goto" in value[0]) return payload(value[0].update, { raw, answer });
  return [json(value)];
}

/** A model's words, and the tools it calls. */
export function said(words, calls, raw) {
  const made = [];
  if (words) made.push(text(words, raw));
  made.push(...calls.map((call) => toolCall(call.name, call.args)));
  return made;
}

export function text(value, raw = false, most = LONG * 10) {
  if (raw) return longText(value, "div", "plain", undefined, most);
  const made = element("div", "prose");
  made.append(markdown(value));
  return made;
}

function conversation(messages, known, raw, answer) {
  const last = answer ? 1 : LAST;
  const before = known?.messages ?? (messages.length > (answer ? FEW : 2 * LAST) ? messages.length - last : 0);
  const drawn = (some) => some.map((one) => message(one, raw));
  if (!before) return drawn(messages);
  const label = known ? `${several(before, "message")} before, the same as in ${known.label}` : `${several(before, "message")} before`;
  const fold = element("details", "earlier");
  fold.append(element("summary", "", label));
  const draw = () => fold.children.length > 1 || fold.append(...drawn(messages.slice(0, before)));
  fold.addEventListener("toggle", () => fold.open && draw());
  if (known?.whole) {
    draw();
    fold.open = true;
  }
  const fresh = messages.length - before;
  const mark = element("p", "fresh", known ? `+${several(fresh, "message")}` : fresh === 1 ? "the last message" : `the last ${several(fresh, "message")}`);
  return [fold, mark, ...drawn(messages.slice(before))];
}

/** Who put a message in that is not of whom its role names; as `tracebus.conversation.inserted` has it. */
export function inserted(value) {
  const source = value.additional_kwargs?.lc_source;
  if (typeof source === "string" && source) return `inserted by ${source}`;
  if (value.type !== "ai" || value.usage_metadata || value.response_metadata) return "";
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(value.id)) ? "inserted" : "";
}

function message(value, raw) {
  const given = String(value.role ?? value.type);
  const role = ROLES[given] ?? "other";
  const made = element("article", `message message-${role}`);
  const head = element("header");
  head.append(element("span", "role", ROLES[given] ?? given));
  if (value.name) head.append(element("span", "quiet", value.name));
  if (inserted(value)) head.append(element("span", "quiet", inserted(value)));
  if (value.status === "error") head.append(element("span", "failed", "error"));
  head.append(copyButton(() => wordsOf(value.content), "this message"));
  made.append(head);
  const plain = raw || AS_WRITTEN.has(role);
  const blocks = Array.isArray(value.content) ? value.content : [value.content];
  for (const block of blocks) made.append(...partOf(block, plain));
  const calls = Array.isArray(value.tool_calls) ? value.tool_calls.filter(isObject) : [];
  made.append(...calls.map((call) => toolCall(call.name, call.args)));
  for (const call of Array.isArray(value.invalid_tool_calls) ? value.invalid_tool_calls.filter(isObject) : []) made.append(toolCall(`${call.name} (invalid)`, call.args));
  return made;
}

function partOf(block, plain) {
  if (block === null || block === undefined || block === "") return [];
  if (typeof block === "string") return [words(block, plain)];
  if (typeof block.text === "string") return block.text ? [words(block.text, plain)] : [];
  const thought = block.reasoning ?? block.thinking;
  if (typeof thought === "string") return [reasoning(thought)];
  if (["tool_use", "tool_call", "function_call"].includes(block.type)) return [];
  const file = fileIn(block);
  return [file ? media(file) : json(block)];
}

function words(value, plain) {
  if (plain) return longText(value, "div", "plain", undefined, LONG);
  return text(value);
}

export function reasoning(value, open = false) {
  const made = element("details", "reasoning");
  made.open = open;
  made.append(element("summary", "", "reasoning"), element("div", "plain", value));
  return made;
}

/** A tool call: its name and its arguments, as JSON where they are. */
export function toolCall(name, args) {
  const made = element("section", "call");
  const head = element("header");
  head.append(element("span", "arrow", "→"), element("span", "call-name", name || "tool"));
  const written = typeof args === "string" ? args : JSON.stringify(args, null, 2);
  if (written) head.append(copyButton(() => written, "the arguments"));
  made.append(head);
  let value = args;
  if (typeof args === "string") {
    try {
      value = JSON.parse(args);
    } catch {
      value = args;
    }
  }
  if (isObject(value) && !Object.keys(value).length) return made;
  made.append(typeof value === "string" ? element("div", "plain", value) : json(value));
  return made;
}

function documentOf(value, number) {
  if (!isObject(value) || typeof value.page_content !== "string") return json(value);
  const made = element("article", "message message-document");
  const head = element("header");
  head.append(element("span", "role", `${number}. ${value.metadata?.source ?? "document"}`), copyButton(() => value.page_content, "this document"));
  made.append(head, longText(value.page_content, "div", "plain", undefined, LONG));
  if (isObject(value.metadata) && Object.keys(value.metadata).length) made.append(json(value.metadata, 0));
  return made;
}

/** The text in a message's content. */
export function wordsOf(content) {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content, null, 2);
  return content.map((block) => (typeof block === "string" ? block : (block?.text ?? JSON.stringify(block)))).join("\n");
}
