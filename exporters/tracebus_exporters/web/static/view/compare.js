// Two runs compared: where they part, all steps side by side, and what differs in each, word by word.

import { count, dollars, duration, element, several, thousands, tokens, visible } from "../format.js";
import { setIcon } from "./icons.js";

const MARKS = { same: ["", "the same"], differs: ["~", "differs"], only_left: ["−", "only left"], only_right: ["+", "only right"] };
const NOTHING = "–";

/** Draw what the server answered into *place*. */
export function drawComparison(place, found) {
  const details = new Map(found.details.map((detail) => [detail.step, `step-${detail.step}`]));
  place.replaceChildren(
    sides(found.steps[0]),
    element("p", "verdict", found.verdict),
    steps(found, details),
    ...more(found.more.steps, "step"),
    ...found.details.map((detail) => drawDetail(detail, found.steps[detail.step])),
    ...more(found.more.details, "step that differs", "steps that differ"),
  );
}

function more(number, one, many = `${one}s`) {
  return number ? [element("p", "quiet", `… ${thousands(number)} ${number === 1 ? one : many} more: tracebus compare --full`)] : [];
}

function sides({ left, right }) {
  const made = element("dl", "sides");
  for (const [word, side] of [["left", left], ["right", right]]) {
    const name = element("dt", "", word);
    const facts = element("dd");
    facts.dataset.status = side.status;
    const state = element("span", "state");
    setIcon(state, side.status, side.status);
    const words = [side.run_id.slice(-8), duration(ms(side.duration)), used(side) && `${used(side)} tokens`, dollars(side.cost)];
    facts.append(state, element("b", "", side.name), element("span", "quiet", words.filter(Boolean).join(" · ")));
    made.append(name, facts);
  }
  return made;
}

const ms = (seconds) => (seconds === null || seconds === undefined ? null : seconds * 1000);
const used = (side) => tokens(side?.input_tokens, side?.output_tokens);

function steps(found, details) {
  const table = element("table", "steps");
  const head = element("tr");
  for (const name of ["step", "time", "tokens", "cost", "differs in"]) {
    const cell = element("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  const headRows = element("thead");
  headRows.append(head);
  const body = element("tbody");
  body.append(...found.steps.map((step, number) => drawStep(step, number, found.parted, details.get(number))));
  table.append(headRows, body);
  return table;
}

function drawStep({ depth, change, left, right, what }, number, parted, target) {
  const row = element("tr", change);
  const [mark, says] = MARKS[change];
  const head = element("th");
  head.scope = "row";
  const name = element("div", "step");
  head.append(name);
  name.style.setProperty("--level", depth);
  const sign = element("span", "mark", mark);
  sign.title = says;
  const label = target ? element("a", "label") : element("span", "label");
  if (target) label.href = `#${target}`;
  label.textContent = visible((left ?? right).name);
  if (left && right && left.name !== right.name) label.textContent = visible(`${left.name} → ${right.name}`);
  if (target) label.addEventListener("click", (event) => {
    event.preventDefault(); // the address says which runs are compared
    const detail = document.getElementById(target);
    detail.parentElement.scrollTop = detail.offsetTop; // and nothing around it
    detail.focus({ preventScroll: true });
  });
  name.append(sign, label);
  if (mark) name.append(element("span", "visually-hidden", says));
  if (number === parted) {
    row.classList.add("parted");
    name.append(element("span", "here", "here they part"));
  }
  row.append(
    head,
    pair(duration(ms(left?.duration)), duration(ms(right?.duration)), change_of(left?.duration, right?.duration)),
    pair(used(left), used(right)),
    pair(dollars(left?.cost), dollars(right?.cost)),
    element("td", "what", what.join(", ")),
  );
  return row;
}

function change_of(left, right) {
  if (!left || right === null || right === undefined) return "";
  const percent = Math.round((right / left - 1) * 100);
  return `${percent < 0 ? "−" : "+"}${count(Math.abs(percent))}%`;
}

function pair(left, right, change = "") {
  const cell = element("td", "figure");
  if (left === right) cell.textContent = left;
  else cell.append(`${left || NOTHING} → ${right || NOTHING}`);
  if (change && left !== right) cell.append(" ", element("span", "change", change));
  return cell;
}

function drawDetail({ step: number, path, differences }, { left, right }) {
  const made = element("section", "difference");
  made.id = `step-${number}`;
  made.tabIndex = -1;
  const head = element("h3");
  const { kind } = left ?? right;
  const sign = element("span", "kind");
  setIcon(sign, kind, kind);
  head.dataset.kind = kind;
  head.append(sign, element("span", "", path));
  made.append(head);
  for (const { what, lines } of differences) {
    const figure = element("figure");
    figure.append(element("figcaption", "", what), drawLines(lines));
    made.append(figure);
  }
  return made;
}

function drawLines(lines) {
  const made = element("div", "lines");
  for (const line of lines) {
    if (typeof line === "number") made.append(element("div", "skipped", `… ${several(line, "line")}`));
    else if (line.again) made.append(element("div", "skipped", "… as above"));
    else if (line.same) made.append(drawLine("same", "", line.left));
    else {
      if (line.left) made.append(drawLine("removed", "−", line.left));
      if (line.right) made.append(drawLine("added", "+", line.right));
    }
  }
  return made;
}

function drawLine(className, sign, parts) {
  const made = element("div", className);
  const mark = element("span", "mark", sign);
  if (sign) mark.ariaHidden = "true";
  made.append(mark);
  const text = element("span", "text");
  const tag = { removed: "del", added: "ins", same: "span" }[className];
  const whole = parts.every(([, changed]) => changed);
  if (whole && className !== "same") text.append(element(tag, "", parts.map(([said]) => said).join("")));
  else for (const [said, changed] of parts) text.append(changed && className !== "same" ? element(tag, "word", said) : visible(said));
  made.append(text);
  return made;
}

/** What is said while the answer is not there, or where there is none. */
export function drawMessage(place, text) {
  place.replaceChildren(element("p", "empty", text));
}
