// Server-sent events, read from a `fetch`: unlike `EventSource`, it can be told what to ask for next time.

const FIELD = /^(channel|event|id|data): ?(.*)$/;

function parsed(block) {
  const found = {};
  for (const line of block.split("\n")) {
    const field = FIELD.exec(line);
    if (field) found[field[1]] = field[2];
  }
  return found;
}

/** Read *body* to its end; calls got({channel, event, id, data}) for each event. */
export async function read(body, got) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parts.push(value);
    // An event may come in many pieces; they are put together once its end is there.
    if (!value.includes("\n\n") && !(value.startsWith("\n") && parts.at(-2)?.endsWith("\n"))) continue;
    const blocks = parts.join("").split("\n\n");
    parts = [blocks.pop()];
    for (const block of blocks) {
      const event = parsed(block);
      if (event.data !== undefined) got(event);
    }
  }
}
