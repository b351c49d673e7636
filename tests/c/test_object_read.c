/* Objects read in part, as they are wanted, and into files; what large ones cost. */
#define _GNU_SOURCE
#include "object_files.h"

/* AddressSanitizer keeps what was freed: only the run without it can measure memory. */
#ifdef __SANITIZE_ADDRESS__
enum { MEASURES_MEMORY = 0 };
#else
enum { MEASURES_MEMORY = 1 };
#endif

static void range_is_right(nats_object_store *objects, const char *name, const uint8_t *bytes,
                           size_t offset, long length) {
  char options[96];
  size_t end = length < 0 || offset + (size_t)length > 95 ? 95 : offset + (size_t)length;
  if (length < 0) {
    snprintf(options, sizeof options, "{\"offset\":%zu}", offset);
  } else {
    snprintf(options, sizeof options, "{\"offset\":%zu,\"length\":%ld}", offset, length);
  }
  nats_msg *msg = get(objects, name, options);
  EXPECT(is_content(msg, bytes + offset, end - offset));
  OK(nats_msg_free(msg));
}

TEST("object-25", "every range of an object is read as it was put") {
  static const size_t OFFSETS[] = {0, 1, 9, 10, 11, 49, 50, 90, 94, 95};
  static const long LENGTHS[] = {-1, 0, 1, 10, 31, 1000000};
  struct bucket at = start_bucket();
  uint8_t *bytes = content(95);
  nats_object_writer *one = writer_of(at.objects, "one", chunked(10), "");
  nats_object_writer *two = writer_of(at.objects, "two", chunked(7), "");
  for (size_t i = 0; i < 95; i += 5) {
    write_bytes(one, bytes + i, 5);
    write_bytes(two, bytes + i, 5);
  }
  OK(nats_object_writer_finish(two, NULL, E));
  OK(nats_object_writer_finish(one, NULL, E));
  OK(nats_object_writer_free(one));
  OK(nats_object_writer_free(two));
  for (size_t i = 0; i < sizeof OFFSETS / sizeof *OFFSETS; ++i) {
    for (size_t j = 0; j < sizeof LENGTHS / sizeof *LENGTHS; ++j) {
      range_is_right(at.objects, "one", bytes, OFFSETS[i], LENGTHS[j]);
      range_is_right(at.objects, "two", bytes, OFFSETS[i], LENGTHS[j]);
    }
  }
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_get(at.objects, "one", "{\"offset\":96}"));
  free(bytes);
  leave_bucket(at);
}

TEST("object-26", "little is read of a large object for a small range") {
  struct bucket at = start_bucket();
  nats_stats before, after;
  uint8_t *bytes = content(8 << 20);
  put_sized(at.objects, "x", 0, 8 << 20);
  OK(nats_connection_stats(at.nc, &before, E));
  nats_msg *msg = get(at.objects, "x", "{\"offset\":7000000,\"length\":10}");
  EXPECT(is_content(msg, bytes + 7000000, 10));
  OK(nats_msg_free(msg));
  OK(nats_connection_stats(at.nc, &after, E));
  EXPECT(after.in_bytes - before.in_bytes < 3 << 20);
  free(bytes);
  leave_bucket(at);
}

TEST("object-27", "a reading that was interrupted is resumed") {
  struct bucket at = start_bucket();
  char nuid[64], options[128];
  uint8_t buffer[50];
  size_t count = 0;
  uint8_t *bytes = content(100);
  put_sized(at.objects, "x", 9, 100);
  nats_object_reader *reader = reader_of(at.objects, "x", "");
  for (size_t done = 0; done < 18; done += count) {
    OK(nats_object_reader_read(reader, buffer + done, sizeof buffer - done, &count, E));
  }
  OK(nats_object_reader_free(reader));
  EXPECT(!memcmp(buffer, bytes, 18));
  text_of_object(at.js, "x", "nuid", nuid);
  snprintf(options, sizeof options, "{\"offset\":18,\"nuid\":\"%s\"}", nuid);
  nats_msg *msg = get(at.objects, "x", options);
  EXPECT(is_content(msg, bytes + 18, 82));
  OK(nats_msg_free(msg));
  put_sized(at.objects, "x", 9, 100);
  FAILS(NATS_ERR_OBJECT_CHANGED, try_get(at.objects, "x", options));
  free(bytes);
  leave_bucket(at);
}

TEST("object-28", "objects are read in pieces of any size, to an end that stays") {
  static const size_t PIECES[] = {1, 1000, 131072, 200000};
  struct bucket at = start_bucket();
  uint8_t *bytes = content(300000), *buffer = (uint8_t *)malloc(300000);
  put_sized(at.objects, "x", 1000, 300000);
  for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; ++i) {
    size_t size = PIECES[i] == 1 ? 3000 : 300000, done = 0, count = 1;
    nats_object_reader *reader = reader_of(at.objects, "x", "");
    for (; done < size; done += count) {
      size_t cap = size - done < PIECES[i] ? size - done : PIECES[i];
      OK(nats_object_reader_read(reader, buffer + done, cap, &count, E));
      EXPECT(count > 0 && count <= cap);
    }
    EXPECT(!memcmp(buffer, bytes, size));
    nats_msg *msg = NULL;
    for (int again = 0; size == 300000 && again < 2; ++again) {
      OK(nats_object_reader_read(reader, buffer, 1, &count, E));
      EXPECT_INT(count, 0);
      OK(nats_object_reader_next(reader, &msg, E));
      EXPECT(msg == NULL);
    }
    if (size == 3000) {
      /* What is left of a chunk is the next one. */
      OK(nats_object_reader_next(reader, &msg, E));
      EXPECT(is_content(msg, bytes + 3000, 1000));
      OK(nats_msg_free(msg));
    }
    FAILS(NATS_ERR_INVALID_ARGUMENT, nats_object_reader_read(reader, buffer, 0, &count, E));
    OK(nats_object_reader_free(reader));
  }
  free(bytes);
  free(buffer);
  leave_bucket(at);
}

struct progress {
  int count;
  uint64_t bytes[8], total[8];
};

static void note(uint64_t bytes, uint64_t total, void *user) {
  struct progress *progress = (struct progress *)user;
  if (progress->count < 8) {
    progress->bytes[progress->count] = bytes;
    progress->total[progress->count] = total;
  }
  ++progress->count;
}

static void expect_progress(const struct progress *progress) {
  static const uint64_t BYTES[] = {131072, 262144, 300000};
  EXPECT_INT(progress->count, 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_INT(progress->bytes[i], BYTES[i]);
    EXPECT_INT(progress->total[i], 300000);
  }
}

TEST("object-29", "whoever puts and gets files is told of the bytes so far and of all") {
  struct bucket at = start_bucket();
  struct progress up = {0}, down = {0}, part = {0};
  struct folder folder = folder_new();
  folder_write(&folder, "source", 300000);
  OK(nats_object_put_file(at.objects, S("x"), NONE, S(path_in(&folder, "source")), NONE, note, &up,
                          NULL, E));
  expect_progress(&up);
  OK(nats_object_get_file(at.objects, S("x"), S(path_in(&folder, "target")), NONE, note, &down,
                          NULL, E));
  expect_progress(&down);
  OK(nats_object_get_file(at.objects, S("x"), S(path_in(&folder, "target")),
                          S("{\"offset\":200000,\"length\":100}"), note, &part, NULL, E));
  EXPECT_INT(part.count, 1);
  EXPECT_INT(part.bytes[0], 100);
  EXPECT_INT(part.total[0], 100);
  folder_free(&folder);
  leave_bucket(at);
}

static nats_status put_file(nats_object_store *objects, const char *path) {
  return nats_object_put_file(objects, S("x"), NONE, S(path), NONE, NULL, NULL, NULL, E);
}

static nats_status get_file(nats_object_store *objects, const char *path, const char *options) {
  return nats_object_get_file(objects, S("x"), S(path), S(options), NULL, NULL, NULL, E);
}

TEST("object-30", "a file is put, and got in the place of the one that was there") {
  struct bucket at = start_bucket();
  struct folder folder = folder_new();
  uint8_t *bytes = content(300000);
  folder_write(&folder, "source", 300000);
  folder_write(&folder, "target", 3);
  OK(put_file(at.objects, path_in(&folder, "source")));
  OK(get_file(at.objects, path_in(&folder, "target"), ""));
  EXPECT(file_is(path_in(&folder, "target"), bytes, 300000));
  OK(get_file(at.objects, path_in(&folder, "target"), "{\"offset\":299990,\"length\":5}"));
  EXPECT(file_is(path_in(&folder, "target"), bytes + 299990, 5));
  FAILS(NATS_ERR_IO, put_file(at.objects, path_in(&folder, "missing")));
  FAILS(NATS_ERR_IO, get_file(at.objects, path_in(&folder, "none/target"), ""));
  FAILS(NATS_ERR_IO, get_file(at.objects, folder.path, ""));
  EXPECT_INT(folder_count(&folder), 2);
  free(bytes);
  folder_free(&folder);
  leave_bucket(at);
}

/* The most memory that the process has had since the last call, above what it has now. */
static long peak_kib(bool begin) {
  char text[4096], *line;
  FILE *file = fopen("/proc/self/status", "r");
  size_t len = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[len] = 0;
  line = strstr(text, begin ? "VmRSS:" : "VmHWM:");
  if (begin && (file = fopen("/proc/self/clear_refs", "w"))) {
    fputs("5", file);
    fclose(file);
  }
  return line ? strtol(line + 6, NULL, 10) : 0;
}

TEST("object-31", "an object of 256 MiB is put and read in less than 16 MiB") {
  enum { MIB = 256, MOST_KIB = 16 << 10 };
  struct bucket at = start_bucket();
  uint64_t size = 0;
  uint8_t *block = content(1 << 20);
  long before = peak_kib(true);
  nats_object_writer *writer = writer_of(at.objects, "x", "", "");
  for (int i = 0; i < MIB; ++i) write_bytes(writer, block, 1 << 20);
  OK(nats_object_writer_finish(writer, NULL, E));
  OK(nats_object_writer_free(writer));
  if (MEASURES_MEMORY) EXPECT(peak_kib(false) - before < MOST_KIB);
  before = peak_kib(true);
  nats_object_reader *idle = reader_of(at.objects, "x", "");
  OK(read_on(reader_of(at.objects, "x", ""), &size));
  EXPECT_INT(size, (int64_t)MIB << 20);
  if (MEASURES_MEMORY) EXPECT(peak_kib(false) - before < 2 * MOST_KIB);
  OK(nats_object_reader_free(idle));
  free(block);
  leave_bucket(at);
}
