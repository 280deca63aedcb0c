// What stands beside the cards of a group: how many they are, what to know of them, what was decided.

import { make, make_button } from "./elements.js";

/**
 * @import { Group } from "./protocol.js"
 * @import { Say } from "./words.js"
 */

export class GroupHead {
  /**
   * @param {Group} group
   * @param {Say} say
   * @param {(act: string, group: string) => void} on_act
   */
  constructor(group, say, on_act) {
    this.id = group.id;
    this.words = make("div", "cleaner-group-words");
    const act = (/** @type {string} */ text, /** @type {string} */ name) => {
      const button = make_button(text, "", () => on_act(name, this.id), "is-small");
      button.tabIndex = -1; // the keys do the same from any card of the group
      return button;
    };
    this.buttons = make("div", "cleaner-buttons", {},
      act(say("grid.follow_advice"), "suggest"), act(say("grid.not_duplicates"), "different"));
    this.el = make("div", "cleaner-group", { role: "rowheader", "aria-colindex": "1" }, this.words, this.buttons);
    this.update(group);
  }

  /** @param {Group} group */
  update(group) {
    const marks = group.marks.map((mark) => make("span", "cleaner-mark", {}, mark));
    this.words.replaceChildren(make("b", "", {}, group.title), ...marks);
    if (group.settled) this.words.append(make("span", "cleaner-settled", {}, group.settled));
    this.el.classList.toggle("is-settled", Boolean(group.settled));
  }
}
