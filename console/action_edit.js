/** The arguments of an action, as the reader changes them: by field, or as JSON. */
import { a } from "./ask_texts.js";
import { canonical } from "./canonical.js";
import { button } from "./parts.js";
import { html, keyed } from "./render.js";

/**
 * @typedef {Record<string, unknown>} Arguments
 * @typedef {object} Edit
 * @property {Arguments} now the last that were valid
 * @property {boolean} asJson whether the reader writes JSON
 * @property {string} text the JSON that the reader writes
 * @property {Record<string, string>} typed what was typed into fields, by argument
 * @property {string[]} bad the arguments whose field is not valid
 * @property {string} wrong what is wrong with the JSON
 */

/** @param {unknown} value */
const pretty = (value) => JSON.stringify(value, null, 2);

/** @param {Arguments} from @returns {Edit} */
export const editOf = (from) => ({ now: from, asJson: !Object.keys(from).length, text: pretty(from), typed: {}, bad: [], wrong: "" });

/** @param {Edit} edit @returns {boolean} whether all that is written is valid */
export const isValid = (edit) => !edit.wrong && !edit.bad.length;

/** @param {Edit} edit @param {Arguments} asked @returns {boolean} whether something else is approved than was asked for */
export const differs = (edit, asked) => canonical(edit.now) !== canonical(asked);

/**
 * @param {Arguments} asked @param {Edit} edit @param {(edit: Edit) => unknown} takes @param {() => unknown} drops
 * @returns {import("./render.js").View}
 */
export function editForm(asked, edit, takes, drops) {
  return html`<fieldset class="stack wide answers"><legend><b>${a.editing}</b> <span class="quiet">${a.editNote}</span></legend>
    ${edit.asJson ? asJson(edit, takes) : Object.keys(edit.now).map((name, index) => keyed(name, field(name, `edit-${index}`, asked, edit, takes)))}
    <div class="row">${button(edit.asJson ? a.asFields : a.asJson, () => takes({ ...edit, asJson: !edit.asJson, text: pretty(edit.now), typed: {}, bad: [], wrong: "" }), { kind: "bare" })}${button(a.drop, drops, { kind: "bare" })}</div></fieldset>`;
}

/** @param {Edit} edit @param {(edit: Edit) => unknown} takes */
function asJson(edit, takes) {
  return html`<textarea class="area id" id="edit-0" rows="6" spellcheck="false" aria-label=${a.arguments} aria-invalid=${edit.wrong ? "true" : null} aria-describedby="edit-0-wrong" .value=${edit.text} @input=${(/** @type {any} */ event) => takes({ ...edit, text: event.target.value, ...read(event.target.value) })}></textarea>${problem("edit-0", edit.wrong && `JSON ${edit.wrong}`)}`;
}

/** @param {string} text @returns {any} @throws {SyntaxError} also for numbers that JSON can write and nothing can hold */
function parsed(text) {
  return JSON.parse(text, (_name, value) => {
    if (value === Infinity || value === -Infinity) throw new SyntaxError(text);
    return value;
  });
}

/** @param {string} text @returns {{now?: Arguments, wrong: string}} */
function read(text) {
  try {
    const now = parsed(text);
    return now !== null && typeof now === "object" && !Array.isArray(now) ? { now, wrong: "" } : { wrong: a.notObject };
  } catch {
    return { wrong: a.notJson };
  }
}

/** A field of the same kind as what was asked for. @param {string} name @param {string} id @param {Arguments} asked @param {Edit} edit @param {(edit: Edit) => unknown} takes */
function field(name, id, asked, edit, takes) {
  const value = edit.now[name];
  const kind = typeof (Object.hasOwn(asked, name) ? asked[name] : value) === typeof value ? typeof value : "object";
  const given = Object.hasOwn(edit.typed, name) ? edit.typed[name] : kind === "object" ? pretty(value) : String(value);
  const wrong = edit.bad.includes(name) ? (kind === "number" ? a.notNumber : a.notJson) : "";
  const hears = (/** @type {any} */ event) => {
    const text = event.target.value;
    const found = valueOf(kind, text);
    const bad = edit.bad.filter((one) => one !== name);
    takes({ ...edit, typed: { ...edit.typed, [name]: text }, ...(found === undefined ? { bad: [...bad, name] } : { bad, now: { ...edit.now, [name]: found } }) });
  };
  const label = html`<label for=${id}><b class="id">${name}</b></label>`;
  if (kind === "boolean") return html`<div class="field">${label}<select class="area" id=${id} .value=${given} @change=${hears}><option value="true">true</option><option value="false">false</option></select></div>`;
  return html`<div class="field">${label}<textarea class=${kind === "string" ? "area short" : "area short id"} id=${id} rows="1" spellcheck=${kind === "string" ? "true" : "false"} aria-invalid=${wrong ? "true" : null} aria-describedby=${`${id}-wrong`} .value=${given} @input=${hears}></textarea>${problem(id, wrong && `${name} ${wrong}`)}</div>`;
}

/** @param {string} kind @param {string} text @returns {unknown} nothing where the text is no such value */
function valueOf(kind, text) {
  if (kind === "string") return text;
  try {
    const value = parsed(text);
    return kind === "object" || typeof value === kind ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} id @param {string} wrong */
const problem = (id, wrong) => html`<p class="st stop" id=${`${id}-wrong`} ?hidden=${!wrong}>${wrong}</p>`;
