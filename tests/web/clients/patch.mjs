// The page's own patch.js against fast-json-patch, over the cases on standard input.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(`${process.env.TRACEBUS_NODE_MODULES}/`);
const { applyPatch, deepClone } = require("fast-json-patch");
const { apply } = await import(pathToFileURL(process.argv[2]));

let text = "";
for await (const chunk of process.stdin) text += chunk;
const failures = [];
for (const { doc, patch } of JSON.parse(text)) {
  const outcome = (work) => { try { return JSON.stringify(work()); } catch { return "error"; } };
  const mine = outcome(() => apply(deepClone(doc), deepClone(patch)));
  const theirs = outcome(() => applyPatch(deepClone(doc), deepClone(patch), true).newDocument);
  if (mine !== theirs) failures.push({ doc, patch, mine, theirs });
}
console.log(JSON.stringify(failures));
