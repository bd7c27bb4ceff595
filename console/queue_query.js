/** What the address of the queue asks for: its parameters are those of the API's list of cases. */
import { session } from "./session.js";

/**
 * @typedef {Record<string, string | string[]>} Asked parameters of the API
 *
 * @typedef {object} Case
 * @property {string} id @property {string} title @property {string | null} summary
 * @property {keyof import("./texts.js").Texts["status"]} status
 * @property {keyof import("./texts.js").Texts["severity"]} severity
 * @property {string} decisionType @property {string[]} tags
 * @property {string | null} assignedTo @property {string | null} assignedToSubject @property {string | null} heldUntil
 * @property {string | null} dueAt @property {string | null} pausedAt @property {string} updatedAt @property {string} createdAt
 * @property {boolean} overdue @property {boolean} legalHold @property {number | null} openInterventions @property {number | null} openRuns
 * @property {Record<string, string | number | boolean>} fields
 * @property {string[]} packetEvidenceIds @property {number} evidenceCount @property {string} statusChangedAt
 * @property {string | null} closedAt @property {string} createdBy @property {string | null} submissionId
 */

/** Each tab, and the parameters that it stands for. */
export const TABS = /** @type {const} */ ({
  mine: { assignedTo: "me" },
  unassigned: { unassigned: "true" },
  overdue: { overdue: "true" },
  waiting: { waiting: "true" },
  all: {},
});
/** @typedef {keyof typeof TABS} Tab */

/** What can be set in the bar, and what behind its button. */
export const MORE = /** @type {const} */ (["createdBy", "submissionId", "legalHold", "dueUntil", "createdSince", "createdUntil"]);
export const FILTERS = ["search", "decisionType", "status", "severity", "tags", "assignedTo", "unassigned", "overdue", "waiting", ...MORE];
export const OPEN = ["new", "in_review", "needs_info", "blocked"];
const DONE = ["approved", "closed"];

/** @param {URLSearchParams} query @returns {Tab} which tab the parameters are of */
export function tabOf(query) {
  const found = Object.entries(TABS).find(([, given]) => Object.entries(given).some(([name, value]) => query.get(name) === value));
  return /** @type {Tab} */ (found?.[0] ?? "all");
}

/** @param {URLSearchParams} query @returns {"dueAt" | "createdAt"} the sort, which some filters decide */
export function sortOf(query) {
  if (["search", "createdSince", "createdUntil"].some((name) => query.get(name))) return "createdAt";
  if (query.get("overdue") || query.get("dueUntil")) return "dueAt";
  return query.get("sort") === "createdAt" ? "createdAt" : "dueAt";
}

/** @param {URLSearchParams} query @returns {Asked} its filters alone */
export function filtersOf(query) {
  /** @type {Asked} */
  const asked = {};
  for (const name of FILTERS) {
    const values = query.getAll(name).filter(Boolean);
    if (values.length) asked[name] = name === "status" || name === "tags" ? values : values[0];
  }
  return asked;
}

/**
 * The lists that make the queue, one after the other. Due first, a list leaves out the cases whose
 * clock stands: they follow, as far as they belong to the tab.
 * @param {URLSearchParams} query @returns {Asked[]}
 */
export function listsOf(query) {
  /** @type {Asked} */
  const asked = { ...filtersOf(query), sort: sortOf(query) };
  if (asked.sort === "createdAt" || asked.status || asked.overdue || asked.dueUntil) return [asked];
  const tab = tabOf(query);
  const standing = tab === "mine" || tab === "unassigned" ? ["needs_info"] : ["needs_info", ...DONE];
  return [asked, { ...asked, status: standing, sort: "createdAt" }];
}

/** @param {Case} one @param {URLSearchParams} query @returns {boolean} whether a case is among what the queue asks for, as far as it can be told here */
export function fits(one, query) {
  const asked = filtersOf(query);
  const is = (/** @type {string} */ name, /** @type {unknown} */ value) => asked[name] === undefined || [asked[name]].flat().includes(String(value));
  const me = session.me;
  const mine = one.assignedToSubject ? one.assignedToSubject === me?.subject : one.assignedTo === me?.name;
  const standing = one.status === "needs_info" || DONE.includes(one.status);
  const tab = tabOf(query);
  return (
    is("status", one.status) && is("severity", one.severity) && is("decisionType", one.decisionType) && is("legalHold", one.legalHold) && is("createdBy", one.createdBy) && is("submissionId", one.submissionId) &&
    (!asked.tags || one.tags.some((tag) => asked.tags.includes(tag))) &&
    (!asked.assignedTo || (asked.assignedTo === "me" ? mine : one.assignedTo === asked.assignedTo)) &&
    (!asked.unassigned || one.assignedTo === null) &&
    (!asked.overdue || one.overdue) &&
    (!asked.waiting || String((one.openInterventions ?? 0) > 0) === asked.waiting) &&
    !((tab === "mine" || tab === "unassigned") && !asked.status && standing && one.status !== "needs_info")
  );
}
