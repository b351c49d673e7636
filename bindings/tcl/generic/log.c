/*
 * nats::set_log: the library's own log. Records come on a delivery thread and are handed to the
 * command in the thread that has set it, which need not have a connection.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nats_tcl.h"

/* Beyond that the oldest are dropped. */
enum { BACKLOG = 1024 };

typedef struct Record {
  struct Record *next;
  int32_t level;
  size_t length;
  char text[];
} Record;

static const char *const levels[] = {"none", "error", "warn", "info", "debug", "trace", NULL};

/* Guards what follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Record *first, **last = &first;
static int count;
static Loop *listener; /* whose thread has set the command */
static Home *home;     /* its thread only, and the command, too */
static Tcl_Obj *command;
/* Lets a loop pass without the lock. */
static atomic_int waiting;

static Record *take(Loop *loop) {
  pthread_mutex_lock(&lock);
  Record *record = listener == loop ? first : NULL;
  if (record) {
    first = record->next;
    if (!first) last = &first;
    count--;
    atomic_store(&waiting, count);
  }
  pthread_mutex_unlock(&lock);
  return record;
}

/* Runs on a delivery thread. */
static void put(int32_t level, nats_str text, void *user) {
  Record *record = allocate(sizeof *record + text.len);
  (void)user;
  record->next = NULL;
  record->level = level;
  record->length = text.len;
  memcpy(record->text, text.ptr, text.len);
  pthread_mutex_lock(&lock);
  Record *dropped = count >= BACKLOG ? first : NULL;
  if (dropped) {
    first = dropped->next;
    if (!first) last = &first;
    count--;
  }
  *last = record;
  last = &record->next;
  atomic_store(&waiting, ++count);
  Loop *loop = listener;
  if (loop) loop_wake(loop);
  pthread_mutex_unlock(&lock);
  free(dropped);
}

static void clear(void) {
  while (first) {
    Record *next = first->next;
    free(first);
    first = next;
  }
  last = &first;
  count = 0;
  atomic_store(&waiting, 0);
}

/* Whether there are records for this thread. */
int log_waiting(Loop *loop) {
  if (atomic_load(&waiting) == 0) return 0;
  pthread_mutex_lock(&lock);
  const int mine = listener == loop && first != NULL;
  pthread_mutex_unlock(&lock);
  return mine;
}

/* Hands over the records that are there for this thread. */
void log_deliver(Loop *loop) {
  if (!log_waiting(loop)) return;
  if (home->dead) {
    log_forget(loop);
    return;
  }
  Home *target = home;
  Tcl_Obj *prefix = command;
  target->refs++;
  Tcl_IncrRefCount(prefix);
  for (int left = BACKLOG; left > 0; left--) {
    Record *record = take(loop);
    if (!record) break;
    Tcl_Obj *words[] = {Tcl_NewStringObj(levels[record->level], -1),
                        text_value(record->text, record->length)};
    free(record);
    Tcl_IncrRefCount(words[0]);
    Tcl_IncrRefCount(words[1]);
    home_call(target, prefix, 2, words);
    Tcl_DecrRefCount(words[0]);
    Tcl_DecrRefCount(words[1]);
  }
  Tcl_DecrRefCount(prefix);
  home_release(target);
}

/* The thread ends, or listens no more. */
void log_forget(Loop *loop) {
  pthread_mutex_lock(&lock);
  const int mine = listener == loop;
  if (mine) {
    listener = NULL;
    clear();
  }
  pthread_mutex_unlock(&lock);
  if (!mine) return;
  nats_log_set(0, NULL, NULL, NULL, NULL);
  Tcl_DecrRefCount(command);
  home_release(home);
  command = NULL;
  home = NULL;
}

static int taken_elsewhere(Loop *loop) {
  pthread_mutex_lock(&lock);
  const int other = listener && listener != loop;
  pthread_mutex_unlock(&lock);
  return other;
}

/* set_log LEVEL COMMAND */
static int set_log_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_error *err = NULL;
  Tcl_Obj *prefix;
  int level;
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "level command");
    return TCL_ERROR;
  }
  Home *target = home_get(interp);
  if (!target || Tcl_GetIndexFromObj(interp, objv[1], levels, "level", TCL_EXACT, &level) != TCL_OK) {
    return TCL_ERROR;
  }
  if (taken_elsewhere(target->loop)) return fail_arg(interp, "another thread listens to the log");
  if (level > 0 && prefix_arg(interp, objv[2], &prefix) != TCL_OK) return TCL_ERROR;
  log_forget(target->loop);
  if (level == 0) return TCL_OK;
  command = prefix_value(prefix);
  home = target;
  home->refs++;
  pthread_mutex_lock(&lock);
  listener = target->loop;
  pthread_mutex_unlock(&lock);
  nats_status status = nats_log_set(level, put, NULL, NULL, &err);
  if (status == NATS_OK) return TCL_OK;
  log_forget(target->loop);
  return fail(interp, status, err);
}

void log_commands(Tcl_Interp *interp) {
  add_command(interp, "set_log", set_log_cmd);
}
