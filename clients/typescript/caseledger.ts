/** The client of Caseledger: fetch, with what the API asks of those who call it. See README.md. */
import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Intervention = Schemas["Intervention"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Given<O, K extends string> = O extends { parameters: { [N in K]?: infer T } } ? NonNullable<T> : never;
type Body<O> = O extends { requestBody: { content: { "application/json": infer T } } } ? T : never;
type Needs<K extends string, T> = [T] extends [never] ? { [N in K]?: never } : { [N in K]: T };
type Content<R> = R extends { content: { "application/json": infer T } } ? T : R extends { content: object } ? string : undefined;
type Answer<O> = O extends { responses: infer R } ? Content<R[keyof R & (200 | 201 | 204)]> : never;
export interface Sent { json?: unknown; query?: object; key?: string; headers?: Record<string, string>; retryFor?: number }
type Options<O> = Needs<"path", Given<O, "path">> & Needs<"body", Body<O>> & { query?: Given<O, "query"> } & Omit<Sent, "json" | "query">;

/** An answer that refuses a request; `field` is the first one that is wrong, such as `action.tool`. */
export class Problem extends Error {
  constructor(answer: Response, said: Partial<Schemas["Problem"]>, readonly code = answer.status, readonly status = said.status ?? "",
              readonly details = said.details ?? [], readonly field = details.find((one) => one["field"])?.["field"] as string | undefined,
              readonly requestId = answer.headers.get("X-Request-Id")) {
    super(said.message ?? answer.statusText);
  }
}

/** The RFC 8785 form of a JSON value: names in order, numbers and texts as ECMAScript writes them. Raises TypeError, with its place, for what is none. */
export function canonical(value: unknown, at = "this"): string {
  if (Array.isArray(value)) return `[${value.map((one, place) => canonical(one ?? null, `${at}.${place}`)).join(",")}]`;
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return JSON.stringify(value);
  if (Object.prototype.toString.call(value) !== "[object Object]") throw new TypeError(`${at} is no JSON: ${String(value)}`);
  const named = Object.entries(value as object).filter(([, one]) => one !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${named.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one, `${at}.${name}`)}`).join(",")}}`;
}

/** The SHA-256, in hex, of the RFC 8785 form. Of `{tool, arguments}` it is the hash of an action. */
export async function hashOf(value: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(value)));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const sleep = (seconds: number) => new Promise((done) => setTimeout(done, 1000 * seconds)), now = () => Date.now() / 1000;
function pause(attempt: number, answer: Response | undefined): number {
  const own = Math.min(10, 0.5 * 2 ** attempt) * (0.5 + Math.random() / 2), asked = answer?.headers.get("Retry-After");
  const seconds = asked ? (/^\d+$/.test(asked) ? Number(asked) : Date.parse(asked) / 1000 - now() || 0) : own;
  return Math.min(600, Math.max(seconds, attempt ? own : 0)); // neither a flood nor a wait for years
}

/** One caller. `token` is a key, an ID token, or a function that is asked for one before each request. */
export class Client {
  constructor(readonly url: string, readonly token: string | (() => string | Promise<string>), readonly retryFor = 60) {}

  /** A function of the API, by its path there; gives its JSON, or its text. Raises Problem, and what fetch raises. */
  async call<P extends keyof paths, M extends Method>(method: M, path: P, options: Options<paths[P][M]>): Promise<Answer<paths[P][M]>> {
    const { path: names = {}, body: json, ...sent } = options as Sent & { path?: Record<string, string>; body?: unknown };
    const wrong = Object.entries(names).find(([name, id]) => name !== "tile" && /^\.{0,2}$|\//.test(id));
    if (wrong) throw new Error(`${wrong.join(": ")} is no id`); // it would lead elsewhere
    const whole = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(names[name]!));
    const answer = await this.request(method.toUpperCase(), whole, { ...sent, json }), text = await answer.text();
    return (answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : text || undefined) as Answer<paths[P][M]>;
  }

  /** Sends a request, again where it was refused for now or lost, with the same key; gives the successful answer. */
  async request(method: string, path: string, { json, query = {}, key, headers, retryFor = this.retryFor }: Sent = {}): Promise<Response> {
    if (!/^https?:\/\/./.test(this.url) || !this.token) throw new TypeError(`give an address with https:// or http://, not ${this.url}, and a key or token`);
    const url = new URL(this.url.replace(/\/(v1\/?)?$/, "") + path);
    for (const [name, value] of Object.entries(query)) [value].flat().forEach((one) => one == null || url.searchParams.append(name, String(one)));
    const sent = new Headers({ "Content-Type": "application/json", ...(method === "GET" ? {} : { "Idempotency-Key": key ?? crypto.randomUUID() }), ...headers });
    for (let attempt = 0, until = now() + retryFor; ; attempt++) {
      sent.set("Authorization", `Bearer ${typeof this.token === "string" ? this.token : await this.token()}`);
      let answer: Response | undefined, lost: unknown;
      try {
        const got = await fetch(url, { method, headers: sent, body: JSON.stringify(json) ?? null, redirect: "manual", signal: AbortSignal.timeout(60_000) });
        answer = new Response(got.status === 204 ? null : await got.arrayBuffer(), got);
      } catch (error) { lost = error; }
      if (answer?.ok && !(answer.body && answer.headers.get("Content-Type")?.startsWith("text/html"))) return answer;
      const none = `${answer?.status} ${answer?.statusText}, which is no answer of the API: is ${url} the right address?`;
      const problem = answer && new Problem(answer, (await answer.json().catch(() => null))?.error ?? { message: none });
      const seconds = pause(attempt, answer);
      if ((problem && problem.status !== "ABORTED" && ![429, 502, 503, 504].includes(problem.code)) || now() + seconds > until) throw problem ?? new Error(`${method} ${url}: no answer`, { cause: lost });
      if (!problem || problem.code >= 500) console.warn(`${method} ${url}: ${problem?.message ?? lost}; again in ${seconds.toFixed(1)} s`);
      await sleep(seconds);
    }
  }

  /** The rows of a list, such as `pages<Schemas["Case"]>("/v1/cases", "cases")`, over all of its pages. */
  async *pages<T>(path: string, rows: string, query: object = {}): AsyncGenerator<T> {
    for (let token: string | undefined = ""; token !== undefined;) {
      const page = await (await this.request("GET", path, { query: { ...query, pageToken: token || undefined } })).json();
      if (page.unreadable) console.warn("left out:", page.unreadable);
      yield* page[rows] as T[];
      token = page.nextPageToken;
    }
  }

  /** Asks people, at once. The same question of the same caller is asked once, unless it gets a `key` of its own. */
  async ask(question: Schemas["NewIntervention"], key?: string): Promise<Intervention> {
    return this.call("post", "/v1/interventions", { body: JSON.parse(canonical(question)), key: key ?? `ask-${await hashOf(question)}` });
  }

  /** Waits until it is decided, also while the server is started again; raises an Error after `timeout` seconds. */
  async wait({ id }: { id: string }, timeout = Infinity): Promise<Intervention> {
    for (const until = now() + timeout; ;) {
      const began = now(), left = Math.max(0, until - began), query = { timeoutSeconds: Math.floor(Math.min(50, left)) };
      const asked = await this.call("get", "/v1/interventions/{interventionId}:wait", { path: { interventionId: id }, query, retryFor: left });
      if (!["pending", "in_progress"].includes(asked.status)) return asked;
      if (now() >= until) throw new Error(`${id} is ${asked.status} after ${timeout} s`);
      if (now() - began < 1) await sleep(Math.min(1, until - now()));
    }
  }

  /** Starts the approved action, with the arguments that were approved: only one can, once. Gives these. */
  async start({ id, action, approvedArguments }: Intervention): Promise<Record<string, unknown>> {
    if (!action) throw new Error(`${id} is about no action`);
    const args = approvedArguments ?? action.arguments, body = { actionHash: await hashOf({ tool: action.tool, arguments: args }) };
    return this.call("post", "/v1/interventions/{interventionId}:start", { path: { interventionId: id }, body }).then(() => args);
  }

  /** Says what came of it. */
  async complete({ id }: { id: string }, result: unknown = null): Promise<Intervention> {
    return this.call("post", "/v1/interventions/{interventionId}:complete", { path: { interventionId: id }, body: { result } });
  }
}
