/**
 * A form made from the schema of a response: flat, with texts, numbers, and what is true or false. What was
 * typed stays a text until it is sent; an empty field is no answer. The server checks the same once more.
 */
import { a } from "./ask_texts.js";
import { html, keyed } from "./render.js";

/**
 * @typedef {object} Property
 * @property {"string" | "number" | "integer" | "boolean"} type
 * @property {string} [title] @property {string} [description]
 * @property {number} [minLength] @property {number} [maxLength] @property {"email" | "uri" | "date" | "date-time"} [format]
 * @property {string[]} [enum] @property {string[]} [enumNames]
 * @property {number} [minimum] @property {number} [maximum]
 * @property {string | number | boolean} [default]
 *
 * @typedef {{properties: Record<string, Property>, required?: string[]}} Schema
 * @typedef {Record<string, string>} Typed what is in the fields, or what is wrong with them, by their names
 */

const KINDS = { email: "email", uri: "url", date: "date", "date-time": "datetime-local" };
/** Longer texts get a field that grows. */
const LONG = 120;

/** @param {string} name of a property @returns {string} the id of its field */
export const fieldOf = (name) => `answer-${name}`;

/** @param {Schema} schema @param {Record<string, unknown> | null} response what to begin with instead of the defaults @returns {Typed} */
export const begun = (schema, response) => Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, typed(one, response ? own(response, name) : one.default)]));

/**
 * Who asks may call a property `constructor`: what every object inherits is no value of it.
 * @template T @param {Record<string, T>} object @param {string} name @returns {T | undefined}
 */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

/** @param {Property} one @param {unknown} value @returns {string} */
function typed(one, value) {
  if (value === undefined || value === null) return "";
  if (one.format !== "date-time") return String(value);
  const time = new Date(String(value));
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/**
 * @param {Schema} schema @param {Typed} given
 * @returns {{response: Record<string, unknown>, wrong: Typed}} what to send, and what is wrong with which field
 */
export function answerOf(schema, given) {
  /** @type {Record<string, unknown>} */
  const response = {};
  /** @type {Typed} */
  const wrong = {};
  for (const [name, one] of Object.entries(schema.properties)) {
    const written = own(given, name) ?? "";
    // A choice goes to the letter; what was typed, without spaces around it.
    const text = one.enum ? written : written.trim();
    if (text === "") {
      if (schema.required?.includes(name)) wrong[name] = a.wrong.required;
      continue;
    }
    const problem = problemOf(one, text);
    if (problem) wrong[name] = problem;
    else response[name] = valueOf(one, text);
  }
  return { response, wrong };
}

/** @param {string} text @returns {number} also where a comma stands before the decimals */
const numberOf = (text) => Number(text.replace(/^([^.,]*),([^.,]*)$/, "$1.$2"));

/** @param {Property} one @param {string} text */
function valueOf(one, text) {
  if (one.type === "boolean") return text === "true";
  if (one.type !== "string") return numberOf(text);
  return one.format === "date-time" ? new Date(text).toISOString() : text;
}

/** @param {Property} one @param {string} text @returns {string} what is wrong with it; empty for nothing */
function problemOf(one, text) {
  if (one.type === "number" || one.type === "integer") {
    const number = numberOf(text);
    if (!Number.isFinite(number)) return a.wrong.number;
    if (one.type === "integer" && !Number.isInteger(number)) return a.wrong.whole;
    if (one.minimum !== undefined && number < one.minimum) return a.wrong.least(one.minimum);
    return one.maximum !== undefined && number > one.maximum ? a.wrong.most(one.maximum) : "";
  }
  if (one.type === "boolean" || one.enum) return "";
  const length = [...text].length;
  if (one.minLength !== undefined && length < one.minLength) return a.wrong.short(one.minLength);
  if (one.maxLength !== undefined && length > one.maxLength) return a.wrong.long(one.maxLength);
  if (one.format === "email") return /^[^@\s]+@[^@\s]+$/.test(text) ? "" : a.wrong.email;
  if (one.format === "uri") return /^[a-z][a-z\d+.-]*:\S*$/i.test(text) ? "" : a.wrong.uri;
  return one.format && Number.isNaN(Date.parse(text)) ? a.wrong[one.format] : "";
}

/**
 * @param {Schema} schema @param {Typed} given @param {Typed} wrong @param {(name: string, text: string) => unknown} takes
 * @returns {import("./render.js").View}
 */
export function answerForm(schema, given, wrong, takes) {
  return html`<fieldset class="stack wide answers"><legend><b>${a.form}</b> <span class="quiet">${a.formNote}</span></legend>
    ${Object.entries(schema.properties).map(([name, one]) => keyed(name, html`<div class="field"><label for=${fieldOf(name)}><b>${one.title ?? name}</b> <span class="quiet">${schema.required?.includes(name) ? a.required : a.optional}</span></label>
      ${one.description ? html`<p class="cap lines" id=${`${fieldOf(name)}-help`}>${one.description}</p>` : null}
      ${input(name, one, schema.required?.includes(name) ?? false, own(given, name) ?? "", own(wrong, name), takes)}
      <p class="st stop" id=${`${fieldOf(name)}-wrong`} ?hidden=${!own(wrong, name)}>${own(wrong, name) ? `${one.title ?? name} ${own(wrong, name)}` : ""}</p></div>`))}</fieldset>`;
}

/** @param {string} name @param {Property} one @param {boolean} required @param {string} value @param {string | undefined} wrong @param {(name: string, text: string) => unknown} takes */
function input(name, one, required, value, wrong, takes) {
  const id = fieldOf(name);
  const about = [one.description ? `${id}-help` : "", wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ") || null;
  const invalid = wrong ? "true" : null;
  const hears = (/** @type {any} */ event) => takes(name, event.target.value);
  const choices = one.enum ? one.enum.map((text, index) => [text, one.enumNames?.[index] ?? text]) : one.type === "boolean" ? [["true", a.yes], ["false", a.no]] : null;
  if (choices) return html`<select class="area" id=${id} .value=${value} aria-required=${String(required)} aria-invalid=${invalid} aria-describedby=${about} @change=${hears}><option value="">${required ? a.choose : a.empty}</option>${choices.map(([key, text]) => html`<option value=${key}>${text}</option>`)}</select>`;
  if (one.type === "string" && !one.format && (one.maxLength ?? Infinity) > LONG) return html`<textarea class="area short" id=${id} rows="1" .value=${value} aria-required=${String(required)} aria-invalid=${invalid} aria-describedby=${about} @input=${hears}></textarea>`;
  const mode = one.type === "string" ? null : one.type === "integer" && (one.minimum ?? -1) >= 0 ? "numeric" : "decimal";
  return html`<input class="area" id=${id} type=${(one.format && KINDS[one.format]) ?? "text"} inputmode=${mode} autocomplete="off" .value=${value} aria-required=${String(required)} aria-invalid=${invalid} aria-describedby=${about} @input=${hears}>`;
}
