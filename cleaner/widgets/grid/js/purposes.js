// What a page is for: which acts it offers, what going on means, and how the page speaks of it.

/**
 * @typedef {{
 *   acts: string[], go: string, judges: boolean,
 *   words: (cards: Card[]) => [string, string, string]
 * }} Purpose `acts` are buttons by name; `judges`: going on says something of the unmarked pictures
 */

/**
 * @param {Card[]} cards
 * @param {string} where
 */
function marked_words(cards, where) {
  const marked = cards.filter((card) => card.decision).length;
  return [marked ? `${marked} marked` : "Nothing marked", where];
}

/** @param {Card[]} cards @returns {[string, string, string]} marked, where, what Confirm does */
function label_words(cards) {
  const open = cards.filter((card) => !card.decision && !card.cell.problem);
  const bare = open.filter((card) => card.cell.given === null);
  const accepted = bare.filter((card) => card.cell.suggestion !== null && card.cell.sure !== false).length;
  const kept = open.length - bare.length;
  const unseen = cards.filter((card) => !card.decision && card.cell.problem).length;
  const parts = [];
  if (kept) parts.push(`keeps ${kept === cards.length ? "all" : accepted ? "" : "the other"} ${kept}`.replace("  ", " "));
  if (accepted) parts.push(`accepts ${count(accepted, "suggestion", "suggestions")}`);
  const rest = [];
  if (bare.length > accepted) rest.push(`${bare.length - accepted} stay without a label`);
  if (unseen) rest.push(`not the ${unseen} that cannot be shown`);
  const [first, where] = marked_words(cards, " on this page");
  return [first, where, [`Confirm ${parts.join(" and ") || "goes on to the next page"}`, ...rest].join(", ")];
}

/** @param {Card[]} cards @returns {[string, string, string]} */
function check_words(cards) {
  const [first, where] = marked_words(cards, " on this page");
  return [first, where, "Go on leaves the unmarked as they are"];
}

/** @param {Card[]} cards @returns {[string, string, string]} */
function delete_words(cards) {
  const marked = cards.filter((card) => card.decision).length;
  const [first] = marked_words(cards, "");
  return [first, " to delete", marked ? `Confirm moves ${marked === 1 ? "it" : "them"} to the trash` : "Confirm goes on to the next page"];
}

const LABEL_ACTS = ["keep", "delete", "unsure", "undo"];

/** By the purpose that Python gives a page; `files` is the grid that only deletes. */
const PURPOSES = /** @type {Record<string, Purpose>} */ ({
  labels: { acts: LABEL_ACTS, go: "Confirm page", judges: true, words: label_words },
  audit: { acts: LABEL_ACTS, go: "Confirm page", judges: true, words: label_words },
  pictures: { acts: ["delete", "undo"], go: "Go on", judges: false, words: check_words },
  copies: { acts: ["only", "suggest", "different", "delete", "undo"], go: "Go on", judges: false, words: check_words },
  files: { acts: ["delete", "undo"], go: "Confirm page", judges: true, words: delete_words },
});

/** Acts that are about a group of copies, not about one card. */
const GROUP_ACTS = ["only", "suggest", "different"];

/**
 * @param {Card[]} list
 * @returns {Set<string | null | undefined>} the groups of which the one to keep is deleted: the advice holds no longer
 */
function bereft_groups(list) {
  const gone = list.filter((card) => card.cell.advice === "keep" && card.decision?.action === "delete");
  return new Set(gone.map((card) => card.cell.group));
}

/**
 * Which cards an act on groups of copies will mark to be deleted.
 * @param {string} act one of GROUP_ACTS
 * @param {Card[]} targets
 * @param {Card[]} list all cards of the page
 */
function superfluous(act, targets, list) {
  const groups = new Set(targets.map((card) => card.cell.group));
  const others = list.filter((card) => groups.has(card.cell.group) && card.decision?.action !== "delete");
  if (act === "only") return others.filter((card) => !targets.includes(card));
  if (act !== "suggest") return [];
  const bereft = bereft_groups(list);
  return others.filter((card) => card.cell.advice === "delete" && !bereft.has(card.cell.group));
}

/**
 * @param {Purpose} purpose
 * @param {string} act
 * @returns {boolean} whether that act has a sense on such a page; a label can be given on all of them
 */
function is_offered(purpose, act) {
  return act === "relabel" || act === "suggest" || purpose.acts.includes(act);
}
