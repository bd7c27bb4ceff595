/** Deciding a question, once: approve, change, answer, reject; an approval of a critical one is armed first, then Enter. */
import { editForm, editOf, differs, isValid } from "./action_edit.js";
import { answerForm, answerOf, begun, fieldOf } from "./answer_form.js";
import { Problem } from "./api.js";
import { a } from "./ask_texts.js";
import { claim, claimOf, holdButtons, release, whyNot } from "./holding.js";
import { button, refuse } from "./parts.js";
import { act, hasApproved, isMine, isOpen, mayClaim, mayDecide, mayRelease, outcome } from "./questions.js";
import { html } from "./render.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./questions.js").Verdict} Verdict
 * @typedef {import("./keys.js").Key} Key
 * @typedef {import("./action_edit.js").Edit} Edit
 *
 * @typedef {object} Draft what is decided as things stand: as it is begun with, or as the reader wrote it
 * @property {string} reason @property {string} answer
 * @property {Record<string, string>} typed what is in the fields of the form
 * @property {Edit | null} edit the arguments as the reader changes them
 * @property {boolean} answers whether the answer goes along where it need not
 * @property {boolean} other whether the reader wrote what is decided, and not only why
 */

/** @type {Map<string, Partial<Draft>>} what the reader wrote, by question; it stays until it is decided */
const drafts = new Map();
const form = {
  /** @type {{id: string, updatedAt: string, verdict: Verdict} | null} the approval of a critical question, as it stood then, that waits for Enter */
  armed: null,
  missing: "",
  /** @type {Record<string, string>} what is wrong with which field of the form */
  wrong: {},
  busy: false,
};

/** What the reader begins with: what others have approved so far counts together only with the same. @param {Question} one @returns {Draft} */
const draft = (one) => ({ reason: "", answer: String(one.response?.text ?? ""), typed: one.responseSchema ? begun(one.responseSchema, one.response) : {}, edit: one.approvedArguments ? editOf(one.approvedArguments) : null, answers: one.response !== null, other: false, ...drafts.get(one.id) });

/** @param {Question} one @param {Verdict} verdict */
const allows = (one, verdict) => one.decisions.includes(verdict);

/** @param {Question} one */
const clarifies = (one) => one.type === "clarification";

/** @returns {boolean} whether an approval waits for Enter */
export const armed = () => form.armed !== null;

/** @param {Question | null} one the critical question whose approval waits for Enter; null steps back @param {Verdict} [verdict] */
export function arm(one, verdict = "approve") {
  form.armed = one && { id: one.id, updatedAt: one.updatedAt, verdict };
  changed();
}

/** What waits for Enter; nothing where the question has changed since then. @param {Question} one @returns {Verdict | null} */
const waiting = (one) => (form.armed?.id === one.id && form.armed.updatedAt === one.updatedAt ? form.armed.verdict : null);

/** Steps back, and forgets what was missing. */
export function disarm() {
  Object.assign(form, { armed: null, missing: "", wrong: {} });
}

/** @param {Question} one @returns {Record<string, unknown> | undefined} the arguments that the reader writes, as far as they are valid */
export const written = (one) => (mayDecide(one) ? draft(one).edit?.now : undefined);

/** @param {Question} one @returns {import("./render.js").Shown} the arguments, where the reader changes them */
export function changes(one) {
  const edit = mayDecide(one) ? draft(one).edit : null;
  return edit && one.action ? editForm(one.action.arguments, edit, (now) => write(one, { edit: now }), () => write(one, { edit: null })) : null;
}

/** @param {Question} one @returns {import("./render.js").Shown} the form of the answer, where one is described */
export function answers(one) {
  if (!one.responseSchema || !mayDecide(one)) return null;
  return answerForm(one.responseSchema, draft(one).typed, form.wrong, (name, text) => {
    delete form.wrong[name];
    write(one, { typed: { ...draft(one).typed, [name]: text }, answers: true });
  });
}

/** @param {Question} one @returns {import("./render.js").Shown} what can be done to it now, or why nothing can */
export function decision(one) {
  if (!mayDecide(one)) return isOpen(one) || drafts.has(one.id) ? html`<div class="decide">${isOpen(one) ? html`${claimOf(one)}<p class="soft" ?hidden=${!whyNot(one)}>${whyNot(one)}</p>` : null}<div class="row">${holdButtons(one, sent, form.busy)}</div>${kept(one)}</div>` : null;
  const verdict = mainOf(one);
  const inWords = !one.responseSchema && (clarifies(one) || allows(one, "respond"));
  const waits = waiting(one);
  const joined = hasJoined(one);
  return html`<form class="decide" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${claimOf(one)}${joined ? html`<p class="soft">${a.approvedAlready}</p>` : null}<p class="soft" ?hidden=${!beginsAnew(one)}>${beginsAnew(one)}</p>
    ${inWords ? area(one, "answer", t.inbox.answer, t.inbox.answerNote, t.inbox.answerHint) : null}
    ${area(one, "reason", t.inbox.reason, one.type === "waive_violation" ? t.inbox.reasonAlways : t.inbox.reasonNote, t.inbox.reasonHint)}
    <p class="st stop" role="alert" ?hidden=${!form.missing}>${form.missing}</p>
    <div class="row">${waits ? html`<button type="button" class="b armed" aria-keyshortcuts="Enter" @click=${() => decide(one, waits)}>${t.inbox.pressEnter(label(one, waits))} <kbd aria-hidden="true">Enter</kbd></button>${button(t.inbox.stepBack, () => arm(null), { key: "Esc" })}` : html`${verdict && !joined ? button(label(one, verdict), () => decide(one, verdict), { kind: "first", key: "A", off: form.busy }) : null}
      ${allows(one, "edit") && !draft(one).edit ? button(a.edit, () => edit(one), { key: "E", off: form.busy }) : null}
      ${respondsBesides(one) ? button(label(one, "respond"), () => decide(one, "respond"), { off: form.busy }) : null}
      ${allows(one, "reject") ? button(t.inbox.reject, () => decide(one, "reject"), { kind: "stop", key: "R", off: form.busy }) : null}`}
      ${holdButtons(one, sent, form.busy)}<span class="cap push">${t.inbox.once}</span></div></form>`;
}

/** Whether the reader has approved what they would approve now. @param {Question} one */
const hasJoined = (one) => hasApproved(one) && !draft(one).other;

/** @param {Question} one @returns {string} that approving it begins anew, because others have approved other arguments */
function beginsAnew(one) {
  const { edit } = draft(one);
  if (!one.action || !one.approvals.length) return "";
  if (!edit) return one.approvedArguments && allows(one, "approve") ? a.anewAsAsked : "";
  return differs(edit, one.approvedArguments ?? one.action.arguments) ? a.anewChanged : "";
}

/** @param {Question} one @returns {Verdict | null} what the first button does */
function mainOf(one) {
  if (draft(one).edit) return "edit";
  if (allows(one, "approve")) return "approve";
  return allows(one, "respond") && !one.action ? "respond" : null;
}

/** Whether answering is something else than what the first button does. @param {Question} one */
const respondsBesides = (one) => allows(one, "respond") && mainOf(one) !== "respond" && !(clarifies(one) && !one.action && allows(one, "approve"));

/** @param {Question} one @param {Verdict} verdict */
function label(one, verdict) {
  if (verdict === "edit") return a.approveEdited;
  if (verdict === "respond") return one.action ? a.respond : a.answer;
  return one.action ? a.approveAction : t.inbox.approves[one.type];
}

/** @param {Question} one @param {"reason" | "answer"} name @param {string} label @param {string} note @param {string} hint */
function area(one, name, label, note, hint) {
  return html`<label for=${name}><b>${label}</b> <span class="quiet">${note}</span></label><textarea class="area" id=${name} rows="2" placeholder=${hint} .value=${draft(one)[name]} @input=${(/** @type {any} */ event) => write(one, { [name]: event.target.value, ...(name === "answer" ? { answers: event.target.value.trim() !== "" } : {}) })}></textarea>`;
}

/** @param {Question} one @param {Partial<Draft>} parts */
function write(one, parts) {
  drafts.set(one.id, { ...drafts.get(one.id), ...parts, other: draft(one).other || "edit" in parts || "typed" in parts || "answer" in parts });
  form.missing = "";
  // What was armed was something else.
  form.armed = null;
  changed();
}

/** @param {Question} one what was written and not sent */
function kept(one) {
  const { reason, answer } = drafts.get(one.id) ?? {};
  const text = [answer, reason].filter(Boolean).join("\n");
  return text ? html`<p class="cap">${t.inbox.keptText}</p><p class="lines">${text}</p>` : null;
}

/** @param {Question} one @returns {Key[]} the keys that act on it now */
export function decideKeys(one) {
  const claims = mayClaim(one) && !isMine(one) ? [{ key: "c", does: () => claim(one, sent) }] : [];
  const releases = isMine(one) && mayRelease(one) ? [{ key: "u", does: () => release(one, sent) }] : [];
  if (!mayDecide(one)) return [...claims, ...releases];
  const verdict = mainOf(one);
  const waits = waiting(one);
  return [
    ...(verdict && !hasJoined(one) ? [{ key: "a", does: () => decide(one, verdict, true) }] : []),
    ...(allows(one, "reject") ? [{ key: "r", does: () => decide(one, "reject") }] : []),
    { key: "e", does: () => (allows(one, "edit") ? edit(one) : focus(fieldsOf(one)[0] ?? (clarifies(one) ? "answer" : "reason"))) },
    ...claims,
    ...releases,
    ...(waits ? [{ key: "Enter", does: () => decide(one, waits) }] : []),
  ];
}

/** The ids of the fields of its form. @param {Question} one */
const fieldsOf = (one) => Object.keys(one.responseSchema?.properties ?? {}).map(fieldOf);

/** Opens the arguments, or goes to them. @param {Question} one */
function edit(one) {
  if (!draft(one).edit && one.action) write(one, { edit: editOf(one.approvedArguments ?? one.action.arguments) });
  queueMicrotask(() => focus("edit-0"));
}

/** @param {string} id of a field */
const focus = (id) => document.getElementById(id)?.focus();

/** @param {string} field @param {string} why the decision is not sent @param {Record<string, string>} [wrong] */
function lacks(field, why, wrong = {}) {
  Object.assign(form, { armed: null, missing: why, wrong });
  changed();
  // Below what is drawn anew, where the field may be that it is about.
  queueMicrotask(() => focus(field));
}

/** @param {Record<string, string>} wrong */
const lacksAnswers = (wrong) => lacks(fieldOf(Object.keys(wrong)[0]), a.wrongForm, wrong);

/**
 * Decides it, or says what is missing.
 * @param {Question} one @param {Verdict} verdict @param {boolean} [again] whether by the key that arms, which does not fire
 */
function decide(one, verdict, again = false) {
  const { reason, answer, typed, edit, answers } = draft(one);
  const consents = verdict !== "reject";
  /** @type {Record<string, unknown>} */
  const body = { decision: verdict, reason: reason.trim() || null };
  const needed = verdict === "respond" || (verdict === "approve" && (clarifies(one) || !allows(one, "respond")));
  if (consents && one.responseSchema && (needed || answers)) {
    const { response, wrong } = answerOf(one.responseSchema, typed);
    if (Object.keys(wrong).length) return lacksAnswers(wrong);
    body.response = response;
  } else if (consents && !one.responseSchema && (answer.trim() || verdict === "respond" || (needed && clarifies(one)))) {
    if (!answer.trim()) return lacks("answer", t.inbox.answerMissing);
    body.response = { text: answer.trim() };
  }
  if (verdict === "edit" && edit && one.action) {
    if (!isValid(edit)) return lacks("edit-0", a.wrongEdit);
    if (!differs(edit, one.action.arguments)) return lacks("edit-0", a.noChange);
    body.arguments = edit.now;
  }
  if (!consents && !reason.trim()) return lacks("reason", t.inbox.rejectMissing);
  if (one.type === "waive_violation" && !reason.trim()) return lacks("reason", t.inbox.reasonMissing);
  if (consents && one.priority === "critical" && (again || !waiting(one))) return arm(one, verdict);
  return sent(t.inbox.notDecided, async () => {
    await act(one, "decide", body);
    drafts.delete(one.id);
  });
}

/** Sends one change at a time; who came second is told who was first, and how. @param {string} title @param {() => Promise<unknown>} does */
async function sent(title, does) {
  if (form.busy) return;
  disarm();
  form.busy = true;
  changed();
  try {
    await does();
  } catch (error) {
    const wrong = error instanceof Problem && error.code === 400 ? wrongOf(error) : {};
    if (Object.keys(wrong).length) lacksAnswers(wrong);
    else refuse(title, error instanceof Problem && error.code === 409 ? standing(error) : error);
  }
  form.busy = false;
  changed();
}

/** @param {Problem} problem @returns {Record<string, string>} what the server says of fields of the form */
const wrongOf = (problem) => Object.fromEntries(problem.details.filter(({ field }) => field?.startsWith("response.") && document.getElementById(fieldOf(field.slice(9)))).map(({ field, description }) => [field.slice(9), description]));

/** @param {Problem} problem what stands in the way, in words */
function standing(problem) {
  const [found] = problem.details;
  const why = found?.status && outcome({ expiresAt: null, heldUntil: null, ...found });
  if (!why) return problem;
  return `${why}${found.actionReason ? `: “${found.actionReason}”` : ""}. ${t.errors.unchanged}`;
}
