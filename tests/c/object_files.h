/* Files of the tests of objects, in a folder of their own. */
#ifndef OBJECT_FILES_H
#define OBJECT_FILES_H

#include <dirent.h>
#include <unistd.h>

#include "objects.h"

struct folder {
  char path[64];
  char file[384]; /* the last answer of path_in() */
};

static inline struct folder folder_new(void) {
  struct folder folder = {"/tmp/nats-ffi-objects-XXXXXX", ""};
  EXPECT(mkdtemp(folder.path) != NULL);
  return folder;
}

static inline const char *path_in(struct folder *folder, const char *name) {
  snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, name);
  return folder->file;
}

static inline void folder_write(struct folder *folder, const char *name, size_t size) {
  uint8_t *bytes = content(size);
  FILE *file = fopen(path_in(folder, name), "wb");
  EXPECT(file != NULL);
  EXPECT(fwrite(bytes, 1, size, file) == size);
  EXPECT(fclose(file) == 0);
  free(bytes);
}

static inline bool file_is(const char *path, const uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  uint8_t *got = (uint8_t *)malloc(size + 1);
  bool same = fread(got, 1, size + 1, file) == size && memcmp(got, bytes, size) == 0;
  fclose(file);
  free(got);
  return same;
}

/* How many files there are, hidden ones too; they may be removed. */
static inline int folder_look(struct folder *folder, bool remove_them) {
  int count = 0;
  DIR *dir = opendir(folder->path);
  struct dirent *entry;
  while ((entry = readdir(dir))) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    ++count;
    if (remove_them) unlink(path_in(folder, entry->d_name));
  }
  closedir(dir);
  return count;
}

static inline int folder_count(struct folder *folder) { return folder_look(folder, false); }

static inline void folder_free(struct folder *folder) {
  folder_look(folder, true);
  rmdir(folder->path);
}

#endif
