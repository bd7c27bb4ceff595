/** Administration: settings with their units, people, legal holds, erasures, what runs by itself. */
import { all, call, get } from "./api.js";
import { ask } from "./dialog.js";
import { attempt, button, icon, personOf, refuse } from "./parts.js";
import { erasures, loadErasures } from "./admin_erasures.js";
import { keys, loadKeys } from "./admin_keys.js";
import { scheduledRuns } from "./admin_runs.js";
import { draftOf, form, patchOf } from "./admin_settings.js";
import { html, keyed } from "./render.js";
import { address, caseAddress } from "./router.js";
import { sees, session } from "./session.js";
import { changed } from "./state.js";
import { day, toSeconds } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./admin_settings.js").Settings} Settings
 * @typedef {{subject: string, name: string, email: string | null, role: string, lastSeenOn: string}} Person
 * @typedef {{id: string, reason: string, placedAt: string, placedBy: string}} Hold
 * @typedef {{caseId: string, title: string, hold: Hold}} Held
 */

/** How many cases under a hold are shown with their reasons: each is a request. */
const MOST_HELD = 50;

const admin = {
  /** @type {Settings | null} */
  settings: null,
  /** @type {string | null} */
  etag: null,
  /** @type {ReturnType<typeof draftOf> | null} what is written in the form */
  draft: null,
  saved: "",
  busy: false,
  /** @type {Person[]} */
  people: [],
  morePeople: false,
  /** @type {Held[]} */
  held: [],
  moreHeld: false,
  /** @type {import("./admin_runs.js").Run[] | null} */
  runs: null,
};

const isAdmin = () => session.me?.role === "admin";

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "admin",
  title: () => t.shell.admin,
  open: () => load(),
  view: () => html`<section class="inset">
    <div class="bar"><h1 tabindex="-1">${t.shell.admin}</h1><span class="soft">${t.admin.tenant} ${session.me?.tenant}</span>${admin.saved ? html`<span class="push st good" role="status">${icon("s-approved")}${t.admin.saved(admin.saved)}</span>` : null}</div>
    <div class="admin"><div>${admin.draft && admin.settings ? settings(admin.draft, admin.settings) : html`<p class="quiet">${t.shell.loading}</p>`}${scheduledRuns(admin.runs)}</div><div>${people()}${keys()}${holds()}${erasures(admin.people)}</div></div>
  </section>`,
  changed: async (changes) => {
    if (changes.some(({ eventType }) => eventType.startsWith("hold_"))) await loadHolds();
    if (sees("admin") && changes.some(({ eventType }) => ["erasure_requested", "data_erased"].includes(eventType))) await loadErasures();
    if (sees("admin") && changes.some(({ subject }) => subject.startsWith("keys/"))) await loadKeys();
    if (changes.some(({ subject }) => subject === "tenant")) await loadSettings();
  },
};

/** Fetches all of it; what is written in the form stays. */
async function load() {
  await Promise.all([loadSettings(), loadPeople(), loadHolds(), sees("admin") ? loadRuns() : null, sees("admin") ? loadErasures() : null, sees("admin") ? loadKeys() : null]);
  changed();
}

/** Fetches the settings; the form follows where nothing is written in it. */
async function loadSettings() {
  const { body, etag } = await call("GET", "/settings");
  const untouched = !admin.settings || !admin.draft || !Object.keys(patchOf(admin.draft, admin.settings)).length;
  Object.assign(admin, { settings: body, etag, draft: untouched ? draftOf(body) : admin.draft });
  changed();
}

async function loadRuns() {
  admin.runs = (await get("/scheduled")).runs;
}

async function loadPeople() {
  const { rows, more } = await all("/people", {}, "people");
  Object.assign(admin, { people: rows, morePeople: more !== null });
}

async function loadHolds() {
  const { cases, nextPageToken } = await get("/cases", { legalHold: true, pageSize: MOST_HELD });
  const whole = await Promise.all(cases.map((/** @type {{id: string}} */ { id }) => get(`/cases/${encodeURIComponent(id)}`, { view: "full" })));
  admin.held = whole.flatMap(({ id, title, holds }) => holds.map((/** @type {Hold} */ hold) => ({ caseId: id, title, hold })));
  admin.moreHeld = Boolean(nextPageToken);
  changed();
}

/** @param {ReturnType<typeof draftOf>} draft @param {Settings} settings */
function settings(draft, settings) {
  const patch = patchOf(draft, settings);
  const nothing = !Object.keys(patch).length;
  return html`<form novalidate @submit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    save(patch);
  }}>${form(draft, !isAdmin())}
    <p class="bar">${isAdmin() ? html`<button class="b first" ?disabled=${nothing || admin.busy}>${t.admin.save}</button>` : null}<span class="soft">${isAdmin() ? (nothing ? t.admin.unchanged : t.admin.changes(Object.keys(patch).length)) : t.admin.onlyAdmins}</span></p></form>`;
}

/** Saves what was written, based on the version that was shown. @param {object} patch */
async function save(patch) {
  admin.busy = true;
  changed();
  try {
    const { body, etag } = await call("PATCH", "/settings", { body: patch, ifMatch: admin.etag });
    Object.assign(admin, { settings: body, etag, draft: draftOf(body), saved: toSeconds(Date.now()) });
  } catch (error) {
    if (/** @type {any} */ (error).code === 412) {
      await loadSettings();
      refuse(t.admin.notSaved, t.admin.changedElsewhere);
    } else refuse(t.admin.notSaved, error);
  }
  admin.busy = false;
  changed();
}

function people() {
  return html`<div class="block-head tight"><h2>${t.admin.people}</h2><span class="quiet">${t.admin.peopleNote(admin.people.length, admin.morePeople)}</span></div>
    <div class="scroll" tabindex="0" role="region" aria-label=${t.admin.people}><table class="plain"><thead><tr><th scope="col">${t.admin.person}</th><th scope="col">${t.admin.role}</th><th scope="col">${t.admin.work}</th><th scope="col" class="num">${t.admin.seen}</th></tr></thead>
    <tbody>${admin.people.map((one) => keyed(one.subject, html`<tr><th scope="row">${personOf(one.name, one.subject)}</th><td>${t.roles[/** @type {keyof typeof t.roles} */ (one.role)] ?? one.role}</td><td><a href=${address("cases", { assignedTo: one.name })}>${t.admin.theirCases}</a></td><td class="num">${day(`${one.lastSeenOn}T12:00`)}</td></tr>`))}</tbody></table></div>`;
}

function holds() {
  return html`<div class="block-head"><h2>${t.admin.holds}</h2><span class="quiet">${t.admin.holdsNote(admin.held.length, admin.moreHeld)}</span>${isAdmin() ? button(t.admin.place, place, { kind: "push" }) : null}</div>
    ${admin.held.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${t.admin.holds}><table class="plain"><thead><tr><th scope="col">${t.admin.case}</th><th scope="col">${t.admin.reason}</th><th scope="col">${t.admin.placed}</th><td></td></tr></thead>
    <tbody>${admin.held.map((one) => keyed(`${one.caseId}/${one.hold.id}`, html`<tr><th scope="row"><a class="id" href=${caseAddress(one.caseId)} title=${one.title}>${one.caseId}</a></th><td>${one.hold.reason}</td><td>${one.hold.placedBy}, ${day(one.hold.placedAt)}</td><td class="num">${isAdmin() ? button(t.admin.release, () => release(one)) : null}</td></tr>`))}</tbody></table></div>` : html`<p class="soft">${t.admin.noHolds}</p>`}`;
}

/** @param {string} [hint] */
const reasonField = (hint) => html`<label class="field"><span>${t.admin.reason}</span><textarea class="area" name="reason" rows="3" maxlength="2000" required placeholder=${hint}></textarea></label>`;

/** Places a hold on a case that is named. */
function place() {
  return ask({
    title: t.admin.placeTitle,
    body: () => html`<p>${t.admin.placeHelp}</p><label class="field"><span>${t.admin.caseId}</span><input class="area" name="case" required autofocus autocomplete="off"></label>${reasonField()}`,
    choices: [{ text: t.admin.placeIt, does: async (given) => {
      await call("POST", `/cases/${encodeURIComponent(String(given.get("case")).trim())}/holds`, { body: { reason: given.get("reason") } });
      await attempt(t.shell.notShown, loadHolds);
    } }],
  });
}

/** @param {Held} one */
function release({ caseId, hold }) {
  return ask({
    title: t.admin.releaseTitle(caseId),
    body: () => html`<p class="soft">${hold.placedBy}, ${day(hold.placedAt)}: ${hold.reason}</p><p>${t.admin.releaseHelp}</p>${reasonField()}`,
    choices: [{ text: t.admin.releaseIt, kind: "stop", does: async (given) => {
      await call("POST", `/cases/${encodeURIComponent(caseId)}/holds/${encodeURIComponent(hold.id)}:release`, { body: { reason: given.get("reason") } });
      await attempt(t.shell.notShown, loadHolds);
    } }],
  });
}
