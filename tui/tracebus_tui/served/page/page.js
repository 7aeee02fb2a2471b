// What textual.js leaves to its page: where the viewer is, the keyboard, and what may open a window.
"use strict";

const connectAndDraw = window.onload; // textual.js has set it

window.onload = async (event) => {
  const terminal = document.getElementById("terminal");
  const size = Number(new URLSearchParams(location.search).get("fontsize")) || 15;
  terminal.dataset.fontSize = Math.min(Math.max(size, 8), 40);
  terminal.dataset.sessionWebsocketUrl = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
  // The terminal measures its font once: it has to be there.
  const faces = ["", "bold ", "italic "].map((face) => document.fonts.load(`${face}16px "Roboto Mono"`));
  await Promise.allSettled(faces);
  connectAndDraw.call(window, event);
  const again = document.getElementById("again");
  again.onclick = () => location.reload();
  new MutationObserver(() => {
    const closed = document.body.classList.contains("-closed");
    (closed ? again : document.querySelector(".xterm-helper-textarea")).focus();
  }).observe(document.body, { attributeFilter: ["class"] }); // connected, first drawn, closed
};

// textual.js opens a window for a file, which a browser may block, and xterm.js opens one for a click on
// whatever looks like an address, in a model's answer too. A file is downloaded; nothing else is opened.
window.open = (address) => {
  const url = new URL(address ?? "", location.href);
  if (url.origin === location.origin && url.pathname.startsWith("/download/")) {
    const link = document.createElement("a");
    link.href = url.href;
    link.download = "";
    link.click();
  }
  return null;
};

// Browsers keep their clipboard from pages that came over plain http from another machine.
if (!navigator.clipboard) {
  const writeText = async (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    const before = document.activeElement;
    area.select();
    document.execCommand("copy");
    area.remove();
    before?.focus();
  };
  Object.defineProperty(navigator, "clipboard", { value: { writeText, readText: async () => "" } });
}
