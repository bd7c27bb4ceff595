/**
 * Who is signed in. The token is in memory and nowhere else, so a page that is closed forgets it. Of a
 * local run's invented people the tab keeps the name, to be somebody after it was loaded again.
 */
import { connect } from "./api.js";
import { changed } from "./state.js";

/**
 * @typedef {object} Demo one of the people of a local run
 * @property {string} name @property {string} role @property {string} sub @property {string} email @property {string} tenant
 *
 * @typedef {object} Config what `/console/config.json` says
 * @property {string} release
 * @property {string} api where the API is, `/v1`
 * @property {"local" | "oidc" | "firebase"} signIn
 * @property {Demo[]} [people] of a local run
 * @property {string} [issuer] @property {string} [clientId] @property {string} [apiKey] @property {string} [scope]
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
/** @type {() => Promise<string | null>} */
let renew = async () => null;

/** @param {string} role @returns {boolean} whether who is signed in may do what this role may */
export const may = (role) => ORDER.indexOf(session.me?.role ?? "") >= ORDER.indexOf(role);

/** @param {string | null | undefined} name @param {string | null} [subject] @returns {boolean} */
export const isMe = (name, subject) => Boolean(session.me && (subject ? subject === session.me.subject : name === session.me.name));

/**
 * Uses a token from now on.
 * @param {string} token an ID token
 * @param {() => Promise<string | null>} again gets the next one before it ends; null where nobody can
 */
export function signedIn(token, again) {
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0))));
  const name = claims.email && claims.email_verified !== false ? claims.email.toLowerCase() : claims.sub;
  const endsAt = claims.exp ? claims.exp * 1000 : Infinity;
  // Nothing that one person saw or wrote is there for the next one.
  if (session.me && session.me.subject !== claims.sub) return signOut();
  session.me = { subject: claims.sub, name, role: claims.role, tenant: claims.tenant, endsAt };
  session.ended = false;
  renew = again;
  connect({ token, base: session.config.api, refused: renewed });
  changed();
}

/** Gets a new token. @returns {Promise<boolean>} whether there is one; if not, the page asks to sign in, and keeps what is written */
export async function renewed() {
  const token = await renew().catch(() => null);
  if (token) signedIn(token, renew);
  else {
    session.ended = true;
    changed();
  }
  return Boolean(token);
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
