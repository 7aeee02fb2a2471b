// The signs of kinds and states, drawn: fonts differ, and lack some of them.

const PATHS = {
  chain: "M8 2.7 13.3 8 8 13.3 2.7 8Z",
  agent: "!M8 2.2 13.8 8 8 13.8 2.2 8Z",
  graph: "!M8 2.2 13.8 8 8 13.8 2.2 8Z",
  node: "M8 3.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Z",
  chat_model: "M8 1.9 14.1 8 8 14.1 1.9 8ZM8 6.4 9.6 8 8 9.6 6.4 8Z",
  llm: "M8 1.9 14.1 8 8 14.1 1.9 8ZM8 6.4 9.6 8 8 9.6 6.4 8Z",
  tool: "M9.9 2.5a3.6 3.6 0 0 0-3.3 5L2.6 11.5a1.33 1.33 0 0 0 1.9 1.9l4-4a3.6 3.6 0 0 0 4.9-4.4L11.2 7.2 9.1 6.9 8.8 4.8 11 2.6a3.6 3.6 0 0 0-1.1-.10Z",
  retriever: "M7 2.6a4.4 4.4 0 1 1 0 8.8 4.4 4.4 0 0 1 0-8.8ZM10.3 10.3 13.5 13.5",
  prompt: "M12 3H6.7a2.7 2.7 0 0 0 0 5.4H8M8 3v10.5M11 3v10.5",
  parser: "M4.5 3v10M4.5 8h8",
  embedding: "M3 3h4v4H3ZM9 3h4v4H9ZM3 9h4v4H3ZM9 9h4v4H9Z",
  batch: "M3 3h10v10H3ZM3 6.4h10M3 9.7h10",
  many: "M3 4.5h10M3 8h10M3 11.5h10",
  unknown: "!M8 6.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3Z",
  ok: "M3.3 8.5 6.6 11.8 12.8 4.7",
  error: "M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6",
  cancelled: "M8 2.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8ZM4.4 11.6l7.2-7.2",
  abandoned: "M8 2.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8ZM5.5 8h5",
  interrupted: "M5.8 3.8v8.4M10.2 3.8v8.4",
  lost: "M5.6 6a2.4 2.4 0 1 1 3.6 2.1c-.80.5-1.2 1-1.2 1.9M8 12.7v.10",
  running: "M8 2.8a5.2 5.2 0 1 1-5.2 5.2",
  twig: "M6 4.2 9.8 8 6 11.8",
  back: "M9.8 4.2 6 8l3.8 3.8",
  copy: "M5.5 5.5h7.5v7.5H5.5ZM3 10.5V3h7.5",
};
const SVG = "http://www.w3.org/2000/svg";

/** Draw *name*; with a *label* it speaks to screen readers, else it is silent. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${Object.hasOwn(PATHS, name) ? name : "unknown"}`);
  const path = document.createElementNS(SVG, "path");
  const drawn = Object.hasOwn(PATHS, name) ? PATHS[name] : PATHS.unknown;
  path.setAttribute("d", drawn.replace("!", ""));
  path.setAttribute("fill", drawn.startsWith("!") ? "currentColor" : "none");
  svg.append(path);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** Have *holder* hold the icon *name*; draws only what is new. */
export function setIcon(holder, name, label) {
  if (holder.dataset.icon === name) return;
  holder.dataset.icon = name;
  holder.replaceChildren(icon(name, label));
}
