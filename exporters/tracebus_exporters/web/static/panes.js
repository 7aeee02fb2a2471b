// Where one is on the page: the pane that shows on a phone, and the address, which names the run.

const NARROW = matchMedia("(max-width: 44rem)");

/** Whether there is room for one pane only: the browser's own way back leads from pane to pane then. */
export const narrow = () => NARROW.matches;

/** Show a pane, where only one has room. */
export function show(pane) {
  if (document.body.dataset.pane === pane) return;
  const forward = { list: 0, tree: 1, detail: 2 };
  const deeper = forward[pane] > forward[document.body.dataset.pane];
  document.body.dataset.pane = pane;
  if (deeper && narrow()) history.pushState({ pane }, "", location.hash);
}

/** Put what is looked at into the address. */
export function remember(hash) {
  history.replaceState({ pane: document.body.dataset.pane }, "", `#${hash.split("/").map(encodeURIComponent).join("/")}`);
}

/** What the address names: a root run, and one in it. */
export const asked = () => location.hash.slice(1).split("/").filter(Boolean).map(decodeURIComponent);
