// Questions to the server that are answered once.

const BASE = new URL("../../", import.meta.url);

async function ask(path, signal) {
  const response = await fetch(new URL(path, BASE), { signal, cache: "no-store" });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.status);
  return answer;
}

/** One run's whole entry, and how much of its conversation an earlier model call had. */
export const entry = (id, signal) => ask(`runs/${encodeURIComponent(id)}/entry`, signal);

/** One run's events as they were recorded. */
export const events = (id, signal) => ask(`runs/${encodeURIComponent(id)}/events`, signal);

/** The runs of a tree in which a text turned up first. */
export const find = (id, text, signal) => ask(`runs/${encodeURIComponent(id)}/find?text=${encodeURIComponent(text)}`, signal);

/** The listed root runs in which a text is anywhere, and how many were searched. */
export const search = (text, signal) => ask(`search?text=${encodeURIComponent(text)}`, signal);

/** How two runs differ, step by step. */
export const compared = (left, right, signal) => ask(`runs/${encodeURIComponent(left)}/compare/${encodeURIComponent(right)}`, signal);
