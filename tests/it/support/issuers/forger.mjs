// An issuer that gives whatever token is asked of it: the code itself holds, as base64url of JSON, what to put into the token.
//   claims: over those of a good token   key: "good", "next" (published from then on) or "foreign"   alg: "ES256", "none" or "HS256"
//   issuer: "down" to be hung up on, "slow" for no answer, "refuse" for invalid_grant, "nothing" for an answer without an ID token
// Ends with the process that started it: then its standard input closes.
import { createServer } from "node:http";
import { once } from "node:events";
import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";

process.stdin.resume().on("end", () => process.exit(0));
const pair = (kid) => ({ kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) });
const keys = { good: pair("one"), next: pair("two"), foreign: pair("one") };
let published = ["good"];
let isDown = false;
const [seen, counts] = [[], {}];

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
function token({ claims = {}, key = "good", alg = "ES256" }) {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: issuer, sub: "kim-1", aud: "desk", iat: now, exp: now + 300, ...claims };
  if (key === "next") published = ["next"];
  const text = `${part({ alg, kid: keys[key].kid })}.${part(all)}`;
  if (alg === "none") return `${text}.`;
  if (alg === "HS256") return `${text}.${createHmac("sha256", "a secret between the two").update(text).digest("base64url")}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key: keys[key].privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

server.on("request", async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  const path = request.url.split("?")[0];
  counts[path] = (counts[path] ?? 0) + 1;
  const json = (value, status = 200) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  if (path === "/down") return (isDown = true), json({});
  if (path === "/up") return (isDown = false), json({});
  if (path === "/seen") return json({ seen, counts });
  if (isDown) return request.socket.destroy();
  if (path === "/.well-known/openid-configuration")
    return json({
      issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`,
      response_types_supported: ["code"], subject_types_supported: ["public"], id_token_signing_alg_values_supported: ["ES256", "HS256", "none"],
    });
  if (path === "/jwks")
    return json({ keys: published.map((name) => ({ ...keys[name].publicKey.export({ format: "jwk" }), kid: keys[name].kid, use: "sig", alg: "ES256" })) });
  if (path !== "/token") return json({}, 404);
  const form = new URLSearchParams(body);
  const wanted = JSON.parse(Buffer.from(form.get("code"), "base64url").toString());
  const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  seen.push({ challenge, redirect: form.get("redirect_uri"), authorization: request.headers.authorization ?? "" });
  if (wanted.issuer === "down") return request.socket.destroy();
  if (wanted.issuer === "slow") return;
  if (wanted.issuer === "refuse") return json({ error: "invalid_grant" }, 400);
  const answer = { access_token: "an-access-token", token_type: "Bearer" };
  return json(wanted.issuer === "nothing" ? answer : { ...answer, id_token: token(wanted) });
});
console.log(issuer);
