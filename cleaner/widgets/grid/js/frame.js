// What stands round the cards: title, notice, buttons for the page, and the line that says where the work stands.

import { enable, make, make_button, set_text, write } from "./elements.js";

/** @import { View } from "./view.js" */

export class Frame {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    const { say, cards, actions } = view;
    const button = (/** @type {string} */ key, /** @type {() => void} */ act) => make_button(say(key), "", act, "is-small");
    this.alerts = make("div", "cleaner-alerts", { role: "alert" });
    this.title = make("b", "cleaner-title");
    this.summary = make("span", "cleaner-summary");
    this.notice = make("p", "cleaner-notice");
    this.back = button("grid.previous_page", () => view.acts.turn(-1));
    this.on = button("grid.next_page", () => view.acts.turn(1));
    this.all = button("grid.select_all", () => cards.select_all(true));
    this.none = button("grid.select_none", () => cards.select_all(false));
    const head = make("div", "cleaner-head", {}, this.title, this.summary,
      make("div", "cleaner-buttons is-end", {}, this.all, this.none, this.back, this.on));
    this.empty = make("p", "cleaner-empty", { tabindex: "-1" });
    this.said = make("span", "cleaner-said");
    this.marked = make("b");
    this.rest = make("span");
    const status = make("div", "cleaner-status", { role: "status" }, this.said, this.marked, this.rest);
    this.file = make("div", "cleaner-file");
    actions.buttons.append(make("div", "cleaner-words", {}, status, this.file), actions.similar, actions.confirm);
    const bar = make("div", "cleaner-bar", {}, actions.el);
    this.root = make("div", "cleaner-root", { "data-lm-suppress-shortcuts": "true" },
      this.alerts, head, this.notice, cards.el, this.empty, bar, view.large.el, view.chooser.el, view.help.el);
    // The browser scrolls a card in focus into view, but would leave it under the bar.
    this.observer = new ResizeObserver(() => this.root.style.setProperty("--cleaner-bar", `${bar.offsetHeight}px`));
    this.observer.observe(bar);
  }

  close() {
    this.observer.disconnect();
    this.root.remove();
  }

  draw() {
    const { page, cards, link, acts, actions, say } = this.view;
    const many = cards.list.length;
    const { blocked } = acts;
    write(this.title, page?.title ?? "");
    write(this.summary, page?.summary ?? "");
    write(this.notice, page?.notice ?? "");
    this.notice.hidden = !page?.notice;
    write(this.empty, page ? page.empty : say("grid.loading_page"));
    this.empty.hidden = many > 0;
    enable(this.all, many > 0 && cards.selected.length < many);
    enable(this.none, cards.selected.length > 0);
    enable(this.back, Boolean(page?.can_go_back) && !blocked);
    enable(this.on, Boolean(page?.can_go_on) && !blocked);
    const can_decide = many > 0 && !blocked;
    const can_undo = page !== null && !link.frozen;
    actions.enable({ can_decide, can_undo, can_confirm: can_decide && cards.awaited === 0, has_cards: many > 0 });
    this.view.large_actions.enable({ can_decide, can_undo, can_confirm: false, has_cards: true });
    actions.similar.hidden = !page?.offer && !page?.same;
    set_text(actions.similar, page?.same ? say("grid.decide_same") : (page?.offer ?? ""));
    enable(actions.similar, !blocked);
    this.root.dataset.purpose = page?.purpose ?? "";
    this.root.classList.toggle("is-frozen", link.frozen);
    this.root.setAttribute("aria-busy", String(!page || Boolean(acts.confirming)));
    write(this.file, cards.current?.cell.name ?? "");
    this.draw_status();
  }

  draw_status() {
    const { cards, acts, purpose, said, say } = this.view;
    const { list } = cards;
    const selected = cards.selected.length;
    write(this.said, said ? `${said} ` : "");
    if (!list.length) {
      write(this.marked, "");
      write(this.rest, "");
      return;
    }
    const [marked, where, confirm] = purpose.words(say, list);
    const chosen = selected ? `, ${say("grid.selected", { n: selected })}` : "";
    write(this.marked, marked);
    write(this.rest, ` ${where}${chosen} · ${acts.confirming ? say("grid.saving_page") : confirm}`);
  }
}
