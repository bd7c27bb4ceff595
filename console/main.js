/** Starts the console: which page the address names, what is drawn when, who hears the keys. */
import { get } from "./api.js";
import { listen } from "./keys.js";
import { follow, restart } from "./live.js";
import { fetched, pageOf } from "./pages.js";
import { button, inSentences, refuse } from "./parts.js";
import { html, render } from "./render.js";
import { route } from "./router.js";
import { session, start } from "./session.js";
import { commonKeys, head, over } from "./shell.js";
import { prepare, signInKeys, signInPage } from "./signin.js";
import { changed, drawWith } from "./state.js";
import { t } from "./texts.js";

const [top, main, above] = ["head", "main", "over"].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
const TICK = 1000;
let shown = route();
let unknown = false;
/** @type {unknown} why the page that the address names is not shown */
let problem = null;
/** @type {string | null} */
let person = null;

function draw() {
  const page = session.me ? pageOf(shown.page) : undefined;
  document.title = `${session.me ? (page?.title(shown) ?? t.shell.missing) : t.signIn.title}, Caseledger`;
  render(top, head(page?.nav));
  render(main, !session.me ? signInPage() : unknown ? missing() : problem ? failed() : page ? page.view(shown) : html`<p class="inset empty quiet">${t.shell.loading}</p>`);
  render(above, over());
  if ((session.me?.subject ?? null) !== person) {
    person = session.me?.subject ?? null;
    if (person) {
      restart();
      open(true);
      count();
    } else main.querySelector("h1")?.focus();
  }
}

/** Opens what the address says. @param {boolean} [anew] whether as if nothing had been shown before */
async function open(anew = false) {
  const before = shown;
  const asked = (shown = route());
  const other = anew || before.page !== asked.page || before.id !== asked.id;
  if (other && !anew) pageOf(before.page)?.close?.();
  if (!session.me) return changed();
  if (other) problem = null;
  changed(other ? { news: [] } : {});
  try {
    const page = await fetched(asked.page);
    if (asked !== shown) return; // The reader went on before the page had come.
    unknown = !page;
    changed();
    await page?.open(asked);
  } catch (error) {
    if (asked !== shown) return;
    if (other) problem = error;
    else refuse(t.shell.notShown, error);
  }
  changed();
  await null;
  if (other && !anew && asked === shown) {
    scrollTo(0, 0);
    /** @type {HTMLElement | null} */ (main.querySelector("h1[tabindex]") ?? main)?.focus({ preventScroll: true });
  }
}

/** Counts what waits for a decision, for the link to the inbox. */
async function count() {
  const [{ interventions, nextPageToken }, critical] = await Promise.all([get("/interventions:pending", { pageSize: 100 }), get("/interventions:pending", { priority: "critical", pageSize: 1 })]).catch(() => [{ interventions: [], nextPageToken: null }, { interventions: [] }]);
  changed({ waiting: interventions.length + (nextPageToken ? 1 : 0), urgent: critical.interventions.length > 0 });
}

const missing = () => html`<section class="inset empty"><h1 tabindex="-1">${t.shell.missing}</h1><p>${t.shell.missingHelp}</p><p class="row"><a class="b first" href="#/cases">${t.shell.toCases}</a></p></section>`;

const failed = () => html`<section class="inset empty"><h1 tabindex="-1">${t.shell.notShown}</h1><p>${inSentences(problem)}</p><p class="row">${button(t.shell.retry, () => open(true), { kind: "first" })}<a class="b" href="#/cases">${t.shell.toCases}</a></p></section>`;

/** Takes in what is new on the page. */
const takeIn = () => pageOf(shown.page)?.takeIn?.();

drawWith(draw);
addEventListener("hashchange", () => open());
addEventListener("pagehide", () => pageOf(shown.page)?.close?.());
listen(() => (session.me ? [...(pageOf(shown.page)?.keys?.(shown) ?? []), { key: ".", does: takeIn }, ...commonKeys()] : signInKeys()));
setInterval(() => document.visibilityState === "visible" && changed({ now: Date.now() }), TICK);
document.addEventListener("visibilitychange", () => changed({ now: Date.now() }));
start()
  .then(prepare)
  .catch((error) => refuse(t.shell.notShown, error))
  .finally(changed);
follow(async (changes) => {
  if (changes.some((one) => one.subject.startsWith("interventions/"))) count();
  await pageOf(shown.page)?.changed?.(changes);
});
