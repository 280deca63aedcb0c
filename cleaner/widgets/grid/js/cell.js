// What is said of one image: its badge, its decision, and the name by which a screen reader knows it.

import { printed } from "./label_sets.js";

/**
 * @import { Cell, Decision } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {Pick<Decision, "action" | "label">} Wish a decision that is not yet anybody's
 */

/** @param {number} probability */
export function percent(probability) {
  const points = Math.round(100 * probability);
  if (points >= 100 && probability < 1) return "> 99\u00a0%";
  if (points <= 0 && probability > 0) return "< 1\u00a0%";
  return `${points}\u00a0%`;
}

/** @param {number} loss */
export function loss_text(loss) {
  return loss >= 9.95 ? loss.toFixed(0) : loss.toFixed(1);
}

/**
 * @param {Say} say
 * @param {Wish | null} decision
 * @param {string} separator of several labels of an image; empty where each has one
 * @returns {string} what the badge says
 */
export function badge_text(say, decision, separator) {
  switch (decision?.action) {
    case "relabel": return say("grid.badge.relabel", { label: printed(say, String(decision.label), separator) });
    case "keep": return say("grid.badge.keep");
    case "delete": return say("grid.badge.delete");
    case "unsure": return say("grid.badge.unsure");
    default: return "";
  }
}

/**
 * @param {Say} say
 * @param {Wish | null} decision
 * @param {string} separator of several labels of an image; empty where each has one
 * @returns {string} the decision in words
 */
export function decision_words(say, decision, separator) {
  switch (decision?.action) {
    case "relabel": return say("grid.decided.relabel", { label: printed(say, String(decision.label), separator) });
    case "keep": return say("grid.decided.keep");
    case "delete": return say("grid.decided.delete");
    case "unsure": return say("grid.decided.unsure");
    default: return "";
  }
}

/** @type {Record<string, string>} what is best done with an image, and how that is said */
const ADVICE = { keep: "grid.advice.keep", delete: "grid.advice.delete", look: "grid.advice.look" };

/**
 * @param {Say} say
 * @param {string} advice
 */
export function advice_text(say, advice) {
  return say(ADVICE[advice]);
}

/**
 * The name by which a screen reader, or a script, knows a card.
 * @param {Say} say
 * @param {Cell} cell
 * @param {{decision: Wish | null, saving: boolean, problem: string, separator: string}} state what is on show of it
 */
export function spoken_name(say, cell, { decision, saving, problem, separator }) {
  const parts = [cell.name];
  if (cell.given !== null) parts.push(say("grid.name.given", { label: printed(say, cell.given, separator) }));
  if (cell.suggestion !== null) {
    const odds = cell.probability === null ? "" : ` ${cell.probability.toFixed(2)}`;
    parts.push(say("grid.name.suggestion", { label: printed(say, cell.suggestion, separator) + odds }));
  }
  if (cell.loss !== null) parts.push(say("grid.name.loss", { loss: cell.loss.toFixed(2) }));
  parts.push(...cell.notes);
  if (cell.advice) parts.push(say("grid.name.advice", { advice: advice_text(say, cell.advice) }));
  parts.push(...cell.remarks);
  if (problem) parts.push(say("grid.name.problem", { problem }));
  if (decision) parts.push(decision_words(say, decision, separator));
  if (saving) parts.push(say("grid.name.saving"));
  return parts.join(", ");
}

/**
 * @param {Wish | null} a
 * @param {Wish | null} b
 */
export function same_decision(a, b) {
  return a === b || (a !== null && b !== null && a.action === b.action && a.label === b.label);
}
