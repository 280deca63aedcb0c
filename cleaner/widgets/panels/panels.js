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
  "width", "height", "text-anchor", "preserveAspectRatio", "maxlength", "autocomplete", "data-do", "data-value", "data-heir",
  "data-key", "data-enter", "data-escape", "data-typed", "data-field", "data-from",
]);
const TYPING_MS = 200;
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SLIDER_REST_MS = 200; // a key held down, or hurried steps, make one message

/** Where the user has a slider, as long as Python has not answered that. @type {WeakMap<Element, number>} */
const moved = new WeakMap();

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
    // Else the answer to an earlier move would take the slider out of the user's hand.
    if (name === "value" && moved.has(element) && moved.get(element) !== Number(value)) continue;
    if (name === "value") moved.delete(element);
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
    if (children.some(key_of)) {
      patch_by_key(element, old_children, children);
      return;
    }
    const nodes = [...element.childNodes];
    children.forEach((child, i) => {
      if (i < old_children.length) patch(nodes[i], old_children[i], child);
      else element.append(make_tree(child));
    });
    for (const gone of nodes.slice(children.length)) gone.remove();
  }
}

/** @param {Tree} tree @returns {string | undefined} */
function key_of(tree) {
  return typeof tree === "string" ? undefined : /** @type {string | undefined} */ (tree[1]["data-key"]);
}

/**
 * Children that have keys keep their elements, and what was typed there, when others come, go or change places.
 * @param {Element} element
 * @param {Tree[]} before
 * @param {Tree[]} now
 */
function patch_by_key(element, before, now) {
  const nodes = [...element.childNodes];
  const there = new Map(before.map((tree, i) => [key_of(tree) ?? `#${i}`, { tree, node: nodes[i] }]));
  const wanted = now.map((tree, i) => key_of(tree) ?? `#${i}`);
  const staying = new Set(wanted);
  for (const [key, { node }] of there) if (!staying.has(key)) node.remove();
  now.forEach((tree, i) => {
    const old = there.get(wanted[i]);
    const here = element.childNodes[i] ?? null;
    if (!old) element.insertBefore(make_tree(tree), here);
    else {
      if (old.node !== here) element.insertBefore(old.node, here);
      patch(old.node, old.tree, tree);
    }
  });
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

/** Show at once what a slider cuts off; the figures follow when Python has counted. @param {HTMLInputElement} slider */
function show_slider(slider) {
  const scale = slider.closest(".cleaner-scale");
  const value = scale?.querySelector(".cleaner-scale-value");
  if (value) value.textContent = Number(slider.value).toFixed((slider.step.split(".")[1] ?? "").length);
  for (const bar of scale?.querySelectorAll("rect[data-value]") ?? []) {
    bar.classList.toggle("is-in", Number(bar.getAttribute("data-value")) >= Number(slider.value) - 1e-9);
  }
}

/**
 * Letters, digits and Enter mean nothing to a slider, but much to the grid: they lead there without acting, as the
 * picture they would act on is not the one that is looked at.
 * @param {KeyboardEvent} event
 */
function on_slider_key(event) {
  const slider = /** @type {Element} */ (event.target);
  if (!slider.matches("input[type=range]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key !== "Enter" && event.key !== "Escape" && !/^\S$/u.test(event.key)) return;
  event.preventDefault();
  for (let at = slider.parentElement; at; at = at.parentElement) {
    const cell = /** @type {HTMLElement | null} */ (at.querySelector('[role=gridcell][tabindex="0"]'));
    if (cell) return cell.focus();
  }
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
    for (const slider of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("input[type=range]"))) {
      if (moved.has(slider)) show_slider(slider);
    }
    // What was moved loses the focus.
    if (inside && focused !== document.activeElement && focused instanceof HTMLElement) focused.focus();
    // A button that was pressed and is gone hands the focus on, so that the keyboard user is not sent to the top.
    if (inside && (!root.contains(focused) || focused?.matches(":disabled, [hidden], [hidden] *"))) {
      const heirs = [...root.querySelectorAll("[data-heir]:not(:disabled)")];
      const heir = heirs.find((one) => !one.closest("[hidden]"));
      /** @type {HTMLElement | undefined} */ (heir)?.focus();
      if (heir instanceof HTMLInputElement && heir.type === "text") heir.select();
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

  /** @param {Element} from */
  function send_clicked(from) {
    const field = from.getAttribute("data-from"); // a button that stands for a field sends what is in that
    const fields = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("[data-field]")]);
    send(from, field === null ? undefined : fields.find((one) => one.dataset.field === field)?.value);
  }

  /** Enter in a field does what its button does, Escape leaves it. @param {KeyboardEvent} event */
  function on_field_key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.isComposing) return;
    if (event.key === "Enter" && target.matches("input[data-enter]")) {
      event.preventDefault();
      const { value } = /** @type {HTMLInputElement} */ (target);
      model.send({ kind: "do", name: target.dataset.enter, value });
    } else if (event.key === "Escape") {
      const left = /** @type {HTMLElement | null} */ (target.closest("[data-escape]"));
      if (!left) return;
      event.preventDefault();
      model.send({ kind: "do", name: left.dataset.escape, value: "" });
    }
  }

  /** @type {number | undefined} */
  let typing;

  root.addEventListener("click", (event) => {
    const from = /** @type {Element} */ (event.target).closest("button[data-do]");
    if (from) send_clicked(from);
  });
  root.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const name = input.dataset.typed;
    if (!name) return;
    window.clearTimeout(typing);
    typing = window.setTimeout(() => model.send({ kind: "do", name, value: input.value }), TYPING_MS);
  });
  /** The slider whose last move Python has not been told. @type {HTMLInputElement | null} */
  let unsent = null;
  let timer = 0;

  function send_move() {
    clearTimeout(timer);
    const slider = unsent;
    unsent = null;
    if (!slider?.isConnected) return;
    if (Number(slider.getAttribute("value")) === Number(slider.value)) moved.delete(slider); // it came back
    else send(slider, slider.value);
  }

  root.addEventListener("input", (event) => {
    const slider = /** @type {HTMLInputElement} */ (event.target);
    if (!slider.matches("input[type=range]")) return;
    clearTimeout(timer);
    moved.set(slider, Number(slider.value));
    show_slider(slider);
  });
  root.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.matches("input[type=range][data-do]")) {
      unsent = input;
      clearTimeout(timer);
      timer = setTimeout(send_move, SLIDER_REST_MS);
    } else if (input.matches("input[data-do], select[data-do]")) send(input, input.value);
  });
  root.addEventListener("focusout", send_move);
  root.addEventListener("keydown", on_tab_key);
  root.addEventListener("keydown", on_slider_key);
  root.addEventListener("keydown", on_field_key);
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
    window.clearTimeout(typing);
    model.off("change:tree", draw_tree);
    model.off("change:problem", draw_problem);
    model.off("change:address", on_address);
    send_move();
    root.remove();
  };
}

export default { render };
