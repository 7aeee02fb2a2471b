// @langchain/langgraph-sdk, unmodified: join a run's stream and fold it into the document.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { Client } = await import(pathToFileURL(require.resolve("@langchain/langgraph-sdk")));
const { applyPatch } = require("fast-json-patch");

const [url, run, last] = process.argv.slice(2);
const client = new Client({ apiUrl: url, apiKey: null });
let state = null;
const events = [], ids = [];
for await (const { event, data, id } of client.runs.joinStream("any", run, last ? { lastEventId: last } : {})) {
  events.push(event);
  if (id !== undefined) ids.push(id);
  if (event === "snapshot") state = data.state;
  else if (event === "patch") state = applyPatch(state, data).newDocument;
}
console.log(JSON.stringify({ state, events, ids }));
