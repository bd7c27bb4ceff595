/**
 * Who is signed in. The token is in memory and nowhere else, so a page that is closed forgets it. Of a
 * local run's invented people the tab keeps the name, to be somebody after it was loaded again.
 */
import { connect } from "./api.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Demo one of the people of a local run
 * @property {string} name @property {string} role @property {string} sub @property {string} email @property {string} tenant
 *
 * @typedef {object} Config what `/console/config.json` says
 * @property {string} release
 * @property {string} api where the API is, `/v1`
 * @property {"local" | "oidc" | "firebase"} signIn
 * @property {Demo[]} [people] of a local run
 * @property {string} [issuer] @property {string} [clientId] by OpenID Connect
 * @property {string} [apiKey] @property {string} [authEmulator] of Firebase
 * @property {string} [tenantClaim] @property {string} [roleClaim] where a token says them
 *
 * @typedef {object} Me
 * @property {string} subject @property {string} name the address, else the subject
 * @property {string} role @property {string} tenant
 * @property {number} endsAt when the token ends, in milliseconds
 */

/** @type {{config: Config, me: Me | null, ended: boolean}} */
export const session = { config: { release: "", api: "/v1", signIn: "local" }, me: null, ended: false };

const ORDER = ["viewer", "verifier", "pilot", "admin"];
const KEPT = "caseledger.person";
/** How long before its end a token is renewed. */
const EARLY = 60_000;
const LONGEST_TIMER = 2 ** 31 - 1;
/** @typedef {(asked: boolean) => Promise<string | null>} Again gets the next token: null where nobody can, and where the reader would have to be asked and was not */
/** @type {Again} */
let renew = async () => null;
let timer = 0;
/** @type {Promise<boolean> | null} */
let renewing = null;

/** @param {string} role @returns {boolean} whether who is signed in may do what this role may */
export const may = (role) => ORDER.indexOf(session.me?.role ?? "") >= ORDER.indexOf(role);

/** @param {string} role @returns {boolean} whether who is signed in may see what this role may; an auditor sees it, and may do nothing */
export const sees = (role) => may(role) || session.me?.role === "auditor";

/** @param {string | null | undefined} name @param {string | null} [subject] @returns {boolean} */
export const isMe = (name, subject) => Boolean(session.me && (subject ? subject === session.me.subject : name === session.me.name));

/**
 * Uses a token from now on.
 * @param {string} token an ID token
 * @param {Again} again
 * @throws {Error} for one that gives no access
 */
export function signedIn(token, again) {
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0))));
  const name = claims.email && claims.email_verified !== false ? claims.email.toLowerCase() : claims.sub;
  // From when it was issued on, since the reader's clock may be wrong.
  const left = claims.exp ? (claims.iat ? (claims.exp - claims.iat) * 1000 : claims.exp * 1000 - Date.now()) : Infinity;
  const { tenantClaim = "tenant", roleClaim = "role" } = session.config;
  const [tenant, role] = [claims[tenantClaim] ?? claims.firebase?.tenant, claims[roleClaim]];
  if (!tenant || !role) throw new Error(t.signIn.noAccess(name));
  // Nothing that one person saw or wrote is there for the next one.
  if (session.me && session.me.subject !== claims.sub) return signOut();
  session.me = { subject: claims.sub, name, role, tenant, endsAt: Date.now() + left };
  session.ended = false;
  renew = again;
  connect({ token, base: session.config.api, refused: () => renewed() });
  clearTimeout(timer);
  if (left !== Infinity) timer = setTimeout(() => renew(false).then((next) => next && signedIn(next, renew)).catch(() => null), Math.min(LONGEST_TIMER, Math.max(left / 2, left - EARLY)));
  changed();
}

/**
 * Gets a new token.
 * @param {boolean} [asked] whether the reader pressed a button for it, and may be asked for something
 * @returns {Promise<boolean>} whether there is one; if not, the page asks to sign in, and keeps what is written
 */
export function renewed(asked = false) {
  renewing ??= (async () => {
    const token = await renew(asked).catch(() => null);
    if (token) signedIn(token, renew);
    else session.ended = true;
    changed();
    return Boolean(token);
  })().finally(() => (renewing = null));
  return renewing;
}

/** Forgets who is signed in, and with the page everything that they saw; leaving it saves what is written. */
export function signOut() {
  sessionStorage.removeItem(KEPT);
  location.reload();
}

/** Becomes one of the people of a local run. @param {string} sub */
export async function become(sub) {
  const mint = async () => {
    const response = await fetch("/console/token", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sub }) });
    return response.ok ? /** @type {string} */ ((await response.json()).token) : null;
  };
  const token = await mint();
  if (!token) return;
  sessionStorage.setItem(KEPT, sub);
  signedIn(token, mint);
}

/** @returns {Promise<void>} when the configuration is known, and who the tab was is signed in again */
export async function start() {
  session.config = await (await fetch("/console/config.json")).json();
  connect({ base: session.config.api });
  const kept = sessionStorage.getItem(KEPT);
  if (session.config.signIn === "local" && kept) await become(kept);
}
