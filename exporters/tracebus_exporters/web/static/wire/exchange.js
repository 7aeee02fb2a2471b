// One stream from the server for any number of tabs. Runs in a worker they share, or in the one tab there is.
//
// A channel is the list of runs (`list`) or one run's tree (`run ID`). A tab says which channels it watches and
// up to which position it has each; it gets the frames that follow, as the server wrote them.

import { read } from "./sse.js";

const PATIENCE = [250, 500, 1000, 2000, 4000];
const LIST = "list";

export class Exchange {
  /** @param base the address of the page, below which the server's paths are. */
  constructor(base) {
    this.base = base;
    this.tabs = new Set();
    this.channels = new Map();
    this.state = "connecting";
    this.failures = 0;
  }

  /** Take a tab in; returns the function that takes its messages and the one that lets it go. */
  attach(post) {
    const tab = { post, watched: new Map() };
    this.tabs.add(tab);
    return {
      receive: ({ watch }) => this.watch(tab, watch),
      detach: () => {
        this.watch(tab, []);
        this.tabs.delete(tab);
      },
    };
  }

  /**
   * Have *tab* watch what it *wants*: channel, position, and a number for this time of joining it, by which the
   * tab knows the frames it still has to take.
   */
  watch(tab, wants) {
    const before = tab.watched;
    tab.watched = new Map(wants.map(({ channel, joined }) => [channel, joined]));
    let changed = false;
    for (const { channel: name, last, joined } of wants) {
      if (before.get(name) === joined) continue;
      const channel = this.channels.get(name);
      if (channel && last !== null && channel.last === last) {
        if (channel.over) tab.post({ joined, channel: name, ...channel.over });
        continue;
      }
      // Whoever else watches it gets the document once more, which is right, too.
      this.channels.set(name, { last: channel ? null : last, over: null });
      changed = true;
    }
    for (const name of this.channels.keys()) {
      if ([...this.tabs].some(({ watched }) => watched.has(name))) continue;
      this.channels.delete(name);
      changed = true;
    }
    if (wants.length) tab.post({ state: this.state });
    if (changed) this.reconnect();
  }

  /** Ask anew, for what is watched now. Several changes at once are one. */
  reconnect() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), 0);
  }

  async connect() {
    this.abort?.abort();
    const open = [...this.channels].filter(([, { over }]) => !over);
    if (!open.length) return;
    const abort = (this.abort = new AbortController());
    try {
      const response = await fetch(this.address(open), { signal: abort.signal, cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      this.tell("live");
      this.failures = 0;
      await read(response.body, (frame) => abort.signal.aborted || this.pass(frame));
      if (this.channels.get(LIST)?.over) return;
    } catch {
      if (abort.signal.aborted) return;
    }
    if (abort !== this.abort) return;
    this.tell("reconnecting");
    const wait = PATIENCE[Math.min(this.failures++, PATIENCE.length - 1)];
    this.timer = setTimeout(() => this.connect(), wait);
  }

  address(open) {
    const asked = new URLSearchParams();
    for (const [name, { last }] of open) {
      if (name === LIST) asked.append("list", last ?? "");
      else {
        asked.append("run", name.slice("run ".length));
        asked.append("after", last ?? "");
      }
    }
    return new URL(`watch?${asked}`, this.base);
  }

  pass({ channel: name, event, id, data }) {
    const decoded = decodeURIComponent(name);
    const channel = this.channels.get(decoded);
    if (!channel) return;
    if (id !== undefined) channel.last = Number(id);
    if (event === "end" || event === "error") channel.over = { event, id, data };
    for (const tab of this.tabs) {
      const joined = tab.watched.get(decoded);
      if (joined !== undefined) tab.post({ joined, channel: decoded, event, id, data });
    }
    if (decoded === LIST && channel.over) this.tell("ended");
  }

  tell(state) {
    this.state = state;
    for (const { post } of this.tabs) post({ state });
  }
}
