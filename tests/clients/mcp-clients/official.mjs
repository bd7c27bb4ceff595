// Asks and follows by both official clients of MCP in JavaScript: the one of the revisions with
// sessions, with its experimental tasks, and the one of the newest revision.
// Arguments: the address of the server, and the tokens of an agent and a pilot.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as FormerClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as FormerTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, agent, pilot] = process.argv.slice(2);
const endpoint = new URL(`${url}/v1/mcp`);
const headers = (token) => ({ Authorization: `Bearer ${token}`, "Content-Type": "application/json" });
const options = { requestInit: { headers: headers(agent) } };
const info = { name: "test", version: "1" };
const question = (uowId) => ({ uowId, type: "resume", title: "Send it?" });

async function decide(id) {
  const body = JSON.stringify({ decision: "approve" });
  const answer = await fetch(`${url}/v1/interventions/${id}:decide`, { method: "POST", headers: headers(pilot), body });
  if (!answer.ok) throw new Error(await answer.text());
}

async function followed(client, uowId) {
  const { structuredContent: asked } = await client.callTool({ name: "ask_human", arguments: question(uowId) });
  const waiting = client.callTool({ name: "get_decision", arguments: { interventionId: asked.id, waitSeconds: 50 } });
  await decide(asked.id);
  const refused = await client.callTool({ name: "ask_human", arguments: { ...question("x"), title: "" } });
  return { asked: asked.status, decided: (await waiting).structuredContent.status, refused: refused.isError };
}

const former = new FormerClient(info);
await former.connect(new FormerTransport(endpoint, options));
const tools = (await former.listTools()).tools.length;
const stream = [];
for await (const one of former.experimental.tasks.callToolStream({ name: "ask_human", arguments: question("js-task") })) {
  if (one.type === "taskCreated") await decide(one.task.taskId);
  stream.push(one.type === "result" ? one.result.structuredContent.status : (one.task?.status ?? one.error.message));
}
const legacy = { version: former.transport.protocolVersion, tools, stream, ...(await followed(former, "js-1")) };
await former.close();

async function lived(uowId, settings) {
  const client = new Client(info, settings);
  await client.connect(new StreamableHTTPClientTransport(endpoint, options));
  const tools = (await client.listTools()).tools.length;
  const found = { version: client.getNegotiatedProtocolVersion(), tools, ...(await followed(client, uowId)) };
  await client.close();
  return found;
}

const modern = await lived("js-2", { versionNegotiation: { mode: "auto" } });
const oldest = await lived("js-3", { supportedProtocolVersions: ["2025-06-18"] });
console.log(JSON.stringify({ legacy, modern, oldest }));
