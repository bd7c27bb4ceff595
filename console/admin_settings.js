/** The settings as a form: each with its unit, and what it does. An empty field is what its words say. */
import { typeOf } from "./parts.js";
import { html, keyed } from "./render.js";
import { changed, state } from "./state.js";
import { moment, span } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Settings
 * @property {Record<string, number>} slaHours @property {number | null} autoCloseDays @property {number} interventionRetentionDays
 * @property {number | null} caseRetentionDays @property {number | null} runTimeoutMinutes
 * @property {number | null} trailPersonalDataDays @property {boolean} publicLog @property {boolean} personFigures
 * @property {number | null} claimMinutes @property {Partial<Record<Kind, number>>} approvalsRequired
 *
 * @typedef {{types: [string, string][], newType: string, people: [Kind, string][], plain: Record<Plain, string>, switches: Record<Switch, boolean>}} Draft what is in the fields
 * @typedef {(typeof PLAIN)[number]} Plain
 * @typedef {keyof typeof t.inbox.types} Kind of a question
 * @typedef {(typeof SWITCHES)[number]} Switch
 */

const PLAIN = /** @type {const} */ (["autoCloseDays", "claimMinutes", "runTimeoutMinutes", "interventionRetentionDays", "caseRetentionDays", "trailPersonalDataDays"]);
const SWITCHES = /** @type {const} */ (["publicLog", "personFigures"]);
const MOST = { hours: 87_600, days: 36_500, longDays: 36_500, minutes: 5_256_000, people: 5 };
/** The least that a field takes, where that is not 1. */
const LEAST = /** @type {Partial<Record<keyof typeof MOST, number>>} */ ({ longDays: 30 });
const UNITS = /** @type {const} */ ({ autoCloseDays: "days", claimMinutes: "minutes", runTimeoutMinutes: "minutes", interventionRetentionDays: "days", caseRetentionDays: "days", trailPersonalDataDays: "longDays" });
const DEFAULT = "default";

/** @param {number | null | undefined} value */
const text = (value) => (value === null || value === undefined ? "" : String(value));

/** @param {string} given @returns {number | null} */
const number = (given) => (given.trim() === "" ? null : Number(given));

const kinds = () => /** @type {Kind[]} */ (Object.keys(t.inbox.types));

/** @param {Settings} settings @returns {Draft} what the form shows of them */
export function draftOf(settings) {
  const { [DEFAULT]: others, ...types } = settings.slaHours;
  const rows = /** @type {[string, string][]} */ (Object.entries(types).map(([type, hours]) => [type, text(hours)]));
  return { types: [...rows.sort(), [DEFAULT, text(others)]], newType: "", people: kinds().map((kind) => [kind, text(settings.approvalsRequired[kind])]), plain: /** @type {Draft["plain"]} */ (Object.fromEntries(PLAIN.map((name) => [name, text(settings[name])]))), switches: /** @type {Draft["switches"]} */ (Object.fromEntries(SWITCHES.map((name) => [name, settings[name]]))) };
}

/** @param {Draft} draft @param {Settings} settings @returns {Record<string, unknown>} what the form changes */
export function patchOf(draft, settings) {
  const hours = draft.types.filter(([type, given]) => text(settings.slaHours[type]) !== given.trim()).map(([type, given]) => [type, number(given)]);
  const people = draft.people.filter(([kind, given]) => text(settings.approvalsRequired[kind]) !== given.trim()).map(([kind, given]) => [kind, number(given)]);
  const plain = PLAIN.filter((name) => text(settings[name]) !== draft.plain[name].trim()).map((name) => [name, number(draft.plain[name])]);
  const switches = SWITCHES.filter((name) => draft.switches[name] !== settings[name]).map((name) => [name, draft.switches[name]]);
  return { ...(hours.length ? { slaHours: Object.fromEntries(hours) } : {}), ...(people.length ? { approvalsRequired: Object.fromEntries(people) } : {}), ...Object.fromEntries([...plain, ...switches]) };
}

/** @param {Draft} draft @param {boolean} off whether the reader may only look @returns {import("./render.js").View} */
export function form(draft, off) {
  return html`<div class="block-head tight"><h2>${t.admin.times}</h2><span class="quiet">${t.admin.timesNote}</span></div>
    <div class="settings">${draft.types.map((row, index) => keyed(row[0], field(`sla-${index}`, row[0] === DEFAULT ? t.admin.others : typeOf(row[0]), row[1], "hours", hoursSay(row), off, (given) => (row[1] = given))))}
      ${off ? null : html`<div><label for="new-type">${t.admin.addType}</label><span class="f"><input id="new-type" type="text" autocomplete="off" .value=${draft.newType} @input=${(/** @type {any} */ event) => (draft.newType = event.target.value)}></span><span><button type="button" class="b" @click=${() => addType(draft)}>${t.admin.add}</button></span></div>`}</div>
    <div class="block-head"><h2>${t.admin.approvers}</h2><span class="quiet">${t.admin.approversNote}</span></div>
    <div class="settings">${draft.people.map((row) => keyed(row[0], field(`people-${row[0]}`, t.inbox.types[row[0]], row[1], "people", row[1].trim() === "" ? t.admin.onePerson : t.admin.manyPeople(row[1].trim()), off, (given) => (row[1] = given))))}</div>
    <div class="block-head"><h2>${t.admin.automatic}</h2></div>
    <div class="settings">${PLAIN.map((name) => keyed(name, field(name, t.admin.names[name], draft.plain[name], UNITS[name], says(name, draft.plain[name]), off, (given) => (draft.plain[name] = given))))}</div>
    <div class="block-head"><h2>${t.admin.readers}</h2></div>
    <div class="settings">${SWITCHES.map((name) => keyed(name, readers(name, draft, off)))}</div>`;
}

/** @param {string} id @param {string} label @param {string} value @param {keyof typeof MOST} unit @param {string} says @param {boolean} off @param {(given: string) => unknown} takes */
function field(id, label, value, unit, says, off, takes) {
  return html`<div><label for=${id}>${label}</label><span class="f"><input id=${id} type="text" inputmode="numeric" autocomplete="off" maxlength="7" .value=${value} ?disabled=${off} aria-describedby=${`${id}-says`} @input=${(/** @type {any} */ event) => {
    takes(event.target.value);
    changed();
  }}><span>${t.admin.units[unit]}</span></span><span class=${fits(value, unit) ? "soft" : "st stop wraps"} id=${`${id}-says`}>${fits(value, unit) ? says : t.admin.outside(MOST[unit], LEAST[unit] ?? 1)}</span></div>`;
}

/** Who may read something: one of two groups. @param {Switch} name @param {Draft} draft @param {boolean} off */
function readers(name, draft, off) {
  const { label, no, yes, says } = t.admin.switches[name];
  const given = String(draft.switches[name]);
  const takes = (/** @type {any} */ event) => {
    draft.switches[name] = event.target.value === "true";
    changed();
  };
  return html`<div><label for=${name}>${label}</label><span class="f"><select id=${name} .value=${given} ?disabled=${off} aria-describedby=${`${name}-says`} @change=${takes}><option value="false">${no}</option><option value="true">${yes}</option></select></span><span class="soft" id=${`${name}-says`}>${says[/** @type {"true" | "false"} */ (given)]}</span></div>`;
}

/** @param {string} value @param {keyof typeof MOST} unit */
const fits = (value, unit) => value.trim() === "" || (/^\d+$/.test(value.trim()) && Number(value) >= (LEAST[unit] ?? 1) && Number(value) <= MOST[unit]);

/** @param {[string, string]} row a type, and its hours */
function hoursSay([type, given]) {
  if (given.trim() === "") return type === DEFAULT ? t.admin.noDue : t.admin.likeOthers;
  return t.admin.dueThen(moment(Math.floor(state.now / 60_000) * 60_000 + Number(given) * 3_600_000));
}

/** @param {Plain} name @param {string} given */
function says(name, given) {
  if (given.trim() === "") return t.admin.never[name];
  return name === "runTimeoutMinutes" || name === "claimMinutes" ? t.admin.after[name](span(Number(given) * 60_000)) : t.admin.after[name](given.trim());
}

/** Adds a type that has no time of its own yet. @param {Draft} draft */
function addType(draft) {
  const type = draft.newType.trim();
  if (type && !draft.types.some(([known]) => known === type)) draft.types.splice(-1, 0, [type, ""]);
  draft.newType = "";
  changed();
}
