/* Buckets whose keys and values are stored in another form. */
#include <ctype.h>

#include "kv.h"

#define ENCODED "{\"key_codecs\":[\"base64\"],\"value_codecs\":[\"base64\"]}"

TEST("kv-37", "base64 stores keys word by word and values in another form") {
  struct shelf b = start_bucket();
  nats_kv *kv = bind_with(b.at.js, "b", ENCODED);
  EXPECT_INT(put(kv, "Acme Inc.contact", "info@acme.com"), 1);
  HAS(b.kv, "QWNtZSBJbmM.Y29udGFjdA", "QWNtZSBJbmM.Y29udGFjdA=aW5mb0BhY21lLmNvbQ");
  HAS(kv, "Acme Inc.contact", "Acme Inc.contact=info@acme.com");
  TELLS_ENTRY(kv, got_revision(kv, "Acme Inc.contact", 1), "Acme Inc.contact=info@acme.com");
  OK(nats_kv_put(kv, S("Acme Inc.contact"), B("2"), S(EXPECTING(1)), NULL, E));
  FAILS(NATS_ERR_KEY_EXISTS, try_create(kv, "Acme Inc.contact", ""));
  put(kv, "\xc3\x9cnder.\xc3\xa4", "4");
  nats_subscription *sub = watch(kv, "{\"keys\":[\"Acme Inc.*\",\"\xc3\x9cnder.\xc3\xa4\"]}");
  TOLD(kv, sub, "Acme Inc.contact=2", "\xc3\x9cnder.\xc3\xa4=4", "-");
  delete_key(kv, "\xc3\x9cnder.\xc3\xa4");
  TOLD(kv, sub, "\xc3\x9cnder.\xc3\xa4 deleted");
  has_keys(kv, "", "{\"keys\":[\"Acme Inc.contact\"]}");
  has_history(kv, "Acme Inc.contact",
              " Acme Inc.contact=info@acme.com Acme Inc.contact=2");
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(kv));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_kv_bind(b.at.js, S("b"), S("{\"key_codecs\":[\"rot13\"]}"), &kv, E));
  SAYS("key_codecs");
  leave_bucket(b);
}

TEST("kv-38", "paths are keys: slashes are stored as dots, the first one as _root_") {
  struct shelf b = start_bucket();
  nats_kv *kv = bind_with(b.at.js, "b", "{\"key_codecs\":[\"path\"]}");
  put(kv, "/etc/hosts", "1");
  put(kv, "home/me/", "2");
  HAS(b.kv, "_root_.etc.hosts", "_root_.etc.hosts=1");
  HAS(kv, "/etc/hosts", "/etc/hosts=1");
  HAS(kv, "home/me", "home/me=2");
  nats_subscription *sub = watch(kv, "{\"keys\":[\"/etc/*\"]}");
  TOLD(kv, sub, "/etc/hosts=1", "-");
  has_keys(kv, "{\"keys\":[\"home/>\"]}", "{\"keys\":[\"home/me\"]}");
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(kv));
  leave_bucket(b);
}

/* ---- Codecs of the program's own: upper case in the bucket, and values with a sign before them ---- */

static nats_status write_mapped(nats_bytes input, nats_kv_output *output, int (*map)(int)) {
  char text[64];
  for (size_t i = 0; i < input.len; ++i) text[i] = (char)map(input.ptr[i]);
  return nats_kv_output_write(output, nats_bytes_of(text, input.len), NULL);
}

static nats_status louder(nats_bytes key, nats_kv_output *output, void *user) {
  (void)user;
  return write_mapped(key, output, toupper);
}

static nats_status quieter(nats_bytes key, nats_kv_output *output, void *user) {
  (void)user;
  return write_mapped(key, output, tolower);
}

static nats_status add_sign(nats_bytes value, nats_kv_output *output, void *user) {
  (void)user;
  OK(nats_kv_output_write(output, B("!"), E));
  return nats_kv_output_write(output, value, NULL);
}

static nats_status remove_sign(nats_bytes value, nats_kv_output *output, void *user) {
  (void)user;
  if (value.len == 0 || value.ptr[0] != '!') return NATS_ERR_INVALID_ARGUMENT;
  return nats_kv_output_write(output, nats_bytes_of(value.ptr + 1, value.len - 1), NULL);
}

static nats_status refuse_value(nats_bytes value, nats_kv_output *output, void *user) {
  (void)value, (void)output, (void)user;
  return NATS_ERR_UNSUPPORTED;
}

/* `kv` with such codecs; `gone` counts the destroy hook. */
static nats_kv *make_loud(nats_kv *kv, nats_kv_codec_cb filter, struct latch *gone) {
  nats_kv *loud = NULL;
  OK(nats_kv_with_codecs(kv, louder, quieter, filter, add_sign, remove_sign, gone,
                         latch_destroy_hook, &loud, E));
  return loud;
}

TEST("kv-39", "codecs of the program's own; what they have not made is refused or left out") {
  struct shelf b = start_bucket();
  struct latch gone = LATCH;
  nats_kv *kv = make_loud(b.kv, NULL, &gone);
  put(kv, "a", "1");
  HAS(b.kv, "A", "A=!1");
  HAS(kv, "a", "a=1");
  put(b.kv, "B", "2");
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_get(kv, "b"));
  SAYS("value: ");
  nats_subscription *sub = watch(kv, "");
  TOLD(kv, sub, "a=1", "-");
  put(b.kv, "B", "3");
  put(kv, "b", "4");
  TOLD(kv, sub, "b=4");
  FAILS(NATS_ERR_UNSUPPORTED, try_watch(kv, "{\"keys\":[\"a.*\"]}"));
  FAILS(NATS_ERR_INVALID_NAME, try_put(kv, "a b", ""));
  nats_kv *wide = make_loud(b.kv, louder, &gone);
  put(wide, "c.1", "5");
  nats_subscription *some = watch(wide, "{\"keys\":[\"c.*\"]}");
  TOLD(wide, some, "c.1=5", "-");
  OK(nats_kv_free(wide));
  EXPECT_INT(latch_count(&gone), 0);
  put(kv, "c.2", "6");
  /* Codecs live as long as what uses them. */
  TOLD(kv, some, "c.2=6");
  OK(nats_subscription_free(some));
  EXPECT(latch_wait(&gone, 1, WAIT_MS));
  OK(nats_kv_free(kv));
  OK(nats_subscription_free(sub));
  EXPECT(latch_wait(&gone, 2, WAIT_MS));
  leave_bucket(b);
}

TEST("c-kv-codec-01", "codecs of keys or values alone, and functions without their opposite") {
  struct shelf b = start_bucket();
  struct latch gone = LATCH;
  nats_kv *kv = NULL;
  OK(nats_kv_with_codecs(b.kv, louder, quieter, NULL, NULL, NULL, NULL, NULL, &kv, E));
  put(kv, "a", "1");
  HAS(b.kv, "A", "A=1");
  OK(nats_kv_free(kv));
  OK(nats_kv_with_codecs(b.kv, NULL, NULL, NULL, refuse_value, remove_sign, NULL, NULL, &kv, E));
  FAILS(NATS_ERR_UNSUPPORTED, try_put(kv, "a", ""));
  put(b.kv, "a", "!2");
  HAS(kv, "a", "a=2");
  OK(nats_kv_free(kv));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_kv_with_codecs(b.kv, louder, NULL, NULL, NULL, NULL, &gone, latch_destroy_hook, &kv,
                            E));
  SAYS("encode_key");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_kv_with_codecs(b.kv, NULL, NULL, NULL, NULL, remove_sign, &gone, latch_destroy_hook,
                            &kv, E));
  SAYS("decode_value");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_kv_with_codecs(b.kv, NULL, NULL, louder, NULL, NULL, &gone, latch_destroy_hook, &kv,
                            E));
  SAYS("encode_filter");
  EXPECT_INT(latch_count(&gone), 3);
  leave_bucket(b);
}
