// Why the large image is on show: a sentence, and the images that tell it, which can be looked at.

import { make, make_url } from "./elements.js";

/**
 * @import { Card } from "./card.js"
 * @import { WhyMessage, Witness } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{ask: (name: string) => string, open: (witness: Witness | null) => void}} ExplanationHost
 *   ask sends the question, and returns its id; open shows another image, or again the one that is explained
 */

export class Explanation {
  /**
   * @param {Say} say
   * @param {ExplanationHost} host
   */
  constructor(say, host) {
    this.say = say;
    this.host = host;
    this.asked = this.name = "";
    /** @type {Witness[]} */
    this.witnesses = [];
    /** @type {Witness | null} the one that is shown in place of the image */
    this.open = null;
    /** @type {Map<string, string>} */
    this.urls = new Map();
    this.text = make("p", "cleaner-because");
    this.pictures = make("div", "cleaner-witnesses");
    this.el = make("section", "cleaner-why", { "aria-label": say("grid.why") }, this.text, this.pictures);
    this.el.hidden = true;
  }

  /** Ask about the image in view, whenever it is another one. @param {Card} card */
  show(card) {
    const { name } = card.cell;
    if (name === this.name) return;
    const height_px = this.el.offsetHeight;
    this.forget();
    this.name = name;
    // What stands below must not jump while the answer is on its way.
    this.el.hidden = height_px === 0;
    this.el.style.minHeight = height_px ? `${height_px}px` : "";
    this.asked = this.host.ask(name);
  }

  /**
   * @param {WhyMessage} message
   * @param {DataView[]} buffers one for each image
   */
  receive({ id, text, witnesses }, buffers) {
    if (!this.asked || id !== this.asked) return;
    this.asked = "";
    witnesses.forEach(({ name }, i) => this.urls.set(name, make_url(buffers[i])));
    this.witnesses = witnesses;
    this.text.textContent = text;
    this.el.hidden = !text;
    this.el.style.minHeight = "";
    this.pictures.replaceChildren(...witnesses.map((witness) => this.draw_witness(witness)));
  }

  /** @param {Witness} witness */
  draw_witness(witness) {
    const { say } = this;
    const { name, label, same, copy } = witness;
    const spoken = say(copy ? "grid.witness.copy" : "grid.witness.similar", { label, name });
    const image = make("img", "", { alt: "", draggable: "false", decoding: "async" });
    image.src = this.urls.get(name) ?? "";
    const words = make("span", same ? "" : "is-other", {}, copy ? say("grid.copy", { label }) : label);
    const button = make("button", "cleaner-witness", { type: "button", "aria-label": spoken, "aria-pressed": "false", title: name }, image, words);
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => this.look_at(this.open === witness ? null : witness));
    return button;
  }

  /** @param {Witness | null} witness null: back to the image that is explained */
  look_at(witness) {
    this.open = witness;
    this.witnesses.forEach((each, i) => this.pictures.children[i].setAttribute("aria-pressed", String(each === witness)));
    this.host.open(witness);
  }

  /** @param {number} by 1: the next one, -1: the one before */
  walk(by) {
    const next = this.witnesses[this.place + by];
    if (next) this.look_at(next);
  }

  /** @returns {number} of the open one among the others */
  get place() {
    return this.open ? this.witnesses.indexOf(this.open) : -1;
  }

  /** Keep no image, and ask anew the next time. */
  forget() {
    this.asked = this.name = "";
    this.open = null;
    this.witnesses = [];
    this.text.textContent = "";
    this.pictures.replaceChildren();
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
  }
}
