// fast-json-patch and eventsource-parser, unmodified: follow a run, drop the connection after each
// few frames, resume by Last-Event-ID, print the document at the end.
import { createRequire } from "node:module";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { applyPatch } = require("fast-json-patch");
const { createParser } = require("eventsource-parser");

const [url, framesPerConnection = "1000000"] = process.argv.slice(2);
let state = null, last, done = false, snapshots = 0, patches = 0, connections = 0;
const seen = new Set();
while (!done) {
  connections += 1;
  const abort = new AbortController();
  const response = await fetch(url, { headers: last === undefined ? {} : { "last-event-id": last }, signal: abort.signal });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  let frames = 0;
  const parser = createParser({
    onEvent({ event, id, data }) {
      if (frames >= Number(framesPerConnection) || done) return;
      frames += 1;
      if (event === "snapshot") { snapshots += 1; state = JSON.parse(data).state; }
      else if (event === "patch") {
        if (seen.has(id)) throw new Error(`frame ${id} came twice`);
        seen.add(id);
        patches += 1;
        state = applyPatch(state, JSON.parse(data)).newDocument;
      } else if (event === "end") done = true;
      else throw new Error(`${event}: ${data}`);
      last = id;
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (frames >= Number(framesPerConnection) || done) break;
    }
  } finally { abort.abort(); }
}
console.log(JSON.stringify({ state, snapshots, patches, connections }));
