// An agent in TypeScript, as test_typescript.py runs it: arguments are the address and a token.
import { Client, Problem, hashOf, type Schemas } from "./caseledger.js";

const [url, token] = process.argv.slice(2) as [string, string];
const client = new Client(url, async () => token);
const question: Schemas["NewIntervention"] = {
  uowId: "letter-7",
  type: "resume",
  title: "Send the letter?",
  action: { tool: "send_letter", arguments: { to: "Dr. Smith", "10": 1e21, "9": "\u20ac", nested: [null, { b: 1, a: 0.5 }] } },
};
const asked = await client.ask(question);
const other = { action: question.action!, title: question.title, type: question.type, uowId: question.uowId };
const again = await client.ask(other);
const decided = await client.wait(asked);
const approved = await client.start(decided);
const done = await client.complete(decided, { sent: true });

const refused = await client.start(decided).catch((error: unknown) => error);
const wrong = await client.call("post", "/v1/cases", { body: { decisionType: "kyc", title: "" } }).catch((error: unknown) => error);
const late = await client.wait(await client.ask({ ...question, title: "And now?" }), 0).catch((error: Error) => error.message);
for (const id of ["CASE-1", "CASE-2", "CASE-3"]) await client.call("post", "/v1/cases", { body: { id, decisionType: "kyc", title: "A case" } });
const cases: string[] = [];
for await (const row of client.pages<Schemas["Case"]>("/v1/cases", "cases", { pageSize: 2, status: ["new", "closed"] })) cases.push(row.id);
const one = await client.call("get", "/v1/cases/{caseId}", { path: { caseId: "CASE-2" } });
const odd = [new Date(0), NaN, 10n, () => 1, new Map()];
const said = (error: Error) => error.message;
const refusals = odd.map((value) => client.ask({ ...question, action: { tool: "pay", arguments: { rows: [1, value] } } }).catch(said));
const elsewhere = await Promise.all([["localhost:8080", token], [url, ""]].map(([at, who]) => new Client(at!, who!).ask(question).catch(said)));
const led = await client.call("delete", "/v1/cases/{caseId}/evidence/{evidenceId}", { path: { caseId: "CASE-1", evidenceId: ".." } }).catch(String);
const sent = await client.request("GET", "/v1/elsewhere", { retryFor: 0 }).catch((error: Problem) => error.code);

// @ts-expect-error A path with a name in it needs the name.
export const unnamed = () => client.call("get", "/v1/cases/{caseId}", {});
// @ts-expect-error A case has no colour.
export const unknown = () => client.call("post", "/v1/cases", { body: { decisionType: "kyc", title: "A", colour: "red" } });

console.log(JSON.stringify({
  same: asked.id === again.id,
  hash: (await hashOf(question.action)) === asked.actionHash,
  approved,
  done: [done.status, done.result],
  refused: refused instanceof Problem && [refused.code, refused.status],
  wrong: wrong instanceof Problem && [wrong.code, wrong.field, wrong.message],
  late,
  cases: cases.sort(),
  title: one.title,
  places: [...new Set((await Promise.all(refusals)).map((text) => String(text).split(":")[0]))],
  unsaid: elsewhere,
  elsewhere: [led, sent],
}));
