// The waterfall: when each run waited for its first token, streamed, and worked, on the time scale of the whole tree.

import { element } from "../format.js";

const PARTS = ["wait", "bar", "first"];

export function track() {
  const root = element("span", "track");
  root.setAttribute("aria-hidden", "true");
  const parts = { root };
  for (const part of PARTS) root.append((parts[part] = element("span", part)));
  return parts;
}

/** From when to when the runs go. */
export function scaleOf(runs, now) {
  let start = Infinity;
  let end = -Infinity;
  for (const run of runs) {
    if (run.start_time !== null) start = Math.min(start, run.start_time);
    end = Math.max(end, run.end_time ?? (run.status === "running" ? now : (run.start_time ?? 0)));
  }
  return { start, span: Math.max(end - start, 0.001) };
}

/** Draw from *begun* over *first* (the first token's time, if there was one) to *ended*. */
export function drawBar(parts, scale, { begun, first, ended }) {
  const share = (time) => Math.min(Math.max((time - scale.start) / scale.span, 0), 1);
  const key = `${share(begun).toFixed(4)} ${first === undefined ? "" : share(first).toFixed(4)} ${share(ended).toFixed(4)}`;
  if (parts.key === key) return;
  parts.key = key;
  const spoke = first ?? begun;
  place(parts.wait, share(begun), share(spoke));
  place(parts.bar, share(spoke), share(ended));
  parts.wait.hidden = parts.first.hidden = first === undefined;
  parts.first.style.left = `${100 * share(spoke)}%`;
}

function place(part, from, to) {
  part.style.left = `${100 * from}%`;
  part.style.width = `${100 * (to - from)}%`;
}
