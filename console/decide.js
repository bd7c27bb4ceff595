/** Deciding a question, once: approve, reject, answer; a critical one is armed first, then Enter. */
import { Problem } from "./api.js";
import { ask } from "./dialog.js";
import { button, refuse } from "./parts.js";
import { act, isHeld, isMine, isOpen, isOwn, mayDecide, mayRelease, mayWithdraw, outcome } from "./questions.js";
import { html } from "./render.js";
import { may } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./keys.js").Key} Key
 */

/** @type {Map<string, {reason: string, answer: string}>} what was written, by question; it stays until it is decided */
const drafts = new Map();
const form = {
  /** @type {string | null} the critical question that waits for Enter */
  armed: null,
  missing: "",
  busy: false,
};

/** @param {Question} one */
const draft = (one) => drafts.get(one.id) ?? { reason: "", answer: "" };

/** @returns {boolean} whether an approval waits for Enter */
export const armed = () => form.armed !== null;

/** @param {Question | null} one the critical question whose approval waits for Enter; null steps back */
export function arm(one) {
  form.armed = one?.id ?? null;
  changed();
}

/** Steps back, and forgets what was missing. */
export function disarm() {
  Object.assign(form, { armed: null, missing: "" });
}

/** @param {Question} one @returns {import("./render.js").Shown} what can be done to it now, or why nothing can */
export function decision(one) {
  if (!mayDecide(one)) return isOpen(one) || drafts.has(one.id) ? html`<div class="decide">${isOpen(one) ? html`<p class="soft">${whyNot(one)}</p>` : null}<div class="row">${releaseButton(one)}${withdrawButton(one)}</div>${kept(one)}</div>` : null;
  const clarifies = one.type === "clarification";
  const waits = form.armed === one.id;
  return html`<form class="decide" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${clarifies ? area(one, "answer", t.inbox.answer, t.inbox.answerNote, t.inbox.answerHint) : null}
    ${area(one, "reason", t.inbox.reason, one.type === "waive_violation" ? t.inbox.reasonAlways : t.inbox.reasonNote, t.inbox.reasonHint)}
    <p class="st stop" role="alert" ?hidden=${!form.missing}>${form.missing}</p>
    <div class="row">${waits ? html`<button type="button" class="b armed" aria-keyshortcuts="Enter" @click=${() => approve(one)}>${t.inbox.pressEnter(t.inbox.approves[one.type])} <kbd aria-hidden="true">Enter</kbd></button>${button(t.inbox.stepBack, () => arm(null), { key: "Esc" })}` : html`${button(t.inbox.approves[one.type], () => approve(one), { kind: "first", key: "A", off: form.busy })}${button(t.inbox.reject, () => reject(one), { kind: "stop", key: "R", off: form.busy })}`}
      ${isHeld(one) ? releaseButton(one) : button(t.inbox.claim, () => claim(one), { key: "C", off: form.busy })}${withdrawButton(one)}<span class="cap push">${t.inbox.once}</span></div></form>`;
}

/** @param {Question} one @param {"reason" | "answer"} name @param {string} label @param {string} note @param {string} hint */
function area(one, name, label, note, hint) {
  return html`<label for=${name}><b>${label}</b> <span class="quiet">${note}</span></label><textarea class="area" id=${name} rows="2" placeholder=${hint} .value=${draft(one)[name]} @input=${(/** @type {any} */ event) => write(one, name, event.target.value)}></textarea>`;
}

/** @param {Question} one @param {"reason" | "answer"} name @param {string} text */
function write(one, name, text) {
  drafts.set(one.id, { ...draft(one), [name]: text });
  if (!form.missing) return;
  form.missing = "";
  changed();
}

/** @param {Question} one why the reader cannot decide it */
function whyNot(one) {
  if (isOwn(one)) return t.inbox.yourOwn;
  if (!may(one.requiredRole)) return t.inbox.needsRole(t.roles[/** @type {keyof typeof t.roles} */ (one.requiredRole)] ?? one.requiredRole);
  return t.inbox.theyDecide(one.assignedTo ?? "");
}

/** @param {Question} one what was written and not sent */
function kept(one) {
  const { reason, answer } = draft(one);
  const text = [answer, reason].filter(Boolean).join("\n");
  return text ? html`<p class="cap">${t.inbox.keptText}</p><p class="lines">${text}</p>` : null;
}

/** @param {Question} one */
const releaseButton = (one) => (mayRelease(one) ? button(t.inbox.release, () => release(one), { key: isMine(one) ? "U" : undefined, off: form.busy }) : null);

/** @param {Question} one */
const withdrawButton = (one) => (mayWithdraw(one) ? button(t.inbox.withdraw, () => withdraw(one), { kind: "bare" }) : null);

/** @param {Question} one @returns {Key[]} the keys that act on it now */
export function decideKeys(one) {
  if (!mayDecide(one)) return isMine(one) && mayRelease(one) ? [{ key: "u", does: () => release(one) }] : [];
  return [
    { key: "a", does: () => approve(one, true) },
    { key: "r", does: () => reject(one) },
    { key: "e", does: () => focus(one.type === "clarification" ? "answer" : "reason") },
    isHeld(one) ? { key: "u", does: () => release(one) } : { key: "c", does: () => claim(one) },
    ...(form.armed === one.id ? [{ key: "Enter", does: () => approve(one) }] : []),
  ];
}

/** @param {string} id of a field */
const focus = (id) => document.getElementById(id)?.focus();

/** @param {string} field @param {string} why the decision is not sent */
function lacks(field, why) {
  Object.assign(form, { armed: null, missing: why });
  changed();
  focus(field);
}

/** @param {Question} one @param {boolean} [again] whether by the key that arms, which does not fire */
function approve(one, again = false) {
  const { reason, answer } = draft(one);
  if (one.type === "clarification" && !answer.trim()) return lacks("answer", t.inbox.answerMissing);
  if (one.type === "waive_violation" && !reason.trim()) return lacks("reason", t.inbox.reasonMissing);
  if (one.priority === "critical" && (again || form.armed !== one.id)) return arm(one);
  return decide(one, { decision: "approve", reason: reason.trim() || null, ...(one.type === "clarification" ? { response: { text: answer.trim() } } : {}) });
}

/** @param {Question} one */
function reject(one) {
  const { reason } = draft(one);
  if (!reason.trim()) return lacks("reason", t.inbox.rejectMissing);
  return decide(one, { decision: "reject", reason: reason.trim() });
}

/** @param {Question} one @param {object} body */
const decide = (one, body) =>
  sent(t.inbox.notDecided, async () => {
    await act(one, "decide", body);
    drafts.delete(one.id);
  });

/** @param {Question} one */
const claim = (one) => sent(t.inbox.notClaimed, () => act(one, "claim"));

/** @param {Question} one */
const release = (one) => sent(t.inbox.notReleased, () => act(one, "release"));

/** @param {Question} one */
function withdraw(one) {
  let reason = "";
  ask({
    title: t.inbox.withdrawTitle,
    body: () => html`<p>${t.inbox.withdrawHelp}</p><label class="field"><span>${t.inbox.reason}</span><textarea class="area" rows="2" @input=${(/** @type {any} */ event) => (reason = event.target.value)}></textarea></label>`,
    choices: [{ text: t.inbox.withdrawIt, kind: "stop", does: () => act(one, "withdraw", { reason: reason.trim() || null }) }],
  });
}

/** Sends one change at a time; who came second is told who was first, and how. @param {string} title @param {() => Promise<unknown>} does */
async function sent(title, does) {
  if (form.busy) return;
  Object.assign(form, { busy: true, armed: null, missing: "" });
  changed();
  try {
    await does();
  } catch (error) {
    refuse(title, error instanceof Problem && error.code === 409 ? standing(error) : error);
  }
  form.busy = false;
  changed();
}

/** @param {Problem} problem what stands in the way, in words */
function standing(problem) {
  const [found] = problem.details;
  if (!found?.status) return problem;
  const why = outcome(found);
  return `${why}${found.actionReason ? `: “${found.actionReason}”` : ""}. ${t.errors.unchanged}`;
}
