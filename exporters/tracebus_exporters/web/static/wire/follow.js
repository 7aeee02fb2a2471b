// Keeps this tab's copies of the documents (the list of runs, run trees) current: a snapshot, then patches.

import { Exchange } from "./exchange.js";
import { apply } from "./patch.js";

const WORKER = new URL("./worker.js", import.meta.url);
const BASE = new URL("../../", import.meta.url);
const PATIENCE = 4000;

// What the server sent with the page: it can be drawn before anything is connected.
const sent = document.getElementById("beginning");
const beginning = JSON.parse(sent?.textContent || "{}");
sent?.remove();
const followers = new Map();
let send = null;
let joinings = 0;
let told = () => {};

/** Call *listener* with `live`, `reconnecting` or `ended`. */
export function connection(listener) {
  told = listener;
}

/**
 * Follow a channel, `list` or `run ID`; returns a function that stops.
 * changed(document, structural) is called at most once per frame of the screen; ended(message) at the end.
 */
export function follow(channel, { changed, ended }) {
  const early = followers.get(channel);
  const follower = early && !early.changed ? early : begin(channel);
  Object.assign(follower, { changed, ended });
  if (follower.over) ended?.(follower.over.message);
  // What came with the page is in its first frame.
  if (follower.document) draw(follower);
  else schedule(follower);
  return () => {
    if (followers.get(channel) === follower) followers.delete(channel);
    follower.stopped = true;
    watch();
  };
}

function begin(channel) {
  const follower = { channel, changed: null, ended: null, over: null, document: null, last: null, joined: 0, structural: false };
  followers.set(channel, follower);
  if (Object.hasOwn(beginning, channel)) {
    const { seq, state } = beginning[channel];
    Object.assign(follower, { document: state, last: seq, structural: true });
    delete beginning[channel];
  }
  watch();
  return follower;
}

/** Say what is watched. A hidden tab watches nothing, and goes on where it was when it is seen again. */
function watch() {
  if (!send) return;
  const seen = document.visibilityState === "visible" && !leaving;
  for (const follower of followers.values()) follower.joined = seen ? follower.joined || ++joinings : 0;
  const all = [...followers.values()].map(({ channel, last, joined }) => ({ channel, last, joined }));
  send({ watch: seen ? all : [] });
}

function take(message) {
  if (message.state) return void told(message.state);
  const follower = followers.get(message.channel);
  // Frames of an earlier time may still be on their way.
  if (follower?.joined === message.joined) receive(follower, message);
}

function receive(follower, { event, id, data }) {
  if (event === "snapshot") {
    follower.document = JSON.parse(data).state;
    follower.structural = true;
  } else if (event === "patch") {
    const operations = JSON.parse(data);
    try {
      apply(follower.document, operations);
    } catch (error) {
      // Never expected; whatever happened, the server has the document.
      console.error("starting over:", error);
      Object.assign(follower, { last: null, joined: 0 });
      return void watch();
    }
    follower.structural ||= operations.some(({ path }) => path.split("/").length === 3 || path.endsWith("/status"));
  } else {
    follower.over = { message: event === "error" ? JSON.parse(data).message : null };
    follower.ended?.(follower.over.message);
  }
  if (id !== undefined) follower.last = Number(id);
  schedule(follower);
}

function schedule(follower) {
  if (follower.drawing || !follower.document || !follower.changed) return;
  follower.drawing = true;
  requestAnimationFrame(() => {
    follower.drawing = false;
    if (!follower.stopped) draw(follower);
  });
}

function draw(follower) {
  const { structural } = follower;
  follower.structural = false;
  follower.changed(follower.document, structural);
}

/** Use the worker that all tabs share, or where there is none a stream of this tab's own. */
function connect() {
  let worker = null;
  let answered = false;
  const fallBack = () => {
    if (answered) return;
    answered = true;
    // Should it wake up later, it has nothing to do for this tab.
    worker?.port.postMessage({ watch: [] });
    alone();
  };
  try {
    worker = new SharedWorker(WORKER, { type: "module", name: "tracebus" });
  } catch {
    return fallBack();
  }
  worker.addEventListener("error", fallBack);
  worker.port.onmessage = ({ data }) => {
    answered = true;
    if (!data.hello) take(data);
  };
  // What is said before it runs waits for it.
  use((message) => worker.port.postMessage(message));
  const alive = `tracebus tab ${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  navigator.locks?.request(alive, () => {
    worker.port.postMessage({ alive });
    return new Promise(() => {});
  });
  setTimeout(fallBack, PATIENCE);
}

function alone() {
  use(new Exchange(BASE).attach(take).receive);
}

function use(sender) {
  send = sender;
  for (const follower of followers.values()) follower.joined = 0;
  watch();
}

let leaving = false;
document.addEventListener("visibilitychange", watch);
addEventListener("pagehide", () => ((leaving = true), watch()));
addEventListener("pageshow", () => ((leaving = false), watch()));
// Once what came with the page has been drawn, or there is nothing to draw.
if (sent && Object.keys(beginning).length) requestAnimationFrame(() => setTimeout(connect));
else connect();
// Every page shows the list, and mostly the run in its address: no need to wait until it can draw them.
begin("list");
const [asked] = location.hash.slice(1).split("/");
if (asked) begin(`run ${decodeURIComponent(asked)}`);
