// Verifies a webhook with the official library: its secret, its headers and its body are arguments.
import { Webhook } from "standardwebhooks";

const [secret, headers, body] = process.argv.slice(2);
const webhook = new Webhook(secret);
const payload = webhook.verify(body, JSON.parse(headers));
let refused = false;
try {
  webhook.verify(`${body} `, JSON.parse(headers));
} catch {
  refused = true;
}
console.log(JSON.stringify({ payload, refused }));
