// TLS: who is believed, who is shown, and what an error says.
#include "support.hpp"

using namespace check;

TEST("cpp-tls-01", "authorities by text, the server's name, a version, and what is wrong") {
  Remote server = Remote::server("tls");
  std::string ca = file_text(server.fact("tls_ca"));
  works(nats::connect(server.url(), options_of({{"tls_ca", ca}, {"tls_min_version", "1.3"}})));
  nats::Options named = options_of({{"tls_ca", ca}, {"tls_server_name", "localhost"}});
  works(nats::connect(server.url(), named));
  works(nats::connect(server.url(), nats::Options(R"({"tls_insecure":true})")));
  auto fails = [&](const nats::Options &options, const char *says) {
    EXPECT_HAS(refused_with(server.url(), options, NATS_ERR_TLS), says);
  };
  fails(options_of({{"tls_ca", file_text(server.fact("tls_foreign_ca"))}}), "not trusted");
  fails(options_of({{"tls_ca", "nothing"}}), "tls_ca");
  fails(options_of({{"tls_ca", ca}, {"tls_server_name", "example.org"}}), "is for another name");
}

TEST("life-04", "a client certificate by text and by callable") {
  Remote server = Remote::server("tls-verify");
  std::string ca = file_text(server.fact("tls_ca"));
  std::string cert = file_text(server.fact("tls_cert")), key = file_text(server.fact("tls_key"));
  works(nats::connect(server.url(),
                      options_of({{"tls_ca", ca}, {"tls_cert", cert}, {"tls_key", key}})));
  EXPECT_HAS(refused_with(server.url(), options_of({{"tls_ca", ca}}), NATS_ERR_TLS),
             "the server wants a client certificate");
  std::string about;
  nats::Options options = options_of({{"tls_ca", ca}});
  options.on_certificate([&](nats::Question &question) {
    about = question.about();
    question.answer("cert", cert);
    question.answer("key", key);
  });
  works(nats::connect(server.url(), options));
  EXPECT_HAS(about, server.address());
  options.on_certificate([](nats::Question &) { throw std::runtime_error("the card is out"); });
  EXPECT_HAS(refused_with(server.url(), options, NATS_ERR_INVALID_CREDENTIALS), "the card is out");
}
