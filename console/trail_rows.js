/** The events of a trail, by day: each a mark on the line of the chain. */
import { actorOf, happened, isErased, kindOf, unlessErased } from "./events.js";
import { icon } from "./parts.js";
import { html, keyed } from "./render.js";
import { caseAddress } from "./router.js";
import { dayOf, timeOf, toSeconds } from "./time.js";
import { t } from "./texts.js";
import { pieces } from "./words.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 *
 * @typedef {import("./events.js").Event & {source: string, outcome: string, requestHash: string | null}} TrailEvent an event as it was received
 *
 * @typedef {object} How
 * @property {string | null} open the id of the event that is opened
 * @property {number} here the place of the row that the keys are at
 * @property {import("./proof.js").Proof | null} proof what was found of them, once they are checked
 * @property {boolean} subjects whether each row says what it is about
 * @property {(id: string) => unknown} toggle
 * @property {(id: string) => string} link the address at which an event is opened
 */

/** @param {TrailEvent[]} events newest first @param {How} how @returns {Shown} */
export function days(events, how) {
  let place = 0;
  return [...Map.groupBy(events, (event) => dayOf(event.createdAt))].map(([day, some]) =>
    keyed(day, html`<h2 class="day inset">${day}</h2><ol class=${how.proof?.broken ? "entries chain broken" : "entries chain"}>${some.map((event) => keyed(event.id, row(event, place++ === how.here, how)))}</ol>`),
  );
}

/** @param {TrailEvent} event @param {boolean} here @param {How} how */
function row(event, here, how) {
  const open = how.open === event.id;
  const fault = how.proof?.broken;
  const ours = fault?.subject === event.subject ? event.sequence - fault.sequence : -1;
  const link = ours < 0 ? "" : ours === 0 ? "gap" : "after";
  return html`<li class="${open ? "open" : ""} ${here ? "here" : ""} ${link}"><span class="m">${event.sequence}</span>${timeOf(event.createdAt, toSeconds(event.createdAt))}<span class="who-did">${unlessErased(event, "/actor/email", actorOf(event))}</span>
    <div class="what">${how.subjects ? html`<span class="id quiet">${event.caseId ?? event.subject}</span> ` : null}<button type="button" class="kind" aria-expanded=${String(open)} @click=${() => how.toggle(event.id)}>${kindOf(event)}.</button> ${event.eventType === "case_created" ? html`${titled(event)} ` : null}${happened(event)} ${grade(event)}</div><span class="h id" title=${event.hash}>${event.hash.slice(0, 8)}</span>
    ${open ? full(event, ours, how) : null}</li>`;
}

/** What a new case is called. @param {TrailEvent} event */
function titled(event) {
  const place = event.changes.findIndex(({ field }) => field === "title");
  return unlessErased(event, `/changes/${place}/new`, String(event.changes[place]?.new ?? ""));
}

/** @param {TrailEvent} event */
function grade({ severity, outcome }) {
  const word = t.eventSeverity[/** @type {keyof typeof t.eventSeverity} */ (severity)] ?? severity;
  if (outcome !== "success") return html`<span class="st stop">${icon("s-blocked")}${t.trailPage.outcomes[/** @type {keyof typeof t.trailPage.outcomes} */ (outcome)] ?? outcome}</span>`;
  if (severity === "info") return null;
  return html`<span class=${severity === "warning" ? "st wait" : "st stop"}>${icon(severity === "warning" ? "v-high" : "s-blocked")}${word}</span>`;
}

/** All of an event. @param {TrailEvent} event @param {number} ours how far behind the first fault; below 0 where none is @param {How} how */
function full(event, ours, how) {
  return html`<div class="full">
    ${event.changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${t.trailPage.changes(event.sequence)}><table class="plain diff"><thead><tr><th scope="col">${t.trailPage.field}</th><th scope="col">${t.trailPage.was}</th><th scope="col">${t.trailPage.is}</th></tr></thead>
      <tbody>${event.changes.map((one, place) => changeRow(event, one, place))}</tbody></table></div>` : null}
    <dl class="facts">
      ${event.caseId ? html`<dt>${t.trailPage.about}</dt><dd><a href=${caseAddress(event.caseId)}>${event.caseId}</a> <span class="id quiet">${event.subject}</span></dd>` : html`<dt>${t.trailPage.about}</dt><dd class="id">${event.subject}</dd>`}
      <dt>${t.trailPage.message}</dt><dd>${unlessErased(event, "/message", event.message)}</dd>
      ${event.reason ? html`<dt>${t.trailPage.reason}</dt><dd class="lines">${unlessErased(event, "/reason", event.reason)}</dd>` : null}
      ${event.agentId ? html`<dt>${t.trailPage.agent}</dt><dd>${event.agentId}</dd>` : null}
      ${Object.keys(event.meta).length ? html`<dt>${t.trailPage.meta}</dt><dd><code>${JSON.stringify(event.meta)}</code></dd>` : null}
      ${event.erased ? html`<dt>${t.trailPage.erased}</dt><dd>${t.trailPage.erasedValues(Object.keys(event.erased).length)} <code>${event.erasedBy}</code></dd>` : null}
      <dt>${t.trailPage.hash}</dt><dd><code>${event.hash}</code> ${!how.proof ? null : ours < 0 ? html`<span class="st good">${icon("s-approved")}${t.trailPage.computed}</span>` : html`<span class="st stop">${icon("s-blocked")}${ours ? t.trailPage.behind : t.trailPage.fault}</span>`}</dd>
      <dt>${t.trailPage.before}</dt><dd><code>${event.previousHash}</code> <span class="quiet">${event.sequence > 1 ? t.trailPage.ofEvent(event.sequence - 1) : t.trailPage.noneBefore}</span></dd>
      <dt>${t.trailPage.request}</dt><dd><code>${event.requestId}</code>, ${event.requestHash ? t.trailPage.withKey : t.trailPage.withoutKey}, ${t.trailPage.sources[/** @type {keyof typeof t.trailPage.sources} */ (event.source)] ?? event.source}</dd>
    </dl>
    <div class="row"><button type="button" class="b" @click=${() => navigator.clipboard.writeText(JSON.stringify(event, null, 2))}>${t.trailPage.copy}</button><a class="b" href=${how.link(event.id)}>${t.trailPage.link(event.sequence)}</a></div></div>`;
}

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));

/** @param {TrailEvent} event @param {{field: string, old: any, new: any}} change @param {number} place in its changes */
function changeRow(event, { field, old, new: now }, place) {
  const pointers = { old: `/changes/${place}/old`, new: `/changes/${place}/new` };
  if (isErased(event, pointers.old) || isErased(event, pointers.new)) {
    const side = (/** @type {"old" | "new"} */ name, /** @type {any} */ value) => unlessErased(event, pointers[name], value === null ? html`<span class="quiet">${t.trailPage.nothing}</span>` : text(value));
    return html`<tr><th scope="row">${field}</th><td class="lines" data-l=${t.trailPage.was}>${side("old", old)}</td><td class="lines" data-l=${t.trailPage.is}>${side("new", now)}</td></tr>`;
  }
  if (typeof old === "string" && typeof now === "string" && field !== "status") {
    const all = pieces(old, now);
    const side = (/** @type {"old" | "new"} */ side) => all.filter(({ kind }) => kind === "same" || kind === side).map(({ kind, text }) => (kind === "same" ? text : side === "old" ? html`<del>${text}</del>` : html`<ins>${text}</ins>`));
    return html`<tr><th scope="row">${field}</th><td class="lines" data-l=${t.trailPage.was}>${side("old")}</td><td class="lines" data-l=${t.trailPage.is}>${side("new")}</td></tr>`;
  }
  if (Array.isArray(old) && Array.isArray(now)) {
    const side = (/** @type {any[]} */ mine, /** @type {any[]} */ other, /** @type {boolean} */ is) => mine.map((one) => html`<div>${other.includes(one) ? text(one) : is ? html`<ins>${text(one)}</ins>` : html`<del>${text(one)}</del>`}</div>`);
    return html`<tr><th scope="row">${field}</th><td data-l=${t.trailPage.was}>${side(old, now, false)}</td><td data-l=${t.trailPage.is}>${side(now, old, true)}</td></tr>`;
  }
  return html`<tr><th scope="row">${field}</th><td class="lines" data-l=${t.trailPage.was}>${old === null ? html`<span class="quiet">${t.trailPage.nothing}</span>` : html`<del>${text(old)}</del>`}</td><td class="lines" data-l=${t.trailPage.is}>${now === null ? html`<span class="quiet">${t.trailPage.nothing}</span>` : html`<ins>${text(now)}</ins>`}</td></tr>`;
}
