// @ag-ui/client, unmodified: what HttpAgent ends up with after each program; answers what it is asked.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { HttpAgent } = await import(pathToFileURL(require.resolve("@ag-ui/client")));

const [base, answers, ...names] = process.argv.slice(2);
const told = JSON.parse(answers), found = {};
for (const name of names) {
  const agent = new HttpAgent({ url: `${base}/agui/${name}`, threadId: `agui-${name}` });
  const turns = [];
  const run = async (parameters) => {
    const turn = { failure: null, outcome: null, result: null, custom: [], types: [] };
    turns.push(turn);
    await agent.runAgent(parameters, {
      onEvent: ({ event }) => {
        turn.types.push(event.type);
        if (event.type === "RUN_FINISHED") { turn.outcome = event.outcome ?? null; turn.result = event.result ?? null; }
        if (event.type === "CUSTOM") turn.custom.push({ name: event.name, value: event.value });
      },
      onRunErrorEvent: ({ event }) => void (turn.failure = event.message),
    }).catch((error) => (turn.failure ??= error.message));
    return turn;
  };
  agent.messages = [{ id: "u1", role: "user", content: "hi" }];
  const first = await run({});
  if (name in told && first.outcome?.type === "interrupt") {
    const resume = first.outcome.interrupts.map(({ id }) => ({ interruptId: id, status: "resolved", payload: told[name] }));
    await run({ resume });
  } else if (name === "two_turns") {
    agent.messages = [...agent.messages, { id: "u2", role: "user", content: "and then?" }];
    await run({});
  }
  found[name] = { messages: agent.messages, turns };
}
console.log(JSON.stringify(found));
