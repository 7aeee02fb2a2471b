// JSON that folds. What is closed is drawn once it is opened.

import { element, several, thousands } from "../format.js";

const LONG = 600;
const MANY = 100;
/** Values so small are open from the start, if they are not deep inside. */
const FEW = 12;

const isHolder = (value) => value !== null && typeof value === "object";

/** Return *value* as a folding tree; *open* says how many levels begin open. */
export function json(value, open = 2) {
  const root = element("div", "json");
  const entries = isHolder(value) ? entriesOf(value) : null;
  if (!entries) root.append(line(null, value));
  else if (!entries.length || open < 1) root.append(holder(null, value, open));
  else root.append(...members(entries, open));
  return root;
}

const entriesOf = (value) => (Array.isArray(value) ? value.map((one, place) => [String(place), one]) : Object.entries(value));

function members(entries, open) {
  const drawn = entries.slice(0, MANY).map(([key, one]) => (isHolder(one) ? holder(key, one, open - 1) : line(key, one)));
  return entries.length > MANY ? [...drawn, rest(entries.slice(MANY))] : drawn;
}

function line(name, value) {
  const made = element("div", "json-line");
  if (name !== null) made.append(element("span", "json-name", name), element("span", "json-quiet", ": "));
  made.append(scalar(value));
  return made;
}

function scalar(value) {
  if (typeof value !== "string") return element("span", `json-${value === null ? "null" : typeof value}`, String(value));
  return longText(value, "span", "json-string", JSON.stringify);
}

/** Return a text of which only the beginning is shown, with a button for the rest. */
export function longText(text, tag, className, written = (part) => part, most = LONG) {
  const made = element(tag, className, written(text.slice(0, most)));
  if (text.length <= most) return made;
  const more = element("button", "more", `show all ${thousands(text.length)} characters`);
  more.type = "button";
  more.addEventListener("click", () => made.replaceWith(element(tag, className, written(text))));
  made.append(" ", more);
  return made;
}

function holder(name, value, open) {
  const list = Array.isArray(value);
  const entries = entriesOf(value);
  if (!entries.length) {
    const empty = element("div", "json-line");
    if (name !== null) empty.append(element("span", "json-name", name), element("span", "json-quiet", ": "));
    empty.append(element("span", "json-quiet", list ? "[]" : "{}"));
    return empty;
  }
  const made = element("details", "json-holder");
  const summary = element("summary");
  if (name !== null) summary.append(element("span", "json-name", name), " ");
  summary.append(element("span", "json-quiet", list ? `[ ${several(entries.length, "item")} ]` : `{ ${entries.slice(0, 4).map(([key]) => key).join(", ")}${entries.length > 4 ? ", …" : ""} }`));
  made.append(summary);
  const inside = element("div", "json-inside");
  const draw = () => {
    if (inside.firstChild) return;
    inside.append(...members(entries, open));
    made.append(inside);
  };
  made.addEventListener("toggle", () => made.open && draw());
  if (open > 1 || (open > 0 && entries.length <= FEW)) {
    draw();
    made.open = true;
  }
  return made;
}

function rest(entries) {
  const more = element("button", "more", `show ${thousands(entries.length)} more`);
  more.type = "button";
  more.addEventListener("click", () => more.replaceWith(...entries.map(([key, one]) => (isHolder(one) ? holder(key, one, 0) : line(key, one)))));
  return more;
}
