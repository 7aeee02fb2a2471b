// ai and @ai-sdk/react, unmodified: what the Chat behind useChat ends up with after each program; answers
// what it is asked.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { DefaultChatTransport } = await import(pathToFileURL(require.resolve("ai")));
const { Chat } = await import(pathToFileURL(require.resolve("@ai-sdk/react")));

const [base, answers, ...names] = process.argv.slice(2);
const told = JSON.parse(answers), found = {};
for (const name of names) {
  const data = [], ends = [];
  let number = 0;
  const chat = new Chat({
    id: `ai-${name}`,
    generateId: () => `made-${name}-${(number += 1)}`,
    transport: new DefaultChatTransport({ api: `${base}/ai/${name}` }),
    onData: (part) => void data.push(part),
    onFinish: ({ isAbort, isError, isDisconnect }) => void ends.push({ isAbort, isError, isDisconnect }),
    onError: () => {},
  });
  await chat.sendMessage({ text: "hi" });
  if (name in told) {
    const asked = chat.messages.at(-1).parts.filter(({ state }) => state === "approval-requested");
    for (const [place, part] of asked.entries()) await chat.addToolApprovalResponse({ id: part.approval.id, ...told[name][place] });
    if (asked.length) await chat.sendMessage();
  } else if (name === "two_turns") await chat.sendMessage({ text: "and then?" });
  found[name] = { messages: chat.messages, status: chat.status, error: chat.error?.message ?? null, data, ends };
}
console.log(JSON.stringify(found));
