// The part of RFC 6902 that the server sends: add, replace and remove, and `append`; applied in place.

const unescaped = (token) => (token.includes("~") ? token.replaceAll("~1", "/").replaceAll("~0", "~") : token);

function index(token, length) {
  if (!/^(0|[1-9]\d*)$/.test(token) || Number(token) > length) throw new Error(`no array index ${token}`);
  return Number(token);
}

/** Apply one operation to an object or array document. */
function applyOne(document, { op, path, value }) {
  const tokens = path.split("/").slice(1).map(unescaped);
  if (!tokens.length) throw new Error("the root is replaced by a snapshot, not by a patch");
  const last = tokens.pop();
  let holder = document;
  for (const token of tokens) {
    if (holder === null || typeof holder !== "object" || !Object.hasOwn(holder, token)) throw new Error(`nothing at ${path}`);
    holder = holder[token];
  }
  if (Array.isArray(holder)) {
    if (op === "add") {
      if (last === "-") holder.push(value);
      else holder.splice(index(last, holder.length), 0, value);
      return;
    }
    const position = index(last, holder.length - 1);
    if (op === "remove") holder.splice(position, 1);
    else if (op === "replace") holder[position] = value;
    else if (op === "append") holder[position] += value;
    else throw new Error(`unknown operation ${op}`);
    return;
  }
  if (holder === null || typeof holder !== "object") throw new Error(`nothing holds ${path}`);
  // Not assignment: a run may be called `__proto__`.
  const put = () => Object.defineProperty(holder, last, { value, writable: true, enumerable: true, configurable: true });
  if (op === "add") return void put();
  if (!Object.hasOwn(holder, last)) throw new Error(`nothing at ${path}`);
  if (op === "remove") delete holder[last];
  else if (op === "replace") put();
  else throw new Error(`unknown operation ${op}`);
}

/** Apply a patch; throws where the document is not what the patch is for. */
export function apply(document, operations) {
  for (const operation of operations) applyOne(document, operation);
  return document;
}
