// The worker all tabs of a browser share: it holds their one stream.

import { Exchange } from "./exchange.js";

const exchange = new Exchange(new URL("../../", self.location.href));

self.addEventListener("connect", ({ ports: [port] }) => {
  const { receive, detach } = exchange.attach((message) => port.postMessage(message));
  port.onmessage = ({ data }) => {
    // A tab that is no more has let go of its lock: nothing else tells that it crashed.
    if (data.alive) self.navigator.locks?.request(data.alive, detach);
    else receive(data);
  };
  port.postMessage({ hello: true });
});
