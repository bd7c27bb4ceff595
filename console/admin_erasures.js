/** Erasures from the trail: what was asked for, and the confirmation by a second admin. */
import { all, call } from "./api.js";
import { ask } from "./dialog.js";
import { attempt, button, icon, personOf } from "./parts.js";
import { html, keyed } from "./render.js";
import { caseAddress } from "./router.js";
import { isMe, may } from "./session.js";
import { changed } from "./state.js";
import { day } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Erasure
 * @property {string} id @property {string | null} person @property {string | null} subject
 * @property {string} legalBasis @property {string} reason @property {string} askedAt
 * @property {string} askedBy @property {string} askedBySubject @property {string} lapsesAt
 * @property {keyof typeof t.erasures.states} state @property {number} events @property {number} values @property {number} aboutEvents
 * @property {string | null} heldCase
 *
 * @typedef {{subject: string, name: string}} Known somebody of the directory
 */

/** @type {{rows: Erasure[] | null, more: boolean}} */
const known = { rows: null, more: false };

/** Fetches what was asked for, newest first. */
export async function loadErasures() {
  const { rows, more } = await all("/erasures", {}, "erasures");
  Object.assign(known, { rows, more: more !== null });
  changed();
}

/** @param {Known[]} people who may be named @returns {import("./render.js").Shown} what was asked for; nothing until it was fetched */
export function erasures(people) {
  if (!known.rows) return null;
  return html`<div class="block-head"><h2>${t.erasures.title}</h2><span class="quiet">${t.erasures.note(known.rows.length, known.more)}</span>${may("admin") ? button(t.erasures.ask, () => request(people), { kind: "push" }) : null}</div>
    ${known.rows.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${t.erasures.title}><table class="plain"><thead><tr><th scope="col">${t.erasures.what}</th><th scope="col">${t.erasures.basis}</th><th scope="col">${t.erasures.asked}</th><th scope="col">${t.erasures.state}</th><td></td></tr></thead>
    <tbody>${known.rows.map((one) => keyed(one.id, html`<tr><th scope="row">${nameOf(one)}</th><td title=${one.reason}>${one.legalBasis}</td><td>${personOf(one.askedBy, one.askedBySubject)}, ${day(one.askedAt)}</td><td>${stateOf(one)}</td><td class="num">${may("admin") && one.state === "asked" && !isMe(one.askedBy, one.askedBySubject) ? button(t.erasures.confirm, () => confirm(one)) : null}</td></tr>`))}</tbody></table></div>` : html`<p class="soft">${t.erasures.none}</p>`}`;
}

/** @param {Erasure} one */
const nameOf = ({ person, subject }) => (person === null ? subjectOf(subject ?? "") : html`${t.erasures.person} <span class="id">${person}</span>`);

/** @param {string} subject @returns {import("./render.js").Shown} a case as a link */
const subjectOf = (subject) => (subject.startsWith("cases/") ? html`<a class="id" href=${caseAddress(subject.slice("cases/".length))}>${subject.slice("cases/".length)}</a>` : html`<span class="id">${subject}</span>`);

/** @param {Erasure} one */
function stateOf({ state, events, values, heldCase, lapsesAt }) {
  if (heldCase) return html`<span class="st wait wraps">${icon("c-stands")}${t.erasures.held(heldCase)}</span>`;
  if (state === "completed") return html`<span class="st ok wraps">${icon("s-approved")}${t.erasures.done(values, events)}</span>`;
  return html`<span class="soft">${state === "asked" ? t.erasures.until(day(lapsesAt)) : t.erasures.states[state]}</span>`;
}

/** Asks for an erasure, which somebody else has to confirm. @param {Known[]} people */
function request(people) {
  let person = false;
  return ask({
    title: t.erasures.askTitle,
    body: (redraw) => html`<p>${t.erasures.askHelp}</p>
      <label class="field"><span>${t.erasures.kind}</span><select class="area" name="kind" @change=${(/** @type {any} */ event) => {
        person = event.target.value === "person";
        redraw();
      }}><option value="subject">${t.erasures.ofSubject}</option><option value="person">${t.erasures.ofPerson}</option></select></label>
      <label class="field"><span>${person ? t.erasures.sub : t.admin.caseId}</span><input class="area" name="named" required autocomplete="off" list=${person ? "erasable" : null}></label><datalist id="erasable">${people.map((one) => html`<option value=${one.subject}>${one.name}</option>`)}</datalist>
      <label class="field"><span>${t.erasures.basis}</span><input class="area" name="basis" required maxlength="300" autocomplete="off" placeholder=${t.erasures.basisHint}></label>
      <label class="field"><span>${t.admin.reason}</span><textarea class="area" name="reason" rows="3" maxlength="2000" required></textarea></label>`,
    choices: [{ text: t.erasures.askIt, does: async (given) => {
      const named = String(given.get("named")).trim();
      const whose = person ? { person: named } : { subject: `cases/${named}` };
      const body = { ...whose, legalBasis: given.get("basis"), reason: given.get("reason") };
      await call("POST", "/audit:erase", { body });
      await attempt(t.shell.notShown, loadErasures);
    } }],
  });
}

/** @param {Erasure} one */
function confirm(one) {
  return ask({
    title: t.erasures.confirmTitle,
    body: () => html`<p>${nameOf(one)}, ${t.erasures.about(one.aboutEvents)}</p><p class="soft">${one.askedBy}, ${day(one.askedAt)}: ${one.legalBasis}. ${one.reason}</p><p>${t.erasures.confirmHelp}</p>`,
    choices: [{ text: t.erasures.confirmIt, kind: "stop", does: async () => {
      await call("POST", `/erasures/${encodeURIComponent(one.id)}:confirm`, {});
      await attempt(t.shell.notShown, loadErasures);
    } }],
  });
}
