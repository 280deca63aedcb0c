// @ts-check
// Draws the tree of elements that Python describes, and changes only what differs from the tree before:
// focus, open lists and live regions stay. Texts become text nodes, never markup.

/** @typedef {string | [string, Record<string, string | boolean>, ...any[]]} Tree */

const HTML_TAGS = new Set([
  "div", "section", "header", "nav", "h1", "h2", "h3", "p", "span", "b", "ul", "ol", "li", "table", "caption",
  "thead", "tbody", "tr", "th", "td", "button", "label", "input", "select", "option", "fieldset", "legend",
  "details", "summary", "progress", "code", "dl", "dt", "dd",
]);
const SVG_TAGS = new Set(["svg", "g", "path", "line", "circle", "rect", "text"]);
const ATTRIBUTES = new Set([
  "class", "role", "type", "name", "value", "min", "max", "step", "checked", "disabled", "selected", "hidden", "open",
  "tabindex", "title", "scope", "placeholder", "viewBox", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r",
  "width", "height", "text-anchor", "preserveAspectRatio", "data-do", "data-value", "data-heir",
]);
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** @param {Tree} tree @returns {Node} */
function make_tree(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const [tag, attributes, ...children] = tree;
  if (!HTML_TAGS.has(tag) && !SVG_TAGS.has(tag)) throw new Error(`cleaner: no <${tag}> in a panel`);
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG_NAMESPACE, tag) : document.createElement(tag);
  set_attributes(element, {}, attributes);
  element.append(...children.map(make_tree));
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, string | boolean>} before
 * @param {Record<string, string | boolean>} now
 */
function set_attributes(element, before, now) {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (!ATTRIBUTES.has(name) && !name.startsWith("aria-")) throw new Error(`cleaner: no ${name}= in a panel`);
    const value = now[name] ?? false;
    if ((before[name] ?? false) === value) continue; // what the user typed or opened since stays
    if (value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
    if (name === "value" || name === "checked") /** @type {any} */ (element)[name] = value === false ? "" : value;
  }
}

/**
 * @param {Node} node
 * @param {Tree} before
 * @param {Tree} now
 */
function patch(node, before, now) {
  if (typeof before === "string" && typeof now === "string") {
    if (before !== now) node.nodeValue = now;
  } else if (typeof before === "string" || typeof now === "string" || before[0] !== now[0]) {
    node.parentNode?.replaceChild(make_tree(now), node);
  } else {
    const element = /** @type {Element} */ (node);
    const [, old_attributes, ...old_children] = before;
    const [, attributes, ...children] = now;
    set_attributes(element, old_attributes, attributes);
    const nodes = [...element.childNodes];
    children.forEach((child, i) => {
      if (i < old_children.length) patch(nodes[i], old_children[i], child);
      else element.append(make_tree(child));
    });
    for (const gone of nodes.slice(children.length)) gone.remove();
  }
}

/** Tabs: one tab stop, arrows walk and choose. @param {KeyboardEvent} event */
function on_tab_key(event) {
  const list = /** @type {HTMLElement} */ (event.target).closest("[role=tablist]");
  if (!list) return;
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
  const steps = { ArrowUp: at - 1, ArrowLeft: at - 1, ArrowDown: at + 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
  const to = /** @type {Record<string, number>} */ (steps)[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.focus();
  tab.click();
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "cleaner-panel";
  root.dataset.lmSuppressShortcuts = "true";
  const problem = document.createElement("div");
  problem.className = "cleaner-problem";
  problem.setAttribute("role", "alert");
  const body = document.createElement("div");
  root.append(problem, body);
  el.append(root);
  /** @type {Tree} */
  let shown = ["div", {}];

  function draw_tree() {
    const focused = document.activeElement;
    const inside = root.contains(focused);
    /** @type {Tree} */
    const next = ["div", {}, ...model.get("tree")];
    patch(body, shown, next);
    shown = next;
    // A button that was pressed and is gone hands the focus on, so that the keyboard user is not sent to the top.
    if (inside && (!root.contains(focused) || focused?.matches(":disabled, [hidden], [hidden] *"))) {
      const heirs = [...root.querySelectorAll("[data-heir]:not(:disabled)")];
      const heir = heirs.find((one) => !one.closest("[hidden]"));
      /** @type {HTMLElement | undefined} */ (heir)?.focus();
    }
  }

  function draw_problem() {
    problem.textContent = model.get("problem");
    problem.hidden = !model.get("problem");
  }

  function on_address() {
    const wanted = model.get("address");
    if (!wanted || !document.body.classList.contains("cleaner-page")) return;
    const url = new URL(window.location.href);
    for (const [name, value] of Object.entries(wanted)) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    window.history.replaceState(null, "", url);
  }

  /** @param {Element | null} from @param {string} [value] */
  function send(from, value) {
    const name = from?.getAttribute("data-do");
    if (name) model.send({ kind: "do", name, value: value ?? from?.getAttribute("data-value") ?? "" });
  }

  root.addEventListener("click", (event) => {
    send(/** @type {Element} */ (event.target).closest("button[data-do]"));
  });
  root.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.matches("input[data-do], select[data-do]")) send(input, input.value);
  });
  root.addEventListener("keydown", on_tab_key);
  // JupyterLab tries its shortcuts on the element in focus before it looks at what that is in; so each needs the mark.
  root.addEventListener("focusin", (event) => {
    if (event.target instanceof HTMLElement) event.target.dataset.lmSuppressShortcuts = "true";
  });
  model.on("change:tree", draw_tree);
  model.on("change:problem", draw_problem);
  model.on("change:address", on_address);
  draw_tree();
  draw_problem();
  on_address();
  return () => {
    model.off("change:tree", draw_tree);
    model.off("change:problem", draw_problem);
    model.off("change:address", on_address);
    root.remove();
  };
}

export default { render };
