// The library's log.
#include "support.hpp"

using namespace check;

// Records, and a latch for those that have a text.
struct Journal {
  std::mutex lock;
  std::string text;
  int worst = 0;
  Latch found, gone;

  nats::LogFunction writer(std::string wanted) {
    return [this, wanted = std::move(wanted), token = canary(gone)](int level,
                                                                    std::string_view record) {
      std::lock_guard<std::mutex> held(lock);
      text.append(record).append("\n");
      worst = std::max(worst, level);
      if (record.find(wanted) != std::string_view::npos) found.add();
    };
  }
};

TEST("life-10", "records arrive up to the level; a replaced function ends, an empty one is none") {
  Journal all, few;
  nats::set_log(NATS_LOG_DEBUG, all.writer("connected detail="));
  works(dial("nats://127.0.0.1:1," + plain_server().url(), R"({"randomize":false})"));
  EXPECT(all.found.wait(1));
  nats::set_log(NATS_LOG_WARN, few.writer("giving up"));
  EXPECT(all.gone.wait(1));
  refused("nats://alice:canary@127.0.0.1:1", {}, NATS_ERR_NO_SERVERS);
  EXPECT(few.found.wait(1));
  nats::set_log(NATS_LOG_WARN, nullptr);
  EXPECT(few.gone.wait(1));
  EXPECT_EQ(few.worst, NATS_LOG_WARN);
  EXPECT_EQ(all.worst, NATS_LOG_DEBUG);
  EXPECT_LACKS(few.text, "canary");
  EXPECT_EQ(all.gone.count(), 1);
}

TEST("cpp-log-02", "no such level; an exception goes to the handler, and records go on") {
  EXPECT_THROWS(NATS_ERR_INVALID_ARGUMENT, nats::set_log(9, [](int, std::string_view) {}));
  Latch thrown, gone;
  nats::set_exception_handler([&](std::exception_ptr) { thrown.add(); });
  nats::set_log(NATS_LOG_TRACE, [token = canary(gone)](int, std::string_view) { throw 1; });
  works(dial());
  EXPECT(thrown.wait(2));
  nats::set_log(NATS_LOG_TRACE, {});
  EXPECT(gone.wait(1));
  catch_exceptions();
}
