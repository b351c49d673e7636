// NKeys, JWTs and credentials: made, read, refused, and used to connect.

import assert from "node:assert/strict";
import { inspect } from "node:util";

import {
  connect,
  createAccount,
  createCluster,
  createOperator,
  createPair,
  createServer,
  createUser,
  decode,
  encodeAccount,
  encodeUser,
  fmtCreds,
  fromPublic,
  fromSeed,
  InvalidKeyError,
  parseCreds,
} from "nats-ffi";

import { server } from "./harness.mjs";
import { behaviour, dial, fails, PATIENCE, Reader } from "./helpers.mjs";

// Known answers, made by another implementation.
const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const ACCOUNT = "AA4WDLQUF2YT5RO2HDRFHJ2TUNMFP4242MSUM2UBJCK6NEAGMC45P5X6";
const SIGNATURE_OF_NONCE =
  "0157e93bb3f0deb739ea1a0ed4e25c1715d409f0663b6aa8b9c8417214a52f8e" +
  "45baeafdcd2d79533cad108d500b9c30546eee88721dab27e6392eae3ebc2a0a";
const TOKEN =
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFBNFdETFF" +
  "VRjJZVDVSTzJIRFJGSEoyVFVOTUZQNDI0Mk1TVU0yVUJKQ0s2TkVBR01DNDVQNVg2IiwibmFtZSI6Imtub3duIiwic" +
  "3ViIjoiVURYVTRSQ1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXR" +
  "zIjp7InB1YiI6eyJhbGxvdyI6WyJhLj4iXX0sInN1YiI6e30sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsInZlcnNpb" +
  "24iOjJ9fQ.7spszk45ONbN-RJTeEP_uT7IBy1Cyk5Odx7ns9RdbIVzhUWm0srI8HrWQjDJ7HjVwZneVBrT8B4m37gV" +
  "j-LiAw";
const SELF_SIGNED =
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IlVEWFU0UkN" +
  "TSk5aT0lRSFpOV1hIWE9SRFBSVEdOSkFIQUhGUkdaTkVFSkNQUVRUMk03TkxDTkY0Iiwic3ViIjoiVURYVTRSQ1NKT" +
  "lpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7InR5cGUiOiJ1c2V" +
  "yIiwidmVyc2lvbiI6Mn19.bE6kF6fuR8Wba4tGV6QHVUXof3CPmp1WYZk0Nhhzsys8J7qQcbRopNBr_d8U8x7876yl" +
  "_9HTYZopntJuGCEPDA";
/** Part of the seed, which no error may show. */
const SECRET = "UACSSL3UAHUDXKFSNVUZRF5";

const bytes = (text) => new TextEncoder().encode(text);
const text = (array) => new TextDecoder().decode(array);

/** The text with another letter at a place. */
function changed(whole, at) {
  return whole.slice(0, at) + (whole[at] === "A" ? "B" : "A") + whole.slice(at + 1);
}

behaviour("keys-01", "a known key, and keys of every kind, which sign and verify", () => {
  for (const seed of [SEED, bytes(SEED), Buffer.from(` ${SEED}\r\n`)]) {
    const known = fromSeed(seed);
    assert.equal(known.getPublicKey(), PUBLIC);
    assert.equal(text(known.getSeed()), SEED);
    assert.equal(Buffer.from(known.sign(bytes("nonce"))).toString("hex"), SIGNATURE_OF_NONCE);
  }
  const make = {
    operator: createOperator,
    account: createAccount,
    user: createUser,
    server: createServer,
    cluster: createCluster,
  };
  for (const [kind, create] of Object.entries(make)) {
    const key = create();
    const same = fromSeed(key.getSeed());
    assert.equal(same.getKind(), kind);
    const signature = same.sign(bytes("bytes"));
    assert.ok(signature instanceof Uint8Array && signature.length === 64);
    const alone = fromPublic(key.getPublicKey());
    for (const one of [key, alone]) {
      assert.equal(one.verify(bytes("bytes"), signature), true);
      assert.equal(one.verify(bytes("bytez"), signature), false);
      assert.equal(one.verify(bytes("bytes"), signature.subarray(1)), false);
    }
    assert.equal(fromPublic(PUBLIC).verify(bytes("bytes"), signature), false);
    assert.throws(() => alone.sign(bytes("x")), InvalidKeyError);
    assert.throws(() => alone.getSeed(), InvalidKeyError);
  }
  assert.throws(() => createUser().sign("text"), /^TypeError: input: expected a Uint8Array/);
});

behaviour("keys-02", "what is no seed or no public key is INVALID_KEY, and not shown", async () => {
  const bad = ["", "S", "SU", "no base32!", "süß", Buffer.from([0x53, 0xff]), PUBLIC, TOKEN];
  // Of no kind, and a byte too short.
  bad.push("SXAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ6RQ");
  bad.push("SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP2UT");
  for (let at = 0; at < SEED.length; at++) bad.push(SEED.slice(0, at), changed(SEED, at));
  for (const seed of bad) {
    const error = await fails("INVALID_KEY", () => fromSeed(seed));
    assert.ok(!inspect(error).includes(SECRET), inspect(error));
  }
  for (const key of [SEED, "", PUBLIC.slice(1), new Uint8Array([0xff])]) {
    await fails("INVALID_KEY", () => fromPublic(key), "public key");
  }
  await fails("INVALID_ARGUMENT", () => createPair("curve"), "operator, account, user");
  for (const wrong of [undefined, null, 5, [SEED]]) {
    assert.throws(() => fromSeed(wrong), { name: "TypeError" });
    assert.throws(() => fromPublic(wrong), { name: "TypeError" });
  }
  assert.ok(!inspect(fromSeed(SEED), { showHidden: true }).includes(SECRET));
});

behaviour("keys-03", "tokens say what was asked for; what does not fit is named", async () => {
  const [operator, account, user] = [createOperator(), createAccount(), createUser()];
  let read = decode(
    await encodeUser("joe", user, account, {
      publishAllow: ["a.>"],
      subscribeDeny: "c",
      expires: new Date(2e12 + 900),
      responseTtl: 1500,
      payload: 7,
    }),
  );
  assert.deepEqual([read.iss, read.sub], [account.getPublicKey(), user.getPublicKey()]);
  assert.deepEqual([read.name, read.exp, read.nats.payload], ["joe", 2e9, 7]);
  assert.deepEqual([read.nats.pub, read.nats.sub], [{ allow: ["a.>"] }, { deny: ["c"] }]);
  assert.equal(read.nats.resp.ttl, 1.5e9);

  // By the names of @nats-io/jwt, with a signing key, and keys as text.
  const signer = createAccount();
  const claims = { pub: { allow: ["a"], deny: ["b"] }, resp: { max: 2, ttl: 1e9 }, subs: 5 };
  const signed = { signer: signer.getSeed(), exp: 2e9 + 0.5, nbf: 1e9 };
  read = decode(
    await encodeUser("joe", user.getPublicKey(), account.getPublicKey(), claims, signed),
  );
  assert.deepEqual([read.iss, read.exp, read.nbf], [signer.getPublicKey(), 2e9, 1e9]);
  assert.equal(read.nats.issuer_account, account.getPublicKey());
  assert.deepEqual(read.nats.pub, { allow: ["a"], deny: ["b"] });
  assert.deepEqual([read.nats.resp, read.nats.subs], [{ max: 2, ttl: 1e9 }, 5]);
  const limits = { conn: 3, wildcards: false };
  read = decode(await encodeAccount("app", account, { limits, streams: 4 }, { signer: operator }));
  assert.equal(read.iss, operator.getPublicKey());
  const { conn, wildcards, streams } = read.nats.limits;
  assert.deepEqual([conn, wildcards, streams], [3, false, 4]);
  assert.equal(decode(await encodeAccount("app", account)).iss, account.getPublicKey());

  const wrong = async (claims, ...says) =>
    fails("INVALID_OPTION", encodeUser("joe", user, account, claims), ...says);
  await wrong({ publishAlow: [] }, "unknown claim 'publishAlow'", "mean 'publishAllow'");
  await wrong({ pub: { alow: [] } }, "unknown claim 'pub.alow'", "mean 'pub.allow'");
  await wrong({ other: {} }, "unknown claim 'other'");
  await wrong({ payload: "x" }, "claim 'payload': expected a whole number");
  await wrong({ resp: { ttl: "x" } }, "claim 'resp.ttl': expected a whole number");
  await wrong({ expires: 1764150000000 }, "claim 'expires'", "seconds since 1970");
  await wrong({ payload: Number.NaN }, "claim 'payload': expected a finite number");
  await fails("INVALID_OPTION", encodeUser("joe", user, account, {}, { sign: signer }), "signer");
  const fits = "expected a key of kind account, not operator";
  await fails("INVALID_ARGUMENT", encodeUser("joe", user, operator), fits);
  await fails("INVALID_ARGUMENT", encodeUser("joe", account, account), "user: expected");
  await fails("INVALID_ARGUMENT", encodeAccount("app", account, {}, { signer: user }));
  await fails("INVALID_KEY", encodeUser("joe", "UAAA", account));
  await fails("INVALID_KEY", encodeUser("joe", user, account.getPublicKey()), "public key");
  await assert.rejects(encodeUser(5, user, account), { name: "TypeError" });
  await assert.rejects(encodeUser("joe", user, account, { pub: 5 }), { name: "TypeError" });
  await assert.rejects(encodeUser("joe", {}, account), { name: "TypeError" });
});

behaviour("keys-04", "a known token is read; changed ones are refused", async () => {
  const read = decode(TOKEN);
  assert.deepEqual([read.iss, read.sub, read.name], [ACCOUNT, PUBLIC, "known"]);
  for (let at = 0; at < TOKEN.length; at++) {
    await fails("INVALID_CREDENTIALS", () => decode(changed(TOKEN, at)));
  }
  for (const token of ["", "a.b", "a.b.c", "....", SEED, "ü.ü.ü"]) {
    await fails("INVALID_CREDENTIALS", () => decode(token));
  }
  const says = "iss: expected a key of kind account, not user";
  await fails("INVALID_CREDENTIALS", () => decode(SELF_SIGNED), says);
  assert.throws(() => decode(bytes(TOKEN)), { name: "TypeError" });
});

behaviour("keys-05", "credentials come back; damaged ones are refused, not shown", async () => {
  const file = fmtCreds(TOKEN, fromSeed(SEED));
  assert.ok(file instanceof Uint8Array);
  for (const content of [file, text(file), text(file).replaceAll("\n", "\r\n")]) {
    const { jwt, key, aid, uc } = await parseCreds(content);
    assert.deepEqual([jwt, key, aid, uc.sub], [TOKEN, SEED, ACCOUNT, PUBLIC]);
  }
  for (const end of [0, 20, 300, file.length / 2, file.length - 100]) {
    const error = await fails("INVALID_CREDENTIALS", parseCreds(file.subarray(0, end)));
    assert.ok(!inspect(error).includes(SECRET));
  }
  await fails("INVALID_CREDENTIALS", parseCreds(new Uint8Array([0xff])));
  await fails("INVALID_CREDENTIALS", () => fmtCreds("no token", fromSeed(SEED)));
  await fails("INVALID_CREDENTIALS", () => fmtCreds(TOKEN, createAccount()), "account");
  assert.throws(() => fmtCreds(TOKEN, SEED), { name: "TypeError" });
});

behaviour("keys-06", "with keys and tokens of its own a program connects", async (t) => {
  const [operator, account] = [createOperator(), createAccount()];
  const token = await encodeAccount("app", account, {}, { signer: operator });
  const trusting = await server(t, "plain", {
    extra:
      `trusted: [${operator.getPublicKey()}]\nresolver: MEMORY\n` +
      `resolver_preload: { ${account.getPublicKey()}: ${token} }`,
  });
  const creds = async (signer, claims) => {
    const user = createUser();
    return text(fmtCreds(await encodeUser("joe", user, signer, claims), user));
  };
  const free = await dial(t, trusting, { creds: await creds(account) });
  const reader = new Reader(free.subscribe("private.a"));
  free.publish("private.a", "works");
  assert.equal(await reader.text(), "works");
  const denied = await creds(account, { pub: { deny: ["private.>"] } });
  const nc = await dial(t, trusting, { creds: denied });
  await fails("PERMISSION", nc.request("private.a", "x", { timeout: PATIENCE }));
  const foreign = connect({ servers: trusting.url, creds: await creds(createAccount()) });
  await fails("AUTHORIZATION", foreign);
});

behaviour("keys-07", "a key that was cleared is of no use", async () => {
  const [key, account] = [createUser(), createAccount()];
  const signature = key.sign(bytes("x"));
  key.clear();
  key.clear();
  account.clear();
  for (const call of [
    () => key.getKind(),
    () => key.getPublicKey(),
    () => key.getSeed(),
    () => key.sign(bytes("x")),
    () => key.verify(bytes("x"), signature),
    () => fmtCreds(TOKEN, key),
    () => encodeUser("joe", PUBLIC, account),
  ]) {
    await fails("INVALID_HANDLE", call, "wiped");
  }
});
