// @ag-ui/client, unmodified: run an agent, print its messages and the types of events.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { HttpAgent } = await import(pathToFileURL(require.resolve("@ag-ui/client")));

const agent = new HttpAgent({ url: process.argv[2] });
agent.messages = [{ id: "1", role: "user", content: "hi" }];
const types = [];
let failure = null;
await agent.runAgent({}, { onEvent: ({ event }) => void types.push(event.type), onRunErrorEvent: ({ event }) => void (failure = event.message) })
  .catch((error) => (failure ??= error.message));
console.log(JSON.stringify({ messages: agent.messages, types, failure }));
