/** The questions that the inbox shows, and what is done to them. */
import { call, get, Problem } from "./api.js";
import { isMe, may, session } from "./session.js";
import { changed, state } from "./state.js";
import { moment } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Question
 * @property {string} id @property {string} uowId
 * @property {keyof typeof t.inbox.types} type
 * @property {"pending" | "in_progress" | "approved" | "rejected" | "expired" | "completed" | "withdrawn"} status
 * @property {"critical" | "high" | "normal" | "low"} priority
 * @property {string} title @property {string | null} description @property {unknown} context
 * @property {string | null} caseId @property {string | null} runId @property {string} requiredRole
 * @property {string} createdAt @property {string} createdBy @property {string} createdBySubject @property {string} updatedAt
 * @property {string | null} expiresAt
 * @property {string | null} assignedTo @property {string | null} assignedToSubject
 * @property {Verdict | null} decision @property {string | null} decidedBy @property {string | null} decidedBySubject
 * @property {string | null} actionReason @property {string | null} actionAt @property {number | null} resolutionSeconds
 * @property {Record<string, unknown> | null} response @property {unknown} result
 * @property {string | null} completedBy @property {string | null} completedAt
 * @property {{tool: string, arguments: Record<string, unknown>} | null} action @property {string | null} actionHash
 * @property {Verdict[]} decisions @property {import("./answer_form.js").Schema | null} responseSchema @property {number | null} actWithinSeconds
 * @property {Record<string, unknown> | null} approvedArguments @property {string | null} approvedActionHash @property {string | null} actUntil
 * @property {string | null} startedAt @property {string | null} startedBy @property {string | null} lapsedAt
 * @property {number} approvalsRequired @property {{by: string, bySubject: string, at: string}[]} approvals @property {string | null} heldUntil
 *
 * @typedef {"approve" | "edit" | "reject" | "respond"} Verdict
 * @typedef {"open" | "mine" | "decided"} Tab
 */

export const PRIORITIES = /** @type {const} */ (["critical", "high", "normal", "low"]);
const ENDED = ["approved", "rejected", "expired", "completed", "withdrawn"];
const PAGE = 100;
const LATELY = 6;

export const inbox = {
  /** @type {Tab} */
  tab: "open",
  loaded: false,
  /** @type {Question[]} those of the tab */
  rows: [],
  /** @type {Question[]} decided lately, below those that are open */
  lately: [],
  /** @type {string | null} where the next page of the tab begins */
  more: null,
  /** @type {Tab} the tab that the address names */
  asked: "open",
  /** @type {string | null} the id of the one that the address names; another one that arrives late is not opened */
  wanted: null,
  /** @type {Question | null} the one that is opened */
  open: null,
};

/** @param {Question} one @returns {boolean} whether it can still be decided, by the reader's clock */
export const isOpen = (one) => (one.status === "pending" || one.status === "in_progress") && !(one.expiresAt && Date.parse(one.expiresAt) <= state.now);

/** @param {Question} one */
export const isHeld = (one) => one.status === "in_progress";

/** @param {Question} one */
export const isMine = (one) => isHeld(one) && isMe(one.assignedTo, one.assignedToSubject);

/** @param {Question} one @returns {boolean} whether the reader can put it back: who holds it, and admins */
export const mayRelease = (one) => isHeld(one) && ((isMine(one) && may("verifier")) || may("admin"));

/** @param {Question} one @returns {boolean} whether the reader can withdraw it: who asked it, and pilots */
export const mayWithdraw = (one) => isOpen(one) && ((isOwn(one) && may("verifier")) || may("pilot"));

/** @param {Question} one @returns {boolean} whether the reader asked it, who then never decides it */
export const isOwn = (one) => one.createdBySubject === session.me?.subject || one.createdBy === session.me?.name;

/** @param {{heldUntil: string | null}} one @returns {boolean} whether the claim of whoever holds it has lapsed */
export const isLapsed = (one) => one.heldUntil !== null && Date.parse(one.heldUntil) <= state.now;

/** @param {Question} one */
const isForMe = (one) => isOpen(one) && may(one.requiredRole) && !isOwn(one);

/** @param {Question} one @returns {boolean} whether the reader may decide it */
export const mayDecide = (one) => isForMe(one) && (!isHeld(one) || isMine(one));

/** @param {Question} one @returns {boolean} whether the reader is one of those who have approved it */
export const hasApproved = (one) => isOpen(one) && one.approvals.some(({ by, bySubject }) => isMe(by, bySubject));

/** @param {Question} one @returns {boolean} whether the reader may claim it, also anew, and where the claim of another has lapsed */
export const mayClaim = (one) => isForMe(one) && !hasApproved(one) && (!isHeld(one) || (isMine(one) ? one.heldUntil !== null : isLapsed(one)));

/** @param {Question} one @returns {boolean} whether the reader may hand it over */
export const mayHandOver = (one) => isForMe(one) && may("pilot");

/** Fetches the questions of a tab; they are not shown where the address names another one by then. @param {Tab} tab */
export async function load(tab) {
  const [pages, lately] = await Promise.all([fetched(tab, null), tab === "open" ? get("/interventions", { status: ENDED, pageSize: LATELY }) : null]);
  if (tab !== inbox.asked) return;
  Object.assign(inbox, { tab, loaded: true, ...pages, lately: lately?.interventions ?? [] });
  changed({ news: [] });
}

/** Fetches the next page of the tab; nothing of it is shown where the list has gone on meanwhile. */
export async function loadMore() {
  const before = inbox.more;
  const { rows, more } = await fetched(inbox.tab, before);
  if (inbox.more !== before) return;
  Object.assign(inbox, { rows: [...inbox.rows, ...rows], more });
  changed();
}

/** @param {Tab} tab @param {string | null} token @returns {Promise<{rows: Question[], more: string | null}>} */
async function fetched(tab, token) {
  const asked = { pageSize: PAGE, pageToken: token };
  if (tab === "decided") {
    const { interventions, nextPageToken } = await get("/interventions", { status: ENDED, ...asked });
    return { rows: interventions, more: nextPageToken ?? null };
  }
  const held = get("/interventions:pending", { status: "in_progress", assignedTo: tab === "mine" ? "me" : "", pageSize: PAGE });
  if (tab === "mine") return { rows: (await held).interventions, more: null };
  const [free, taken] = await Promise.all([get("/interventions:pending", asked), token ? { interventions: [] } : held]);
  const rank = (/** @type {Question} */ one) => PRIORITIES.indexOf(one.priority);
  const rows = [...free.interventions, ...taken.interventions].sort((a, b) => rank(a) - rank(b) || Date.parse(a.createdAt) - Date.parse(b.createdAt));
  return { rows, more: free.nextPageToken ?? null };
}

/** @param {string} id */
const path = (id) => `/interventions/${encodeURIComponent(id)}`;

/** Opens a question. @param {string | null} id */
export async function show(id) {
  inbox.wanted = id;
  if (inbox.open?.id !== id) inbox.open = inbox.rows.find((one) => one.id === id) ?? null;
  if (id !== null) put(await get(path(id)));
}

/** Puts a question where it is shown, in its place. @param {Question} question */
export function put(question) {
  const same = (/** @type {Question} */ one) => (one.id === question.id ? question : one);
  Object.assign(inbox, { rows: inbox.rows.map(same), lately: inbox.lately.map(same), open: question.id === inbox.wanted ? question : inbox.open });
  changed();
}

/** Asks for those that changed and are shown; the others are news. @param {import("./live.js").Change[]} changes */
export async function heard(changes) {
  const ids = new Set(changes.filter(({ subject }) => subject.startsWith("interventions/")).map(({ subject }) => subject.slice(14)));
  const shown = new Set([...inbox.rows, ...inbox.lately, ...(inbox.open ? [inbox.open] : [])].map(({ id }) => id));
  const fresh = [...ids].filter((id) => !shown.has(id) && !state.news.includes(id));
  if (fresh.length) changed({ news: [...state.news, ...fresh] });
  for (const id of ids) if (shown.has(id)) put(await get(path(id)));
}

/**
 * Does something to a question, and shows how it stands then, also where it was refused.
 * @param {Question} question @param {"claim" | "release" | "decide" | "withdraw" | "assign"} verb @param {unknown} [body]
 * @returns {Promise<Question>} @throws {Problem}
 */
export async function act(question, verb, body) {
  try {
    const done = (await call("POST", `${path(question.id)}:${verb}`, { body })).body;
    put(done);
    return done;
  } catch (error) {
    if (error instanceof Problem && error.code === 409) await get(path(question.id)).then(put).catch(() => null);
    throw error;
  }
}

/** How a question ended, or who holds it, in words. @param {Question} one @returns {string} */
export function outcome(one) {
  const at = one.actionAt ? moment(one.actionAt) : "";
  const by = (/** @type {string | null} */ name, /** @type {string | null} */ subject) => (isMe(name, subject) ? t.shell.you : (name ?? ""));
  if (one.status === "completed" && !one.decision) return t.inbox.outcomes.completed(by(one.completedBy, null), at);
  if (one.decision) return t.inbox.outcomes[one.decision](by(one.decidedBy, one.decidedBySubject), at);
  if (one.status === "withdrawn") return t.inbox.outcomes.withdrawn(at);
  if (one.status === "expired" || !isOpen(one)) return t.inbox.outcomes.expired(moment(one.actionAt ?? one.expiresAt ?? one.updatedAt));
  return isHeld(one) ? t.inbox.heldBy(by(one.assignedTo, one.assignedToSubject)) : "";
}
