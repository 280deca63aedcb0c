// What a page is for: which acts it offers, what going on means, and how the page speaks of it.

import { count } from "./words.js";

/**
 * @import { Card } from "./card.js"
 * @import { Say } from "./words.js"
 * @typedef {[marked: string, where: string, confirm: string]} Words how many are marked, and what Confirm does
 * @typedef {[key: string, act: string]} HeadButton what a button beside a group says, and does
 * @typedef {{
 *   acts: string[], go: string, judges: boolean, words: (say: Say, cards: Card[]) => Words,
 *   on_groups: string[], head: HeadButton[], beside: boolean
 * }} Purpose `acts` are buttons by name, `go` is the key of what Confirm is called;
 *   `judges`: going on says something of the unmarked images; `on_groups`: those acts that are about a whole group,
 *   not about one card; `head`: buttons of a group's head, which stands beside its images or above them
 */

/**
 * @param {Say} say
 * @param {Card[]} cards
 */
function marked_words(say, cards) {
  const marked = cards.filter((card) => card.decision).length;
  return marked ? say("grid.marked", { n: marked }) : say("grid.none_marked");
}

/** @type {Purpose["words"]} */
function label_words(say, cards) {
  const open = cards.filter((card) => !card.decision && !card.problem);
  const bare = open.filter((card) => card.cell.given === null);
  const accepted = bare.filter((card) => card.cell.suggestion !== null && card.cell.sure).length;
  const kept = open.length - bare.length;
  const unseen = cards.filter((card) => !card.decision && card.problem).length;
  const suggestions = count(say, "grid.suggestions", accepted);
  let first = say("grid.confirm.opens_next");
  if (kept && accepted) first = say("grid.confirm.keeps_and_accepts", { n: kept, suggestions });
  else if (accepted) first = say("grid.confirm.accepts", { suggestions });
  else if (kept) first = say(kept === cards.length ? "grid.confirm.keeps_all" : "grid.confirm.keeps_other", { n: kept });
  const parts = [first];
  if (bare.length > accepted) parts.push(count(say, "grid.confirm.unlabelled", bare.length - accepted));
  if (unseen) parts.push(count(say, "grid.confirm.unseen", unseen));
  return [marked_words(say, cards), say("grid.on_this_page"), parts.join("; ")];
}

/** @type {Purpose["words"]} */
function check_words(say, cards) {
  return [marked_words(say, cards), say("grid.on_this_page"), say("grid.confirm.leaves")];
}

/** @type {Purpose["words"]} */
function delete_words(say, cards) {
  const marked = cards.filter((card) => card.decision).length;
  const confirm = marked ? count(say, "grid.confirm.trash", marked) : say("grid.confirm.opens_next");
  return [marked_words(say, cards), say("grid.to_delete"), confirm];
}

const LABEL_ACTS = ["keep", "delete", "unsure", "undo", "redo"];
const CONFIRM = "grid.confirm_page";
const CONTINUE = "grid.continue";

const NO_GROUPS = Object.freeze({ on_groups: [], head: [], beside: false });

/**
 * By the purpose that Python gives a page; `files` is the grid that only deletes.
 * @type {Readonly<Record<"labels" | "audit" | "pictures" | "copies" | "fixes" | "files", Purpose>>}
 */
export const PURPOSES = Object.freeze({
  labels: { acts: LABEL_ACTS, go: CONFIRM, judges: true, words: label_words, ...NO_GROUPS },
  audit: { acts: LABEL_ACTS, go: CONFIRM, judges: true, words: label_words, ...NO_GROUPS },
  pictures: { acts: ["delete", "undo", "redo"], go: CONTINUE, judges: false, words: check_words, ...NO_GROUPS },
  copies: {
    acts: ["only", "suggest", "different", "delete", "undo", "redo"], go: CONTINUE, judges: false, words: check_words,
    on_groups: ["only", "suggest", "different"], beside: true,
    head: [["grid.follow_advice", "suggest"], ["grid.not_duplicates", "different"]],
  },
  fixes: {
    acts: ["group", ...LABEL_ACTS], go: CONTINUE, judges: false, words: check_words,
    on_groups: ["group"], beside: false, head: [["grid.relabel_group", "group"]],
  },
  files: { acts: ["delete", "undo", "redo"], go: CONFIRM, judges: true, words: delete_words, ...NO_GROUPS },
});

/**
 * @param {string} name
 * @returns {Purpose}
 */
export function purpose_of(name) {
  const purpose = /** @type {Record<string, Purpose>} */ (PURPOSES)[name];
  if (!purpose) throw new Error(`cleaner: there is no purpose ${name}`);
  return purpose;
}

/**
 * @param {Card[]} list
 * @returns {Set<string | null>} the groups of which the one to keep is deleted: the advice holds no longer
 */
export function bereft_groups(list) {
  const gone = list.filter((card) => card.cell.advice === "keep" && card.decision?.action === "delete");
  return new Set(gone.map((card) => card.cell.group));
}

/**
 * Which cards an act on groups of duplicates will mark to be deleted.
 * @param {string} act only, suggest or different
 * @param {Card[]} targets
 * @param {Card[]} list all cards of the page
 */
export function superfluous(act, targets, list) {
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
export function is_offered(purpose, act) {
  return ["relabel", "add", "remove", "suggest"].includes(act) || purpose.acts.includes(act);
}
