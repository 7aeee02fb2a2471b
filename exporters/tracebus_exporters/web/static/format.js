// How things are written, the same as in the terminal: the signs of states are those of tracebus/signs.py, the
// numbers those of tracebus/figures.py.

export const STATUS = {
  running: "●", ok: "✓", error: "✗", cancelled: "⊘", abandoned: "⊝", interrupted: "‖", lost: "?",
};
export const MODELS = new Set(["chat_model", "llm"]);

const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

/** Show what must not act or hide: control characters, those that turn the direction of text, invisible ones. */
export const visible = (text) =>
  String(text).replace(HIDDEN, (found) => {
    const code = found.codePointAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? "␡" : `⟨${code.toString(16).padStart(4, "0")}⟩`;
  });

// Below the first number (milliseconds) the unit and places that follow.
const SMALL = [
  [0.9995, 1000, 0, "µs"],
  [9.95, 1, 1, "ms"],
  [99.5, 1, 0, "ms"],
  [9995, 0.001, 2, "s"],
  [59_950, 0.001, 1, "s"],
];

export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return "";
  const amount = Math.max(0, milliseconds);
  for (const [below, scale, places, unit] of SMALL) if (amount < below) return `${(amount * scale).toFixed(places)}${unit}`;
  const seconds = Math.round(amount / 1000);
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
}

export function count(number) {
  if (number === null || number === undefined) return "";
  let amount = number;
  for (const unit of ["", "k", "M", "G"]) {
    if (amount < 999.5 || unit === "G") return `${amount.toFixed(unit && amount < 9.95 ? 1 : 0)}${unit}`;
    amount /= 1000;
  }
  return "";
}

export function dollars(cost) {
  if (cost === null || cost === undefined) return "";
  if (cost === 0) return "$0";
  if (cost < 0.0001) return "<$0.0001";
  if (cost < 0.01) return `$${cost.toFixed(4)}`;
  if (cost < 1) return `$${cost.toFixed(3)}`;
  return `$${cost.toFixed(cost < 1000 ? 2 : 0)}`;
}

export const tokens = (input, output) =>
  (input ?? null) === null && (output ?? null) === null ? "" : `${count(input) || "?"}→${count(output) || "?"}`;

// By hand: in a browser just started, its tables of all languages take longer to load than the page to be drawn.

/** A whole number with its thousands apart. */
export const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** Tell several things of one kind: `3 runs`, `1 run`. */
export const several = (number, word) => `${thousands(number)} ${word}${number === 1 ? "" : "s"}`;

/** The time of day, where the reader is. */
export function clock(milliseconds) {
  if (milliseconds === null || !Number.isFinite(milliseconds)) return "";
  const time = new Date(milliseconds);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** The last part of an error's dotted type. */
export const short = (type) => type.split(".").at(-1);

/** Make an element; only ever text, never markup. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = visible(text);
  return made;
}

/** Scroll to an element with the next frame: asked for at once it would cost a layout of its own. */
export const scrollTo = (target, block = "nearest") => requestAnimationFrame(() => target?.scrollIntoView({ block }));

/** Set an element's text, where it is another. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
