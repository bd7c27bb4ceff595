/**
 * Talks to /v1, as any other client does. What may be sent again is: 409 ABORTED and 503, with the
 * same Idempotency-Key, so that nothing happens twice. The token is in memory only (`session.js`).
 */
import { changed, state } from "./state.js";

/**
 * @typedef {object} Answer
 * @property {number} code
 * @property {any} body
 * @property {string | null} etag
 *
 * @typedef {object} Sent
 * @property {Record<string, unknown> | URLSearchParams} [query] empty values are left out, lists repeated
 * @property {unknown} [body] sent as JSON
 * @property {string | null} [ifMatch] the version that a change is based on
 * @property {boolean} [file] whether the answer is a file, whose body is a Blob
 * @property {string} [accept] what kind of answer is wanted, JSON by default
 * @property {boolean} [leaving] whether the page is being left: the request outlives it
 * @property {AbortSignal} [signal]
 */

const TRIES = 4;
const FIRST_PAUSE = 200;
/** @type {{token: string | null, base: string, refused: () => Promise<boolean>}} */
const connection = { token: null, base: "/v1", refused: async () => false };

/** A request that was refused or that did not arrive. */
export class Problem extends Error {
  /** @param {number} code @param {string} status @param {string} message @param {any[]} details @param {string | null} request */
  constructor(code, status, message, details = [], request = null) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
    this.request = request;
  }
}

/** @param {Partial<typeof connection>} settings who asks, where, and what to do when a token has ended */
export const connect = (settings) => Object.assign(connection, settings);

/**
 * Sends one request.
 * @param {string} method @param {string} path from after /v1
 * @param {Sent} [sent]
 * @returns {Promise<Answer>} @throws {Problem}
 */
export async function call(method, path, sent = {}) {
  const key = method === "GET" ? null : crypto.randomUUID();
  for (let tried = 1; ; tried += 1) {
    const problem = await once(method, path, sent, key).catch((error) => error);
    if (!(problem instanceof Error)) return problem;
    if (!(problem instanceof Problem)) throw problem;
    if (problem.code === 401 && tried === 1 && (await connection.refused())) continue;
    const again = problem.status === "ABORTED" || problem.code === 503;
    if (!again || tried === TRIES || sent.leaving) throw problem;
    await new Promise((done) => setTimeout(done, FIRST_PAUSE * 2 ** tried * (0.5 + Math.random() / 2)));
  }
}

/** @param {string} path @param {Sent["query"]} [query] @returns {Promise<any>} the body @throws {Problem} */
export const get = async (path, query) => (await call("GET", path, { query })).body;

/**
 * Every page of a list, up to a number of rows.
 * @param {string} path @param {Record<string, unknown>} query @param {string} rows the name of the list
 * @param {number} [most]
 * @returns {Promise<{rows: any[], more: string | null}>} @throws {Problem}
 */
export async function all(path, query, rows, most = 400) {
  const found = [];
  let token = null;
  do {
    const page = await get(path, { pageSize: Math.min(200, most), ...query, pageToken: token });
    found.push(...page[rows]);
    token = page.nextPageToken ?? null;
  } while (token && found.length < most);
  return { rows: found, more: token };
}

/** @param {string} method @param {string} path @param {Sent} sent @param {string | null} key @returns {Promise<Answer>} */
async function once(method, path, sent, key) {
  /** @type {Record<string, string>} */
  const headers = { Accept: sent.accept ?? "application/json" };
  if (connection.token) headers.Authorization = `Bearer ${connection.token}`;
  if (key) headers["Idempotency-Key"] = key;
  if (sent.ifMatch) headers["If-Match"] = sent.ifMatch;
  if (sent.body !== undefined) headers["Content-Type"] = "application/json";
  const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
  const url = connection.base + path + search(sent.query);
  let response;
  try {
    response = await fetch(url, { method, headers, body, keepalive: sent.leaving ?? false, signal: sent.signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (sent.signal?.aborted) throw error;
    if (state.offlineSince === null) changed({ offlineSince: Date.now() });
    throw new Problem(0, "OFFLINE", "");
  }
  // What the page asks by itself, again and again, is not what somebody did.
  const cost = path === "/changes" ? state.cost : response.headers.get("Server-Timing");
  changed({ offlineSince: null, cost });
  if (sent.file && response.ok) return { code: response.status, body: await whole(response), etag: null };
  const text = await response.text();
  const json = response.headers.get("Content-Type")?.includes("json");
  const given = json && text ? JSON.parse(text) : text;
  if (response.ok) return { code: response.status, body: given, etag: response.headers.get("ETag") };
  const error = (json && given.error) || { status: "UNKNOWN", message: response.statusText };
  throw new Problem(response.status, error.status, error.message, error.details, response.headers.get("X-Request-Id"));
}

/** @param {Response} response @returns {Promise<Blob>} @throws {Problem} where the answer broke off */
async function whole(response) {
  try {
    return await response.blob();
  } catch {
    throw new Problem(0, "OFFLINE", "");
  }
}

/** @param {Sent["query"]} query */
function search(query = {}) {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, String(one)]));
  const text = new URLSearchParams(pairs.filter(([, value]) => value !== "")).toString();
  return text && `?${text}`;
}
