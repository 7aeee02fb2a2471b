// @ag-ui/client and @ai-sdk/react, unmodified: the user stops the answer when its first words are there.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);

const [which, url] = process.argv.slice(2);
if (which === "agui") {
  const { HttpAgent } = await import(pathToFileURL(require.resolve("@ag-ui/client")));
  const agent = new HttpAgent({ url });
  agent.messages = [{ id: "1", role: "user", content: "hi" }];
  await agent.runAgent({}, { onTextMessageContentEvent: () => void agent.abortRun() }).catch(() => {});
  console.log(JSON.stringify(agent.messages));
} else {
  const { DefaultChatTransport } = await import(pathToFileURL(require.resolve("ai")));
  const { Chat } = await import(pathToFileURL(require.resolve("@ai-sdk/react")));
  const chat = new Chat({ transport: new DefaultChatTransport({ api: url }), onError: () => {} });
  chat["~registerMessagesCallback"](() => {
    if (chat.messages.at(-1)?.parts?.some(({ type, text }) => type === "text" && text && text !== "hi")) chat.stop();
  });
  await chat.sendMessage({ text: "hi" });
  console.log(JSON.stringify(chat.messages));
}
