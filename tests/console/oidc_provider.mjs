// A certified provider of OpenID Connect, for the tests of the console: `node oidc_provider.mjs PORT
// REDIRECT_URI`. Whoever signs in is a pilot of the tenant acme; any password does.
import { createRequire } from "node:module";

const require = createRequire(new URL("../clients/package.json", import.meta.url));
const { default: Provider } = await import(require.resolve("oidc-provider"));
const [port, redirect] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "caseledger",
      application_type: "web",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: [redirect],
    },
  ],
  claims: { openid: ["sub", "tenant", "role"], email: ["email", "email_verified"] },
  clientBasedCORS: () => true,
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, tenant: "acme", role: id === "nobody" ? undefined : "pilot", email: `${id}@example.com`, email_verified: true }),
  }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
});
provider.listen(Number(port), "127.0.0.1");
