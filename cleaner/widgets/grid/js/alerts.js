// What must not be missed: lost kernel, not saved, refused, and whatever Python has to complain about.

/** The last problem that the user put away; a grid that comes back from another tab does not tell it again. @type {WeakMap<any, string>} */
const dismissed = new WeakMap();

class Alerts {
  /**
   * @param {any} model
   * @param {Link} link
   * @param {{regions: HTMLElement[], on_dismiss: (forget: () => void) => void}} host
   */
  constructor(model, link, { regions, on_dismiss }) {
    this.model = model;
    this.link = link;
    this.regions = regions;
    this.on_dismiss = on_dismiss;
    this.refused = ""; // why the last act was not carried out
    this.drawn = "";
  }

  /** @returns {{text: string, button?: string, act?: () => void}[]} */
  list() {
    const alerts = [];
    if (this.link.lost) {
      const wait = in_notebook() ? " If a cell is still running, wait: the page goes on by itself." : "";
      alerts.push({
        text: `This page has lost its kernel. Everything shown as saved is saved. Reload the page.${wait}`,
        button: "Reload", act: () => window.location.reload(),
      });
    }
    if (this.link.overdue) {
      const of = this.unsaved_words();
      alerts.push({ text: `Not saved: no answer for 5 seconds${of ? ` (${of})` : ""}. Input waits; it will be sent again.` });
    }
    const put_away = (/** @type {string} */ text, /** @type {() => void} */ forget) =>
      alerts.push({ text, button: "Dismiss", act: () => this.on_dismiss(forget) });
    if (this.refused) put_away(this.refused, () => { this.refused = ""; });
    const problem = this.model.get("problem");
    if (problem && problem !== dismissed.get(this.model)) put_away(problem, () => dismissed.set(this.model, problem));
    return alerts;
  }

  /** @returns {string} the first files that are not saved */
  unsaved_words() {
    const names = [...new Set(this.link.unsaved.flatMap((message) => message.names ?? []))];
    const first = names.slice(0, 3).map((name) => name.split("/").pop()).join(", ");
    return names.length > 3 ? `${first} and ${names.length - 3} more` : first;
  }

  draw() {
    const alerts = this.list();
    const drawn = JSON.stringify(alerts.map((alert) => alert.text));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    for (const region of this.regions) {
      region.replaceChildren(...alerts.map(({ text, button, act }) =>
        make("p", "cleaner-alert", {}, make("span", "", {}, text), ...(button && act ? [make_button(button, "", act, "is-small")] : []))));
    }
  }
}
