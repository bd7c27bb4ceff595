/** The keys of programs: made, shown once, revoked. A key itself is in the dialog that shows it, and nowhere else. */
import { all, call } from "./api.js";
import { k } from "./admin_keys_texts.js";
import { ask } from "./dialog.js";
import { attempt, button, personOf, say } from "./parts.js";
import { html, keyed } from "./render.js";
import { may } from "./session.js";
import { changed, state } from "./state.js";
import { day } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Key
 * @property {string} id @property {string} name @property {string} role @property {string | null} expiresAt
 * @property {string} createdAt @property {string} createdBy @property {string} createdBySubject @property {string | null} lastUsedOn
 */

const ROLES = /** @type {const} */ (["agent", "viewer", "verifier"]);

/** @type {{rows: Key[] | null, more: boolean}} */
const known = { rows: null, more: false };

/** Fetches the keys, newest first. */
export async function loadKeys() {
  const { rows, more } = await all("/keys", {}, "keys");
  Object.assign(known, { rows, more: more !== null });
  changed();
}

/** @returns {import("./render.js").Shown} the keys; nothing until they were fetched */
export function keys() {
  if (!known.rows) return null;
  return html`<div class="block-head"><h2>${k.title}</h2><span class="quiet">${k.note(known.rows.length, known.more)}</span>${may("admin") ? button(k.make, make, { kind: "push" }) : null}</div>
    ${known.rows.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${k.title}><table class="plain"><thead><tr><th scope="col">${k.name}</th><th scope="col">${t.admin.role}</th><th scope="col">${k.made}</th><th scope="col">${k.used}</th><th scope="col">${k.ends}</th><td></td></tr></thead>
    <tbody>${known.rows.map((one) => keyed(one.id, html`<tr><th scope="row" title=${one.id}>${one.name}</th><td>${roleOf(one.role)}</td><td>${personOf(one.createdBy, one.createdBySubject)}, ${day(one.createdAt)}</td><td>${one.lastUsedOn ? day(`${one.lastUsedOn}T12:00`) : html`<span class="quiet">${k.never}</span>`}</td><td>${endOf(one)}</td><td class="num">${may("admin") ? button(k.revoke, () => revoke(one), { label: `${k.revoke} ${one.name}` }) : null}</td></tr>`))}</tbody></table></div>` : html`<p class="soft">${k.none}</p>`}`;
}

/** @param {string} role */
const roleOf = (role) => t.roles[/** @type {keyof typeof t.roles} */ (role)] ?? role;

/** @param {Key} one */
function endOf({ expiresAt }) {
  if (!expiresAt) return html`<span class="quiet">${k.noEnd}</span>`;
  return Date.parse(expiresAt) <= state.now ? html`<span class="st stop">${k.over(day(expiresAt))}</span>` : day(expiresAt);
}

/** Asks what the key is for, makes it, and shows it. */
async function make() {
  /** @type {{key?: string, name: string} | null} */
  let made = null;
  let role = "agent";
  await ask({
    title: k.makeTitle,
    body: () => html`<p>${k.makeHelp}</p>
      <label class="field"><span>${k.name}</span><input class="area" name="name" required maxlength="50" autocomplete="off" placeholder=${k.nameHint}></label>
      <label class="field"><span>${t.admin.role}</span><select class="area" name="role" .value=${role} @change=${(/** @type {any} */ event) => (role = event.target.value)}>${ROLES.map((one) => html`<option value=${one}>${roleOf(one)}: ${k.roles[one]}</option>`)}</select></label>
      <label class="field"><span>${k.endsOn}</span><input class="area" name="ends" type="date"></label>`,
    choices: [{ text: k.makeIt, does: async (given) => {
      const ends = given.get("ends");
      const body = { name: String(given.get("name")).trim(), role, expiresAt: ends ? new Date(`${ends}T00:00`).toISOString() : null };
      made = (await call("POST", "/keys", { body })).body;
      await attempt(t.shell.notShown, loadKeys);
    } }],
  });
  if (made) await show(made);
}

/** Shows a key, this once. @param {{key?: string, name: string}} made */
function show({ key, name }) {
  // Where the first answer was lost, and the request was sent again by itself, nobody has the key.
  if (!key) return ask({ title: k.lostTitle, body: () => html`<p>${k.lost(name)}</p>`, choices: [], cancel: t.shell.close });
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(key);
      say(k.copied);
    } catch {
      say(k.notCopied);
    }
  };
  return ask({
    title: k.shownTitle(name),
    body: () => html`<p>${k.shownHelp}</p><textarea class="area id" rows="3" readonly autofocus aria-label=${k.theKey} .value=${key} @focus=${(/** @type {any} */ event) => event.target.select()}></textarea><p class="row">${button(k.copy, copied)}<span class="cap">${k.shownUse}</span></p>`,
    choices: [],
    cancel: k.kept,
  });
}

/** @param {Key} one */
function revoke(one) {
  return ask({
    title: k.revokeTitle(one.name),
    body: () => html`<p class="soft id">${one.id}</p><p>${k.revokeHelp}</p>`,
    choices: [{ text: k.revokeIt, kind: "stop", does: async () => {
      await call("DELETE", `/keys/${encodeURIComponent(one.id)}`, {});
      await attempt(t.shell.notShown, loadKeys);
    } }],
  });
}
