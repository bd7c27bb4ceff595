/** A person's saved views: names for addresses of the queue, one document for all of them. */
import { call } from "./api.js";
import { ask } from "./dialog.js";
import { html, keyed } from "./render.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/** @typedef {{name: string, query: string}} SavedView */

export const MOST = 50;
/** @type {{list: SavedView[], etag: string | null}} */
export const views = { list: [], etag: null };

/** Fetches them; where they cannot be had, there are none. */
export async function loadViews() {
  const answer = await call("GET", "/views").catch(() => null);
  if (answer) Object.assign(views, { list: answer.body.views, etag: answer.etag });
  changed();
}

/** @param {SavedView[]} list stores them all, unless another window has changed them */
async function put(list) {
  const answer = await call("PUT", "/views", { body: { views: list }, ifMatch: views.etag }).catch(async (error) => {
    if (error.code === 412) await loadViews();
    throw error;
  });
  Object.assign(views, { list: answer.body.views, etag: answer.etag });
  changed();
}

/** @param {string} query asks under which name to save what is shown */
export const saveView = (query) =>
  ask({
    title: t.views.save,
    body: () => html`<label class="field"><span>${t.views.name}</span><input class="area" name="name" required maxlength="100" autofocus autocomplete="off"></label><p class="cap">${t.views.saveHelp}</p>`,
    choices: [{
      text: t.views.saveIt,
      does: (form) => {
        const name = String(form.get("name")).trim();
        return put([...views.list.filter((one) => one.name !== name), { name, query }]);
      },
    }],
  });

/** Asks what the saved views are to be called, in which order, and which are to go. */
export function editViews() {
  let rows = views.list.map((one, index) => ({ ...one, key: String(index) }));
  /** @param {number} at @param {number} by @param {() => void} redraw */
  const move = (at, by, redraw) => {
    const [row] = rows.splice(at, 1);
    rows.splice(at + by, 0, row);
    redraw();
  };
  return ask({
    title: t.views.edit,
    note: t.views.count(views.list.length, MOST),
    body: (redraw) =>
      html`<ol class="stack wide">${rows.map((row, index) => keyed(row.key, html`<li class="row"><label class="f grow"><span class="sr">${t.views.name}</span><input required maxlength="100" .value=${row.name} @input=${(/** @type {any} */ event) => (row.name = event.target.value)}></label>
        <button type="button" class="b square soft" aria-label=${t.views.up(row.name)} ?disabled=${index === 0} @click=${() => move(index, -1, redraw)}><svg width="12" height="12" aria-hidden="true"><use href="#up" /></svg></button>
        <button type="button" class="b square soft" aria-label=${t.views.down(row.name)} ?disabled=${index === rows.length - 1} @click=${() => move(index, 1, redraw)}><svg width="12" height="12" aria-hidden="true"><use href="#down" /></svg></button>
        <button type="button" class="b stop" aria-label=${t.views.removeIt(row.name)} @click=${() => { rows = rows.filter((one) => one !== row); redraw(); }}>${t.views.remove}</button></li>`))}</ol>${rows.length ? null : html`<p class="quiet">${t.views.none}</p>`}`,
    choices: [{ text: t.views.saveAll, does: () => put(rows.map(({ name, query }) => ({ name: name.trim(), query }))) }],
  });
}
