// A real provider of OpenID Connect on loopback: the certified `oidc-provider`, with a sign-in page that takes any name.
// Arguments: the desk's address to come back to, and the accounts as JSON: name -> { email, email_verified }.
// Ends with the process that started it: then its standard input closes.
import { createServer } from "node:http";
import { once } from "node:events";
import { Provider } from "oidc-provider";

const [redirect, accounts] = [process.argv[2], JSON.parse(process.argv[3])];
process.stdin.resume().on("end", () => process.exit(0));

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: "desk", client_secret: "a secret between the two", redirect_uris: [redirect], response_types: ["code"] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  cookies: { keys: ["only for tests"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => (accounts[id] ? { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) } : undefined),
  // Whoever signs in is asked nothing more.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Over there</title><link rel="icon" href="data:,"></head><body><main>
<h1>Over there</h1><form method="post"><label for="name">Name</label> <input id="name" name="name"> <button>Let me in</button>
<button name="no" value="no">No</button></form></main></body></html>`;

server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return provider.callback()(request, response);
  if (request.method === "GET") return response.setHeader("Content-Type", "text/html").end(PAGE);
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const answer = form.get("no") ? { error: "access_denied" } : { login: { accountId: form.get("name") } };
  await provider.interactionFinished(request, response, answer);
});
console.log(issuer);
