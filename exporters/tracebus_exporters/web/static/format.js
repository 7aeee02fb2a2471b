// How things are written, the same as in the terminal: the signs are those of tracebus/signs.py.

export const STATUS = {
  running: "●", ok: "✓", error: "✗", cancelled: "⊘", abandoned: "⊝", interrupted: "‖", lost: "?",
};
export const KIND = {
  chain: "◇", prompt: "¶", parser: "⊢", chat_model: "◈", llm: "◈", tool: "⚒", retriever: "⌕",
  embedding: "▦", agent: "◆", graph: "◆", node: "○", unknown: "·",
};

/** Show what must not act: control characters and those that turn the direction of text. */
export const visible = (text) =>
  String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (found) => {
    const code = found.codePointAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨${code.toString(16).padStart(4, "0")}⟩`;
  });

export function duration(milliseconds) {
  if (milliseconds === null || Number.isNaN(milliseconds)) return "";
  if (milliseconds < 100) return `${Math.max(0, Math.round(milliseconds))}ms`;
  if (milliseconds < 100_000) return `${(milliseconds / 1000).toFixed(2)}s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

export function count(number) {
  if (number === null || number === undefined) return "";
  if (number < 1000) return String(number);
  if (number < 1_000_000) return `${(number / 1000).toFixed(1)}k`;
  return `${(number / 1_000_000).toFixed(1)}M`;
}

export const tokens = (input, output) =>
  input === null && output === null ? "" : `${count(input) || "?"}→${count(output) || "?"}`;

// One for all: making one costs more than everything else in a row.
const times = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const clock = (milliseconds) => (milliseconds === null ? "" : times.format(milliseconds));

/** Make an element; only ever text, never markup. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = visible(text);
  return made;
}
