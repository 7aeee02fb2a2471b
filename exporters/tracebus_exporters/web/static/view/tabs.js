// A row of tabs, as screen readers and keyboards expect them.

import { element } from "../format.js";

export class Tabs {
  /** names: [id, label]; chosen(id) is called when another one is. */
  constructor(holder, panel, names, chosen) {
    Object.assign(this, { holder, panel, onChosen: chosen, current: names[0][0] });
    this.buttons = new Map();
    for (const [id, label] of names) {
      const button = element("button", "", label);
      button.type = "button";
      button.id = `tab-${id}`;
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", panel.id);
      button.addEventListener("click", () => this.choose(id));
      this.buttons.set(id, button);
      holder.append(button);
    }
    holder.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(by);
      this.buttons.get(this.current).focus();
    });
    this.mark();
  }

  mark() {
    for (const [id, button] of this.buttons) {
      button.setAttribute("aria-selected", String(id === this.current));
      button.tabIndex = id === this.current ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${this.current}`);
    this.panel.removeAttribute("aria-label");
  }

  /** Say beside a tab's label how many things it holds. */
  label(id, text) {
    const button = this.buttons.get(id);
    if (button.textContent !== text) button.textContent = text;
  }

  choose(id) {
    if (id === this.current) return;
    this.current = id;
    this.mark();
    this.onChosen(id);
  }

  move(by) {
    const ids = [...this.buttons.keys()];
    this.choose(ids[(ids.indexOf(this.current) + by + ids.length) % ids.length]);
  }
}
