// The questions and answers of decision models, as lines to read; the same as in the terminal (tracebus/tree/_decisions.py).

const mapping = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value) ?? "");
const confidence = (answer) => (answer.confidence === null || answer.confidence === undefined ? "" : ` (confidence ${answer.confidence})`);

function answer(value) {
  if (!mapping(value)) return text(value);
  switch (value.type) {
    case "noul": return `yes with probability ${value.noul}`;
    case "predicate": return `true with probability ${value.probability}`;
    case "choice": case "score": return text(value[value.type]) + confidence(value);
    case "box": return (mapping(value.box) ? Object.entries(value.box).map(([edge, at]) => `${edge} ${at}`).join(" ") : text(value.box)) + confidence(value);
    case "refusal": return "declined to answer";
    default: return text(value);
  }
}

function question([name, asked]) {
  if (!mapping(asked)) return [`${name}: ${text(asked)}`];
  const options = asked.criteria ?? asked.choices ?? asked.levels ?? {};
  return [
    `${name} (${asked.type ?? "question"}): ${text(asked.instructions)}`,
    ...Object.entries(options).filter(([, said]) => said !== null).map(([option, said]) => `  ${option}: ${text(said)}`),
  ];
}

/** Return a decision model's answers as text; null for what is none. */
export const answers = (outputs) =>
  mapping(outputs) && mapping(outputs.answers) ? Object.entries(outputs.answers).map(([name, value]) => `${name}: ${answer(value)}`).join("\n") : null;

/** Return a decision model's questions as text, and what they are about; null for what is none. */
export function questions(inputs, written) {
  if (!mapping(inputs) || !mapping(inputs.questions)) return null;
  const about = Object.entries(inputs).filter(([name]) => name !== "questions").map(([name, value]) => `\n${name}\n${written(value)}`);
  return [...Object.entries(inputs.questions).flatMap(question), ...about].join("\n");
}
