/**
 * Signing in by OpenID Connect: authorization code with PKCE (RFC 7636), state and nonce. Tokens stay in
 * memory. Over the way to the issuer and back the tab keeps only what proves that the answer is its own.
 * Who is signed out while the page is open signs in again in a window of its own, so that nothing is lost.
 */
import { button, icon } from "./parts.js";
import { html } from "./render.js";
import { session, signedIn } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {{state: string, nonce: string, verifier: string, hash: string}} Pending a sign-in that was begun
 * @typedef {{authorization_endpoint: string, token_endpoint: string}} Issuer what its discovery document says
 */

const PENDING = "caseledger.signIn";
const WINDOW = "caseledger-sign-in";
const BACK = `${location.origin}/console`;
const SCOPE = "openid email";
/** How often it is looked whether the window was closed. */
const LOOK = 500;
let problem = "";
/** @type {Promise<Issuer> | null} */
let discovered = null;
/** @type {string | null} for the next token, where the issuer gave one */
let refresh = null;

/** @type {import("./signin.js").Way} */
export const way = {
  view: () => html`<section class="inset signin"><h1 tabindex="-1">${t.signIn.title}</h1><p class="soft">${t.signIn.oidcHelp(new URL(session.config.issuer ?? BACK).host)}</p>
    <p class="st stop wraps" role="alert" ?hidden=${!problem}>${icon("s-blocked")}${problem}</p><p>${button(t.signIn.go, leave, { kind: "first" })}</p></section>`,
  start: async () => {
    const given = new URLSearchParams(location.search);
    if (!given.has("state")) return;
    const kept = sessionStorage.getItem(PENDING);
    sessionStorage.removeItem(PENDING);
    if (window.name === WINDOW) {
      new BroadcastChannel(WINDOW).postMessage(location.search);
      return window.close();
    }
    const pending = kept ? /** @type {Pending} */ (JSON.parse(kept)) : null;
    history.replaceState(null, "", `/console${pending?.hash ?? ""}`);
    try {
      signedIn(await redeemed(given, pending), again);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  },
};

/** Goes to the issuer. */
async function leave() {
  try {
    const { url, pending } = await begun();
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    location.assign(url);
  } catch (error) {
    problem = t.signIn.refused(error instanceof Error ? error.message : String(error));
    changed();
  }
}

/** @returns {Promise<Issuer>} asked once */
function issuer() {
  discovered ??= fetch(`${session.config.issuer?.replace(/\/$/, "")}/.well-known/openid-configuration`).then((response) => response.json());
  return discovered;
}

/** Begins a sign-in. @returns {Promise<{url: string, pending: Pending}>} */
async function begun() {
  const pending = { state: random(), nonce: random(), verifier: random(), hash: location.hash };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const asked = { response_type: "code", client_id: session.config.clientId ?? "", redirect_uri: BACK, scope: SCOPE, state: pending.state, nonce: pending.nonce, code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256" };
  const url = new URL((await issuer()).authorization_endpoint);
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return { url: url.href, pending };
}

/** Redeems what came back from the issuer. @param {URLSearchParams} given @param {Pending | null} pending @returns {Promise<string>} the ID token @throws {Error} */
async function redeemed(given, pending) {
  if (!pending || given.get("state") !== pending.state) throw new Error(t.signIn.foreign);
  if (given.has("error")) throw new Error(t.signIn.refused(given.get("error_description") ?? given.get("error") ?? ""));
  const token = await asked({ grant_type: "authorization_code", code: given.get("code") ?? "", redirect_uri: BACK, code_verifier: pending.verifier });
  const claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  if (claims.nonce !== pending.nonce) throw new Error(t.signIn.foreign);
  return token;
}

/** Asks the issuer for tokens. @param {Record<string, string>} form @returns {Promise<string>} the ID token @throws {Error} */
async function asked(form) {
  const response = await fetch((await issuer()).token_endpoint, { method: "POST", body: new URLSearchParams({ client_id: session.config.clientId ?? "", ...form }), credentials: "omit" });
  const body = await response.json();
  if (!response.ok || !body.id_token) throw new Error(t.signIn.refused(body.error_description ?? body.error ?? response.statusText));
  refresh = body.refresh_token ?? refresh;
  return body.id_token;
}

/** Gets the next token: silently where the issuer gave a refresh token, else in a window of its own. @type {import("./session.js").Again} */
async function again(byHand) {
  if (refresh) {
    const token = await asked({ grant_type: "refresh_token", refresh_token: refresh }).catch(() => null);
    if (token) return token;
    refresh = null;
  }
  return byHand ? inWindow() : null;
}

/** Signs in in a window of its own. @returns {Promise<string | null>} null where it was closed */
async function inWindow() {
  const opened = window.open("about:blank", WINDOW, "popup,width=480,height=640");
  if (!opened) return null;
  const { url, pending } = await begun();
  opened.location.href = url;
  const channel = new BroadcastChannel(WINDOW);
  const came = await new Promise((done) => {
    channel.onmessage = ({ data }) => done(data);
    const looking = setInterval(() => {
      if (!opened.closed) return;
      clearInterval(looking);
      setTimeout(() => done(null), LOOK);
    }, LOOK);
  });
  channel.close();
  return came === null ? null : redeemed(new URLSearchParams(came), pending);
}

/** @returns {string} 256 random bits */
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** @param {Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
