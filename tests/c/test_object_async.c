/* Objects on a queue: everything without waiting. */
#define _GNU_SOURCE
#include "object_files.h"

/* What completes next, which must be this token. */
static nats_event next_event(nats_queue *queue, uint64_t token) {
  nats_event event = {0};
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.kind, NATS_EVENT_COMPLETION);
  EXPECT_INT(event.token, token);
  return event;
}

/* Its value. */
static void *done(nats_queue *queue, uint64_t token) {
  nats_event event = next_event(queue, token);
  EXPECT_INT(event.status, NATS_OK);
  return event.value;
}

static void failed(nats_queue *queue, uint64_t token, nats_status code) {
  nats_event event = next_event(queue, token);
  EXPECT_INT(event.status, code);
  OK(nats_error_free((nats_error *)event.value));
}

static nats_queue *open_queue(void) {
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  return queue;
}

TEST("c-object-async-01", "objects are bound, put and got as a whole on a queue") {
  struct bucket at = start_bucket();
  nats_queue *queue = open_queue();
  OK(nats_object_store_bind_async(at.js, S("b"), queue, 1, E));
  nats_object_store *objects = (nats_object_store *)done(queue, 1);
  OK(nats_object_store_bind_async(at.js, S("none"), queue, 2, E));
  failed(queue, 2, NATS_ERR_BUCKET_NOT_FOUND);
  OK(nats_object_put_async(objects, S("x"), NONE, B("content"), NONE, queue, 3, E));
  nats_doc *info = (nats_doc *)done(queue, 3);
  expect_int(info, "size", 7);
  OK(nats_doc_free(info));
  OK(nats_object_put_async(objects, S("x"), NONE, B("y"), S("{\"previous\":0}"), queue, 4, E));
  failed(queue, 4, NATS_ERR_WRONG_LAST_SEQUENCE);
  OK(nats_object_get_async(objects, S("x"), S("{\"offset\":3}"), queue, 5, E));
  nats_msg *msg = (nats_msg *)done(queue, 5);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "tent");
  OK(nats_msg_free(msg));
  OK(nats_object_get_async(objects, S("none"), NONE, queue, 6, E));
  failed(queue, 6, NATS_ERR_OBJECT_NOT_FOUND);
  OK(nats_object_info_async(at.js, S(of("x", "")), queue, 7, E));
  info = (nats_doc *)done(queue, 7);
  expect_str(info, "name", "x");
  OK(nats_doc_free(info));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_object_put_async(objects, S("\xff"), NONE, B("y"), NONE, queue, 8, E));
  OK(nats_object_store_free(objects));
  OK(nats_queue_free(queue));
  leave_bucket(at);
}

TEST("c-object-async-02", "files are put and got on a queue") {
  struct bucket at = start_bucket();
  struct folder folder = folder_new();
  nats_queue *queue = open_queue();
  uint8_t *bytes = content(300000);
  folder_write(&folder, "source", 300000);
  OK(nats_object_put_file_async(at.objects, S("x"), NONE, S(path_in(&folder, "source")), NONE,
                                queue, 1, E));
  nats_doc *info = (nats_doc *)done(queue, 1);
  expect_int(info, "chunks", 3);
  OK(nats_doc_free(info));
  OK(nats_object_get_file_async(at.objects, S("x"), S(path_in(&folder, "target")), NONE, queue, 2,
                                E));
  OK(nats_doc_free((nats_doc *)done(queue, 2)));
  EXPECT(file_is(path_in(&folder, "target"), bytes, 300000));
  OK(nats_object_put_file_async(at.objects, S("x"), NONE, S(path_in(&folder, "none")), NONE, queue,
                                3, E));
  failed(queue, 3, NATS_ERR_IO);
  OK(nats_object_get_file_async(at.objects, S("x"), S(folder.path), NONE, queue, 4, E));
  failed(queue, 4, NATS_ERR_IO);
  EXPECT_INT(folder_count(&folder), 2);
  free(bytes);
  OK(nats_queue_free(queue));
  folder_free(&folder);
  leave_bucket(at);
}

TEST("c-object-async-03", "an object is written piece by piece on a queue") {
  struct bucket at = start_bucket();
  nats_queue *queue = open_queue();
  uint8_t *bytes = content(300000);
  OK(nats_object_writer_new_async(at.objects, S("x"), S(chunked(1000)), NONE, queue, 1, E));
  nats_object_writer *writer = (nats_object_writer *)done(queue, 1);
  for (size_t i = 0; i < 300; ++i) {
    OK(nats_object_writer_write_async(writer, nats_bytes_of(bytes + i * 1000, 1000), queue, 2, E));
    EXPECT(done(queue, 2) == NULL);
  }
  refuse_js(at.js, nats_object_info, of("x", ""), NATS_ERR_OBJECT_NOT_FOUND);
  OK(nats_object_writer_finish_async(writer, queue, 3, E));
  OK(nats_doc_free((nats_doc *)done(queue, 3)));
  /* What fails at once does not come by the queue. */
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_object_writer_finish_async(writer, queue, 4, E));
  OK(nats_object_writer_free(writer));
  expect_sized(at.objects, "x", 300000);

  OK(nats_object_writer_new_async(at.objects, S("y"), NONE, NONE, queue, 5, E));
  writer = (nats_object_writer *)done(queue, 5);
  OK(nats_object_writer_write_async(writer, nats_bytes_of(bytes, 300000), queue, 6, E));
  EXPECT(done(queue, 6) == NULL);
  OK(nats_object_writer_abort_async(writer, queue, 7, E));
  EXPECT(done(queue, 7) == NULL);
  OK(nats_object_writer_free(writer));
  EXPECT_INT(kept(at.js), 301);
  free(bytes);
  OK(nats_queue_free(queue));
  leave_bucket(at);
}

TEST("c-object-async-04", "an object is read chunk by chunk on a queue") {
  struct bucket at = start_bucket();
  nats_queue *queue = open_queue();
  uint8_t *bytes = content(100500);
  put_sized(at.objects, "x", 1000, 100500);
  OK(nats_object_reader_new_async(at.objects, S("x"), NONE, queue, 1, E));
  nats_object_reader *reader = (nats_object_reader *)done(queue, 1);
  size_t size = 0;
  for (;;) {
    OK(nats_object_reader_next_async(reader, queue, 2, E));
    nats_msg *msg = (nats_msg *)done(queue, 2);
    if (!msg) break;
    EXPECT(is_content(msg, bytes + size, nats_msg_payload(msg).len));
    size += nats_msg_payload(msg).len;
    OK(nats_msg_free(msg));
  }
  EXPECT_INT(size, 100500);
  OK(nats_object_reader_free(reader));
  OK(nats_object_reader_new_async(at.objects, S("none"), NONE, queue, 3, E));
  failed(queue, 3, NATS_ERR_OBJECT_NOT_FOUND);
  free(bytes);
  OK(nats_queue_free(queue));
  leave_bucket(at);
}

TEST("c-object-async-05", "a watch of objects begins on a queue, and what is not awaited is freed") {
  struct bucket at = start_bucket();
  nats_queue *queue = open_queue();
  nats_doc *info = NULL;
  put(at.objects, "x", "content");
  OK(nats_object_watch_async(at.objects, NONE, queue, 1, E));
  nats_subscription *sub = (nats_subscription *)done(queue, 1);
  nats_msg *msg = receive(sub);
  OK(nats_object_read(at.objects, msg, &info, E));
  expect_str(info, "name", "x");
  OK(nats_doc_free(info));
  OK(nats_msg_free(msg));
  msg = receive(sub);
  OK(nats_object_read(at.objects, msg, &info, E));
  EXPECT(info == NULL);
  OK(nats_msg_free(msg));
  OK(nats_subscription_free(sub));
  size_t before = nats_library_handles();
  nats_queue *left = open_queue();
  OK(nats_object_store_bind_async(at.js, S("b"), left, 1, E));
  OK(nats_object_writer_new_async(at.objects, S("y"), NONE, NONE, left, 2, E));
  OK(nats_object_reader_new_async(at.objects, S("x"), NONE, left, 3, E));
  OK(nats_object_get_async(at.objects, S("x"), NONE, left, 4, E));
  OK(nats_object_watch_async(at.objects, NONE, left, 5, E));
  expect_object(at.objects, "x", "content");
  OK(nats_queue_free(left));
  for (int64_t end = now_ms() + WAIT_MS; nats_library_handles() != before;) {
    EXPECT(now_ms() < end);
    expect_object(at.objects, "x", "content");
  }
  OK(nats_queue_free(queue));
  leave_bucket(at);
}
