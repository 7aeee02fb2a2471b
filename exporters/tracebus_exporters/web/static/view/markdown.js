// Markdown as elements: what models write, not all of CommonMark. Made of text nodes only, never of markup;
// links and pictures say where they lead and lead nowhere, so that nothing is fetched because a model said so.

import { element, visible } from "../format.js";

const FENCE = /^\s{0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s{0,3}> ?(.*)$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const DEEP = 12;
/** Beyond this nobody reads, and a browser would be slow. */
const MOST = 200_000;
/** In a longer paragraph nothing is looked for. */
const LONG = 10_000;

const INLINE =
  /(?<code>(?<!`)(?<ticks>`{1,4})(?!`)(?<inside>[\s\S]*?[^`])\k<ticks>(?!`))|(?<link>!?\[(?<label>[^\]\n]*)\]\((?<target>[^)\s]+)(?:\s+"[^"\n]*")?\))|(?<strong>(?<bold>\*\*|__)(?=\S)(?<heavy>[\s\S]*?\S)\k<bold>)|(?<emphasis>(?<!\w)(?<slant>\*|_)(?=[^\s*_])(?<light>[^*_]*?[^\s*_])\k<slant>(?!\w))|(?<struck>~~(?=\S)(?<gone>[\s\S]*?\S)~~)|(?<escaped>\\(?<plain>[\\`*_{}[\]()#+\-.!|~>]))/g;

/** Return *text* as a fragment of elements. */
export function markdown(text) {
  const lines = (text.length > MOST ? `${text.slice(0, MOST)}\n\n… ${text.length - MOST} characters more` : text).split(/\r\n|\n|\r/);
  const made = document.createDocumentFragment();
  made.append(...blocks(lines, 0));
  return made;
}

function blocks(lines, depth) {
  const made = [];
  for (let at = 0; at < lines.length; ) {
    const [node, next] = block(lines, at, depth);
    if (node) made.push(node);
    at = next;
  }
  return made;
}

function block(lines, at, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return fenced(lines, at, fence);
  const heading = HEADING.exec(line);
  // The page has its own headings; what a model wrote is content, below them.
  if (heading) return [inlineInto(element("p", `md-h md-h${heading[1].length}`), heading[2]), at + 1];
  if (RULE.test(line)) return [element("hr"), at + 1];
  if (depth < DEEP && QUOTE.test(line)) return quoted(lines, at, depth);
  if (depth < DEEP && ITEM.test(line)) return listed(lines, at, depth);
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) return table(lines, at);
  return paragraph(lines, at);
}

function fenced(lines, at, [, mark, language]) {
  let end = at + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(mark) && !lines[end].trim().slice(mark.length).replaceAll(mark[0], ""))) end += 1;
  const pre = element("pre", "md-code");
  if (language) pre.append(element("span", "md-language", language));
  pre.append(element("code", "", lines.slice(at + 1, end).join("\n")));
  return [pre, end + 1];
}

function quoted(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const quote = element("blockquote");
  quote.append(...blocks(lines.slice(at, end).map((line) => QUOTE.exec(line)[1]), depth + 1));
  return [quote, end];
}

function listed(lines, at, depth) {
  const [, indent, mark] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(mark);
  const list = element(ordered ? "ol" : "ul");
  if (ordered && parseInt(mark, 10) !== 1) list.start = parseInt(mark, 10);
  while (at < lines.length) {
    const item = ITEM.exec(lines[at]);
    if (!item || item[1].length !== indent.length || /\d/.test(item[2]) !== ordered) break;
    const inside = [item[3]];
    at += 1;
    for (; at < lines.length; at += 1) {
      const deeper = /^\s*/.exec(lines[at])[0].length > indent.length;
      if (lines[at].trim() ? !deeper : !/^\s/.test(lines[at + 1] ?? "")) break;
      inside.push(lines[at].slice(Math.min(indent.length + item[2].length + 1, /^\s*/.exec(lines[at])[0].length)));
    }
    const entry = element("li");
    const found = blocks(inside, depth + 1);
    // A short item needs no paragraph of its own.
    if (found[0]?.tagName === "P") found.splice(0, 1, ...found[0].childNodes);
    entry.append(...found);
    list.append(entry);
    while (at < lines.length && !lines[at].trim() && ITEM.exec(lines[at + 1] ?? "")?.[1].length === indent.length) at += 1;
  }
  return [list, at];
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function table(lines, at) {
  const made = element("table", "md-table");
  const sides = cells(lines[at + 1]).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left"));
  const row = (tag, line) => {
    const made = element("tr");
    cells(line).forEach((cell, column) => {
      const one = inlineInto(element(tag, `md-${sides[column] ?? "left"}`), cell);
      if (tag === "th") one.scope = "col";
      made.append(one);
    });
    return made;
  };
  const head = element("thead");
  head.append(row("th", lines[at]));
  const body = element("tbody");
  for (at += 2; at < lines.length && lines[at].includes("|"); at += 1) body.append(row("td", lines[at]));
  made.append(head, body);
  const frame = element("div", "md-scroll");
  frame.append(made);
  return [frame, at];
}

const begins = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !begins(lines[end])) end += 1;
  return [inlineInto(element("p"), lines.slice(at, end).join("\n")), end];
}

function inlineInto(holder, text, depth = 0) {
  let at = 0;
  for (const found of depth < DEEP && text.length <= LONG ? text.matchAll(INLINE) : []) {
    if (found.index > at) holder.append(visible(text.slice(at, found.index)));
    holder.append(styled(found.groups, depth + 1));
    at = found.index + found[0].length;
  }
  if (at < text.length) holder.append(visible(text.slice(at)));
  return holder;
}

function styled(found, depth) {
  if (found.code) return element("code", "", found.inside.trim());
  if (found.strong) return inlineInto(element("strong"), found.heavy, depth);
  if (found.emphasis) return inlineInto(element("em"), found.light, depth);
  if (found.struck) return inlineInto(element("del"), found.gone, depth);
  if (found.escaped) return document.createTextNode(found.plain);
  const link = element("span", "md-link");
  if (found.link.startsWith("!")) link.append(element("span", "md-picture", found.label || "picture"));
  else inlineInto(link, found.label, depth);
  if (found.target !== found.label) link.append(element("span", "md-target", ` ${found.target}`));
  return link;
}
