// What must not be missed: lost kernel, not saved, refused, and whatever Python has to complain about.

import { in_notebook, make, make_button } from "./elements.js";

/**
 * @import { Link } from "./link.js"
 * @import { Model } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{text: string, kind?: string, button?: string, act?: () => void}} Alert
 */

export class Alerts {
  /**
   * @param {Say} say
   * @param {Model} model
   * @param {Link} link
   * @param {{regions: HTMLElement[], on_dismiss: (forget: () => void) => void}} host
   */
  constructor(say, model, link, { regions, on_dismiss }) {
    this.say = say;
    this.model = model;
    this.link = link;
    this.regions = regions;
    this.on_dismiss = on_dismiss;
    this.refused = ""; // why the last act was not carried out
    this.drawn = "";
  }

  /** @returns {Alert[]} */
  list() {
    const { say, model } = this;
    /** @type {Alert[]} */
    const alerts = [];
    if (this.link.lost) {
      const text = say(in_notebook() ? "grid.lost_in_notebook" : "grid.lost");
      alerts.push({ text, button: say("grid.reload"), act: () => window.location.reload() });
    }
    if (this.link.overdue) alerts.push({ text: this.overdue_text() });
    const put_away = (/** @type {string} */ text, /** @type {() => void} */ forget, kind = "") =>
      alerts.push({ text, kind, button: say("grid.dismiss"), act: () => this.on_dismiss(forget) });
    if (this.refused) put_away(this.refused, () => { this.refused = ""; }, " is-refused");
    const problem = model.get("problem");
    if (problem && problem !== model.get("dismissed")) {
      put_away(problem, () => {
        model.set("dismissed", problem);
        model.save_changes();
      });
    }
    return alerts;
  }

  /** @returns {string} what is not saved: the first files by name */
  overdue_text() {
    const names = [...new Set(this.link.unsaved.flatMap((message) => ("names" in message ? message.names : [])))];
    const { lost } = this.link; // then the sentence about that says what to do
    if (!names.length) return this.say(lost ? "grid.lost_acts" : "grid.overdue");
    const first = names.slice(0, 3).map((name) => name.split("/").pop()).join(", ");
    const more = names.length - 3;
    return this.say(lost ? "grid.lost_files" : "grid.overdue_files", { files: more > 0 ? this.say("grid.and_more", { files: first, n: more }) : first });
  }

  draw() {
    const alerts = this.list();
    const drawn = JSON.stringify(alerts.map((alert) => alert.text));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    for (const region of this.regions) {
      region.replaceChildren(...alerts.map(({ text, kind = "", button, act }) =>
        make("p", `cleaner-alert${kind}`, {}, make("span", "", {}, text), ...(button && act ? [make_button(button, "", act, "is-small")] : []))));
    }
  }
}
