/* Links to objects and to buckets. */
#include "objects.h"

/* Another bucket with the object "far". */
static nats_object_store *other_bucket(struct bucket at) {
  do_js(at.js, nats_object_store_create, J({"bucket":"other","storage":"memory"}));
  nats_object_store *other = bind_bucket(at.js, "other");
  put(other, "far", "far");
  return other;
}

#define TO_FAR ",\"to\":\"far\",\"to_bucket\":\"other\""
#define TO_OTHER ",\"to_bucket\":\"other\""

TEST("object-15", "a link leads to an object of its bucket or of another one") {
  struct bucket at = start_bucket();
  nats_object_store *other = other_bucket(at);
  put(at.objects, "near", "near");
  nats_doc *link = ask_js(at.js, nats_object_add_link, of("link", ",\"to\":\"near\""));
  expect_str(link, "options.link.bucket", "b");
  expect_str(link, "options.link.name", "near");
  OK(nats_doc_free(link));
  expect_object(at.objects, "link", "near");
  do_js(at.js, nats_object_add_link, of("link", TO_FAR));
  expect_object(at.objects, "link", "far");
  nats_object_reader *reader = reader_of(at.objects, "link", "");
  nats_doc *info = NULL;
  OK(nats_object_reader_info(reader, &info, E));
  expect_str(info, "name", "far");
  expect_str(info, "bucket", "other");
  OK(nats_doc_free(info));
  OK(nats_object_reader_free(reader));
  do_js(at.js, nats_object_update_meta, of("link", ",\"meta\":{\"name\":\"renamed\"}"));
  expect_object(at.objects, "renamed", "far");
  do_js(at.js, nats_object_delete, of("renamed", ""));
  FAILS(NATS_ERR_OBJECT_NOT_FOUND, try_get(at.objects, "renamed", ""));
  expect_object(other, "far", "far");
  OK(nats_object_store_free(other));
  leave_bucket(at);
}

TEST("object-16", "links over objects, to links, to what was deleted and to buckets") {
  struct bucket at = start_bucket();
  nats_object_store *other = other_bucket(at);
  put(at.objects, "near", "near");
  do_js(at.js, nats_object_add_link, of("link", TO_FAR));
  refuse_js(at.js, nats_object_add_link, of("near", TO_FAR), NATS_ERR_OBJECT_EXISTS);
  refuse_js(at.js, nats_object_add_bucket_link, of("near", TO_OTHER), NATS_ERR_OBJECT_EXISTS);
  refuse_js(at.js, nats_object_add_link, of("again", ",\"to\":\"link\""), NATS_ERR_INVALID_LINK);
  do_js(at.js, nats_object_delete, of("near", ""));
  /* What was deleted is not found by its name. */
  refuse_js(at.js, nats_object_add_link, of("x", ",\"to\":\"near\""), NATS_ERR_OBJECT_NOT_FOUND);
  do_js(at.js, nats_object_add_bucket_link, of("bucket", TO_OTHER));
  nats_doc *info = info_of(at.js, "bucket");
  expect_str(info, "options.link.bucket", "other");
  OK(nats_doc_free(info));
  FAILS(NATS_ERR_INVALID_LINK, try_get(at.objects, "bucket", ""));
  OK(nats_object_store_free(other));
  leave_bucket(at);
}

TEST("object-17", "links that lead to each other, and to what is gone") {
  struct bucket at = start_bucket();
  nats_object_store *other = other_bucket(at);
  do_js(at.js, nats_object_add_link, of("link", TO_FAR));
  put(at.objects, "from", "");
  do_js(at.js, nats_object_add_link, of("to", ",\"to\":\"from\""));
  do_js(at.js, nats_object_delete, of("from", ""));
  FAILS(NATS_ERR_OBJECT_NOT_FOUND, try_get(at.objects, "to", ""));
  /* What no client does: a link to what is a link. */
  store(at.js, "$O.b.M.ZnJvbQ==",
        J({"name":"from","bucket":"b","nuid":"n","options":{"link":{"bucket":"b","name":"to"}}}));
  FAILS(NATS_ERR_INVALID_LINK, try_get(at.objects, "to", ""));
  FAILS(NATS_ERR_INVALID_LINK, try_get(at.objects, "from", ""));
  do_js(at.js, nats_object_store_delete, J({"bucket":"other"}));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_get(at.objects, "link", ""));
  OK(nats_object_store_free(other));
  leave_bucket(at);
}
