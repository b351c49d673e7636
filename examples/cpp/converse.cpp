// One voice of the conversation that `make demo` runs: converse NAME PEER,PEER,...
// The protocol is described at the head of ../c/converse.c.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>
#include <sstream>
#include <stdexcept>

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

class Voice {
 public:
  Voice(std::string name, const char *url)
      : name_(std::move(name)), nc_(nats::connect(url ? url : "")), from_{{"From", name_}} {
    done_ = nc_.subscribe("demo.done");
    for (const char *kind : {"hello", "ask"}) serve(kind);
  }

  void meet(const std::string &peer, Clock::time_point deadline) {
    while (!ask("hello", peer, "hello")) {
      if (Clock::now() > deadline) throw std::runtime_error(peer + " did not say hello");
      // The pause between two tries ends early, and the program too, when the demo is called off.
      if (done_.try_next(20ms)) throw std::runtime_error("called off");
    }
  }

  void question(const std::string &peer) {
    std::vector<long long> took;
    for (int i = 0; i < 20; ++i) {
      auto start = Clock::now();
      if (!ask("ask", peer, "question " + std::to_string(i) + " from " + name_)) continue;
      auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
      took.push_back(time.count());
    }
    std::sort(took.begin(), took.end());
    std::cout << R"({"from":")" << name_ << R"(","to":")" << peer << R"(","answered":)"
              << took.size() << R"(,"p50_us":)" << (took.empty() ? 0 : took[took.size() / 2]) << "}"
              << std::endl;
  }

  void finish() {
    done_.next(120s);
    nc_.drain(5s);
  }

 private:
  void serve(const std::string &kind) {
    auto answer = [this](const nats::Message &msg) { msg.respond(msg.payload(), &from_); };
    serving_.push_back(nc_.subscribe("demo." + kind + "." + name_, answer, R"({"queue":"demo"})"));
  }

  // Whether the peer answered as it should; a peer that is not there yet did not.
  bool ask(const std::string &kind, const std::string &peer, const std::string &text) {
    auto answer = nc_.try_request_msg("demo." + kind + "." + peer, &from_, text, 5s);
    if (!answer) {
      nats_status code = answer.code();
      if (code == NATS_ERR_NO_RESPONDERS || code == NATS_ERR_TIMEOUT) return false;
      throw answer.error();
    }
    return answer->try_header("From").value_or("") == peer && answer->payload().text() == text;
  }

  std::string name_;
  nats::Connection nc_;
  nats::Headers from_;
  nats::Subscription done_;
  std::vector<nats::Subscription> serving_;
};

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::cerr << "usage: converse NAME PEER,PEER,...\n";
    return 2;
  }
  Voice voice(argv[1], std::getenv("NATS_URL"));
  std::vector<std::string> peers = split(argv[2]);
  auto deadline = Clock::now() + 60s;
  for (const std::string &peer : peers) voice.meet(peer, deadline);
  for (const std::string &peer : peers) voice.question(peer);
  voice.finish();
} catch (const std::exception &error) {
  std::cerr << "converse: " << error.what() << '\n';
  return 1;
}
