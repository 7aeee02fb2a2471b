// Copying: what is copied is the text as it was recorded, whatever of it is shown.

import { element } from "../format.js";
import { icon } from "./icons.js";

/** Copy *text*; resolves to whether that was possible. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Clipboards are for secure pages; elsewhere the old way may do.
    const area = element("textarea", "visually-hidden");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Return a button that copies what *text* returns. */
export function copyButton(text, what) {
  const button = element("button", "copy");
  button.type = "button";
  button.title = `Copy ${what}`;
  button.ariaLabel = `Copy ${what}`;
  button.append(icon("copy"));
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const done = await copy(text());
    button.classList.toggle("done", done);
    button.ariaLabel = done ? "Copied" : "Copying is not possible here";
    setTimeout(() => {
      button.classList.remove("done");
      button.ariaLabel = `Copy ${what}`;
    }, 1200);
  });
  return button;
}
