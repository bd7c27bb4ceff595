/** Who are you? In a local run, one of its invented people; elsewhere what the configuration says. */
import { refuse } from "./parts.js";
import { html } from "./render.js";
import { become, session } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {{view: () => Shown, start?: () => Promise<unknown>}} Way a way to sign in
 */

/** @type {Record<string, () => Promise<{way: Way}>>} */
const ways = {
  oidc: () => import("./signin_oidc.js"),
  firebase: () => import("./signin_firebase.js"),
};
/** @type {Way | null} */
let way = null;

/** Fetches what the configured way of signing in needs. */
export async function prepare() {
  const { signIn } = session.config;
  if (signIn === "local" || !Object.hasOwn(ways, signIn)) return;
  way = (await ways[signIn]()).way;
  await way.start?.();
  changed();
}

/** @returns {Shown} */
export function signInPage() {
  if (way) return way.view();
  const people = session.config.people ?? [];
  return html`<section class="inset signin">
    <h1 tabindex="-1">${t.signIn.local}</h1>
    <p class="soft">${t.signIn.localHelp}</p>
    <ul>${people.map((one, index) => html`<li><button type="button" aria-keyshortcuts=${index + 1} @click=${() => choose(one.sub)}><b>${one.email}</b><span class="soft">${t.signIn[/** @type {"pilot"} */ (one.role)] ?? one.role}</span><kbd aria-hidden="true">${index + 1}</kbd></button></li>`)}</ul>
    <p class="cap">${t.signIn.windows}</p>
  </section>`;
}

/** @returns {import("./keys.js").Key[]} */
export const signInKeys = () => (way ? [] : (session.config.people ?? []).map((one, index) => ({ key: String(index + 1), does: () => choose(one.sub) })));

/** @param {string} sub */
async function choose(sub) {
  await become(sub).catch(() => null);
  if (!session.me) refuse(t.signIn.failed, t.signIn.failedHelp);
}
