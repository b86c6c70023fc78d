// A certified OpenID provider (npm's oidc-provider) for the tests: one user for every name, who is in the groups of
// GROUPS. Prints its address when it listens. Lines on standard input steer it: `rotate` replaces its keys,
// `keep` adds a new key and goes on publishing the old one.
//
// Environment: MODULES (the folder that holds node_modules), TLS_CERT and TLS_KEY (files), PORT (0: a free one),
// REDIRECT (the client's redirect URI).

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const found = createRequire(`${process.env.MODULES}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));

const GROUPS = ['dev', 'oncall'];
let handler = (request, response) => response.end();
let keys = [newKey()];

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function client(id) {
  return {
    client_id: id,
    token_endpoint_auth_method: 'none',
    redirect_uris: [process.env.REDIRECT],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    application_type: 'native',
  };
}

function serve(issuer) {
  const provider = new Provider(issuer, {
    clients: [client('kubectl'), client('other')],
    claims: {
      openid: ['sub'],
      profile: ['groups', 'team'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    cookies: { keys: ['cookies of a test'] },
    jwks: { keys },
    ttl: { IdToken: 600, AccessToken: 600, AuthorizationCode: 60, Interaction: 600, Session: 600, Grant: 600 },
    findAccount: (context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        groups: GROUPS,
        team: 'blue',
        email: `${id}@example.com`,
        email_verified: id !== 'mallory',
      }),
    }),
  });
  handler = provider.callback();
}

const server = createServer(
  { cert: readFileSync(process.env.TLS_CERT), key: readFileSync(process.env.TLS_KEY) },
  (request, response) => handler(request, response),
);
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  serve(issuer);
  console.log(issuer);
  createInterface({ input: process.stdin }).on('line', (line) => {
    keys = line === 'keep' ? [newKey(), ...keys] : [newKey()];
    serve(issuer);
    console.log(line);
  }).on('close', () => process.exit());
});
