// Follows a document of the server: a snapshot, then patches. The browser resumes by Last-Event-ID.

import { apply } from "./patch.js";

/**
 * Follow *url*; returns a function that stops.
 * changed(document, structural) is called at most once per frame of the screen.
 */
export function follow(url, { changed, connection, ended }) {
  let document = null;
  let source = null;
  let structural = false;
  let scheduled = false;
  let stopped = false;

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    // A tab in the background gets no frames, but must not pile them up either.
    const draw = () => {
      scheduled = false;
      if (!stopped && document) changed(document, structural);
      structural = false;
    };
    if (globalThis.document.hidden) setTimeout(draw, 250);
    else requestAnimationFrame(draw);
  }

  function open() {
    source = new EventSource(url);
    source.addEventListener("open", () => connection?.("live"));
    source.addEventListener("snapshot", ({ data }) => {
      const frame = JSON.parse(data);
      document = frame.state;
      structural = true;
      schedule();
    });
    source.addEventListener("patch", ({ data }) => {
      const operations = JSON.parse(data);
      try {
        apply(document, operations);
      } catch (error) {
        // Never expected; whatever happened, the server has the document.
        console.error("starting over:", error);
        source.close();
        open();
        return;
      }
      structural ||= operations.some(({ path }) => path.split("/").length === 3);
      schedule();
    });
    source.addEventListener("end", () => finish(null));
    source.addEventListener("error", ({ data }) => {
      if (data !== undefined) finish(JSON.parse(data).message);
      else if (source.readyState === EventSource.CLOSED) retry();
      else connection?.("reconnecting");
    });
  }

  function finish(message) {
    source.close();
    schedule();
    ended?.(message);
  }

  // The browser gives up on an answer that is no stream, such as a proxy's error page.
  function retry() {
    connection?.("reconnecting");
    setTimeout(() => stopped || open(), 2000);
  }

  open();
  return () => {
    stopped = true;
    source.close();
  };
}
