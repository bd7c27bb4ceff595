/** Who holds a question and until when, who has approved it so far, and handing it on. */
import { a } from "./ask_texts.js";
import { ask } from "./dialog.js";
import { button, icon, personOf } from "./parts.js";
import { pick } from "./people.js";
import { act, hasApproved, isHeld, isLapsed, isMine, isOpen, isOwn, mayClaim, mayHandOver, mayRelease, mayWithdraw } from "./questions.js";
import { html } from "./render.js";
import { may } from "./session.js";
import { state } from "./state.js";
import { countdown, moment } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {(title: string, does: () => Promise<unknown>) => unknown} Sent sends one change at a time
 */

/** @param {Question} one @param {Sent} sent */
export const claim = (one, sent) => sent(t.inbox.notClaimed, () => act(one, "claim"));

/** @param {Question} one @param {Sent} sent */
export const release = (one, sent) => sent(t.inbox.notReleased, () => act(one, "release"));

/** @param {Question} one @param {Sent} sent @param {boolean} off @returns {Shown} what can be done to it besides deciding */
export const holdButtons = (one, sent, off) => html`${mayClaim(one) ? button(isMine(one) ? a.holdOn : t.inbox.claim, () => claim(one, sent), { key: isMine(one) ? undefined : "C", off }) : null}
  ${mayRelease(one) ? button(t.inbox.release, () => release(one, sent), { key: isMine(one) ? "U" : undefined, off }) : null}
  ${mayHandOver(one) ? button(a.handOver, () => handOver(one), { kind: "bare" }) : null}${mayWithdraw(one) ? button(t.inbox.withdraw, () => withdraw(one), { kind: "bare" }) : null}`;

/** @param {Question} one @returns {string} until when a claim holds, or that it has lapsed; empty where it has no end */
export function heldUntil(one) {
  if (!isOpen(one) || !isHeld(one) || !one.heldUntil) return "";
  const time = moment(one.heldUntil);
  return isLapsed(one) ? a.lapsedClaim(time) : a.until(time);
}

/** @param {Question} one @returns {Shown} until when the claim of the reader, or of somebody else that lapsed, holds */
export function claimOf(one) {
  if (!isOpen(one) || !isHeld(one) || !one.heldUntil) return null;
  const time = moment(one.heldUntil);
  const lapsed = isLapsed(one);
  if (!isMine(one)) return lapsed && mayClaim(one) ? html`<p class="st wait wraps">${icon("c-late")}${a.theirClaimLapsed(one.assignedTo ?? "", time)}</p>` : null;
  return html`<p class=${lapsed ? "st wait wraps" : "st wraps"}>${icon(lapsed ? "c-late" : "c-runs")}${lapsed ? a.yourClaimLapsed(time) : a.yourClaim(time, countdown(Date.parse(one.heldUntil) - state.now))}</p>`;
}

/** @param {Question} one @returns {Shown} who has approved it so far, and how many are missing */
export function approvalsOf(one) {
  if (one.approvalsRequired < 2) return null;
  const { length } = one.approvals;
  return html`<section class="stack"><h2>${a.approvals(length, one.approvalsRequired)}</h2>
    ${length ? html`<ul class="stack">${one.approvals.map(({ by, bySubject, at }) => html`<li class="st good wraps">${icon("s-approved")}<span>${personOf(by, bySubject)}, <time datetime=${at}>${moment(at)}</time></span></li>`)}</ul>` : null}
    ${isOpen(one) ? html`<p class="soft">${a.missing(one.approvalsRequired - length)}${length ? ` ${one.approvedArguments ? a.soFarChanged : ""} ${a.anew}` : ""}</p>` : null}</section>`;
}

/** @param {Question} one @returns {string} why the reader cannot decide it */
export function whyNot(one) {
  if (isOwn(one)) return t.inbox.yourOwn;
  if (!may(one.requiredRole)) return t.inbox.needsRole(t.roles[/** @type {keyof typeof t.roles} */ (one.requiredRole)] ?? one.requiredRole);
  if (hasApproved(one)) return a.approvedAlready;
  return mayClaim(one) ? "" : t.inbox.theyDecide(one.assignedTo ?? "");
}

/** Hands it to somebody else, without putting it back first. @param {Question} one */
const handOver = (one) => pick(one.assignedTo, (name) => act(one, "assign", { to: name }), { nobody: false });

/** @param {Question} one */
function withdraw(one) {
  let reason = "";
  ask({
    title: t.inbox.withdrawTitle,
    body: () => html`<p>${t.inbox.withdrawHelp}</p><label class="field"><span>${t.inbox.reason}</span><textarea class="area" rows="2" @input=${(/** @type {any} */ event) => (reason = event.target.value)}></textarea></label>`,
    choices: [{ text: t.inbox.withdrawIt, kind: "stop", does: () => act(one, "withdraw", { reason: reason.trim() || null }) }],
  });
}
