/** Small parts that every page uses. A state is a shape, a word and a colour, in that order of trust. */
import { Problem } from "./api.js";
import { shortcut } from "./keys.js";
import { html } from "./render.js";
import { isMe, session } from "./session.js";
import { changed } from "./state.js";
import { clockOf, exact, inWords } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./render.js").View} View
 * @typedef {import("./render.js").Shown} Shown
 */

/** @param {string} name a symbol of `index.html` @param {number} [size] in pixels @returns {View} */
export const icon = (name, size = 12) => html`<svg width=${size} height=${size} aria-hidden="true"><use href=${`#${name}`} /></svg>`;

/** @param {keyof typeof t.status} status @returns {View} */
export const statusOf = (status) => html`<span class="st ${status}">${icon(`s-${status}`)}${t.status[status]}</span>`;

/** @param {keyof typeof t.severity} level a severity, or a priority @param {{word?: boolean}} [how] @returns {View} */
export const severityOf = (level, { word = true } = {}) =>
  html`<span class="sev ${level}">${icon(`v-${level}`)}${word ? t.severity[level] : html`<span class="sr">${t.severity[level]}</span>`}</span>`;

/** @param {{status: string, dueAt: string | null, pausedAt: string | null}} one a case @returns {View} */
export function dueOf(one) {
  const clock = clockOf(one);
  const shape = { late: "c-late", soon: "c-runs", later: "c-runs", stands: "c-stands", done: "", none: "" }[clock.kind];
  return html`<span class="due ${clock.kind}" title=${one.dueAt && exact(one.dueAt)}>${shape && icon(shape)}${inWords(clock)}</span>`;
}

/** @param {readonly string[]} tags @returns {View[]} */
export const tagsOf = (tags) => tags.map((tag) => html`<span class="tag">${tag}</span>`);

/**
 * A person as they are shown: you, nobody, or their address.
 * @param {string | null | undefined} name @param {string | null} [subject] @returns {Shown}
 */
export const personOf = (name, subject) => (!name ? html`<span class="quiet">${t.shell.nobody}</span>` : isMe(name, subject) ? html`<span class="you" data-name=${name}>${t.shell.you}</span>` : name);

/**
 * A button: what it does, then its key.
 * @param {string} text @param {(event: Event) => unknown} does
 * @param {{kind?: string, key?: string, off?: boolean, label?: string}} [how] `kind` is its class: first, stop, bare, push
 * @returns {View}
 */
export const button = (text, does, { kind = "", key, off = false, label } = {}) =>
  html`<button type="button" class="b ${kind}" ?disabled=${off} aria-label=${label} aria-keyshortcuts=${key && shortcut(key)} @click=${does}>${text}${key && shortcut(key) ? html` <kbd aria-hidden="true">${key}</kbd>` : null}</button>`;

/**
 * A choice in a frame with its label; set, it has the accent's frame.
 * @param {string} label @param {string} value @param {readonly (readonly [string, string])[]} options value and text
 * @param {(value: string) => unknown} does @param {{kind?: string, unset?: string}} [how] @returns {View}
 */
export const choice = (label, value, options, does, { kind = "", unset = "" } = {}) =>
  html`<label class="f ${kind} ${value === unset ? "" : "set"}"><span>${label}</span><select .value=${value} @change=${(/** @type {any} */ event) => does(event.target.value)}>${options.map(([key, text]) => html`<option value=${key}>${text}</option>`)}</select></label>`;

/** @param {unknown} error @returns {string} what happened, who or what stands in the way, and what was not changed */
export function inSentences(error) {
  if (!(error instanceof Problem)) return `${t.errors.unknown} ${String(error)}`;
  if (error.status === "OFFLINE") return `${t.errors.offline} ${t.errors.offlineHelp}`;
  if (error.code === 401) return t.errors.signedOut;
  // The name of a field or of a thing, which the message may begin with, stays as it is.
  // A form adds one item of evidence, so its place in the request says nothing.
  const said = error.message.replace(/^evidence\[0\]\./, "").replace(/^[a-z](?![\w/[\].]*[:/])/, (first) => first.toUpperCase()).replace(/([^.])$/, "$1.");
  if (error.code === 403) return `${t.errors.denied(session.me?.role ?? "")} ${said} ${t.errors.unchanged}`;
  if (error.code === 412) return t.errors.overtaken;
  if (error.code === 429 || error.code === 503) return `${t.errors.busy} ${t.errors.unchanged}`;
  return `${said} ${t.errors.unchanged}`;
}

/** @typedef {{title: string, text: string, small: string, link?: {to: string, text: string}}} Toast */
/** @type {{toast: Toast | null, said: string}} what is said over the page; `shell.js` shows it */
export const spoken = { toast: null, said: "" };

/**
 * Says what was refused, until it is dismissed.
 * @param {string} title such as Not claimed @param {unknown} error @param {Toast["link"]} [link]
 */
export function refuse(title, error, link) {
  const small = error instanceof Problem && error.request ? t.shell.request(error.code, error.request) : "";
  spoken.toast = { title, text: error instanceof Error ? inSentences(error) : String(error), small, link };
  changed();
}

/** Dismisses it. @returns {boolean} whether there was one */
export function dismiss() {
  const was = spoken.toast !== null;
  spoken.toast = null;
  changed();
  return was;
}

/** Says something in the polite live region. @param {string} text */
export function say(text) {
  spoken.said = text;
  changed();
}

/**
 * Does something, and says it where that was refused.
 * @template T @param {string} title what has not happened then @param {() => Promise<T>} does @returns {Promise<T | undefined>}
 */
export async function attempt(title, does) {
  try {
    return await does();
  } catch (error) {
    refuse(title, error);
    return undefined;
  }
}

/** @param {string} id such as `csf_facility` @returns {string} a type of decision in words: CSF facility */
export const typeOf = (id) => id.split(/[_\s]+/).map((word, index) => (word.length < 4 && index === 0 ? word.toUpperCase() : index === 0 ? word[0].toUpperCase() + word.slice(1) : word)).join(" ");

/**
 * A person where there is little room: of an address in the reader's own domain, only the name.
 * @param {string | null} name @param {string | null} [subject] @returns {Shown}
 */
export function shortly(name, subject) {
  const domain = session.me?.name.split("@")[1];
  return name && domain && name.endsWith(`@${domain}`) ? name.slice(0, -domain.length - 1) : personOf(name, subject);
}
