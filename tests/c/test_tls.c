/* TLS: who is believed, who is shown, and what an error says. */
#include "check.h"

enum { PEM = 8192 };

/* A server with the certificates' texts. */
struct rig {
  struct remote server;
  char ca[PEM], foreign_ca[PEM], cert[PEM], key[PEM];
  char ca_path[256];
};

static struct rig *rig_start(const char *config) {
  static struct rig rig;
  rig.server = server_start(config, NULL);
  snprintf(rig.ca_path, sizeof rig.ca_path, "%s", answer_text("tls_ca"));
  file_text(rig.ca_path, rig.ca, PEM);
  file_text(answer_text("tls_foreign_ca"), rig.foreign_ca, PEM);
  if (!strcmp(config, "tls-verify")) {
    file_text(answer_text("tls_cert"), rig.cert, PEM);
    file_text(answer_text("tls_key"), rig.key, PEM);
  }
  return &rig;
}

/* Options with up to three texts: names and values in turn, then NULL. */
static nats_options *options_of(const char *json, const char *const *texts) {
  nats_doc *doc = NULL;
  nats_options *options = NULL;
  nats_str made;
  OK(nats_doc_parse(S(json), &doc, E));
  for (; *texts; texts += 2) OK(nats_doc_set_str(doc, S(texts[0]), S(texts[1]), E));
  OK(nats_doc_json(doc, &made, E));
  OK(nats_options_new(made, &options, E));
  OK(nats_doc_free(doc));
  return options;
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void fails(struct rig *rig, nats_options *options, const char *says) {
  refuse_with(rig->server.url, options, NATS_ERR_TLS);
  SAYS(says);
}

TEST("c-tls-01", "authorities by text and file, none at all, and bad ones") {
  struct rig *rig = rig_start("tls");
  const char *url = rig->server.url;
  works(dial_with(url, options_of("{}", TEXTS("tls_ca", rig->ca))));
  works(dial_with(url, options_of("{}", TEXTS("tls_ca_file", rig->ca_path))));
  works(dial(url, "{\"tls_insecure\":true}"));
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->foreign_ca)), "not trusted");
  fails(rig, options_of("{}", TEXTS("tls_ca", "nothing")), "tls_ca: it holds no PEM certificate");
  fails(rig, options_of("{}", TEXTS("tls_ca_file", "/nowhere/ca.pem")), "/nowhere/ca.pem");
}

TEST("c-tls-02", "the server's name is checked, and may be another than the URL's") {
  struct rig *rig = rig_start("tls");
  works(dial_with(rig->server.url,
                  options_of("{}", TEXTS("tls_ca", rig->ca, "tls_server_name", "localhost"))));
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->ca, "tls_server_name", "example.org")),
        "is for another name");
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->ca, "tls_server_name", "not a name")),
        "is no name for a certificate");
}

TEST("c-tls-03", "a minimum version; versions that there are not") {
  struct rig *rig = rig_start("tls");
  nats_options *options = NULL;
  works(dial_with(rig->server.url,
                  options_of("{}", TEXTS("tls_ca", rig->ca, "tls_min_version", "1.3"))));
  FAILS(NATS_ERR_INVALID_OPTION, nats_options_new(S("{\"tls_min_version\":\"1.1\"}"), &options, E));
  SAYS("tls_min_version");
  SAYS("1.3");
}

TEST("c-tls-04", "a client certificate by text; the lack of one, and one that fits no key") {
  struct rig *rig = rig_start("tls-verify");
  works(dial_with(rig->server.url, options_of("{}", TEXTS("tls_ca", rig->ca, "tls_cert", rig->cert,
                                                         "tls_key", rig->key))));
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->ca)), "the server wants a client certificate");
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->ca, "tls_key", rig->key)),
        "a key without a client certificate");
  fails(rig, options_of("{}", TEXTS("tls_ca", rig->ca, "tls_cert", rig->cert, "tls_key", "no key")),
        "key of the client certificate");
  EXPECT(!strstr(check_last_text(), "no key"));
}

struct identity {
  const char *cert, *key;
  struct latch asked, gone;
  char about[512];
};

static void show(nats_question *question, void *user) {
  struct identity *identity = user;
  nats_str about = NONE;
  OK(nats_question_about(question, &about, E));
  snprintf(identity->about, sizeof identity->about, "%.*s", (int)about.len, about.ptr);
  if (identity->cert) OK(nats_question_answer(question, S("cert"), B(identity->cert), E));
  if (identity->key) OK(nats_question_answer(question, S("key"), B(identity->key), E));
  else OK(nats_question_refuse(question, S("the card is out"), E));
  latch_add(&identity->asked);
}

static void identity_gone(void *user) { latch_add(&((struct identity *)user)->gone); }

static nats_options *showing(struct rig *rig, struct identity *identity) {
  nats_options *options = options_of(
      "{\"reconnect_delay_min_ms\":5,\"reconnect_delay_max_ms\":20}", TEXTS("tls_ca", rig->ca));
  identity->asked = identity->gone = (struct latch)LATCH;
  OK(nats_options_on_certificate(options, show, identity, identity_gone, E));
  return options;
}

TEST("life-04", "a function yields the client certificate, anew for each connection") {
  static struct identity identity;
  struct rig *rig = rig_start("tls-verify");
  identity.cert = rig->cert, identity.key = rig->key;
  nats_connection *nc = dial_with(rig->server.url, showing(rig, &identity));
  EXPECT(strstr(identity.about, rig->server.address));
  nats_subscription *sub = listen_to(nc, "c.tls.5", NULL);
  OK(nats_connection_force_reconnect(nc, E));
  EXPECT(latch_wait(&identity.asked, 2, WAIT_MS));
  send_text(nc, "c.tls.5", "x");
  receive_text(sub, "x");
  OK(nats_subscription_free(sub));
  hang_up(nc);
  EXPECT(latch_wait(&identity.gone, 1, WAIT_MS));
  EXPECT_INT(latch_count(&identity.gone), 1);
}

TEST("c-tls-06", "a function that refuses, or answers nonsense, fails the attempt") {
  static struct identity identity;
  struct rig *rig = rig_start("tls-verify");
  identity.cert = rig->cert, identity.key = NULL;
  refuse_with(rig->server.url, showing(rig, &identity), NATS_ERR_INVALID_CREDENTIALS);
  SAYS("the card is out");
  EXPECT(latch_wait(&identity.gone, 1, WAIT_MS));
  identity.cert = NULL, identity.key = rig->key;
  nats_connection *nc = NULL;
  nats_options *options = showing(rig, &identity);
  EXPECT(nats_connect(S(rig->server.url), options, &nc, NULL) != NATS_OK);
  OK(nats_options_free(options));
  EXPECT(latch_wait(&identity.gone, 1, WAIT_MS));
}
