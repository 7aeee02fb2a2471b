// The Vercel AI SDK, unmodified: read a UI message stream, print the message it becomes.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { DefaultChatTransport, readUIMessageStream } = await import(pathToFileURL(require.resolve("ai")));

const transport = new DefaultChatTransport({ api: process.argv[2] });
const stream = await transport.sendMessages({ chatId: "c", messages: [], trigger: "submit-message", abortSignal: undefined });
let message = null, failure = null;
for await (const one of readUIMessageStream({ stream, onError: (error) => (failure = error.message) })) message = one;
console.log(JSON.stringify({ message, failure }));
