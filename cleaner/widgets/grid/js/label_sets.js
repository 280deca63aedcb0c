// Labels of several classes: one text on the wire, the classes joined by a separator; the separator alone for none.

/**
 * @import { Say } from "./words.js"
 * @typedef {{name: string, mark: "" | "added" | "removed" | "missing" | "extra"}} Chip a class of an image, as it is shown
 */

/**
 * @param {string | null} label
 * @param {string} separator empty where each image has one label
 * @returns {string[]} the classes of a label
 */
export function split(label, separator) {
  if (label === null) return [];
  return separator ? label.split(separator).filter(Boolean) : [label];
}

/**
 * @param {string | null} label
 * @param {string} name of a class
 * @param {string} separator
 * @param {boolean} there
 * @returns {string} the label with that class, or without it
 */
export function with_class(label, name, separator, there) {
  const classes = split(label, separator).filter((each) => each !== name);
  return (there ? [...classes, name].sort() : classes).join(separator) || separator;
}

/**
 * @param {Say} say
 * @param {string} label
 * @param {string} separator
 * @returns {string} a label for people
 */
export function printed(say, label, separator) {
  if (!separator) return label;
  return split(label, separator).join(", ") || say("grid.no_class");
}

/**
 * The classes of an image: those it came with, and what was changed or, while nothing is decided, is suggested to be.
 * @param {string | null} given
 * @param {string | null} suggestion
 * @param {string | null} chosen by a decision
 * @param {string} separator
 * @returns {Chip[]}
 */
export function chips(given, suggestion, chosen, separator) {
  const before = split(given, separator);
  const other = chosen === null ? suggestion : chosen;
  const after = other === null ? before : split(other, separator);
  /** @type {["added" | "missing", "removed" | "extra"]} */
  const [more, less] = chosen === null ? ["missing", "extra"] : ["added", "removed"];
  return [...new Set([...before, ...after])].sort().map((name) => {
    if (!before.includes(name)) return { name, mark: more };
    return { name, mark: after.includes(name) ? "" : less };
  });
}
