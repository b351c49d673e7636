// One client of the rolling-restart test: rolling URLS NAME. See rolling.c.
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <nats_ffi.hpp>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto publish_every = 2ms, request_every = 20ms;
constexpr auto request_timeout = 2000ms, quiet = 2000ms, drain_timeout = 20000ms;

long long unix_ms() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// What has happened, on whatever thread.
class Ledger {
 public:
  void number(long long number) {
    std::lock_guard<std::mutex> held(lock_);
    if (static_cast<std::size_t>(number) >= seen_.size()) seen_.resize(number * 2 + 1024);
    if (seen_[number]) {
      ++duplicates;
    } else {
      ++delivered;
      if (number < greatest_) ++out_of_order;
    }
    seen_[number] = true;
    greatest_ = std::max(greatest_, number);
    changed_.notify_all();
  }

  void event(const nats::ConnectionEvent &event) {
    std::lock_guard<std::mutex> held(lock_);
    if (event.kind == NATS_CONNECTION_EVENT_MIGRATED) ++migrations;
    if (event.kind != NATS_CONNECTION_EVENT_CLOSED) return;
    discarded = nats::Doc::parse(event.details).get_int("discarded");
    closed_ = true;
    changed_.notify_all();
  }

  void stop() {
    std::lock_guard<std::mutex> held(lock_);
    stopping_ = true;
    changed_.notify_all();
  }

  /// Waits until then; false: nothing more is to be done.
  bool goes_on_at(Clock::time_point due) {
    std::unique_lock<std::mutex> held(lock_);
    return !changed_.wait_until(held, due, [&] { return stopping_; });
  }

  /// Until `last` has come, or nothing for a while.
  void await(long long last) {
    std::unique_lock<std::mutex> held(lock_);
    for (long long before = -1; greatest_ < last && before != delivered;) {
      before = delivered;
      changed_.wait_for(held, quiet, [&] { return delivered != before; });
    }
  }

  void await_closed() {
    std::unique_lock<std::mutex> held(lock_);
    changed_.wait_for(held, drain_timeout, [&] { return closed_; });
  }

  long long delivered = 0, duplicates = 0, out_of_order = 0, migrations = 0, discarded = 0;

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<bool> seen_;
  long long greatest_ = -1;
  bool stopping_ = false, closed_ = false;
};

/// Publishes numbers until it is told to stop; how many.
long long publish_numbers(const nats::Connection &nc, const std::string &subject, Ledger &ledger) {
  long long published = 0;
  for (auto due = Clock::now() + publish_every; ledger.goes_on_at(due); due += publish_every) {
    // One that finds no room is not published: its number is the next one's.
    if (nc.try_publish(subject, std::to_string(published))) ++published;
    // A long wait for room is not made up for.
    if (Clock::now() > due + 1s) due = Clock::now();
  }
  return published;
}

/// Sends requests until it is told to stop, and takes their answers.
struct Requests {
  struct Failure {
    long long at_ms;
    std::string code;
  };

  long long sent = 0, waiting = 0;
  std::vector<Failure> failures;

  void send(const nats::Connection &nc, nats::Queue &queue, const std::string &name) {
    std::string text = name + "-" + std::to_string(sent++);
    long long at_ms = unix_ms();
    auto done = [this, text, at_ms](nats::Result<nats::Message> answer) {
      --waiting;
      if (!answer) failures.push_back({at_ms, std::string(answer.error().name())});
      else if (answer->payload().text() != text) failures.push_back({at_ms, "WRONG_REPLY"});
    };
    nats::Result<void> started =
        nc.try_request_async(queue, "rolling.echo", nullptr, text, request_timeout, done);
    if (started) ++waiting;
    else failures.push_back({at_ms, std::string(started.error().name())});
  }

  void run(const nats::Connection &nc, const std::string &name, Ledger &ledger) {
    nats::Queue queue;
    for (auto due = Clock::now(); ledger.goes_on_at(Clock::now());) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());
      if (left > 0ms) {
        queue.poll(left);
        continue;
      }
      send(nc, queue, name);
      due += request_every;
    }
    while (waiting > 0) queue.poll(request_timeout);
  }
};

void report(const std::string &name, const Ledger &ledger, long long published,
            const Requests &requests, const nats_stats &stats) {
  nats::Doc doc;
  doc.set_str("name", name);
  doc.set_int("published", published);
  doc.set_int("delivered", ledger.delivered);
  doc.set_int("duplicates", ledger.duplicates);
  doc.set_int("out_of_order", ledger.out_of_order);
  doc.set_int("missing", published - ledger.delivered);
  doc.set_int("requests", requests.sent);
  doc.set_json("failures", "[]");
  for (const Requests::Failure &failure : requests.failures) {
    nats::Doc entry;
    entry.set_int("at_ms", failure.at_ms);
    entry.set_str("code", failure.code);
    doc.append_json("failures", entry.json());
  }
  doc.set_int("reconnects", static_cast<std::int64_t>(stats.reconnects));
  doc.set_int("migrations", ledger.migrations);
  doc.set_int("dropped_out", static_cast<std::int64_t>(stats.dropped_out));
  doc.set_int("discarded", ledger.discarded);
  std::cout << doc.json() << std::endl;
}

void run(const std::string &urls, const std::string &name) {
  Ledger ledger;
  nats::Options options;
  nats::Doc named;
  named.set_str("name", name);
  options.set(named.json());
  options.on_event([&](const nats::ConnectionEvent &event) { ledger.event(event); });
  nats::Connection nc = nats::connect(urls, options);
  std::string subject = "rolling.data." + name;
  nats::Subscription data = nc.subscribe(subject, [&](const nats::Message &msg) {
    ledger.number(std::stoll(msg.payload().str()));
  });
  nats::Subscription echo = nc.subscribe(
      "rolling.echo", [](const nats::Message &msg) { (void)msg.try_respond(msg.payload()); },
      R"({"queue":"echo"})");
  nc.flush();
  std::cout << "ready" << std::endl;

  long long published = 0;
  Requests requests;
  std::thread publisher([&] { published = publish_numbers(nc, subject, ledger); });
  std::thread requester([&] { requests.run(nc, name, ledger); });
  for (std::string line; std::getline(std::cin, line) && line != "stop";) {
  }
  ledger.stop();
  publisher.join();
  requester.join();
  nats::Result<void> flushed = nc.try_flush();
  if (!flushed) std::cerr << name << ": flush: " << flushed.error().what() << std::endl;
  ledger.await(published - 1);
  nc.drain(drain_timeout);
  nats_stats stats = nc.stats();
  ledger.await_closed();
  report(name, ledger, published, requests, stats);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: rolling URLS NAME" << std::endl;
    return 2;
  }
  try {
    run(argv[1], argv[2]);
  } catch (const std::exception &error) {
    std::cerr << argv[2] << ": " << error.what() << std::endl;
    return 1;
  }
}
