// NKeys, JWTs and credentials: made, read, refused, and used to connect.
#include "support.hpp"

using namespace check;

static_assert(!std::is_copy_constructible_v<nats::KeyPair>, "keys are moved");
static_assert(std::is_nothrow_move_constructible_v<nats::Text>, "moves do not throw");

// Known answers, made by another implementation.
static const std::string seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
static const char *const public_key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
static const char *const account_key = "AA4WDLQUF2YT5RO2HDRFHJ2TUNMFP4242MSUM2UBJCK6NEAGMC45P5X6";
static const char *const signature_of_nonce =
    "0157e93bb3f0deb739ea1a0ed4e25c1715d409f0663b6aa8b9c8417214a52f8e"
    "45baeafdcd2d79533cad108d500b9c30546eee88721dab27e6392eae3ebc2a0a";
static const std::string token =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFBNFdETFFVR"
    "jJZVDVSTzJIRFJGSEoyVFVOTUZQNDI0Mk1TVU0yVUJKQ0s2TkVBR01DNDVQNVg2IiwibmFtZSI6Imtub3duIiwic3ViI"
    "joiVURYVTRSQ1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7I"
    "nB1YiI6eyJhbGxvdyI6WyJhLj4iXX0sInN1YiI6e30sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsInZlcnNpb24iOjJ9f"
    "Q.7spszk45ONbN-RJTeEP_uT7IBy1Cyk5Odx7ns9RdbIVzhUWm0srI8HrWQjDJ7HjVwZneVBrT8B4m37gVj-LiAw";
static const std::string self_signed =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IlVEWFU0UkNTS"
    "k5aT0lRSFpOV1hIWE9SRFBSVEdOSkFIQUhGUkdaTkVFSkNQUVRUMk03TkxDTkY0Iiwic3ViIjoiVURYVTRSQ1NKTlpPS"
    "VFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7InR5cGUiOiJ1c2VyIiwid"
    "mVyc2lvbiI6Mn19.bE6kF6fuR8Wba4tGV6QHVUXof3CPmp1WYZk0Nhhzsys8J7qQcbRopNBr_d8U8x7876yl_9HTYZop"
    "ntJuGCEPDA";

static std::string hex(nats::bytes_view bytes) {
  const char *digits = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : bytes) text.append({digits[byte >> 4], digits[byte & 15]});
  return text;
}

// The text with another letter at a place.
static std::string changed(std::string text, std::size_t at) {
  text[at] = text[at] == 'A' ? 'B' : 'A';
  return text;
}

TEST("keys-01", "a known key, and keys of every kind, which sign and verify") {
  nats::KeyPair known = nats::KeyPair::from_seed(" " + seed + "\n");
  EXPECT_EQ(known.public_key(), public_key);
  EXPECT_EQ(known.seed(), seed);
  EXPECT_EQ(hex(known.sign("nonce")), signature_of_nonce);
  for (const char *kind : {"operator", "account", "user", "server", "cluster"}) {
    nats::KeyPair key = nats::KeyPair::generate(kind);
    nats::KeyPair same = nats::KeyPair::from_seed(key.seed());
    EXPECT_EQ(same.kind(), kind);
    nats::Signature signature = same.sign("bytes");
    EXPECT(nats::KeyPair::verify(key.public_key(), "bytes", signature));
    EXPECT(!nats::KeyPair::verify(key.public_key(), "bytez", signature));
    EXPECT(!nats::KeyPair::verify(key.public_key(), "bytes", {}));
    EXPECT(!nats::KeyPair::verify(public_key, "bytes", signature));
  }
}

TEST("keys-02", "what is no seed or no public key is INVALID_KEY, and not shown") {
  std::vector<std::string> bad{
      "",         "S",   "SU", "no base32!", "s\xc3\xbc\xc3\x9f", "SU\xff\xfe",
      public_key, token, "SXAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ6RQ",
      "SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP2UT"};
  for (std::size_t at = 0; at < seed.size(); ++at) {
    bad.push_back(seed.substr(0, at));
    bad.push_back(changed(seed, at));
  }
  for (const std::string &text : bad) {
    auto key = nats::KeyPair::try_from_seed(text);
    EXPECT_EQ(key.code(), NATS_ERR_INVALID_KEY);
    EXPECT_LACKS(key.error().what(), "UACSSL3UAHUDXKFSNVUZRF5");
  }
  EXPECT_EQ(nats::KeyPair::try_verify(seed, "x", "y").code(), NATS_ERR_INVALID_KEY);
  auto curve = nats::KeyPair::try_generate("curve");
  EXPECT_EQ(curve.code(), NATS_ERR_INVALID_ARGUMENT);
  EXPECT_HAS(curve.error().text(), "operator, account, user");
  EXPECT_THROWS(NATS_ERR_INVALID_KEY, nats::KeyPair::from_seed("SU"));
}

TEST("keys-03", "tokens say what was asked for; claims and keys that do not fit are named") {
  auto top = nats::KeyPair::generate("operator"), account = nats::KeyPair::generate("account");
  auto user = nats::KeyPair::generate("user");
  nats::Text made = nats::encode_user_jwt(R"({"name":"joe","publish_allow":["a.>"],"payload":7})",
                                          user.public_key(), account);
  nats::Doc doc = nats::decode_jwt(made);
  EXPECT_EQ(doc.get_str("name"), "joe");
  EXPECT_EQ(doc.get_str("iss"), account.public_key());
  EXPECT_EQ(doc.get_str("nats.pub.allow.0"), "a.>");
  EXPECT_EQ(doc.get_int("nats.payload"), 7);
  made = nats::encode_account_jwt(R"({"connections":3})", account.public_key(), top);
  EXPECT_EQ(nats::decode_jwt(made).get_int("nats.limits.conn"), 3);
  auto wrong = nats::try_encode_user_jwt(R"({"publish_alow":[]})", user.public_key(), account);
  EXPECT_EQ(wrong.code(), NATS_ERR_INVALID_OPTION);
  EXPECT_HAS(wrong.error().text(), "did you mean 'publish_allow'?");
  wrong = nats::try_encode_account_jwt(R"({"name":5})", account.public_key(), top);
  EXPECT_HAS(wrong.error().text(), "claim 'name': expected a string");
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nats::encode_user_jwt("", user.public_key(), top));
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT,
                nats::encode_account_jwt("", account.public_key(), user));
  EXPECT_THROWS(NATS_ERR_INVALID_KEY, nats::encode_user_jwt("", "UAAA", account));
}

TEST("keys-04", "a known token is read; changed ones, and signers that may not sign, are refused") {
  nats::Doc doc = nats::decode_jwt(token);
  EXPECT_EQ(doc.get_str("iss"), account_key);
  EXPECT_EQ(doc.get_str("sub"), public_key);
  for (std::size_t at = 0; at < token.size(); ++at) {
    EXPECT_EQ(nats::try_decode_jwt(changed(token, at)).code(), NATS_ERR_INVALID_CREDENTIALS);
  }
  for (std::string_view bad : {std::string_view(), std::string_view("a.b.c"),
                               std::string_view(seed), std::string_view(self_signed)}) {
    EXPECT_THROWS(NATS_ERR_INVALID_CREDENTIALS, nats::decode_jwt(bad));
  }
}

TEST("keys-05", "credentials are read as they were made; damaged ones are refused, not shown") {
  nats::Text file = nats::format_creds(token, nats::KeyPair::from_seed(seed));
  nats::Credentials read = nats::parse_creds(file);
  EXPECT_EQ(read.jwt.view(), token);
  EXPECT_EQ(read.key.seed(), seed);
  for (std::size_t end : {std::size_t(0), file.view().size() / 2, file.view().size() - 100}) {
    auto cut = nats::try_parse_creds(file.view().substr(0, end));
    EXPECT_EQ(cut.code(), NATS_ERR_INVALID_CREDENTIALS);
    EXPECT_LACKS(cut.error().what(), "ACSSL3UAHUDX");
  }
  EXPECT_THROWS(NATS_ERR_INVALID_CREDENTIALS,
                nats::format_creds(token, nats::KeyPair::generate("account")));
  EXPECT_THROWS(NATS_ERR_INVALID_CREDENTIALS, nats::format_creds("no token", read.key));
}

// Options with the credentials of a new user that `account` signs.
static std::string options_of(std::string_view claims, const nats::KeyPair &account) {
  nats::KeyPair user = nats::KeyPair::generate("user");
  nats::Text jwt = nats::encode_user_jwt(claims, user.public_key(), account);
  nats::Doc options;
  options.set_str("creds", nats::format_creds(jwt, user));
  return std::string(options.json());
}

TEST("keys-06", "with keys and tokens of its own a program connects, and may what they say") {
  auto top = nats::KeyPair::generate("operator"), account = nats::KeyPair::generate("account");
  nats::Text jwt = nats::encode_account_jwt("", account.public_key(), top);
  std::string lines = "trusted: [" + std::string(top.public_key()) +
                      "]\nresolver: MEMORY\nresolver_preload: { " +
                      std::string(account.public_key()) + ": " + jwt.str() + " }";
  Remote server = Remote::server("plain", lines);
  nats::Connection nc = dial(server.url(), options_of("", account));
  nats::Subscription sub = nc.subscribe("private.a");
  nc.publish("private.a", "works");
  EXPECT_EQ(next_text(sub), "works");
  nc = dial(server.url(), options_of(R"({"publish_deny":["private.>"]})", account));
  EXPECT_THROWS(NATS_ERR_PERMISSION, nc.request("private.a", "x", patience));
  nats::Options foreign(options_of("", nats::KeyPair::generate("account")));
  EXPECT_THROWS(NATS_ERR_AUTHORIZATION, nats::connect(server.url(), foreign));
}

TEST("keys-07", "keys that were wiped or moved away are of no use; texts go with their objects") {
  std::size_t before = nats_library_handles();
  {
    nats::KeyPair key = nats::KeyPair::generate("user");
    nats::KeyPair other = std::move(key);
    EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, key.public_key());
    other.wipe();
    EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, other.sign("x"));
    EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, other.seed());
    EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nats::encode_user_jwt("", public_key, other));
    EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nats::format_creds(token, other));
    nats::Text made = nats::encode_user_jwt("", public_key, nats::KeyPair::generate("account"));
    nats::Text moved = std::move(made);
    EXPECT(made.view().empty() && !moved.view().empty());
  }
  EXPECT_EQ(nats_library_handles(), before);
}
