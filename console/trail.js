/** The trail of a case, or of the tenant: who did what, when, and what changed; and whether the chain holds. */
import { all, get } from "./api.js";
import { download } from "./download.js";
import { actorOf } from "./events.js";
import { exportCase, exportTrail } from "./exporting.js";
import { button, choice, refuse } from "./parts.js";
import { checkedHere, proofOf } from "./proof.js";
import { html } from "./render.js";
import { address, caseAddress, go } from "./router.js";
import { sees } from "./session.js";
import { news } from "./shell.js";
import { changed, state } from "./state.js";
import { t } from "./texts.js";
import { days } from "./trail_rows.js";

/**
 * @typedef {import("./router.js").Route} Route
 * @typedef {import("./trail_rows.js").TrailEvent} TrailEvent
 * @typedef {import("./proof.js").Proof} Proof
 */

/** How many events are shown at first, and by each "Show more". */
const ROWS = 100;
/** The longest trail that is fetched whole; what is beyond is said. */
const MOST = 10_000;
const FILTERS = /** @type {const} */ (["actor", "eventType", "severity", "agentId", "since", "until"]);

const trail = {
  /** @type {string | null} the case, or null for the tenant's trail */
  id: null,
  asked: "",
  title: "",
  /** @type {TrailEvent[]} newest first */
  events: [],
  /** @type {string | null} where the tenant's next page begins */
  more: null,
  rows: ROWS,
  /** @type {string | null} the event that is opened */
  open: null,
  /** the row that the keys are at; before the first while none was pressed */
  here: -1,
  /** @type {Proof | null} */
  proof: null,
  /** @type {string[]} */
  people: [],
};

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "trail",
  title: ({ id }) => (id ? `${t.trailPage.title} ${id}` : t.trailPage.title),
  open: async (route) => {
    const asked = route.id ? `${route.id}?${route.query.get("related") ?? ""}` : `?${filters(route.query)}`;
    trail.open = route.query.get("event");
    if (asked === trail.asked) return;
    Object.assign(trail, { asked, id: route.id, events: [], more: null, proof: null, rows: ROWS, here: -1, title: "" });
    await fetched(route);
  },
  view,
  keys: (route) => [
    { key: "j", does: () => move(route, 1) },
    { key: "k", does: () => move(route, -1) },
    { key: "Enter", does: () => unfold(shownOf(route)[trail.here]?.id) },
  ],
  changed: (changes) => {
    const ours = changes.filter(({ subject }) => !trail.id || subject === `cases/${trail.id}`).map(({ subject, sequence }) => `${subject}:${sequence}`);
    const known = new Set(trail.events.map(({ subject, sequence }) => `${subject}:${sequence}`));
    const fresh = ours.filter((one) => !known.has(one) && !state.news.includes(one));
    if (fresh.length) changed({ news: [...state.news, ...fresh] });
  },
  takeIn: () => again(),
  close: () => Object.assign(trail, { asked: "" }),
};

/** Fetches the trail that the address names, and checks it. @param {Route} route */
async function fetched(route) {
  const { asked } = trail;
  // What comes after another trail was asked for is not shown in its place.
  const late = () => asked !== trail.asked;
  if (!route.id) {
    const [{ rows, more }, { people }] = await Promise.all([tenantPage(route.query, null), get("/people", { pageSize: 200 })]);
    if (late()) return;
    Object.assign(trail, { events: rows, more, people: people.map((/** @type {{name: string}} */ one) => one.name) });
  } else {
    const path = `/cases/${encodeURIComponent(route.id)}`;
    const [{ rows, more }, one] = await Promise.all([all(`${path}/audit`, { related: route.query.get("related") }, "events", MOST), get(path).catch(() => null)]);
    if (late()) return;
    Object.assign(trail, { events: rows, more, title: one?.title ?? "", people: names(rows, actorOf) });
  }
  changed({ news: [] });
  await verify();
}

/** A page of the tenant's trail. @param {URLSearchParams} query @param {string | null} token */
async function tenantPage(query, token) {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const { events, nextPageToken } = await get("/audit", { ...given, pageSize: ROWS, pageToken: token });
  return { rows: events, more: nextPageToken ?? null };
}

/** Checks here what was fetched, and asks the server for its own check. */
async function verify() {
  const { asked, id } = trail;
  trail.proof = null;
  const here = await checkedHere(trail.events, { whole: id !== null && !trail.more });
  const server = id && sees("pilot") ? await get("/audit:verify", { subject: `cases/${id}` }).catch((error) => error) : null;
  if (asked === trail.asked) trail.proof = { ...here, server };
  changed();
}

/** Fetches anew what the address names. */
async function again() {
  try {
    await fetched({ page: "trail", id: trail.id, query: new URLSearchParams(location.hash.split("?")[1]) });
  } catch (error) {
    refuse(t.shell.notShown, error);
  }
}

/** @param {URLSearchParams} query @returns {URLSearchParams} its filters */
function filters(query) {
  return new URLSearchParams(FILTERS.flatMap((name) => (query.get(name) ? [[name, /** @type {string} */ (query.get(name))]] : [])));
}

/** @param {TrailEvent[]} events @param {(event: TrailEvent) => string | null} name @returns {string[]} */
const names = (events, name) => [...new Set(events.map(name).filter((one) => one !== null))].sort();

/** What of the trail is shown. @param {Route} route @returns {TrailEvent[]} */
function shownOf({ id, query }) {
  if (!id) return trail.events;
  const is = (/** @type {string} */ name, /** @type {string | null} */ value) => !query.get(name) || query.get(name) === value;
  const since = query.get("since") ?? "";
  const until = query.get("until") ?? "\uffff";
  return trail.events.filter((event) => is("actor", actorOf(event)) && is("eventType", event.eventType) && is("severity", event.severity) && is("agentId", event.agentId) && event.createdAt >= since && event.createdAt < until);
}

/** @param {Route} route */
function view(route) {
  const events = shownOf(route);
  const rows = events.slice(0, route.id ? trail.rows : events.length);
  const left = route.id ? events.length - rows.length : trail.more ? 1 : 0;
  return html`<section>
    <div class="inset">
      <div class="bar"><h1 tabindex="-1">${t.trailPage.title}</h1><span class="soft">${route.id ? html`${t.trailPage.of} <a href=${caseAddress(route.id)}>${trail.title || route.id}</a> <span class="id">${route.id}</span>` : t.trailPage.ofTenant}</span>
        ${news(again)}${button(t.trailPage.download, () => saved(route))}${exporting(route.id)}${button(t.trailPage.again, again)}</div>
      ${proofOf(trail.proof, trail.events)}
      ${filterBar(route, events.length)}
    </div>
    ${days(rows, { open: trail.open, here: trail.here, subjects: !route.id, proof: trail.proof, toggle: unfold, link: (id) => address(route.id ? `trail/${encodeURIComponent(route.id)}` : "trail", { ...Object.fromEntries(route.query), event: id }) })}
    ${events.length ? null : html`<div class="inset empty"><p>${trail.proof ? t.trailPage.empty : t.shell.loading}</p>${filters(route.query).size ? html`<p><a class="b first" href=${address(route.id ? `trail/${encodeURIComponent(route.id)}` : "trail")}>${t.trailPage.clear}</a></p>` : null}</div>`}
    ${left > 0 ? html`<p class="inset bar">${button(t.shell.more, () => more(route))}</p>` : null}
  </section>`;
}

/** @param {string | null} id of the case, or null for the tenant's trail */
function exporting(id) {
  if (!sees("pilot")) return null;
  return id ? button(t.exports.ofCase, () => exportCase(id)) : button(t.exports.ofTrail, exportTrail);
}

/** @param {Route} route @param {number} count */
function filterBar(route, count) {
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => {
    const query = new URLSearchParams(route.query);
    query.set(name, value);
    query.delete("event");
    go(address(route.id ? `trail/${encodeURIComponent(route.id)}` : "trail", query), { replace: true });
  };
  const options = (/** @type {string} */ any, /** @type {[string, string][]} */ found) => /** @type {[string, string][]} */ ([["", any], ...found]);
  const one = (/** @type {string} */ label, /** @type {string} */ name, /** @type {[string, string][]} */ found, /** @type {string} */ any) => {
    const value = route.query.get(name) ?? "";
    if (value && !found.some(([key]) => key === value)) found.push([value, value]);
    return choice(label, value, options(any, found), set(name));
  };
  const same = (/** @type {string[]} */ some) => some.map((name) => /** @type {[string, string]} */ ([name, name]));
  const day = (/** @type {string} */ label, /** @type {string} */ name) =>
    html`<label class=${route.query.get(name) ? "f set" : "f"}><span>${label}</span><input type="date" .value=${localDay(route.query.get(name))} @change=${(/** @type {any} */ event) => set(name)(event.target.value ? new Date(`${event.target.value}T00:00`).toISOString() : "")}></label>`;
  return html`<form class="bar" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${one(t.trailPage.who, "actor", same(trail.people), t.trailPage.anybody)}
    ${one(t.trailPage.what, "eventType", Object.entries(t.events), t.trailPage.everything)}
    ${one(t.trailPage.severity, "severity", Object.entries(t.eventSeverity), t.trailPage.any)}
    ${one(t.trailPage.agent, "agentId", same(names(trail.events, (event) => event.agentId)), t.trailPage.any)}
    ${day(t.trailPage.from, "since")}${day(t.trailPage.to, "until")}
    ${route.id ? html`<label class="toggle"><input type="checkbox" .checked=${route.query.get("related") === "true"} @change=${(/** @type {any} */ event) => set("related")(event.target.checked ? "true" : "")}>${t.trailPage.related}</label>` : null}
    <span class="push cap">${t.trailPage.count(count, Boolean(trail.more))}</span></form>`;
}

/** @param {string | null} time @returns {string} the day in the reader's zone, as a date field takes it */
const localDay = (time) => (time ? new Date(Date.parse(time) - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 10) : "");

/** @param {Route} route @param {number} step */
function move(route, step) {
  trail.here = Math.max(0, Math.min(shownOf(route).length - 1, trail.here + step));
  changed();
  queueMicrotask(() => document.querySelector(".chain .here")?.scrollIntoView({ block: "nearest" }));
}

/** Opens an event, or closes it. @param {string | undefined} id */
function unfold(id) {
  trail.open = !id || trail.open === id ? null : id;
  changed();
}

/** @param {Route} route */
async function more(route) {
  if (route.id) {
    trail.rows += ROWS;
    return changed();
  }
  try {
    const before = trail.more;
    const { rows, more } = await tenantPage(route.query, before);
    if (trail.more !== before) return; // the list has gone on meanwhile
    Object.assign(trail, { events: [...trail.events, ...rows], more });
    await verify();
  } catch (error) {
    refuse(t.shell.notShown, error);
  }
}

/** Saves all that the filters ask for, in the order of the chain. @param {Route} route */
async function saved(route) {
  try {
    const found = route.id ? { rows: shownOf(route), more: trail.more } : await all("/audit", Object.fromEntries(filters(route.query)), "events", MOST);
    download(`${route.id ?? "trail"}.jsonl`, [...found.rows].reverse().map((event) => `${JSON.stringify(event)}\n`), "application/x-ndjson");
    if (found.more) refuse(t.trailPage.notAll, t.trailPage.notAllHelp(found.rows.length));
  } catch (error) {
    refuse(t.trailPage.notSaved, error);
  }
}
