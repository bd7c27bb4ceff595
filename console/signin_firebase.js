/**
 * Signing in by Firebase: a password, or a link by e-mail, over the Identity Toolkit's REST interface
 * (https://firebase.google.com/docs/reference/rest/auth). The refresh token stays in memory, as the token does.
 */
import { Problem } from "./api.js";
import { ask } from "./dialog.js";
import { button, icon } from "./parts.js";
import { html } from "./render.js";
import { session, signedIn } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

const EMAIL = "caseledger.email";
const TOOLKIT = "identitytoolkit.googleapis.com/v1/";
const page = { problem: "", sent: "", busy: false, code: "" };
/** @type {string | null} */
let refresh = null;
let known = "";

/** @type {import("./signin.js").Way} */
export const way = {
  view: () => html`<section class="inset signin"><h1 tabindex="-1">${page.code ? t.signIn.linkEmail : t.signIn.title}</h1>
    <form class="stack" @submit=${submitted}>
      <label class="field"><span>${t.signIn.email}</span><input class="area" name="email" type="email" required autocomplete="username" autofocus></label>
      ${page.code ? null : html`<label class="field"><span>${t.signIn.password}</span><input class="area" name="password" type="password" autocomplete="current-password"></label>`}
      <p class="st stop wraps" role="alert" ?hidden=${!page.problem}>${icon("s-blocked")}${page.problem}</p><p class="st good wraps" role="status" ?hidden=${!page.sent}>${icon("s-approved")}${page.sent}</p>
      <p class="row"><button class="b first" ?disabled=${page.busy}>${t.signIn.withPassword}</button>${page.code ? null : button(t.signIn.sendLink, (event) => send(/** @type {HTMLButtonElement} */ (event.currentTarget).form), { kind: "bare", off: page.busy })}</p></form></section>`,
  start: async () => {
    const given = new URLSearchParams(location.search);
    page.code = given.get("oobCode") ?? "";
    if (!page.code) return;
    history.replaceState(null, "", `/console${location.hash}`);
    const email = sessionStorage.getItem(EMAIL);
    if (email) await attempt(() => withLink(email));
  },
};

/** @param {SubmitEvent} event */
function submitted(event) {
  event.preventDefault();
  const given = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
  const email = String(given.get("email"));
  return attempt(() => (page.code ? withLink(email) : withPassword(email, String(given.get("password")))));
}

/** @param {string} email @param {string} password */
const withPassword = async (email, password) => signedIn(await tokenOf(TOOLKIT + "accounts:signInWithPassword", { email, password, returnSecureToken: true }), again);

/** @param {string} email */
async function withLink(email) {
  const token = await tokenOf(TOOLKIT + "accounts:signInWithEmailLink", { email, oobCode: page.code });
  page.code = "";
  sessionStorage.removeItem(EMAIL);
  signedIn(token, again);
}

/** Sends a link to the address in the form. @param {HTMLFormElement | null} form */
function send(form) {
  const field = form?.elements.namedItem("email");
  if (!(field instanceof HTMLInputElement) || !field.reportValidity()) return;
  return attempt(async () => {
    await posted(TOOLKIT + "accounts:sendOobCode", { requestType: "EMAIL_SIGNIN", email: field.value, continueUrl: `${location.origin}/console`, canHandleCodeInApp: true });
    sessionStorage.setItem(EMAIL, field.value);
    page.sent = t.signIn.linkSent(field.value);
  });
}

/** @param {() => Promise<unknown>} does */
async function attempt(does) {
  Object.assign(page, { busy: true, problem: "", sent: "" });
  changed();
  try {
    await does();
  } catch (error) {
    page.problem = error instanceof Error ? error.message : String(error);
  }
  page.busy = false;
  changed();
}

/** Gets the next token: by the refresh token, or by hand with the password. @type {import("./session.js").Again} */
async function again(byHand) {
  const silent = refresh && (await posted("securetoken.googleapis.com/v1/token", { grant_type: "refresh_token", refresh_token: refresh }).catch(() => null));
  if (silent) {
    refresh = silent.refresh_token;
    return silent.id_token;
  }
  if (!byHand) return null;
  /** @type {string | null} */
  let token = null;
  await ask({
    title: t.signIn.title,
    note: known,
    body: () => html`<label class="field"><span>${t.signIn.password}</span><input class="area" name="password" type="password" required autocomplete="current-password"></label>`,
    choices: [{ text: t.signIn.withPassword, does: async (given) => (token = await tokenOf(TOOLKIT + "accounts:signInWithPassword", { email: known, password: given.get("password"), returnSecureToken: true })) }],
  });
  return token;
}

/** @param {string} path @param {{email: string} & Record<string, unknown>} body @returns {Promise<string>} the ID token @throws {Problem} */
async function tokenOf(path, body) {
  const answer = await posted(path, body);
  known = body.email;
  refresh = answer.refreshToken;
  return answer.idToken;
}

/** @param {string} path host and path @param {object} body @returns {Promise<any>} @throws {Problem} in words */
async function posted(path, body) {
  const { apiKey = "", authEmulator } = session.config;
  const response = await fetch(`${authEmulator ? `http://${authEmulator}` : "https:/"}/${path}?key=${encodeURIComponent(apiKey)}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), credentials: "omit" });
  const answer = await response.json();
  if (!response.ok) throw new Problem(response.status, "SIGN_IN", inWords(answer.error?.message ?? response.statusText));
  return answer;
}

/** @param {string} code of the Identity Toolkit, perhaps with its explanation behind a colon */
function inWords(code) {
  if (/^(EMAIL_NOT_FOUND|INVALID_PASSWORD|INVALID_LOGIN_CREDENTIALS|MISSING_PASSWORD|INVALID_EMAIL)/.test(code)) return t.signIn.wrong;
  if (/^USER_DISABLED/.test(code)) return t.signIn.disabled;
  if (/^TOO_MANY_ATTEMPTS/.test(code)) return t.signIn.tooMany;
  if (/OOB_CODE/.test(code)) return t.signIn.linkOver;
  return t.signIn.refused(code);
}
