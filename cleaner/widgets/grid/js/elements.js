// Small elements that every part of the page is made of, and what the keyboard needs of them.

/** What the key for Ctrl is called here. */
export const CTRL = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

/**
 * Make an element. Texts become text nodes, never markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} classes
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, classes = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * A button that says its key. Pressing it with the mouse leaves the focus where it was.
 * @param {string} text
 * @param {string} key as printed; empty if it has none
 * @param {(event: MouseEvent) => void} on_click
 * @param {string} classes
 * @param {string} shortcuts its keys, as ARIA spells them
 */
export function make_button(text, key, on_click, classes = "", shortcuts = "") {
  const button = make("button", `cleaner-button ${classes}`.trim(), { type: "button" }, make("span", "", {}, text));
  if (key) button.append(make("kbd", "", { "aria-hidden": "true" }, key));
  if (shortcuts) button.setAttribute("aria-keyshortcuts", shortcuts);
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (button.getAttribute("aria-disabled") !== "true") on_click(event);
  });
  return button;
}

/**
 * A button for an act that has a key; `Keymap.label` writes the key on it.
 * @param {string} text
 * @param {string} act
 * @param {(event: MouseEvent) => void} on_click
 * @param {string} classes
 */
export function make_act_button(text, act, on_click, classes = "") {
  const button = make_button(text, " ", on_click, classes);
  button.dataset.act = act;
  return button;
}

/**
 * Write into an element; where it says that already, the page is not laid out anew, nor the text read out again.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Give a button of `make_button` another text.
 * @param {HTMLElement} button
 * @param {string} text
 */
export function set_text(button, text) {
  const words = button.querySelector("span");
  if (words) write(words, text);
}

/**
 * Switch a button off without taking the focus from it, as `disabled` would.
 * @param {HTMLElement} button
 * @param {boolean} enabled
 */
export function enable(button, enabled) {
  button.setAttribute("aria-disabled", String(!enabled));
}

/**
 * A modal dialog inside the widget; Esc closes it and gives the focus back.
 * @param {string} label
 * @param {string} classes
 */
export function make_dialog(label, classes) {
  const dialog = make("dialog", `cleaner-dialog ${classes}`, { "aria-label": label });
  dialog.addEventListener("keydown", (event) => trap_tab(dialog, event));
  dialog.addEventListener("mousedown", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}

/**
 * Keep Tab inside a dialog; the browser's own trap lets it out to the address bar.
 * @param {HTMLElement} dialog
 * @param {KeyboardEvent} event
 */
function trap_tab(dialog, event) {
  if (event.key !== "Tab") return;
  const all = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll("button, input, select, textarea, [tabindex='0']")]);
  const stops = all.filter((el) => el.tabIndex >= 0 && el.offsetParent !== null);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement !== edge && dialog.contains(document.activeElement)) return;
  event.preventDefault();
  (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
}

/**
 * Focus an element and scroll it clear of the bars that stick to the window. Firefox scrolls to what it focuses only if
 * nothing of it is in the window, and takes what is below a bar for visible.
 * @param {HTMLElement} element one that has the focus stays where it is: a second click must hit what the first one hit
 */
export function focus_in_view(element) {
  if (document.activeElement === element) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** A random id; crypto.randomUUID is missing on pages that come without https. */
export function make_id() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * An address for an image that came as bytes; whoever makes one has to revoke it.
 * @param {DataView} bytes
 * @param {string} type
 */
export function make_url(bytes, type = "image/jpeg") {
  return URL.createObjectURL(new Blob([/** @type {DataView<ArrayBuffer>} */ (bytes)], { type }));
}

/** @param {EventTarget | null} target @returns {boolean} whether keys belong to that element */
export function takes_keys(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

/** @returns {boolean} whether the page is a notebook, with cells that can be run */
export function in_notebook() {
  const in_voila = document.body.hasAttribute("data-voila"); // whose page has a LabShell as well
  return !in_voila && document.querySelector(".jp-LabShell, .jp-NotebookShell") !== null;
}
