// The provider of accounts that tests/web/oidc.rs signs in at: the certified `oidc-provider`, with people whom the test names and
// drops, and a switch that makes it answer nobody. Arguments: the directory of node_modules, the port, the client's secret, and
// the site's address.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [tools, port, secret, site] = process.argv.slice(2);
const main = createRequire(`${tools}/package.json`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(main));

/** People by the number that the provider has for them. */
const people = new Map();
/** Whoever sits at the browser. */
let present = "";
let down = false;
/** Requests to the token endpoint, by what they bring. */
const asked = { authorization_code: 0, refresh_token: 0 };

const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "pushbutton",
      client_secret: secret,
      redirect_uris: [`${site}/sign-in/oidc/callback`],
      post_logout_redirect_uris: [`${site}/sign-in`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["of a test"] },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  findAccount: async (_, id) => {
    const person = people.get(id);
    return person && { accountId: id, claims: async () => ({ sub: id, ...person }) };
  },
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

/** @param {import("node:http").IncomingMessage} request */
async function body(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

const answer = provider.callback();
createServer(async (request, response) => {
  if (request.url === "/test") {
    const said = JSON.parse(await body(request));
    if (said.person) people.set(said.person, said.claims);
    if (said.gone) people.delete(said.gone);
    if (said.present) present = said.present;
    if ("down" in said) down = said.down;
    response.end(JSON.stringify(asked));
  } else if (down) {
    request.socket.destroy();
  } else if (request.url.startsWith("/interaction/")) {
    await provider.interactionFinished(request, response, { login: { accountId: present } });
  } else {
    if (request.method === "POST" && request.url === "/token") {
      request.body = await body(request);
      asked[new URLSearchParams(request.body).get("grant_type")] += 1;
      request.body = Object.fromEntries(new URLSearchParams(request.body));
    }
    answer(request, response);
  }
}).listen(Number(port), "127.0.0.1");
