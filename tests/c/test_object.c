/* Buckets of objects, and what is known of objects. */
#include "objects.h"

#define OTHER J({"bucket":"b","storage":"memory","description":"other"})

TEST("object-01", "buckets are made, found, changed, listed and deleted") {
  nats_connection *nc;
  nats_object_store *none = NULL;
  nats_jetstream *js = start_js(&nc);
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_object_store_bind(js, S("b"), &none, E));
  refuse_js(js, nats_object_store_delete, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(js, nats_object_store_status, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(js, nats_object_store_update, IN_MEMORY, NATS_ERR_BUCKET_NOT_FOUND);
  for (int i = 0; i < 2; ++i) do_js(js, nats_object_store_create, IN_MEMORY);
  refuse_js(js, nats_object_store_create, OTHER, NATS_ERR_BUCKET_EXISTS);
  do_js(js, nats_object_store_update, OTHER);
  do_js(js, nats_object_store_create_or_update, J({"bucket":"c","storage":"memory"}));
  do_js(js, nats_stream_create, J({"name":"PLAIN","subjects":["plain"],"storage":"memory"}));
  nats_doc *all = NULL;
  OK(nats_object_store_names(js, &all, E));
  expect_len(all, "buckets", 2);
  expect_str(all, "buckets.0", "b");
  OK(nats_doc_free(all));
  OK(nats_object_store_list(js, &all, E));
  expect_len(all, "buckets", 2);
  expect_str(all, "buckets.0.description", "other");
  expect_str(all, "buckets.1.bucket", "c");
  OK(nats_doc_free(all));
  do_js(js, nats_object_store_delete, THE_BUCKET);
  refuse_js(js, nats_object_store_status, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  close_js(js, nc);
}

TEST("object-02", "bucket names that are none") {
  static const char *const BAD[] = {"", "a.b", "a b", "*", ">", "\xc3\xa4", "a\\r\\nb"};
  nats_connection *nc;
  nats_jetstream *js = start_js(&nc);
  char input[64];
  nats_object_store *none = NULL;
  nats_stats before, after;
  OK(nats_connection_stats(nc, &before, E));
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; ++i) {
    snprintf(input, sizeof input, "{\"bucket\":\"%s\"}", BAD[i]);
    refuse_js(js, nats_object_store_create, input, NATS_ERR_INVALID_NAME);
    refuse_js(js, nats_object_store_update, input, NATS_ERR_INVALID_NAME);
    refuse_js(js, nats_object_store_status, input, NATS_ERR_INVALID_NAME);
    refuse_js(js, nats_object_store_delete, input, NATS_ERR_INVALID_NAME);
    FAILS(NATS_ERR_INVALID_NAME, nats_object_store_bind(js, S(BAD[i]), &none, E));
  }
  OK(nats_connection_stats(nc, &after, E));
  EXPECT_INT(after.out_messages, before.out_messages);
  close_js(js, nc);
}

TEST("object-03", "all that a bucket can be like") {
  struct bucket at = bucket_on(
      server_start("jetstream", NULL),
      J({"bucket":"b","description":"letters","ttl":3600000000000,"max_bytes":1048576,
         "storage":"memory","num_replicas":1,"compression":true,"metadata":{"owner":"infra"}}));
  put(at.objects, "x", "content");
  nats_doc *status = ask_js(at.js, nats_object_store_status, THE_BUCKET);
  expect_str(status, "description", "letters");
  expect_int(status, "ttl", 3600000000000);
  expect_int(status, "max_bytes", 1048576);
  expect_str(status, "storage", "memory");
  expect_bool(status, "compression", true);
  expect_bool(status, "sealed", false);
  expect_str(status, "metadata.owner", "infra");
  EXPECT(int_of(status, "size") > 7);
  expect_str(status, "stream.config.name", "OBJ_b");
  expect_str(status, "stream.config.subjects.0", "$O.b.C.>");
  expect_str(status, "stream.config.subjects.1", "$O.b.M.>");
  expect_str(status, "stream.config.compression", "s2");
  expect_str(status, "stream.config.discard", "new");
  expect_bool(status, "stream.config.allow_rollup_hdrs", true);
  expect_bool(status, "stream.config.allow_direct", true);
  expect_int(status, "stream.config.max_age", 3600000000000);
  OK(nats_doc_free(status));
  leave_bucket(at);
}

TEST("object-04", "a bucket that was deleted") {
  struct bucket at = start_bucket();
  nats_subscription *sub = NULL;
  nats_object_reader *reader = NULL;
  put(at.objects, "x", "content");
  do_js(at.js, nats_object_store_delete, THE_BUCKET);
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_put(at.objects, "x", "content"));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_get(at.objects, "x", ""));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_object_reader_new(at.objects, S("x"), NONE, &reader, E));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND,
        nats_object_watch(at.objects, NONE, NULL, NULL, NULL, &sub, E));
  refuse_js(at.js, nats_object_info, of("x", ""), NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(at.js, nats_object_delete, of("x", ""), NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(at.js, nats_object_list, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  refuse_js(at.js, nats_object_store_seal, THE_BUCKET, NATS_ERR_BUCKET_NOT_FOUND);
  leave_bucket(at);
}

TEST("object-05", "a sealed bucket stays as it is") {
  struct bucket at = start_bucket();
  put(at.objects, "x", "content");
  nats_doc *status = ask_js(at.js, nats_object_store_seal, THE_BUCKET);
  expect_bool(status, "sealed", true);
  OK(nats_doc_free(status));
  FAILS(NATS_ERR_JETSTREAM, try_put(at.objects, "y", "y"));
  refuse_js(at.js, nats_object_delete, of("x", ""), NATS_ERR_JETSTREAM);
  refuse_js(at.js, nats_object_add_link, of("y", ",\"to\":\"x\""), NATS_ERR_JETSTREAM);
  expect_object(at.objects, "x", "content");
  leave_bucket(at);
}

static void comes_back(struct bucket at, const uint8_t *bytes, size_t size, size_t piece) {
  nats_doc *info = NULL;
  nats_object_writer *writer = writer_of(at.objects, "x", chunked(100), "");
  for (size_t done = 0; done < size; done += piece) {
    write_bytes(writer, bytes + done, size - done < piece ? size - done : piece);
  }
  OK(nats_object_writer_finish(writer, &info, E));
  expect_int(info, "size", (int64_t)size);
  expect_int(info, "chunks", (int64_t)(size + 99) / 100);
  expect_int(info, "options.max_chunk_size", 100);
  OK(nats_doc_free(info));
  OK(nats_object_writer_free(writer));
  nats_msg *msg = get(at.objects, "x", "");
  EXPECT(is_content(msg, bytes, size));
  OK(nats_msg_free(msg));
  EXPECT_INT(kept(at.js), (long long)(size + 99) / 100 + 1);
}

TEST("object-06", "every size, written in pieces of every size, comes back") {
  static const size_t SIZES[] = {0, 1, 99, 100, 101, 200, 250, 1000};
  static const size_t PIECES[] = {1, 37, 100, 130, 1000};
  struct bucket at = start_bucket();
  uint8_t *bytes = content(1000);
  for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; ++i) {
    for (size_t j = 0; j < sizeof PIECES / sizeof *PIECES; ++j) {
      comes_back(at, bytes, SIZES[i], PIECES[j]);
    }
  }
  free(bytes);
  leave_bucket(at);
}

TEST("object-07", "bytes and texts are put and got as a whole") {
  struct bucket at = start_bucket();
  nats_doc *info = NULL, *told = NULL;
  nats_msg *msg = NULL;
  OK(nats_object_put(at.objects, S("text"), NONE, B("a text"), NONE, &info, E));
  expect_int(info, "options.max_chunk_size", 128 << 10);
  OK(nats_object_get(at.objects, S("text"), NONE, &msg, &told, E));
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "a text");
  expect_int(told, "revision", int_of(info, "revision"));
  OK(nats_msg_free(msg));
  OK(nats_doc_free(info));
  OK(nats_doc_free(told));
  put(at.objects, "empty", "");
  expect_object(at.objects, "empty", "");
  put_sized(at.objects, "large", 0, 300000);
  expect_sized(at.objects, "large", 300000);
  leave_bucket(at);
}

TEST("object-08", "what is told of an object is as ADR-20 has it") {
  struct bucket at = start_bucket();
  refuse_js(at.js, nats_object_info, of("x", ""), NATS_ERR_OBJECT_NOT_FOUND);
  OK(nats_object_put(at.objects, S("x"),
                     S(J({"description":"letters","headers":{"Kind":["a","b"]},
                          "metadata":{"owner":"me"},"options":{"max_chunk_size":2}})),
                     B("abc"), NONE, NULL, E));
  nats_doc *info = info_of(at.js, "x");
  expect_str(info, "name", "x");
  expect_str(info, "bucket", "b");
  expect_str(info, "description", "letters");
  expect_str(info, "headers.Kind.1", "b");
  expect_str(info, "metadata.owner", "me");
  expect_int(info, "size", 3);
  expect_int(info, "chunks", 2);
  expect_int(info, "revision", 3);
  expect_str(info, "digest", "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
  nats_str mtime = NONE;
  OK(nats_doc_get_str(info, S("mtime"), &mtime, E));
  EXPECT(mtime.len > 19 && mtime.ptr[0] == '2' && mtime.ptr[mtime.len - 1] == 'Z');
  OK(nats_doc_free(info));
  leave_bucket(at);
}

TEST("object-09", "objects are listed in the order of their changes") {
  struct bucket at = start_bucket();
  char name[16];
  nats_doc *list = ask_js(at.js, nats_object_list, J({"bucket":"b","show_deleted":true}));
  expect_len(list, "objects", 0);
  OK(nats_doc_free(list));
  for (int i = 0; i < 300; ++i) {
    snprintf(name, sizeof name, "n%d", i);
    put(at.objects, name, "");
  }
  put(at.objects, "n0", "changed");
  do_js(at.js, nats_object_delete, of("n7", ""));
  list = ask_js(at.js, nats_object_list, THE_BUCKET);
  expect_len(list, "objects", 299);
  expect_str(list, "objects.0.name", "n1");
  expect_str(list, "objects.298.name", "n0");
  OK(nats_doc_free(list));
  list = ask_js(at.js, nats_object_list, J({"bucket":"b","show_deleted":true}));
  expect_len(list, "objects", 300);
  expect_str(list, "objects.299.name", "n7");
  expect_bool(list, "objects.299.deleted", true);
  OK(nats_doc_free(list));
  leave_bucket(at);
}

TEST("object-10", "of a deleted object no chunk is left") {
  struct bucket at = start_bucket();
  refuse_js(at.js, nats_object_delete, of("x", ""), NATS_ERR_OBJECT_NOT_FOUND);
  put_sized(at.objects, "x", 2, 10);
  nats_doc *gone = ask_js(at.js, nats_object_delete, of("x", ""));
  expect_bool(gone, "deleted", true);
  expect_int(gone, "size", 0);
  OK(nats_doc_free(gone));
  EXPECT_INT(kept(at.js), 1);
  do_js(at.js, nats_object_delete, of("x", ""));
  refuse_js(at.js, nats_object_info, of("x", ""), NATS_ERR_OBJECT_NOT_FOUND);
  FAILS(NATS_ERR_OBJECT_NOT_FOUND, try_get(at.objects, "x", ""));
  gone = ask_js(at.js, nats_object_info, of("x", ",\"show_deleted\":true"));
  expect_bool(gone, "deleted", true);
  OK(nats_doc_free(gone));
  OK(try_get(at.objects, "x", "{\"show_deleted\":true}"));
  put(at.objects, "x", "again");
  expect_object(at.objects, "x", "again");
  leave_bucket(at);
}

static char *long_name(size_t size) {
  char *name = (char *)malloc(size + 1);
  memset(name, 'x', size);
  name[size] = 0;
  return name;
}

TEST("object-11", "any text is a name") {
  struct bucket at = start_bucket();
  char *longest = long_name(2048);
  const char *names[] = {"a b", ".", "*.>", "a\r\nb", "wei\xc3\x9f/?~", "../../etc", longest};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    put(at.objects, names[i], names[i]);
    expect_object(at.objects, names[i], names[i]);
  }
  nats_str with_nul = {"a\0b", 3};
  OK(nats_object_put(at.objects, with_nul, NONE, B("x"), NONE, NULL, E));
  free(longest);
  leave_bucket(at);
}

TEST("object-12", "names that are none, and options that make no sense") {
  struct bucket at = start_bucket();
  char *longer = long_name(2049);
  const char *bad[] = {"", longer};
  nats_stats before, after;
  OK(nats_connection_stats(at.nc, &before, E));
  for (size_t i = 0; i < 2; ++i) {
    FAILS(NATS_ERR_INVALID_NAME, try_put(at.objects, bad[i], "x"));
    FAILS(NATS_ERR_INVALID_NAME, try_get(at.objects, bad[i], ""));
  }
  nats_str no_text = {"\xff", 1};
  FAILS(NATS_ERR_INVALID_NAME, nats_object_put(at.objects, no_text, NONE, B("x"), NONE, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_object_put(at.objects, S("x"), S(chunked(100 << 20)), B("x"), NONE, NULL, E));
  FAILS(NATS_ERR_INVALID_JSON,
        nats_object_put(at.objects, S("x"), S("{\"what\":1}"), B("x"), NONE, NULL, E));
  SAYS("what");
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_object_put(at.objects, S("x"), NONE, B("x"), S("{\"window_bytes\":0}"), NULL, E));
  FAILS(NATS_ERR_INVALID_OPTION, try_get(at.objects, "x", "{\"offset\":-1}"));
  OK(nats_connection_stats(at.nc, &after, E));
  EXPECT_INT(after.out_messages, before.out_messages);
  free(longer);
  leave_bucket(at);
}

TEST("object-13", "an object is described anew") {
  struct bucket at = start_bucket();
  char before[64], after[64];
  put(at.objects, "x", "content");
  text_of_object(at.js, "x", "nuid", before);
  do_js(at.js, nats_object_update_meta,
        of("x", ",\"meta\":{\"description\":\"new\",\"metadata\":{\"a\":\"b\"}}"));
  nats_doc *info = info_of(at.js, "x");
  expect_str(info, "description", "new");
  expect_str(info, "metadata.a", "b");
  OK(nats_doc_free(info));
  text_of_object(at.js, "x", "nuid", after);
  EXPECT(!strcmp(before, after));
  expect_object(at.objects, "x", "content");
  refuse_js(at.js, nats_object_update_meta, of("y", ",\"meta\":{}"), NATS_ERR_OBJECT_NOT_FOUND);
  leave_bucket(at);
}

TEST("object-14", "an object is renamed") {
  struct bucket at = start_bucket();
  put(at.objects, "x", "content");
  put(at.objects, "y", "y");
  const char *to_y = ",\"meta\":{\"name\":\"y\"}";
  refuse_js(at.js, nats_object_update_meta, of("x", to_y), NATS_ERR_OBJECT_EXISTS);
  do_js(at.js, nats_object_update_meta, of("x", ",\"meta\":{\"name\":\"z\"}"));
  refuse_js(at.js, nats_object_info, of("x", ""), NATS_ERR_OBJECT_NOT_FOUND);
  expect_object(at.objects, "z", "content");
  settles(at.js, 4);
  do_js(at.js, nats_object_delete, of("y", ""));
  do_js(at.js, nats_object_update_meta, of("z", to_y));
  expect_object(at.objects, "y", "content");
  leave_bucket(at);
}

static nats_status put_over(nats_object_store *objects, const char *text, int64_t previous) {
  char options[64];
  snprintf(options, sizeof options, "{\"previous\":%lld}", (long long)previous);
  return nats_object_put(objects, S("x"), NONE, B(text), S(options), NULL, E);
}

TEST("object-18", "a put that expects a revision puts nothing over any other") {
  struct bucket at = start_bucket();
  char options[64];
  OK(put_over(at.objects, "1", 0));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, put_over(at.objects, "2", 0));
  int64_t first = revision_of(at.js, "x");
  OK(put_over(at.objects, "2", first));
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, put_over(at.objects, "3", first));
  snprintf(options, sizeof options, "{\"previous\":%lld}", (long long)revision_of(at.js, "x"));
  nats_object_writer *writer = writer_of(at.objects, "x", "", options);
  OK(nats_object_writer_write(writer, B("late"), E));
  put(at.objects, "x", "3");
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, nats_object_writer_finish(writer, NULL, E));
  OK(nats_object_writer_free(writer));
  settles(at.js, 2);
  expect_object(at.objects, "x", "3");
  do_js(at.js, nats_object_delete, of("x", ""));
  OK(put_over(at.objects, "4", 0));
  leave_bucket(at);
}

TEST("object-19", "objects are read and changed as other clients write them") {
  struct bucket at = start_bucket();
  store(at.js, "$O.b.C.theirs", "ab");
  store(at.js, "$O.b.C.theirs", "c");
  store(at.js, "$O.b.M.dA==",
        J({"name":"t","description":null,"headers":null,"metadata":null,"bucket":"b",
           "options":{"link":null,"max_chunk_size":131072},"nuid":"theirs","size":3,"chunks":2,
           "digest":"sha-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","deleted":false,
           "mtime":"0001-01-01T00:00:00Z","own":{"a":1}}));
  expect_object(at.objects, "t", "abc");
  do_js(at.js, nats_object_update_meta, of("t", ",\"meta\":{\"description\":\"d\"}"));
  nats_msg *msg = NULL;
  OK(nats_jetstream_get(at.js, S(J({"stream":"OBJ_b","last_by_subj":"$O.b.M.dA=="})), &msg, E));
  nats_str stored = as_text(nats_msg_payload(msg));
  nats_doc *doc = NULL;
  OK(nats_doc_parse(stored, &doc, E));
  expect_int(doc, "own.a", 1);
  expect_str(doc, "description", "d");
  OK(nats_doc_free(doc));
  OK(nats_msg_free(msg));
  leave_bucket(at);
}
