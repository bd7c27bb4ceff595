// Verifies a receipt as an executor would: arguments are the JWK Set, the receipt and its issuer.
import { createLocalJWKSet, jwtVerify } from "jose";

const [keys, receipt, issuer] = process.argv.slice(2);
const known = createLocalJWKSet(JSON.parse(keys));
const options = { issuer, algorithms: ["EdDSA"], typ: "receipt+jwt" };
const changed = receipt.replace(/\.(.)/, (_, one) => (one === "A" ? ".B" : ".A"));
const refused = await jwtVerify(changed, known, options).then(() => false, () => true);
const { payload } = await jwtVerify(receipt, known, options);
console.log(JSON.stringify({ payload, refused }));
