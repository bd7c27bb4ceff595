// What a client in TypeScript writes; `./schema.d.ts` is generated from the description of the API.
import type { operations } from "./schema.js";

type Create = operations["create_case"];
type NewCase = Create["requestBody"]["content"]["application/json"];
type Case = Create["responses"][201]["content"]["application/json"];

const smallest: NewCase = { decisionType: "csf_practitioner", title: "A case" };
const whole: NewCase = {
  ...smallest,
  id: "CASE-1",
  summary: null,
  dueAt: "2026-03-05T09:00:00Z",
  evidence: [{ title: "A licence", includedInPacket: true }],
};

// @ts-expect-error A title is required.
export const untitled: NewCase = { decisionType: "csf_practitioner" };
// @ts-expect-error A request takes no further fields.
export const unknown: NewCase = { ...smallest, colour: "red" };

export async function create(token: string): Promise<string> {
  const answer = await fetch("http://127.0.0.1:8080/v1/cases", {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(whole),
  });
  const made = (await answer.json()) as Case;
  // What an answer always has needs no question mark.
  const events: number = made.notesCount + made.attachmentsCount;
  const assignee: string = made.assignedTo ?? "nobody";
  return `${made.id} is ${made.status}: ${assignee}, ${events.toFixed()}`;
}
