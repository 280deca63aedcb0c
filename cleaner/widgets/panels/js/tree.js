// Trees of elements as Python describes them, made into elements; a tree is changed only where it differs from the one
// before: focus, open lists and live regions stay. Texts become text nodes, never markup.

/**
 * @typedef {Record<string, string | boolean>} Attributes
 * @typedef {string | [string, Attributes, ...any[]]} Tree
 * @typedef {(element: Element, value: string | boolean) => boolean} Keeps
 * whether an element keeps the value that the user has given it, though Python says another one
 */

const HTML_TAGS = new Set([
  "div", "section", "header", "nav", "h1", "h2", "h3", "p", "span", "b", "ul", "ol", "li", "table", "caption",
  "thead", "tbody", "tr", "th", "td", "button", "label", "input", "select", "option", "fieldset", "legend",
  "details", "summary", "progress", "code", "dl", "dt", "dd",
]);
const SVG_TAGS = new Set(["svg", "g", "path", "line", "circle", "rect", "text"]);
const ATTRIBUTES = new Set([
  "class", "role", "type", "name", "value", "min", "max", "step", "checked", "disabled", "selected", "hidden", "open",
  "accept", "tabindex", "title", "scope", "placeholder", "viewBox", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "fill",
  "width", "height", "text-anchor", "preserveAspectRatio", "maxlength", "autocomplete", "data-do", "data-value", "data-heir",
  "data-key", "data-enter", "data-escape", "data-typed", "data-field", "data-from",
]);
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** @param {Tree} tree @returns {string | undefined} */
function key_of(tree) {
  return typeof tree === "string" ? undefined : /** @type {string | undefined} */ (tree[1]["data-key"]);
}

/** A list can take a value only when the entry is there. @param {Element} element @param {string | boolean} value */
function set_choice(element, value) {
  if (element instanceof HTMLSelectElement && typeof value === "string") element.value = value;
}

/** Draws trees into an element, one after the other. */
export class Drawing {
  /**
   * @param {HTMLElement} body
   * @param {Keeps} keeps
   */
  constructor(body, keeps) {
    this.body = body;
    this.keeps = keeps;
    /** @type {Tree} */
    this.shown = ["div", {}];
  }

  /** @param {Tree[]} trees what is to be in the body now */
  draw(trees) {
    /** @type {Tree} */
    const next = ["div", {}, ...trees];
    this.patch(this.body, this.shown, next);
    this.shown = next;
  }

  /** @param {Tree} tree @returns {Node} */
  make(tree) {
    if (typeof tree === "string") return document.createTextNode(tree);
    const [tag, attributes, ...children] = tree;
    if (!HTML_TAGS.has(tag) && !SVG_TAGS.has(tag)) throw new Error(`cleaner: no <${tag}> in a panel`);
    const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG_NAMESPACE, tag) : document.createElement(tag);
    this.set_attributes(element, {}, attributes);
    element.append(...children.map((child) => this.make(child)));
    set_choice(element, attributes.value);
    return element;
  }

  /**
   * @param {Element} element
   * @param {Attributes} before
   * @param {Attributes} now
   */
  set_attributes(element, before, now) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
      if (!ATTRIBUTES.has(name) && !name.startsWith("aria-")) throw new Error(`cleaner: no ${name}= in a panel`);
      const value = now[name] ?? false;
      if ((before[name] ?? false) === value) continue; // what the user typed or opened since stays
      if (value === false) element.removeAttribute(name);
      else element.setAttribute(name, value === true ? "" : value);
      if (name === "value" && this.keeps(element, value)) continue;
      if (name === "value" || name === "checked") /** @type {any} */ (element)[name] = value === false ? "" : value;
    }
  }

  /**
   * @param {Node} node
   * @param {Tree} before
   * @param {Tree} now
   */
  patch(node, before, now) {
    if (typeof before === "string" && typeof now === "string") {
      if (before !== now) node.nodeValue = now;
    } else if (typeof before === "string" || typeof now === "string" || before[0] !== now[0]) {
      node.parentNode?.replaceChild(this.make(now), node);
    } else {
      const element = /** @type {Element} */ (node);
      const [, old_attributes, ...old_children] = before;
      const [, attributes, ...children] = now;
      this.set_attributes(element, old_attributes, attributes);
      if (children.some(key_of)) this.patch_by_key(element, old_children, children);
      else this.patch_by_place(element, old_children, children);
      if (old_attributes.value !== attributes.value) set_choice(element, attributes.value);
    }
  }

  /**
   * @param {Element} element
   * @param {Tree[]} before
   * @param {Tree[]} now
   */
  patch_by_place(element, before, now) {
    const nodes = [...element.childNodes];
    now.forEach((child, i) => {
      if (i < before.length) this.patch(nodes[i], before[i], child);
      else element.append(this.make(child));
    });
    for (const gone of nodes.slice(now.length)) gone.remove();
  }

  /**
   * Children that have keys keep their elements, and what was typed there, when others come, go or change places.
   * @param {Element} element
   * @param {Tree[]} before
   * @param {Tree[]} now
   */
  patch_by_key(element, before, now) {
    const nodes = [...element.childNodes];
    const there = new Map(before.map((tree, i) => [key_of(tree) ?? `#${i}`, { tree, node: nodes[i] }]));
    const wanted = now.map((tree, i) => key_of(tree) ?? `#${i}`);
    const staying = new Set(wanted);
    for (const [key, { node }] of there) if (!staying.has(key)) node.remove();
    now.forEach((tree, i) => {
      const old = there.get(wanted[i]);
      const here = element.childNodes[i] ?? null;
      if (!old) element.insertBefore(this.make(tree), here);
      else {
        if (old.node !== here) element.insertBefore(old.node, here);
        this.patch(old.node, old.tree, tree);
      }
    });
  }
}
