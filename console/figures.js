/** Figures of a period: each with one sentence that says what to see, and a table for those who read tables. */
import { BY, breakdown } from "./figures_rows.js";
import { f } from "./figures_texts.js";
import { get } from "./api.js";
import { bars, columns, line, ranges } from "./charts.js";
import { attempt, choice, icon, typeOf } from "./parts.js";
import { html } from "./render.js";
import { address, go } from "./router.js";
import { changed } from "./state.js";
import { day, moment, span, timeOf } from "./time.js";
import { language, t } from "./texts.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {import("./router.js").Route} Route
 * @typedef {{date: string, created: number, decided: number, expired: number}} Day
 *
 * @typedef {object} Figures as GET /figures answers them
 * @property {string} since @property {string} until @property {string} asOf
 * @property {{status: keyof typeof t.status, under1Day: number, from1To3Days: number, over3Days: number}[]} open
 * @property {number} overdue
 * @property {{decisionType: string, inTime: number, late: number}[]} closed
 * @property {number} created @property {number} decided @property {number} expired
 * @property {Day[]} daily
 * @property {{priority: keyof typeof t.severity, decided: number, medianSeconds: number | null, percentile90Seconds: number | null}[]} timeToDecide
 * @property {{pilot: string, decided: number, approved: number, rejected: number}[]} pilots
 * @property {boolean} personFigures whether the reader may see figures of single people
 * @property {number | null} medianSecondsToDecide
 * @property {import("./figures_rows.js").Row[]} rows by what was asked for
 */

const PERIODS = /** @type {const} */ (["7", "28", "91", "365"]);
const DAY = 86_400_000;
/** Longer periods are shown by week. */
const MOST_DAYS = 62;
/** In milliseconds. What is older was not brought up to date by the sealing of events. */
const FRESH = 180_000;
const TYPES = 8;
/** A table that is no larger stands beside its chart where there is room. */
const MOST_COLUMNS = 7;
const MOST_ROWS = 12;

const shown = {
  /** @type {Figures | null} */
  figures: null,
  /** @type {typeof BY[number]} what its rows are by */
  by: BY[0],
  /** Whether they were of long ago when they came. */
  old: false,
  /** @type {Set<string>} the types of decision that were seen */
  types: new Set(),
};

const number = new Intl.NumberFormat(language);
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const sum = (/** @type {number[]} */ values) => values.reduce((all, one) => all + one, 0);
const time = (/** @type {number} */ seconds) => span(seconds * 1000);

/** @param {URLSearchParams} query */
const daysOf = (query) => PERIODS.find((one) => one === query.get("days")) ?? "28";

/** @param {URLSearchParams} query */
const byOf = (query) => BY.find((one) => one === query.get("by")) ?? BY[0];

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "figures",
  title: () => t.shell.figures,
  open: (route) => load(route),
  view,
  takeIn: () => attempt(t.shell.notShown, () => load({ page: "figures", id: null, query: new URLSearchParams(location.hash.split("?")[1]) })),
};

let turn = 0;

/** Fetches what the address asks for; what comes after it was asked for something else is not shown. @param {Route} route */
async function load({ query }) {
  const mine = (turn += 1);
  const since = new Date(Math.floor(Date.now() / DAY) * DAY - (Number(daysOf(query)) - 1) * DAY).toISOString();
  const by = byOf(query);
  const figures = await get("/figures", { since, decisionType: query.get("decisionType"), by });
  if (mine !== turn) return;
  Object.assign(shown, { figures, by, old: Date.now() - Date.parse(figures.asOf) > FRESH });
  for (const { decisionType } of shown.figures?.closed ?? []) shown.types.add(decisionType);
  changed();
}

/** @param {Route} route @returns {Shown} */
function view({ query }) {
  const { figures } = shown;
  const days = daysOf(query);
  const to = (/** @type {Record<string, string>} */ changes) => address("figures", { ...Object.fromEntries(query), ...changes });
  const type = query.get("decisionType") ?? "";
  const types = [...new Set([...shown.types, ...(type ? [type] : [])])].sort().map((one) => /** @type {const} */ ([one, typeOf(one)]));
  return html`<section class="inset">
    <div class="bar"><h1 tabindex="-1">${t.shell.figures}</h1><nav class="tabs" aria-label=${f.period}>${PERIODS.map((one) => html`<a href=${to({ days: one === "28" ? "" : one })} aria-current=${one === days ? "page" : null}>${f.periods[one]}</a>`)}</nav>
      ${choice(f.type, type, [["", f.all], ...types], (value) => go(to({ decisionType: value })))}
      ${figures ? html`<span class="push cap">${f.of(named(figures.daily[0].date), named(figures.daily[figures.daily.length - 1].date))} ${timeOf(figures.asOf)}</span>` : null}</div>
    ${figures && shown.old ? html`<p class="st wait" role="status">${icon("c-stands")}${f.behind(moment(figures.asOf))}</p>` : null}
    ${figures ? [strip(figures), html`<div class="figs">${[open(figures), inTime(figures), perDay(figures), toDecide(figures), expired(figures), deciders(figures), byChoice(figures, to)].map((one, index) => figure(index + 1, one))}</div>`] : html`<p class="quiet">${t.shell.loading}</p>`}
  </section>`;
}

/** @param {Figures} figures */
function strip({ open, overdue, closed, decided, expired, medianSecondsToDecide }) {
  const done = sum(closed.map(({ inTime, late }) => inTime + late));
  const all = sum(open.map((one) => one.under1Day + one.from1To3Days + one.over3Days));
  const ended = decided + expired;
  const fact = (/** @type {string} */ value, /** @type {string} */ name, stop = false) => html`<div><dt>${name}</dt><dd class=${stop ? "st stop" : null}>${value}</dd></div>`;
  return html`<dl class="strip">${fact(number.format(all), f.areOpen)}${fact(number.format(overdue), f.areOverdue, overdue > 0)}${done ? fact(percent.format(sum(closed.map(({ inTime }) => inTime)) / done), f.closedInTime(number.format(done))) : null}${fact(number.format(decided), f.questionsDecided)}${medianSecondsToDecide === null ? null : fact(time(medianSecondsToDecide), f.medianToDecide)}${ended ? fact(percent.format(expired / ended), f.expiredUndecided) : null}</dl>`;
}

/**
 * @typedef {{title: string, see: string, tabs?: import("./render.js").View, chart: import("./render.js").View | null, head: string[], rows: (string | number)[][]}} Figure with tabs it is as wide as the page
 * @param {number} place @param {Figure} one
 */
function figure(place, { title, see, tabs, chart, head, rows }) {
  const cell = (/** @type {string | number} */ value, /** @type {number} */ index) => (index ? html`<td class="num">${typeof value === "number" ? number.format(value) : value}</td>` : html`<th scope="row">${value}</th>`);
  const beside = tabs && chart && head.length <= MOST_COLUMNS && rows.length <= MOST_ROWS;
  return html`<figure class=${tabs ? `whole ${beside ? "beside" : ""}` : null}><figcaption><span class="n">${f.figure(place)}</span><h2>${title}</h2>${tabs}<span class="soft">${see}</span></figcaption>
    ${chart ? html`<div class="scroll" tabindex="0" role="region" aria-label=${f.figure(place)}>${chart}</div><details ?open=${Boolean(beside)}><summary>${f.asTable(place)}</summary><div class="scroll" tabindex="0" role="region" aria-label=${f.table(place)}><table class="plain"><thead><tr>${head.map((one, index) => html`<th scope="col" class=${index ? "num" : null}>${one}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody></table></div></details>` : null}</figure>`;
}

/** @param {Figures} figures @returns {Figure} */
function open({ open: found }) {
  const all = sum(found.map((one) => one.under1Day + one.from1To3Days + one.over3Days));
  const rows = found.map(({ status, under1Day, from1To3Days, over3Days }) => /** @type {[string, number, number, number, number]} */ ([t.status[status], under1Day, from1To3Days, over3Days, under1Day + from1To3Days + over3Days]));
  const ages = [f.ages.under1, f.ages.from1, f.ages.over3];
  return {
    title: f.open.title,
    see: all ? f.open.see(all, sum(found.map(({ over3Days }) => over3Days))) : f.open.none,
    chart: all ? bars(f.open.title, rows.map(([label, a, b, c, total]) => ({ label, parts: [{ value: a, kind: "p3" }, { value: b, kind: "p2" }, { value: c, kind: "p1" }], end: String(total) })), [["p3", ages[0]], ["p2", ages[1]], ["p1", ages[2]]]) : null,
    head: [f.status, ...ages, f.total],
    rows,
  };
}

/** @param {Figures} figures @returns {Figure} */
function inTime({ closed }) {
  const ordered = [...closed].sort((a, b) => b.inTime + b.late - a.inTime - a.late);
  const worst = [...closed].sort((a, b) => b.late / (b.inTime + b.late) - a.late / (a.inTime + a.late))[0];
  const share = (/** @type {{inTime: number, late: number}} */ one) => percent.format(one.inTime / (one.inTime + one.late));
  const seen = !worst ? f.inTime.none : worst.late ? f.inTime.see(typeOf(worst.decisionType), worst.late, worst.inTime + worst.late) : f.inTime.allInTime;
  return {
    title: f.inTime.title,
    see: seen,
    chart: ordered.length ? bars(f.inTime.title, ordered.slice(0, TYPES).map((one) => ({ label: typeOf(one.decisionType), parts: [{ value: one.inTime, kind: "p1" }, { value: one.late, kind: "ph" }], end: f.late(one.late), late: one.late > 0, right: f.share(share(one)) })), [["p1", f.inTime.inTime], ["ph", f.inTime.late]]) : null,
    head: [f.type, f.inTime.inTime, f.inTime.late, f.inTime.share],
    rows: ordered.map((one) => [typeOf(one.decisionType), one.inTime, one.late, share(one)]),
  };
}

/** The days, or of a long period its weeks. @param {Day[]} daily @returns {Day[]} */
const weeks = (daily) => Array.from({ length: Math.ceil(daily.length / 7) }, (_, index) => daily.slice(index * 7, index * 7 + 7)).map((some) => ({ date: some[0].date, created: sum(some.map((one) => one.created)), decided: sum(some.map((one) => one.decided)), expired: sum(some.map((one) => one.expired)) }));

/** @param {string} date @returns {string} */
const named = (date) => day(`${date}T12:00`);

/** @param {Figures} figures @returns {Figure} */
function perDay({ daily, decided }) {
  const long = daily.length > MOST_DAYS;
  const rows = long ? weeks(daily) : daily;
  const best = [...rows].sort((a, b) => b.decided - a.decided)[0];
  const title = long ? f.perDay.weekly : f.perDay.title;
  return {
    title,
    see: decided ? f.perDay.see(decided, daily.length, (long ? f.perDay.inWeek : f.perDay.on)(named(best.date)), best.decided) : f.nothingDecided,
    chart: decided ? columns(title, rows.map((one) => ({ label: named(one.date), value: one.decided }))) : null,
    head: [long ? f.week : f.day, f.asked, f.decided, f.ranOut],
    rows: rows.map((one) => [named(one.date), one.created, one.decided, one.expired]),
  };
}

/** @param {Figures} figures @returns {Figure} */
function toDecide({ timeToDecide }) {
  const rows = timeToDecide.flatMap(({ priority, decided, medianSeconds, percentile90Seconds }) => (medianSeconds === null || percentile90Seconds === null ? [] : [{ label: t.severity[priority], decided, from: Math.max(1, medianSeconds), to: Math.max(1, percentile90Seconds) }]));
  return {
    title: f.toDecide.title,
    see: rows.length ? f.toDecide.see : f.nothingDecided,
    chart: rows.length ? ranges(f.toDecide.title, rows.map((one) => ({ ...one, text: `${time(one.from)}, ${time(one.to)}` })), f.marks) : null,
    head: [f.priority, f.median, f.ninety, f.decided],
    rows: rows.map((one) => [one.label, time(one.from), time(one.to), one.decided]),
  };
}

/** @param {Figures} figures @returns {Figure} */
function expired({ daily, decided, expired }) {
  const share = (/** @type {Day} */ one) => (one.decided + one.expired ? one.expired / (one.decided + one.expired) : 0);
  const rows = weeks(daily);
  return {
    title: f.expired.title,
    see: decided + expired ? f.expired.see(expired, decided + expired) : f.expired.none,
    chart: decided + expired ? line(f.expired.title, rows.map((one) => ({ label: named(one.date), value: share(one) })), (value) => percent.format(value)) : null,
    head: [f.week, f.ranOut, f.decided, f.expired.share],
    rows: rows.map((one) => [named(one.date), one.expired, one.decided, percent.format(share(one))]),
  };
}

/** @param {Figures} figures @returns {Figure} */
function deciders({ pilots, personFigures, decided }) {
  return {
    title: f.deciders.title,
    see: !personFigures ? f.deciders.hidden : pilots.length ? f.deciders.see(pilots[0].pilot, pilots[0].decided, decided) : f.nothingDecided,
    chart: pilots.length ? bars(f.deciders.title, pilots.map(({ pilot, decided, approved, rejected }) => ({ label: pilot, parts: [{ value: approved, kind: "p1" }, { value: rejected, kind: "p3" }], end: number.format(decided) })), [["p1", f.approved], ["p3", f.rejected]]) : null,
    head: [f.person, f.decided, f.approved, f.rejected],
    rows: pilots.map((one) => [one.pilot, one.decided, one.approved, one.rejected]),
  };
}

/** What the reader chooses rows by. @param {Figures} figures @param {(changes: Record<string, string>) => string} to @returns {Figure} */
function byChoice({ rows, personFigures }, to) {
  const tabs = BY.filter((one) => one !== "pilot" || personFigures).map((one) => html`<a href=${to({ by: one === BY[0] ? "" : one })} aria-current=${one === shown.by ? "true" : null}>${f.by[one]}</a>`);
  return { ...breakdown(shown.by, rows ?? []), tabs: html`<nav class="tabs" aria-label=${f.rowsBy}>${tabs}</nav>` };
}
