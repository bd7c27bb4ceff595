/** What is around every page: the links, who is signed in, how live it is, help, and what was refused. */
import { dismiss, button, icon, refuse, spoken } from "./parts.js";
import { ask } from "./dialog.js";
import { keySections } from "./help.js";
import { lettersWork, setLettersWork, shortcut } from "./keys.js";
import { html } from "./render.js";
import { address, go } from "./router.js";
import { renewed, sees, session, signOut } from "./session.js";
import { changed, state } from "./state.js";
import { span, toSeconds } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {import("./keys.js").Key} Key
 */

/** How long before a token ends it is said. */
const ENDS = 2 * 60_000;

/** @type {(readonly [string, string, string])[]} name, text and role of each link */
const LINKS = [
  ["cases", t.shell.cases, "viewer"],
  ["inbox", t.shell.inbox, "viewer"],
  ["trail", t.shell.trail, "pilot"],
  ["figures", t.shell.figures, "viewer"],
  ["admin", t.shell.admin, "viewer"],
];

/** @param {string | undefined} nav the present page @returns {Shown} the head of the page */
export function head(nav) {
  const { me } = session;
  return html`<a class="skip" href="#main" @click=${skip}>${t.shell.skip}</a>
  <header class="masthead">
    <span class="mark">${icon("mark", 20)}</span><a class="word" href="#/cases">Caseledger</a>
    ${me && html`<nav aria-label=${t.shell.pages}>${LINKS.filter(([, , role]) => sees(role)).map(([name, text]) => html`<a href=${address(name)} aria-current=${name === nav ? "page" : null}>${text}${name === "inbox" ? waiting() : null}</a>`)}</nav>
    <div class="who">${live()}<span class="tenant">${me.tenant}</span><details class="menu" @keydown=${escape}><summary><span>${me.name}<span class="role">, ${t.roles[/** @type {keyof typeof t.roles} */ (me.role)] ?? me.role}</span></span></summary>
      <div><p class="narrow">${me.tenant}, ${t.roles[/** @type {keyof typeof t.roles} */ (me.role)] ?? me.role}</p><p class="narrow">${liveText()}</p><p class="cap">${cost()}</p>${button(t.shell.signOut, signOut)}</div></details>
      <button type="button" class="b square" aria-label=${t.shell.keys} aria-keyshortcuts=${shortcut("?")} @click=${help}>?</button></div>`}
  </header>
  ${session.ended || endsSoon() ? html`<div class="ended" role="alert"><span class="st wait">${icon("c-runs")}${session.ended ? t.shell.ended : t.shell.endsIn(span((me?.endsAt ?? 0) - state.now))}</span>${button(t.shell.again, again)}</div>` : null}`;
}

/** @returns {Shown} what lies over the page: what was refused, and the live region */
export function over() {
  const { toast } = spoken;
  return html`<p class="sr" role="status">${spoken.said}</p>
  <div class="toasts" role="alert">${toast && html`<div class="toast"><p><b class="st stop">${icon("s-blocked")}${toast.title}</b></p><p>${toast.text}</p>
    <div class="row">${toast.link && html`<a class="b" href=${toast.link.to} @click=${dismiss}>${toast.link.text}</a>`}${button(t.shell.dismiss, dismiss)}<span class="cap push">${toast.small}</span></div></div>`}</div>`;
}

/** @returns {Shown} the button that takes in what is new, with room reserved for it */
export const news = (/** @type {() => unknown} */ takeIn) =>
  html`<span class="push news" role="status">${state.news.length ? button(t.shell.news(state.news.length), takeIn, { kind: "bare", key: "." }) : null}</span>`;

/** @returns {Key[]} the keys that every page has */
export const commonKeys = () => [
  { key: "g c", does: () => go("#/cases") },
  { key: "g i", does: () => go("#/inbox") },
  { key: "g f", does: () => go("#/figures") },
  { key: "g t", does: () => go("#/trail") },
  { key: "?", does: help },
  { key: "/", does: () => /** @type {HTMLElement | null} */ (document.querySelector("main [type=search]"))?.focus() },
  { key: "Escape", does: dismiss },
];

/** Shows all keys. */
export function help() {
  ask({
    title: t.keys.title,
    note: t.keys.where,
    body: () => html`<div class="keys">${keySections()}</div><label class="toggle"><input type="checkbox" ?checked=${lettersWork()} @change=${(/** @type {any} */ event) => {
      setLettersWork(event.target.checked);
      changed();
    }}>${t.keys.switch}</label><p class="cap">${t.keys.switchHelp}</p>`,
    choices: [],
    cancel: t.shell.close,
  });
}

const endsSoon = () => Boolean(session.me && session.me.endsAt - state.now < ENDS);
const again = async () => (await renewed(true)) || refuse(t.signIn.failed, t.signIn.notAgain);
const waiting = () => (state.waiting ? html` <span class=${state.urgent ? "st stop" : "st"}>${state.urgent ? icon("v-critical") : null}<span aria-hidden="true">${state.waiting}</span><span class="sr">${t.shell.waiting(state.waiting)}</span></span>` : null);
const liveText = () => (state.checkedAt ? t.shell.live(toSeconds(state.checkedAt)) : t.shell.asking);

/** @returns {Shown} how old what is shown may be */
function live() {
  if (state.offlineSince === null) return html`<span class="live">${liveText()}</span>`;
  return html`<span class="offline st wait" role="status">${icon("c-stands")}${t.shell.offline(toSeconds(state.offlineSince))}</span>`;
}

/** @returns {string} what the last request cost, from its Server-Timing */
function cost() {
  const number = (/** @type {string} */ name) => state.cost?.match(new RegExp(`${name}=(\\d+)`))?.[1] ?? "0";
  return state.cost ? t.shell.cost(number("reads"), number("writes"), number("trips")) : "";
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.querySelector("main")?.focus();
}

/** @param {KeyboardEvent} event */
function escape(event) {
  const menu = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  if (event.key !== "Escape" || !menu.open) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector("summary")?.focus();
}
