/* NKeys, JWTs and credentials: made, read, refused, and used to connect. */
#include <ctype.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Known answers, made by another implementation. */
static const char SEED[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
static const char PUBLIC[] = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
static const char ACCOUNT[] = "AA4WDLQUF2YT5RO2HDRFHJ2TUNMFP4242MSUM2UBJCK6NEAGMC45P5X6";
static const char SIGNATURE_OF_NONCE[] =
    "0157e93bb3f0deb739ea1a0ed4e25c1715d409f0663b6aa8b9c8417214a52f8e"
    "45baeafdcd2d79533cad108d500b9c30546eee88721dab27e6392eae3ebc2a0a";
static const char TOKEN[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFBNFdETFFVR"
    "jJZVDVSTzJIRFJGSEoyVFVOTUZQNDI0Mk1TVU0yVUJKQ0s2TkVBR01DNDVQNVg2IiwibmFtZSI6Imtub3duIiwic3ViI"
    "joiVURYVTRSQ1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7I"
    "nB1YiI6eyJhbGxvdyI6WyJhLj4iXX0sInN1YiI6e30sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsInZlcnNpb24iOjJ9f"
    "Q.7spszk45ONbN-RJTeEP_uT7IBy1Cyk5Odx7ns9RdbIVzhUWm0srI8HrWQjDJ7HjVwZneVBrT8B4m37gVj-LiAw";
static const char SELF_SIGNED[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IlVEWFU0UkNTS"
    "k5aT0lRSFpOV1hIWE9SRFBSVEdOSkFIQUhGUkdaTkVFSkNQUVRUMk03TkxDTkY0Iiwic3ViIjoiVURYVTRSQ1NKTlpPS"
    "VFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7InR5cGUiOiJ1c2VyIiwid"
    "mVyc2lvbiI6Mn19.bE6kF6fuR8Wba4tGV6QHVUXof3CPmp1WYZk0Nhhzsys8J7qQcbRopNBr_d8U8x7876yl_9HTYZop"
    "ntJuGCEPDA";

static const char *const KINDS[][2] = {{"operator", "SO"}, {"account", "SA"}, {"user", "SU"},
                                       {"server", "SN"},   {"cluster", "SC"}};

static nats_nkey *key_of(const char *kind) {
  nats_nkey *key = NULL;
  OK(nats_nkey_new(S(kind), &key, E));
  return key;
}

static nats_str public_of(const nats_nkey *key) {
  nats_str text = NONE;
  OK(nats_nkey_public_key(key, &text, E));
  return text;
}

static nats_text *user_token(const char *claims, nats_nkey *user, nats_nkey *account) {
  nats_text *token = NULL;
  OK(nats_jwt_encode_user(S(claims), public_of(user), account, &token, E));
  return token;
}

static nats_doc *decoded(nats_str token) {
  nats_doc *doc = NULL;
  OK(nats_jwt_decode(token, &doc, E));
  return doc;
}

static void expect_at(nats_doc *doc, const char *path, const char *expected) {
  nats_str value = NONE;
  OK(nats_doc_get_str(doc, S(path), &value, E));
  EXPECT_TEXT(value, expected);
}

static int is_valid(nats_str public_key, const char *text, nats_bytes signature) {
  int32_t valid = -1;
  OK(nats_nkey_verify(public_key, B(text), signature, &valid, E));
  return valid;
}

TEST("keys-01", "a known key, and keys of every kind, which sign and verify") {
  nats_nkey *key = NULL;
  nats_str text = NONE;
  uint8_t signature[64];
  char hex[129];
  OK(nats_nkey_from_seed(S(" SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\r\n"), &key,
                         E));
  EXPECT_TEXT(public_of(key), PUBLIC);
  OK(nats_nkey_seed(key, &text, E));
  EXPECT_TEXT(text, SEED);
  OK(nats_nkey_sign(key, B("nonce"), &signature, E));
  for (size_t i = 0; i < sizeof signature; ++i) snprintf(hex + 2 * i, 3, "%02x", signature[i]);
  EXPECT(!strcmp(hex, SIGNATURE_OF_NONCE));
  OK(nats_nkey_free(key));
  for (size_t i = 0; i < COUNT(KINDS); ++i) {
    nats_nkey *made = key_of(KINDS[i][0]), *same = NULL;
    OK(nats_nkey_seed(made, &text, E));
    EXPECT(text.len == 58 && !strncmp(text.ptr, KINDS[i][1], 2));
    OK(nats_nkey_from_seed(text, &same, E));
    OK(nats_nkey_kind(same, &text, E));
    EXPECT_TEXT(text, KINDS[i][0]);
    OK(nats_nkey_sign(same, B("bytes"), &signature, E));
    nats_bytes whole = nats_bytes_of(signature, 64);
    EXPECT_INT(is_valid(public_of(made), "bytes", whole), 1);
    EXPECT_INT(is_valid(public_of(made), "bytez", whole), 0);
    EXPECT_INT(is_valid(public_of(made), "bytes", nats_bytes_of(signature, 63)), 0);
    EXPECT_INT(is_valid(S(PUBLIC), "bytes", whole), 0);
    OK(nats_nkey_free(made));
    OK(nats_nkey_free(same));
  }
}

static void refuse_seed(nats_str seed) {
  nats_nkey *key = NULL;
  FAILS(NATS_ERR_INVALID_KEY, nats_nkey_from_seed(seed, &key, E));
  EXPECT(!key && !strstr(check_last_text(), "UACSSL3UAHUDXKFSNVUZRF5"));
}

TEST("keys-02", "what is no seed or no public key is INVALID_KEY, and not shown") {
  static const char *const bad[] = {
      "", "S", "SU", "no base32!", "s\xc3\xbc\xc3\x9f", "SU\xff\xfe", PUBLIC, TOKEN,
      "SXAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ6RQ", /* of no kind */
      "SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP2UT"}; /* a byte too short */
  nats_nkey *key = NULL;
  int32_t valid = 77;
  for (size_t i = 0; i < COUNT(bad); ++i) refuse_seed(S(bad[i]));
  for (size_t end = 0; end < sizeof SEED - 1; ++end) {
    char changed[sizeof SEED];
    nats_str cut = {SEED, end};
    memcpy(changed, SEED, sizeof SEED);
    changed[end] = changed[end] == 'A' ? 'B' : 'A';
    refuse_seed(cut);
    refuse_seed(S(changed));
    memcpy(changed, SEED, sizeof SEED);
    changed[end] = (char)tolower(changed[end]);
    if (changed[end] != SEED[end]) refuse_seed(S(changed));
  }
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_nkey_new(S("curve"), &key, E));
  SAYS("operator, account, user");
  FAILS(NATS_ERR_INVALID_KEY, nats_nkey_verify(S(SEED), B("x"), B("y"), &valid, E));
  SAYS("public key: a seed");
  FAILS(NATS_ERR_INVALID_KEY, nats_nkey_verify(S(""), B("x"), B("y"), &valid, E));
  EXPECT(!key && valid == 77);
}

TEST("keys-03", "tokens say what was asked for; claims and keys that do not fit are named") {
  nats_nkey *operator = key_of("operator"), *account = key_of("account"), *user = key_of("user");
  nats_text *token = user_token("{\"name\":\"joe\",\"expires\":2000000000,"
                                "\"publish_allow\":[\"a.>\",\"b\"],\"payload\":7}",
                                user, account);
  nats_doc *doc = decoded(nats_text_view(token));
  int64_t number = 0;
  expect_at(doc, "name", "joe");
  expect_at(doc, "nats.type", "user");
  expect_at(doc, "nats.pub.allow.1", "b");
  OK(nats_doc_get_int(doc, S("exp"), &number, E));
  EXPECT_INT(number, 2000000000);
  OK(nats_doc_get_int(doc, S("nats.payload"), &number, E));
  EXPECT_INT(number, 7);
  OK(nats_doc_free(doc));
  OK(nats_text_free(token));
  OK(nats_jwt_encode_account(S("{\"name\":\"app\",\"connections\":3}"), public_of(account),
                             operator, &token, E));
  doc = decoded(nats_text_view(token));
  expect_at(doc, "nats.type", "account");
  OK(nats_doc_get_int(doc, S("nats.limits.conn"), &number, E));
  EXPECT_INT(number, 3);
  OK(nats_doc_free(doc));
  OK(nats_text_free(token));
  token = NULL;
  nats_str user_key = public_of(user), account_key = public_of(account);
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jwt_encode_user(S("{\"publish_alow\":[]}"), user_key, account, &token, E));
  SAYS("unknown claim 'publish_alow'; did you mean 'publish_allow'?");
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_jwt_encode_account(S("{\"name\":5}"), account_key, operator, &token, E));
  SAYS("claim 'name': expected a string");
  FAILS(NATS_ERR_INVALID_JSON, nats_jwt_encode_user(S("{"), user_key, account, &token, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_jwt_encode_user(NONE, user_key, operator, &token, E));
  SAYS("signer: expected a key of kind account");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_jwt_encode_user(NONE, account_key, account, &token, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_jwt_encode_account(NONE, account_key, user, &token, E));
  FAILS(NATS_ERR_INVALID_KEY, nats_jwt_encode_user(NONE, S("UAAA"), account, &token, E));
  EXPECT(!token);
  OK(nats_nkey_free(operator));
  OK(nats_nkey_free(account));
  OK(nats_nkey_free(user));
}

TEST("keys-04", "a known token is read; changed ones, and signers that may not sign, are refused") {
  nats_doc *doc = decoded(S(TOKEN));
  char changed[sizeof TOKEN];
  expect_at(doc, "iss", ACCOUNT);
  expect_at(doc, "sub", PUBLIC);
  expect_at(doc, "nats.pub.allow.0", "a.>");
  OK(nats_doc_free(doc));
  doc = NULL;
  for (size_t i = 0; i + 1 < sizeof TOKEN; ++i) {
    memcpy(changed, TOKEN, sizeof TOKEN);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_jwt_decode(S(changed), &doc, E));
  }
  const char *const bad[] = {"", "a.b", "a.b.c", "....", "\xff.\xff.\xff", SEED, SELF_SIGNED};
  for (size_t i = 0; i < COUNT(bad); ++i) {
    FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_jwt_decode(S(bad[i]), &doc, E));
  }
  SAYS("iss: expected a key of kind account, not user");
  EXPECT(!doc);
}

TEST("keys-05", "credentials are read as they were made; damaged ones are refused, not shown") {
  nats_nkey *key = NULL, *read = NULL, *account = key_of("account");
  nats_text *file = NULL, *token = NULL, *none = NULL;
  OK(nats_nkey_from_seed(S(SEED), &key, E));
  OK(nats_creds_format(S(TOKEN), key, &file, E));
  OK(nats_creds_parse(nats_text_view(file), &token, &read, E));
  EXPECT_TEXT(nats_text_view(token), TOKEN);
  EXPECT_TEXT(public_of(read), PUBLIC);
  OK(nats_text_free(token));
  OK(nats_nkey_free(read));
  token = NULL, read = NULL;
  nats_str whole = nats_text_view(file);
  size_t ends[] = {0, 20, 300, whole.len / 2, whole.len - 100};
  for (size_t i = 0; i < COUNT(ends); ++i) {
    nats_str cut = {whole.ptr, ends[i]};
    FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_creds_parse(cut, &token, &read, E));
    EXPECT(!strstr(check_last_text(), "ACSSL3UAHUDX"));
  }
  FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_creds_parse(S("\xff"), &token, &read, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_creds_parse(whole, NULL, &read, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_creds_parse(whole, &token, NULL, E));
  FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_creds_format(S("no token"), key, &none, E));
  FAILS(NATS_ERR_INVALID_CREDENTIALS, nats_creds_format(S(TOKEN), account, &none, E));
  SAYS("of kind account");
  EXPECT(!token && !read && !none);
  OK(nats_text_free(file));
  OK(nats_nkey_free(key));
  OK(nats_nkey_free(account));
}

/* A server that trusts `operator`, which has signed the account. */
static struct remote trusting(nats_nkey *operator, nats_nkey *account) {
  nats_text *token = NULL;
  char lines[4096];
  OK(nats_jwt_encode_account(S("{\"name\":\"app\"}"), public_of(account), operator, &token, E));
  nats_str trusted = public_of(operator), id = public_of(account), jwt = nats_text_view(token);
  snprintf(lines, sizeof lines,
           "trusted: [%.*s]\\nresolver: MEMORY\\nresolver_preload: { %.*s: %.*s }",
           (int)trusted.len, trusted.ptr, (int)id.len, id.ptr, (int)jwt.len, jwt.ptr);
  OK(nats_text_free(token));
  return server_start("plain", lines);
}

/* Options with the credentials of a new user that `account` signs. */
static nats_options *options_of(const char *claims, nats_nkey *account) {
  nats_nkey *user = key_of("user");
  nats_text *token = user_token(claims, user, account), *file = NULL;
  nats_doc *doc = NULL;
  nats_options *options = NULL;
  nats_str json = NONE;
  OK(nats_creds_format(nats_text_view(token), user, &file, E));
  OK(nats_doc_new(&doc, E));
  OK(nats_doc_set_str(doc, S("creds"), nats_text_view(file), E));
  OK(nats_doc_json(doc, &json, E));
  OK(nats_options_new(json, &options, E));
  OK(nats_doc_free(doc));
  OK(nats_text_free(file));
  OK(nats_text_free(token));
  OK(nats_nkey_free(user));
  return options;
}

TEST("keys-06", "with keys and tokens of its own a program connects, and may what they say") {
  nats_nkey *operator = key_of("operator"), *account = key_of("account");
  nats_nkey *stranger = key_of("account");
  struct remote server = trusting(operator, account);
  nats_connection *nc = NULL;
  nats_msg *answer = NULL;
  nats_options *all = options_of("{\"name\":\"joe\"}", account);
  nats_options *limited = options_of("{\"publish_deny\":[\"private.>\"]}", account);
  nats_options *foreign = options_of("", stranger);
  OK(nats_connect(S(server.url), all, &nc, E));
  nats_subscription *sub = listen_to(nc, "private.a", NULL);
  send_text(nc, "private.a", "works");
  receive_text(sub, "works");
  OK(nats_subscription_free(sub));
  hang_up(nc);
  OK(nats_connect(S(server.url), limited, &nc, E));
  FAILS(NATS_ERR_PERMISSION, nats_request(nc, S("private.a"), B("x"), WAIT_MS, &answer, E));
  sub = listen_to(nc, "public.a", NULL);
  send_text(nc, "public.a", "works");
  receive_text(sub, "works");
  OK(nats_subscription_free(sub));
  hang_up(nc);
  nc = NULL;
  FAILS(NATS_ERR_AUTHORIZATION, nats_connect(S(server.url), foreign, &nc, E));
  EXPECT(!nc && !answer);
  OK(nats_options_free(all));
  OK(nats_options_free(limited));
  OK(nats_options_free(foreign));
  OK(nats_nkey_free(operator));
  OK(nats_nkey_free(account));
  OK(nats_nkey_free(stranger));
}

#define BAD(call) FAILS(NATS_ERR_INVALID_HANDLE, call)

static void bad_key(void *bad) {
  nats_str text = NONE;
  uint8_t signature[64] = {77};
  nats_text *made = NULL;
  BAD(nats_nkey_kind(bad, &text, E));
  BAD(nats_nkey_public_key(bad, &text, E));
  BAD(nats_nkey_seed(bad, &text, E));
  BAD(nats_nkey_sign(bad, B("x"), &signature, E));
  BAD(nats_jwt_encode_user(NONE, S(PUBLIC), bad, &made, E));
  BAD(nats_jwt_encode_account(NONE, S(ACCOUNT), bad, &made, E));
  BAD(nats_creds_format(S(TOKEN), bad, &made, E));
  EXPECT(text.ptr == NULL && signature[0] == 77 && !made);
}

TEST("keys-07", "keys and texts that are freed, NULL or of another type are of no use") {
  nats_nkey *key = key_of("user");
  nats_text *token = NULL;
  nats_doc *doc = NULL;
  nats_nkey *account = key_of("account");
  OK(nats_doc_new(&doc, E));
  token = user_token("", key, account);
  EXPECT(nats_text_view(token).len > 100);
  bad_key(doc);
  bad_key(token);
  bad_key(NULL);
  EXPECT_INT(nats_text_view((void *)key).len, 0);
  EXPECT_INT(nats_text_view(NULL).len, 0);
  BAD(nats_nkey_free((void *)token));
  BAD(nats_text_free((void *)key));
  OK(nats_nkey_free(NULL));
  OK(nats_text_free(NULL));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_nkey_sign(key, B("x"), NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_nkey_new(S("user"), NULL, E));
  OK(nats_nkey_free(key));
  OK(nats_text_free(token));
  bad_key(key);
  BAD(nats_nkey_free(key));
  BAD(nats_text_free(token));
  EXPECT_INT(nats_text_view(token).len, 0);
  OK(nats_nkey_free(account));
  OK(nats_doc_free(doc));
}
