// The client of `nats-harness control`.
#include "remote.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "check.hpp"

extern char **environ;

namespace check {
namespace {

/// The running harness: it stops, with everything that it runs, when this object goes.
class Harness {
 public:
  static Harness &instance() {
    static Harness harness;
    return harness;
  }

  Harness() {
    const char *named = std::getenv("NATS_HARNESS");
    std::string program = named ? named : "nats-harness", verb = "control";
    char *argv[] = {program.data(), verb.data(), nullptr};
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) throw last_error("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int failed = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    to_ = fdopen(in[1], "w");
    from_ = fdopen(out[0], "r");
    if (failed) throw std::system_error(failed, std::generic_category(), program);
  }

  Harness(const Harness &) = delete;
  Harness &operator=(const Harness &) = delete;

  ~Harness() {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(pid_, nullptr, 0);
  }

  nats::Doc ask(const nats::Doc &request) {
    std::string line(request.json());
    line += '\n';
    if (std::fwrite(line.data(), 1, line.size(), to_) != line.size() || std::fflush(to_)) {
      throw last_error("the harness does not listen");
    }
    nats::Doc answer = nats::Doc::parse(read_line());
    if (!answer.get_bool("ok")) throw Failure{line + std::string(answer.get_str("error"))};
    return answer;
  }

 private:
  static std::system_error last_error(const char *what) {
    return std::system_error(errno, std::generic_category(), what);
  }

  std::string read_line() {
    char *text = nullptr;
    std::size_t room = 0;
    ssize_t len = getline(&text, &room, from_);
    std::string line(text, len < 0 ? 0 : static_cast<std::size_t>(len));
    std::free(text);
    if (line.empty()) throw last_error("the harness has ended");
    return line;
  }

  std::FILE *to_ = nullptr, *from_ = nullptr;
  pid_t pid_ = 0;
};

nats::Doc request_for(std::string_view op, std::string_view fields = "{}") {
  nats::Doc request = nats::Doc::parse(fields);
  request.set_str("op", op);
  return request;
}

}  // namespace

Remote::Remote(nats::Doc request) {
  nats::Doc answer = Harness::instance().ask(request);
  id_ = answer.get_int("id");
  url_ = answer.get_str("url");
  facts_ = answer.json();
}

Remote Remote::server(std::string_view config, std::string_view extra) {
  nats::Doc request = request_for("start");
  request.set_str("config", config);
  request.set_str("extra", extra);
  return Remote(std::move(request));
}

Remote Remote::server_at(std::string_view config, std::string_view host) {
  nats::Doc request = request_for("start");
  request.set_str("config", config);
  request.set_str("host", host);
  return Remote(std::move(request));
}

Remote Remote::fake(std::string_view script) {
  nats::Doc request = request_for("fake");
  request.set_json(script.substr(0, 2) == "[[" ? "scripts" : "script", script);
  return Remote(std::move(request));
}

Remote Remote::proxy(const Remote &target) {
  nats::Doc request = request_for("proxy");
  request.set_int("target", target.id_);
  return Remote(std::move(request));
}

Remote Remote::tunnel(std::string_view kind, std::string_view user, std::string_view password) {
  nats::Doc request = request_for("tunnel");
  request.set_str("kind", kind);
  if (!user.empty()) {
    request.set_str("user", user);
    request.set_str("password", password);
  }
  return Remote(std::move(request));
}

Remote::Remote(Remote &&other) noexcept { *this = std::move(other); }

Remote &Remote::operator=(Remote &&other) noexcept {
  std::swap(id_, other.id_);
  std::swap(url_, other.url_);
  std::swap(facts_, other.facts_);
  return *this;
}

Remote::~Remote() {
  if (!id_) return;
  try {
    tell("remove");
  } catch (const Failure &failure) {
    note_failure(failure.text);
  } catch (const std::exception &error) {
    note_failure(error.what());
  }
}

std::string Remote::fact(std::string_view key) const {
  return std::string(nats::Doc::parse(facts_).get_str(key));
}

nats::Doc Remote::tell(std::string_view op, std::string_view fields) const {
  nats::Doc request = request_for(op, fields);
  request.set_int("id", id_);
  return Harness::instance().ask(request);
}

std::string Remote::received() const { return std::string(tell("received").get_str("text")); }

const Remote &plain_server() {
  static const Remote server = Remote::server();
  return server;
}

}  // namespace check
