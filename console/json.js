/** JSON that people read: as it was sent, its names set back. */
import { html } from "./render.js";

const MOST_LINES = 2_000;
const MEMBER = /^(\s*)("(?:[^"\\]|\\.)*":)(.*)$/;

/** @param {unknown} value @param {string} label @returns {import("./render.js").View} */
export function json(value, label) {
  const lines = JSON.stringify(value, null, 2).split("\n");
  const shown = lines.slice(0, MOST_LINES).map((line) => {
    const member = MEMBER.exec(line);
    return member ? html`${member[1]}<i>${member[2]}</i>${`${member[3]}\n`}` : `${line}\n`;
  });
  return html`<pre class="json" tabindex="0" role="region" aria-label=${label}>${shown}${lines.length > MOST_LINES ? "…" : null}</pre>`;
}
