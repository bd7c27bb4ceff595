/** The page case. */
import { html } from "./render.js";
import { t } from "./texts.js";

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "cases",
  title: () => t.shell.cases,
  open: () => {},
  view: () => html`<section class="inset bar"><h1 tabindex="-1">${t.shell.cases}</h1></section>`,
};
