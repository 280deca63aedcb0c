// What stands beside the cards of a group, or above them: how many they are, what to know of them, what was decided.

import { enable, make, make_button } from "./elements.js";

/**
 * @import { Group } from "./protocol.js"
 * @import { HeadButton } from "./purposes.js"
 * @import { Say } from "./words.js"
 */

export class GroupHead {
  /**
   * @param {Group} group
   * @param {Say} say
   * @param {HeadButton[]} buttons
   * @param {(act: string, group: string) => void} on_act
   */
  constructor(group, say, buttons, on_act) {
    this.id = group.id;
    this.words = make("div", "cleaner-group-words");
    this.ready = false; // whether those buttons may be used
    this.acts = buttons.map(([key, act]) => {
      const button = make_button(say(key), "", () => on_act(act, this.id), "is-small");
      button.tabIndex = -1; // the keys do the same from any card of the group
      return button;
    });
    this.buttons = make("div", "cleaner-buttons", {}, ...this.acts);
    this.el = make("div", "cleaner-group", { role: "rowheader", "aria-colindex": "1" }, this.words, this.buttons);
    this.update(group);
  }

  /** @param {Group} group */
  update(group) {
    this.ready = group.ready;
    for (const button of this.acts) enable(button, group.ready);
    const marks = group.marks.map((mark) => make("span", "cleaner-mark", {}, mark));
    this.words.replaceChildren(make("b", "", {}, group.title), ...marks);
    if (group.settled) this.words.append(make("span", "cleaner-settled", {}, group.settled));
    this.el.classList.toggle("is-settled", Boolean(group.settled));
  }
}
