// Who connects: by options, and by a callable that is asked.
#include <atomic>
#include <stdexcept>

#include "../c/keys.h"
#include "support.hpp"

using namespace check;

using Members = std::vector<std::pair<std::string, std::string>>;

// Options whose login callable answers so, counting its runs.
static nats::Options answering(Members members, Latch &asked) {
  nats::Options options(R"({"reconnect_delay_min_ms":5,"reconnect_delay_max_ms":20})");
  options.on_login([members = std::move(members), &asked](nats::Question &question) {
    for (const auto &[name, value] : members) question.answer(name, value);
    asked.add();
  });
  return options;
}

static void lets_in(const Remote &server, const Members &answer) {
  Latch asked;
  works(nats::connect(server.url(), answering(answer, asked)));
  EXPECT_EQ(asked.count(), 1);
}

TEST("life-01", "user, token, NKey and credentials, by option and by callable") {
  Remote users = Remote::server("users"), token = Remote::server("token");
  Remote nkey = Remote::server("plain", KEYS_KNOWING_NKEY);
  Remote trusting = Remote::server("plain", KEYS_TRUSTING);
  lets_in(users, {{"user", "alice"}, {"password", "secret"}});
  lets_in(token, {{"token", "s3cr3t"}});
  lets_in(nkey, {{"seed", KEYS_NKEY_SEED}});
  lets_in(trusting, {{"creds", KEYS_CREDS("\n")}});
  works(nats::connect(nkey.url(), options_of({{"nkey_seed", KEYS_NKEY_SEED}})));
  works(nats::connect(trusting.url(), options_of({{"creds", KEYS_CREDS("\n")}})));
}

TEST("life-02", "credentials by content and by file; damaged ones are not shown") {
  Remote server = Remote::server("plain", KEYS_TRUSTING);
  const std::string creds = KEYS_CREDS("\n");
  File file(creds);
  works(nats::connect(server.url(), options_of({{"creds", creds}})));
  works(nats::connect(server.url(), options_of({{"creds_file", file.path()}})));
  nats::Options damaged = options_of({{"creds", creds.substr(0, 300) + "canary"}});
  EXPECT_LACKS(refused_with(server.url(), damaged, NATS_ERR_INVALID_CREDENTIALS), "canary");
  EXPECT_HAS(refused(server.url(), R"({"creds_file":"/no/such/file"})",
                     NATS_ERR_INVALID_CREDENTIALS),
             "creds_file");
}

TEST("cpp-auth-02", "a question says what it is about, and ends with its callable") {
  Remote nkey = Remote::server("plain", KEYS_KNOWING_NKEY);
  nats_question *kept = nullptr;
  std::string about;
  nats::Options options;
  options.on_login([&](nats::Question &question) {
    about = question.about();
    question.answer("seed", KEYS_NKEY_SEED);
    EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, question.answer("", "x"));
    kept = question.get();
  });
  works(nats::connect(nkey.url(), options));
  nats::Doc doc = nats::Doc::parse(about);
  EXPECT_EQ(doc.get_str("url"), nkey.url());
  EXPECT(doc.get_str("nonce").size() > 8);
  EXPECT_THROWS(NATS_ERR_INVALID_HANDLE, nats::Question(kept).about());
  EXPECT_EQ(nats::Question(kept).try_answer("user", "x").code(), NATS_ERR_INVALID_HANDLE);
  EXPECT_EQ(nats::Question(nullptr).try_refuse("no").code(), NATS_ERR_INVALID_HANDLE);
}

TEST("cpp-auth-03", "a refusal, and an exception that leaves the callable, fail the attempt") {
  Latch gone;
  std::function<void(nats::Question &)> refusals[] = {
      [](nats::Question &question) { question.refuse("the vault is closed"); },
      [token = canary(gone)](nats::Question &question) {
        question.answer("user", "alice");
        throw std::runtime_error("the vault is closed");
      },
  };
  for (auto &refusal : refusals) {
    nats::Options options;
    options.on_login(std::move(refusal));
    EXPECT_HAS(refused_with(plain_server().url(), options, NATS_ERR_INVALID_CREDENTIALS),
               "the vault is closed");
  }
  refusals[1] = nullptr;
  EXPECT(gone.wait(1));
  for (int kind = 0; kind < 2; ++kind) {
    nats::Options options;
    options.on_login([kind](nats::Question &) {
      if (kind) throw std::runtime_error("\xff");
      throw 7;
    });
    EXPECT_HAS(refused_with(plain_server().url(), options, NATS_ERR_INVALID_CREDENTIALS),
               "an exception");
  }
}

TEST("cpp-auth-04", "answers that make no sense are told without their value") {
  Latch asked;
  nats::Options options = answering({{"pasword", "canary"}}, asked);
  nats::Result<nats::Connection> result = nats::try_connect(plain_server().url(), &options);
  EXPECT(!result.ok());
  EXPECT_HAS(result.error().text(), "'password'");
  EXPECT_LACKS(result.error().text(), "canary");
}

TEST("life-03", "asked anew for each reconnect; destroyed once, with options and connection") {
  Remote server = Remote::server("users");
  Latch asked, gone;
  nats::Connection nc;
  {
    nats::Options options(R"({"reconnect_delay_min_ms":5,"reconnect_delay_max_ms":20})");
    options.on_login([&asked, token = canary(gone)](nats::Question &question) {
      question.answer("user", "alice");
      question.answer("password", "secret");
      asked.add();
    });
    nc = nats::connect(server.url(), options);
  }
  nats::Subscription sub = nc.subscribe("cpp.auth.5");
  for (int round = 2; round <= 4; ++round) {
    nc.force_reconnect();
    EXPECT(asked.wait(round));
    nc.publish("cpp.auth.5", "x");
    EXPECT_EQ(next_text(sub), "x");
  }
  EXPECT_EQ(gone.count(), 0);
  sub = {};
  nc = {};
  EXPECT(gone.wait(1));
  EXPECT_EQ(gone.count(), 1);
}

TEST("cpp-auth-06", "a callable may own its connection's end, and be move-only") {
  Latch asked, gone;
  auto place = std::make_unique<nats::Connection>();
  nats::Connection *nc = place.get();
  std::mutex making;
  std::unique_lock<std::mutex> made(making);
  nats::Options options(R"({"reconnect_delay_min_ms":5})");
  std::atomic<int> calls{0};
  options.on_login([&, own = std::move(place), token = canary(gone)](nats::Question &) {
    if (calls++ == 0) return;
    std::lock_guard<std::mutex> wait(making);
    own->close();
    asked.add();
  });
  *nc = nats::connect(plain_server().url(), options);
  nc->force_reconnect();
  made.unlock();
  EXPECT(asked.wait(1));
  nats::Connection kept = std::move(*nc);
  options = nats::Options();
  kept = {};
  EXPECT(gone.wait(1));
}
