/** The list of all keys. */
import { html } from "./render.js";
import { t } from "./texts.js";

/** @returns {import("./render.js").Shown} */
export function keySections() {
  const k = t.keys;
  /** @type {[string, [string, string][]][]} */
  const sections = [
    [k.lists, [["J K", `${k.next}, ${k.previous}`], ["Enter", k.open], ["X", k.select], ["N", k.claimNext], [".", k.takeIn]]],
    [k.case, [["C", k.claim], ["U", k.release], ["E", k.edit], ["Alt ↑", k.evidenceUp], ["Alt ↓", k.evidenceDown]]],
    [k.question, [["A", k.approve], ["A|Enter", k.approveCritical], ["R", k.reject], ["E", k.answer], ["C", k.claim], ["U", k.release]]],
    [k.everywhere, [["/", k.search], ["G|C", k.toCases], ["G|I", k.toInbox], ["G|T", k.toTrail], ["G|F", k.toFigures], ["?", k.help], ["Esc", k.back]]],
  ];
  const keys = (/** @type {string} */ text) => text.split(" ").map((one) => html`<kbd>${one}</kbd> `);
  return sections.map(
    ([title, rows]) => html`<section><h3>${title}</h3><dl>${rows.map(([text, does]) => html`<dt>${text.split("|").map((part, index) => html`${index ? html`<span class="cap">${k.then}</span> ` : null}${keys(part)}`)}</dt><dd>${does}</dd>`)}</dl></section>`,
  );
}
