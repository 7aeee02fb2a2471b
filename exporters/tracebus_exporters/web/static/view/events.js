// A run's events as they were recorded. A stretch of chunks is one line.

import { duration, element, several } from "../format.js";
import { json } from "./json.js";

const NAMES = { run_started: "started", run_streamed: "streamed", run_ended: "ended", run_retried: "retried", custom_emitted: "custom" };

/** Return *events* as a list, with the time since *start* (milliseconds since the epoch). */
export function eventList(events, start) {
  const list = element("div", "events");
  for (const stretch of stretches(events)) list.append(lineOf(stretch, start));
  if (!events.length) list.append(element("p", "quiet", "no events recorded"));
  return list;
}

function stretches(events) {
  const found = [];
  for (const event of events) {
    const last = found.at(-1);
    if (last && typeOf(event) === "run_streamed" && typeOf(last[0]) === "run_streamed") last.push(event);
    else found.push([event]);
  }
  return found;
}

const typeOf = (event) => event.type ?? "event";

function lineOf(stretch, start) {
  const [event] = stretch;
  const made = element("details", "event");
  const summary = element("summary");
  const after = event.time / 1e6 - start;
  summary.append(element("span", "figure", `+${duration(after)}`), element("span", "event-name", NAMES[typeOf(event)] ?? typeOf(event)), element("span", "event-says", says(stretch)));
  made.append(summary);
  made.addEventListener("toggle", () => {
    if (made.open && made.children.length === 1) made.append(...stretch.slice(0, 200).map((one) => json(one, stretch.length > 1 ? 0 : 2)));
  });
  return made;
}

function says(stretch) {
  const [event] = stretch;
  if (typeOf(event) === "run_streamed") {
    const words = stretch.map((one) => one.text || one.reasoning || "").join("").slice(0, 200);
    const took = (stretch.at(-1).time - event.time) / 1e6;
    return stretch.length > 1 ? `${several(stretch.length, "chunk")} in ${duration(took)}  ${words}` : words;
  }
  if (event.error) return `${event.error.type}: ${event.error.message}`.slice(0, 200);
  if (event.outcome) return event.outcome;
  return event.name ?? "";
}
