/// Servers, fake servers and proxies, by the JSON lines of `nats-harness control`.
#ifndef REMOTE_HPP
#define REMOTE_HPP

#include <cstdint>
#include <nats_ffi.hpp>
#include <string>

namespace check {

/// Something that the harness runs for a test; it stops when the object goes.
class Remote {
 public:
  /// A server, or a cluster, of the configuration of this name, with further configuration lines.
  static Remote server(std::string_view config = "plain", std::string_view extra = {});

  /// A server that listens at `host`.
  static Remote server_at(std::string_view config, std::string_view host);

  /// A fake server that plays a script: a JSON array of steps, or of such arrays.
  static Remote fake(std::string_view script);

  /// A proxy that leads to `target`.
  static Remote proxy(const Remote &target);

  /// One that clients ask to connect them, for those who know user and password when these are
  /// given; kind: http or socks5.
  static Remote tunnel(std::string_view kind, std::string_view user = {},
                       std::string_view password = {});

  Remote(Remote &&other) noexcept;
  Remote &operator=(Remote &&other) noexcept;
  ~Remote();

  const std::string &url() const { return url_; }

  /// The URL without its scheme.
  std::string address() const { return url_.substr(url_.find("//") + 2); }

  /// A further fact that the harness told at the start, for example "tls_ca".
  std::string fact(std::string_view key) const;

  /// One request to the harness, with further members as a JSON object; its answer.
  nats::Doc tell(std::string_view op, std::string_view fields = "{}") const;

  /// What a fake server has received on its first connection.
  std::string received() const;

 private:
  explicit Remote(nats::Doc request);

  std::int64_t id_ = 0;
  std::string url_, facts_;
};

/// The plain server that all tests share.
const Remote &plain_server();

}  // namespace check

#endif
