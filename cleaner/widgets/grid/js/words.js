// The sentences that the page shows. They come from Python, by key, so that they can be read and rewritten in one place.

/**
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Say
 * returns a sentence with its values put in
 */

/**
 * @param {Record<string, string>} table sentences by key
 * @param {(act: string) => string} printed gives the key of an act, which stands in a sentence as {key_act}
 * @returns {Say}
 */
export function speaker(table, printed) {
  return (key, values = {}) => {
    const sentence = table[key];
    if (sentence === undefined) throw new Error(`cleaner: there is no sentence ${key}`);
    return sentence.replace(/\{(\w+)\}/g, (_, name) => {
      const value = name.startsWith("key_") ? printed(name.slice(4)) : values[name];
      if (value === undefined) throw new Error(`cleaner: the sentence ${key} needs ${name}`);
      return typeof value === "number" ? value.toLocaleString("en") : value;
    });
  };
}

/**
 * Say a number of things: "1 image", "3,409 images".
 * @param {Say} say
 * @param {string} key of two sentences, which end in _one and _many
 * @param {number} n
 */
export function count(say, key, n) {
  return say(`${key}_${n === 1 ? "one" : "many"}`, { n });
}
