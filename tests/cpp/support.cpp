// Latches, events, connections and processes of support.hpp.
#include "support.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

extern char **environ;

namespace check {

void Latch::add() {
  std::lock_guard<std::mutex> held(lock_);
  ++count_;
  changed_.notify_all();
}

bool Latch::wait(int count) {
  std::unique_lock<std::mutex> held(lock_);
  return changed_.wait_for(held, patience, [&] { return count_ >= count; });
}

int Latch::count() {
  std::lock_guard<std::mutex> held(lock_);
  return count_;
}

// ---- Events ----

template <class Done>
bool Events::State::wait(Done &&done) {
  std::unique_lock<std::mutex> held(lock);
  return changed.wait_for(held, patience, std::forward<Done>(done));
}

int Events::count_of(const State &state, int kind) {
  return static_cast<int>(std::count(state.order.begin(), state.order.end(), kind));
}

nats::Connection Events::dial(std::string_view url, std::string_view options) {
  nats::Options made(options);
  return dial_with(url, made);
}

nats::Connection Events::dial_with(std::string_view url, nats::Options &options) {
  state_ = std::make_shared<State>();
  auto forget = [state = state_](void *) {
    std::lock_guard<std::mutex> held(state->lock);
    state->gone = true;
    state->changed.notify_all();
  };
  options.on_event([state = state_, token = std::shared_ptr<void>(nullptr, forget)](
                    const nats::ConnectionEvent &event) {
    std::lock_guard<std::mutex> held(state->lock);
    state->order.push_back(event.kind);
    state->last.at(static_cast<std::size_t>(event.kind)) = event.details;
    state->changed.notify_all();
  });
  return nats::connect(url, options);
}

bool Events::wait(nats_connection_event kind, int count) {
  return state_->wait([&] { return count_of(*state_, kind) >= count; });
}

int Events::count(nats_connection_event kind) {
  std::lock_guard<std::mutex> held(state_->lock);
  return count_of(*state_, kind);
}

std::string Events::last(nats_connection_event kind) {
  std::lock_guard<std::mutex> held(state_->lock);
  return state_->last.at(static_cast<std::size_t>(kind));
}

std::vector<int> Events::order() {
  std::lock_guard<std::mutex> held(state_->lock);
  return state_->order;
}

bool Events::wait_gone() {
  return state_->wait([&] { return state_->gone; });
}

// ---- Connections ----

nats::Connection dial() { return nats::connect(plain_server().url()); }

nats::Connection dial(std::string_view url, std::string_view options) {
  return nats::connect(url, nats::Options(options));
}

std::string next_text(const nats::Subscription &sub) { return sub.next(patience).payload().str(); }

void works(const nats::Connection &nc) {
  nats::Subscription sub = nc.subscribe("cpp.works");
  nc.publish("cpp.works", "works");
  EXPECT_EQ(next_text(sub), "works");
}

std::string refused(std::string_view url, std::string_view options, nats_status code) {
  return refused_with(url, nats::Options(options), code);
}

std::string refused_with(std::string_view url, const nats::Options &options, nats_status code) {
  nats::Result<nats::Connection> result = nats::try_connect(url, &options);
  EXPECT_EQ(result.code(), code);
  EXPECT(!result.error().text().empty());
  return result.error().what();
}

nats::Options options_of(
    std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
    std::string_view json) {
  nats::Doc doc = nats::Doc::parse(json);
  for (const auto &[key, text] : texts) doc.set_str(key, text);
  return nats::Options(doc.json());
}

std::string file_text(const std::string &path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT(!text.empty());
  return text;
}

File::File(std::string_view text) {
  int fd = mkstemp(path_.data());
  EXPECT(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
}

File::~File() { unlink(path_.c_str()); }

std::shared_ptr<void> canary(Latch &gone) {
  return std::shared_ptr<void>(nullptr, [&gone](void *) { gone.add(); });
}

nats_status end_of(const nats::Subscription &sub) {
  nats_status reason = sub.try_next(patience).code();
  EXPECT_EQ(sub.try_take(4, 0ms).code(), reason);
  return reason;
}

// ---- Processes ----

int child_exit(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_child(const char *name, std::string_view argument) {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::string words[] = {self, "--child", name, std::string(argument)};
  char *argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  pid_t pid = 0;
  EXPECT_EQ(posix_spawn(&pid, argv[0], nullptr, nullptr, argv, environ), 0);
  return child_exit(pid);
}

static int entries(const char *folder) {
  std::filesystem::directory_iterator all(folder);
  return static_cast<int>(std::distance(begin(all), end(all)));
}

Held Held::now() {
  long total = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> total >> pages;
  return {entries("/proc/self/fd"), entries("/proc/self/task"),
          pages * (sysconf(_SC_PAGESIZE) / 1024)};
}

}  // namespace check
