// The page of a review packet: asks for the reviewer's name, shows the grid, and saves decisions.csv.

import { enable, make, make_button, make_id, write } from "./elements.js";
import { PacketKernel } from "./packet_kernel.js";
import { View } from "./view.js";

/** @import { Packet } from "./packet_kernel.js" */

const FILE = "decisions.csv";

/** @returns {Storage | null} where the browser keeps things; null: it does not */
function storage() {
  try {
    const tried = `cleaner-${make_id()}`;
    localStorage.setItem(tried, "");
    localStorage.removeItem(tried);
    return localStorage;
  } catch (error) {
    console.debug("cleaner: this browser keeps nothing", error);
    return null;
  }
}

class PacketPage {
  /** @param {Packet} packet */
  constructor(packet) {
    this.kernel = new PacketKernel(packet, storage());
    const { say } = this.kernel;
    this.input = make("input", "cleaner-input", { type: "text", maxlength: "100", autocomplete: "name", "aria-label": say("packet.your_name") });
    this.about = make("p");
    this.form = make("div", "cleaner-packet-name", {},
      make("h2", "", {}, say("packet.your_name")), this.about,
      make("div", "cleaner-buttons", {}, this.input, make_button(say("packet.begin"), "↵", () => this.begin(), "is-go")));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === this.input && !event.isComposing) this.begin();
    });
    this.who = make("span", "cleaner-summary");
    this.change = make_button(say("packet.change_name"), "", () => this.ask_name(), "is-small");
    this.state = make("span", "cleaner-summary", { role: "status" });
    this.save = make_button(say("packet.save", { file: FILE }), "", () => this.save_file(), "is-go");
    this.desk = make("div", "cleaner-packet-grid");
    this.head = make("header", "cleaner-root", {}, make("div", "cleaner-head", {},
      make("h1", "cleaner-title", {}, packet.title), this.who, this.change,
      make("div", "cleaner-buttons is-end", {}, this.state, this.save)));
    document.body.append(this.head, make("main", "", {}, make("div", "cleaner-root", {}, this.form), this.desk));
    /** @type {View | null} */
    this.view = null;
    this.kernel.on("kept", () => this.draw());
    window.addEventListener("storage", ({ key }) => {
      if (key === this.kernel.key) this.kernel.refresh();
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.kernel.storage && this.kernel.unexported) event.preventDefault();
    });
    if (this.kernel.reviewer) this.open();
    else this.ask_name();
  }

  ask_name() {
    const { kernel } = this;
    write(this.about, kernel.say(kernel.storage ? "packet.ask_name" : "packet.ask_name_not_kept"));
    this.input.value = kernel.reviewer;
    this.form.hidden = false;
    this.desk.hidden = true;
    this.draw();
    this.input.focus();
  }

  begin() {
    // What the review database takes for a name: printable, on one line.
    const name = this.input.value.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
    if (!name) return this.input.focus();
    this.kernel.set_reviewer(name);
    this.input.blur(); // free, the focus goes to the cards
    this.open();
  }

  open() {
    this.form.hidden = true;
    this.desk.hidden = false;
    this.view?.close();
    this.view = new View(this.kernel, this.desk);
    this.draw();
  }

  draw() {
    const { kernel } = this;
    const asking = !this.form.hidden;
    write(this.who, asking ? "" : kernel.say("packet.reviewer", { name: kernel.reviewer }));
    this.change.hidden = asking;
    const some = kernel.kept.events.length > 0;
    write(this.state, !some ? "" : kernel.unexported ? kernel.say("packet.unsaved") : kernel.say("packet.all_saved", { file: FILE }));
    enable(this.save, some);
  }

  save_file() {
    const url = URL.createObjectURL(new Blob([this.kernel.csv()], { type: "text/csv;charset=utf-8" }));
    make("a", "", { href: url, download: FILE }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser may ask first where to put it
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("cleaner-dark", dark.matches);
dark.addEventListener("change", paint);
paint();
new PacketPage(JSON.parse(document.getElementById("packet")?.textContent ?? ""));
