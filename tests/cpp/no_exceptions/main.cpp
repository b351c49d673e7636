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

int main() {
  bool ok = converse();
  std::puts(ok ? "ok without exceptions" : "not ok without exceptions");
  return ok ? 0 : 1;
}
