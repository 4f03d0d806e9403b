// The provider of accounts that tests/web/oidc.rs signs in at: the certified `oidc-provider`, with people whom the test names and
// drops, a switch that makes it answer nobody, keys that change, and ID tokens that somebody on the way has made. Arguments: the directory of node_modules, the port, the client's secret, and
// the site's address.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
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

/** What becomes of the ID tokens that it gives: nothing, or one of `FORGERIES`. */
let forged = "";
let keys = 0;

const newKey = () => ({ id: `key-${(keys += 1)}`, key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey });
let key = newKey();

const issuer = `http://127.0.0.1:${port}`;
const settings = {
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
    const { client, provider, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
};

/** Begins with the key of now; what it knew before is gone. */
function begin() {
  const jwk = { ...key.key.export({ format: "jwk" }), kid: key.id, use: "sig", alg: "RS256" };
  const provider = new Provider(issuer, { ...settings, jwks: { keys: [jwk] } });
  return { provider, answer: provider.callback() };
}
let { provider, answer } = begin();

/** @param {object} part */
const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");

/**
 * @param {object} claims
 * @param {{ id: string, key: import("node:crypto").KeyObject }} by
 */
function signed(claims, by) {
  const text = `${encoded({ alg: "RS256", typ: "JWT", kid: by.id })}.${encoded(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), by.key).toString("base64url")}`;
}

/** What an ID token with these claims becomes. @type {Record<string, (claims: any) => string>} */
const FORGERIES = {
  "as it is": (claims) => signed(claims, key),
  expired: (claims) => signed({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }, key),
  "for another client": (claims) => signed({ ...claims, aud: "another" }, key),
  "of another issuer": (claims) => signed({ ...claims, iss: "http://127.0.0.1:1" }, key),
  "by a key of nobody": (claims) => signed(claims, { ...newKey(), id: key.id }),
  "by the client's secret": (claims) => {
    const text = `${encoded({ alg: "HS256" })}.${encoded(claims)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  },
  "by nobody": (claims) => `${encoded({ alg: "none" })}.${encoded(claims)}.`,
};

/** @param {import("node:http").ServerResponse} response */
function forge(response) {
  const end = response.end.bind(response);
  response.end = (text) => {
    const said = JSON.parse(text.toString());
    const claims = said.id_token && JSON.parse(Buffer.from(said.id_token.split(".")[1], "base64url").toString());
    const body = JSON.stringify(claims ? { ...said, id_token: FORGERIES[forged](claims) } : said);
    response.setHeader("content-length", Buffer.byteLength(body));
    return end(body);
  };
}

/** @param {import("node:http").IncomingMessage} request */
async function body(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

createServer(async (request, response) => {
  if (request.url === "/test") {
    const said = JSON.parse(await body(request));
    if (said.person) people.set(said.person, said.claims);
    if (said.gone) people.delete(said.gone);
    if (said.present) present = said.present;
    if ("down" in said) down = said.down;
    if ("forged" in said) forged = said.forged;
    if (said.rotate) {
      key = newKey();
      ({ provider, answer } = begin());
    }
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
      if (forged) forge(response);
    }
    answer(request, response);
  }
}).listen(Number(port), "127.0.0.1");
