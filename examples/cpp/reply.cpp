// Answers requests on service.upper until SIGINT or SIGTERM: reply [URL]
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

// Runs on a delivery thread, one message at a time.
static void answer(const nats::Message &msg) {
  std::string out = msg.payload().str();
  for (char &c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  msg.respond(out);
}

int main(int argc, char **argv) try {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  // Blocked before the library starts its threads, so that sigwait below gets the signal.
  sigprocmask(SIG_BLOCK, &stop, nullptr);

  nats::Connection nc = nats::connect(server(argc, argv));
  nats::Subscription sub = nc.subscribe("service.upper", answer);
  nc.flush();
  std::cout << "answering on service.upper" << std::endl;

  int number = 0;
  sigwait(&stop, &number);
  nc.drain(std::chrono::seconds(5));
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
