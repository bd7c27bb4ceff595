/** Picks a person from the directory, which knows everybody who has changed something. */
import { get } from "./api.js";
import { ask } from "./dialog.js";
import { html, keyed } from "./render.js";
import { session } from "./session.js";
import { t } from "./texts.js";

/** @typedef {{name: string, subject: string | null, role: string}} Person */

const SHOWN = 8;

/**
 * Asks whom to assign to.
 * @param {string | null} present who it is now
 * @param {(name: string | null) => Promise<unknown>} does what to do with who is picked; null is nobody
 * @param {{nobody?: boolean}} [how] whether nobody can be picked, too
 * @returns {Promise<boolean>} whether somebody was picked
 */
export async function pick(present, does, { nobody = true } = {}) {
  /** @type {Person[]} */
  let found = [];
  let typed = "";
  let asked = 0;
  /** @param {() => void} redraw */
  const search = async (redraw) => {
    const mine = (asked += 1);
    const page = await get("/people", { query: typed.trim(), pageSize: SHOWN + 1 }).catch(() => ({ people: [] }));
    if (mine !== asked) return;
    found = page.people;
    redraw();
  };
  const me = session.me;
  let begun = false;
  /** @returns {(readonly [string, string, string])[]} value, name and role of each who can be picked */
  const rows = () => {
    const others = found.filter((one) => one.name !== me?.name).slice(0, SHOWN).map((one) => /** @type {const} */ ([one.name, one.name, one.role]));
    const fits = (/** @type {string} */ name) => name.toLowerCase().startsWith(typed.trim().toLowerCase());
    const self = me && me.role !== "viewer" && fits(me.name) ? [/** @type {const} */ ([me.name, t.people.me(me.name), me.role])] : [];
    const unknown = typed.includes("@") && !others.length && !self.length ? [/** @type {const} */ ([typed.trim(), t.people.exactly(typed.trim()), ""])] : [];
    return [...self, ...others, ...unknown, ...(typed || !nobody ? [] : [/** @type {const} */ (["", t.people.nobody, ""])])];
  };
  return ask({
    title: t.people.title,
    body: (redraw) => {
      if (!begun) {
        begun = true;
        search(redraw);
      }
      const shown = rows();
      return html`<label class="f grow"><span class="sr">${t.people.search}</span><input type="search" name="typed" autofocus placeholder=${t.people.search} autocomplete="off" @input=${(/** @type {any} */ event) => {
        typed = event.target.value;
        search(redraw);
      }}></label>
      <fieldset class="picks"><legend class="sr">${t.people.assignee}</legend>${shown.map(([value, name, role], index) => keyed(value, html`<label class="pick"><input type="radio" name="who" value=${value} ?checked=${typed ? index === 0 : value === (present ?? "")} required><span>${name}</span><span class="cap">${role}</span></label>`))}${shown.length ? null : html`<p class="quiet">${t.people.none}</p>`}</fieldset>`;
    },
    choices: [{ text: t.people.assign, does: (form) => does(String(form.get("who") ?? "") || null) }],
  });
}
