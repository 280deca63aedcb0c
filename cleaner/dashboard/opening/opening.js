// While the server starts: show the page as it stood last, or the first images of the folder; nothing can be done
// with it. Then let the page itself come behind it, and go away when that has its images.
(() => {
  const READY_MS = 2500; // for images that come late, or never
  const AFTER = ".cleaner-ready, [data-mime-type='application/vnd.jupyter.stderr']";
  const front = document.getElementById("cleaner-front");
  const room = front.querySelector(".cleaner-front-page");
  const { page, grid, frame, scripts, message, theme } = JSON.parse(document.getElementById("cleaner-front-data").textContent);
  const images = new Map(); // bytes by name, as they come
  const closers = [];
  let shown = null; // the grid's model

  /** What a widget's script sees of the kernel. */
  class Model {
    constructor(traits, answer = () => {}) {
      this.traits = traits;
      this.answer = answer;
      this.listeners = new Map();
    }

    get(name) { return this.traits[name]; }
    set() {}
    save_changes() {}
    on(name, listener) { this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]); }
    off() {}
    emit(name, ...values) { for (const listener of this.listeners.get(name) ?? []) listener(...values); }
    send(asked) { setTimeout(() => this.answer(asked, (message, buffers = []) => this.emit("msg:custom", message, buffers))); }
  }

  function answer({ kind, id, names }, reply) {
    if (kind === "hello") reply({ kind: "page", id, page });
    else if (kind === "ping") reply({ kind: "pong", id });
    else if (kind === "thumbs") names.filter((name) => images.has(name)).forEach((name) => send_image(name));
  }

  function send_image(name) {
    const bytes = images.get(name);
    const thumbs = { kind: "thumbs", id: "", names: [name], problems: [bytes ? "" : " "], last: false };
    shown?.emit("msg:custom", thumbs, bytes ? [new DataView(bytes.buffer)] : []);
  }

  function follow_theme() {
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    for (const el of [front, document.body]) el.classList.toggle("theme-dark", dark);
    document.body.dataset.jpThemeLight = String(!dark);
  }

  function add(parent, tag, classes, text = "") {
    const el = document.createElement(tag);
    el.className = classes;
    el.textContent = text;
    parent.append(el);
    return el;
  }

  function draw(widget, parent, modules) {
    const kind = { box: "lm-Panel jupyter-widgets widget-container widget-box", list: "jupyter-widgets widget-dropdown" }[widget.kind] ?? "";
    const el = add(parent, "div", `lm-Widget ${kind} ${widget.classes.join(" ")}`);
    for (const [name, value] of Object.entries(widget.style)) el.style.setProperty(name, value);
    for (const child of widget.inner ?? []) draw(child, el, modules);
    if (widget.kind === "list") {
      add(el, "label", "widget-label", widget.title);
      add(add(el, "select", ""), "option", "", widget.chosen);
    }
    const made = widget.kind === "panel" ? new Model({ tree: widget.tree, problem: "", address: {} }) : null;
    if (made) closers.push(modules.panel.render({ model: made, el }));
    if (widget.kind === "grid") {
      shown = new Model({ problem: "", dismissed: "", ...grid }, answer);
      closers.push(modules.grid.render({ model: shown, el }));
    }
  }

  async function show() {
    if (!frame) {
      add(room, "p", "cleaner-front-message", message);
      return;
    }
    const loaded = await Promise.all(Object.entries(scripts).map(async ([name, text]) => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const module = await import(url);
      URL.revokeObjectURL(url);
      return [name, module.default];
    }));
    draw(frame, room, Object.fromEntries(loaded));
  }

  /** The page itself is there when its images are. */
  function is_covered() {
    const cells = document.getElementById("rendered_cells");
    if (!cells?.querySelector(AFTER)) return false;
    const cards = cells.querySelectorAll(".cleaner-card").length;
    return cards > 0 && cards === cells.querySelectorAll(".cleaner-card:is(.has-picture, .cleaner-bad)").length;
  }

  function leave() {
    for (const close of closers) close();
    front.remove();
  }

  /** Leave once the page is there; what comes as a message has no images to wait for. */
  function watch() {
    let late = 0;
    const look = () => {
      const there = document.querySelector("#rendered_cells")?.querySelector(AFTER);
      if (there && !late) late = setTimeout(done, READY_MS);
      if (is_covered()) done();
    };
    const watcher = new MutationObserver(look);
    const done = () => {
      clearTimeout(late);
      watcher.disconnect();
      leave();
    };
    watcher.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    look();
  }

  async function go_on() {
    const answered = await fetch(window.location.href, { cache: "no-store" });
    const text = await answered.text();
    // The same document goes on, so that what is on the screen stays there.
    document.open();
    document.write(text);
    document.close();
    const put = () => document.body?.append(front);
    if (!document.body) new MutationObserver((_, seen) => { if (document.body) { seen.disconnect(); put(); } }).observe(document, { childList: true, subtree: true });
    put();
    if (answered.ok) watch();
    else leave();
  }

  window.cleaner_front = {
    /** @param {string} name @param {string} base64 empty: the file cannot be shown */
    image(name, base64) {
      images.set(name, base64 ? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)) : null);
      send_image(name);
    },
    ready() {
      go_on().catch(() => window.location.reload());
    },
    failed(text) {
      front.querySelector(".cleaner-front-bar").remove();
      room.replaceChildren();
      room.inert = false;
      add(room, "p", "cleaner-front-message is-failed", text).setAttribute("role", "alert");
    },
  };
  follow_theme();
  show();
})();
