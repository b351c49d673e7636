// The whole conversation without exceptions: compiled with -fno-exceptions.
#include <cstdio>
#include <cstdlib>
#include <nats_ffi.hpp>

using namespace std::chrono_literals;

static bool say(const nats::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return false;
}

static bool converse() {
  auto nc = nats::try_connect(std::getenv("NATS_URL"));
  if (!nc) return say(nc.error());
  auto service = nc->try_subscribe("cpp.plain", [](const nats::Message &msg) {
    auto headers = nats::Headers::try_make();
    if (headers && headers->try_append("Answer", "yes")) {
      (void)msg.try_respond(msg.payload(), &*headers);
    }
  });
  if (!service) return say(service.error());
  auto answer = nc->try_request("cpp.plain", "hello", 20s);
  if (!answer) return say(answer.error());
  if (answer->try_header("Answer").value_or("") != "yes") return false;
  if (answer->payload().text() != "hello") return false;
  auto nobody = nc->try_request("cpp.nobody", "", 20s);
  if (nobody.code() != NATS_ERR_NO_RESPONDERS) return false;
  auto queue = nats::Queue::try_make();
  if (!queue) return say(queue.error());
  bool flushed = false;
  auto started = nc->try_flush_async(*queue, [&](nats::Result<void> r) { flushed = r.ok(); });
  if (!started) return say(started.error());
  auto polled = queue->try_poll(20s);
  if (!polled || *polled != 1 || !flushed) return false;
  auto drained = nc->try_drain(20s);
  return drained.ok() || say(drained.error());
}

static bool sign() {
  auto account = nats::KeyPair::try_generate("account"), user = nats::KeyPair::try_generate("user");
  if (!account || !user) return false;
  auto token = nats::try_encode_user_jwt(R"({"name":"joe"})", user->try_public_key().value_or(""),
                                         *account);
  if (!token) return say(token.error());
  auto creds = nats::try_format_creds(*token, *user);
  if (!creds) return say(creds.error());
  auto read = nats::try_parse_creds(*creds);
  auto said = nats::try_decode_jwt(*token);
  return read && said && said->try_get_str("name").value_or("") == "joe";
}

int main() {
  bool ok = converse() && sign();
  std::puts(ok ? "ok without exceptions" : "not ok without exceptions");
  return ok ? 0 : 1;
}
