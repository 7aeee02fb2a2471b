// Pictures and other files inside messages, as they are. Only what is in the payload itself is shown: an address
// that a model wrote is never asked for.

import { element } from "../format.js";

const PICTURE = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const DATA = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w=.+-]+)*);base64,([A-Za-z0-9+/=_\s-]*)$/;

/** What *block* of a message holds, as {mime, data, url, name}, or null where it is no file. */
export function fileIn(block) {
  if (block === null || typeof block !== "object") return null;
  const nested = block.image_url ?? block.source ?? block.file ?? block.input_audio ?? block;
  const holder = typeof nested === "string" ? { url: nested } : nested;
  const type = String(block.type ?? "");
  if (!/image|audio|video|file|document|media/.test(type)) return null;
  const mime = holder.mime_type ?? holder.media_type ?? block.mime_type ?? null;
  const data = holder.base64 ?? holder.data ?? holder.file_data ?? null;
  const url = holder.url ?? null;
  const found = typeof url === "string" ? DATA.exec(url) : null;
  if (found) return { kind: type, mime: found[1] ?? mime, data: found[3], url: null };
  if (typeof data === "string") {
    const inside = DATA.exec(data);
    return inside ? { kind: type, mime: inside[1] ?? mime, data: inside[3], url: null } : { kind: type, mime, data, url: null };
  }
  return { kind: type, mime, data: null, url: typeof url === "string" ? url : (holder.file_id ?? holder.id ?? null) };
}

/** Return an element that shows the file. */
export function media(file) {
  const what = file.mime ?? file.kind.replace(/^input_|_url$/g, "");
  if (file.data === null) return note(`${what} at ${file.url ?? "an unknown place"}`, "not loaded");
  const bytes = Math.floor((file.data.replace(/[\s=]/g, "").length * 3) / 4);
  const size = bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} kB`;
  if (!PICTURE.test(file.mime ?? "image/png") || !/image/.test(`${file.mime ?? file.kind}`)) return note(what, size);
  const figure = element("figure", "media");
  const picture = element("img");
  picture.alt = `${what}, ${size}`;
  picture.addEventListener("error", () => figure.replaceWith(note(what, `${size}, cannot be shown`)));
  picture.src = `data:${file.mime ?? "image/png"};base64,${file.data.replace(/\s/g, "")}`;
  figure.append(picture, element("figcaption", "", `${what}, ${size}`));
  picture.addEventListener("load", () => (figure.lastChild.textContent = `${what}, ${picture.naturalWidth} × ${picture.naturalHeight}, ${size}`));
  return figure;
}

function note(what, more) {
  const made = element("p", "media-note");
  made.append(element("span", "", what), " ", element("span", "quiet", `(${more})`));
  return made;
}
