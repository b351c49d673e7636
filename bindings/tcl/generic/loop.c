/*
 * The event source of a Tcl thread: one queue of the library for all its connections.
 *
 * The wake hook sets a flag and alerts the thread; it fires once per batch, when the queue stops
 * being empty. The thread's next look at its event sources then puts one Tcl event in line, whose
 * procedure takes the whole batch. It calls back a bounded number of times before the rest of the
 * event loop has its turn again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "nats_tcl.h"

enum { EVENTS = 256, CALLBACKS = 256, EXIT_S = 2 };

/* A completion or connection event that waits for its turn. */
typedef struct Due {
  struct Due *next;
  Target *target;
  nats_event event;
} Due;

struct Loop {
  nats_queue *queue;
  Tcl_ThreadId thread;
  atomic_int refs;
  atomic_int awake;
  int queued;
  uint64_t next_token;
  Tcl_HashTable targets;
  Due *first;
  Due **last;
  Ready ready;
};

/* Guards the calls into Tcl from other threads: none is made once the process is exiting. */
static pthread_mutex_t alerts = PTHREAD_MUTEX_INITIALIZER;
static int closing;

static Loop **current_loop(void) {
  static Tcl_ThreadDataKey key;
  return Tcl_GetThreadData(&key, sizeof(Loop *));
}

nats_queue *loop_queue(Loop *loop) {
  return loop->queue;
}

Ready *loop_ready(Loop *loop) {
  return &loop->ready;
}

/* Makes the thread look at its queue. Any thread. */
void loop_wake(Loop *loop) {
  atomic_store(&loop->awake, 1);
  pthread_mutex_lock(&alerts);
  if (!closing) Tcl_ThreadAlert(loop->thread);
  pthread_mutex_unlock(&alerts);
}

void loop_hold(Loop *loop) {
  atomic_fetch_add(&loop->refs, 1);
}

void loop_release(Loop *loop) {
  if (atomic_fetch_sub(&loop->refs, 1) == 1) free(loop);
}

static void on_wake(void *user) {
  loop_wake(user);
}

static void drop_hook(void *user) {
  loop_release(user);
}

/* Gives the target a token of its own. The table owns one reference. */
void loop_add(Loop *loop, Target *target) {
  int is_new;
  target->token = ++loop->next_token;
  void *key = (void *)(uintptr_t)target->token;
  Tcl_SetHashValue(Tcl_CreateHashEntry(&loop->targets, key, &is_new), target);
  target_hold(target);
}

void loop_remove(Loop *loop, Target *target) {
  void *key = (void *)(uintptr_t)target->token;
  Tcl_HashEntry *entry = Tcl_FindHashEntry(&loop->targets, key);
  if (!entry) return;
  Tcl_DeleteHashEntry(entry);
  target_release(target);
}

Target *loop_find(Loop *loop, uint64_t token) {
  Tcl_HashEntry *entry = Tcl_FindHashEntry(&loop->targets, (void *)(uintptr_t)token);
  return entry ? Tcl_GetHashValue(entry) : NULL;
}

static void put_due(Loop *loop, Target *target, const nats_event *event) {
  Due *due = allocate(sizeof *due);
  due->next = NULL;
  due->target = target;
  due->event = *event;
  target_hold(target);
  *loop->last = due;
  loop->last = &due->next;
}

/* An event for a token that is gone. Operations that yield handles keep theirs to the end. */
static void discard(const nats_event *event) {
  if (event->kind == NATS_EVENT_CONNECTION) nats_doc_free(event->value);
  if (event->status != NATS_OK) nats_error_free(event->value);
}

static void settle(Due *due) {
  switch (due->event.kind) {
    case NATS_EVENT_COMPLETION:
      op_complete((Op *)due->target, &due->event);
      break;
    case NATS_EVENT_READY:
      if (due->target->kind == OF_JS) {
        js_outcomes((Js *)due->target);
      } else {
        sub_wake((Sub *)due->target);
      }
      break;
    default:
      conn_event((Conn *)due->target, &due->event);
      break;
  }
}

/* Takes what the queue holds. Returns whether there may be more. */
static int poll_queue(Loop *loop) {
  nats_event events[EVENTS];
  size_t count = 0;
  if (nats_queue_poll(loop->queue, events, EVENTS, 0, &count, NULL) != NATS_OK) return 0;
  for (size_t i = 0; i < count; i++) {
    Target *target = loop_find(loop, events[i].token);
    if (target && target->kind == OF_SUB && events[i].kind == NATS_EVENT_READY &&
        sub_ready((Sub *)target)) {
      continue;
    }
    if (target) {
      put_due(loop, target, &events[i]);
    } else {
      discard(&events[i]);
    }
  }
  return count == EVENTS;
}

/* Settles what the last look at the queue has brought; how much. */
static int settle_all(Loop *loop) {
  int count = 0;
  for (; loop->first; count++) {
    Due *due = loop->first;
    loop->first = due->next;
    if (!loop->first) loop->last = &loop->first;
    settle(due);
    target_release(due->target);
    free(due);
  }
  return count;
}

/* Messages come first: what had arrived before an operation ended is delivered before it. Goes on
 * with what arrives meanwhile, for another turn of the event loop costs more than a callback. */
static void pump(Loop *loop) {
  int calls = 0;
  do {
    atomic_store(&loop->awake, 0);
    /* The hook does not fire again for what is left in the queue. */
    if (poll_queue(loop)) atomic_store(&loop->awake, 1);
    asked_answer(loop);
    log_deliver(loop);
    calls += sub_deliver(loop, CALLBACKS - calls);
    calls += settle_all(loop);
  } while (calls < CALLBACKS && atomic_load(&loop->awake));
}

/* Also runs while another one of the same thread is under way, when a callback enters the event
 * loop: all that is left to do is in the Loop. */
static int serve(Tcl_Event *event, int flags) {
  (void)event;
  Loop *loop = *current_loop();
  if (!(flags & TCL_FILE_EVENTS)) return 0;
  if (!loop) return 1;
  loop_hold(loop);
  loop->queued = 0;
  pump(loop);
  loop_release(loop);
  return 1;
}

/* What one call has not done is left to the next, also while a callback turns the event loop. */
static int has_work(Loop *loop) {
  return atomic_load(&loop->awake) || loop->ready.first || loop->first || asked_waiting(loop) ||
         log_waiting(loop);
}

static void setup(ClientData data, int flags) {
  Loop *loop = data;
  Tcl_Time now = {0, 0};
  if ((flags & TCL_FILE_EVENTS) && has_work(loop)) Tcl_SetMaxBlockTime(&now);
}

static void check(ClientData data, int flags) {
  Loop *loop = data;
  if (!(flags & TCL_FILE_EVENTS) || loop->queued || !has_work(loop)) return;
  Tcl_Event *event = (Tcl_Event *)Tcl_Alloc(sizeof *event);
  event->proc = serve;
  event->nextPtr = NULL;
  loop->queued = 1;
  Tcl_QueueEvent(event, TCL_QUEUE_TAIL);
}

static Conn *any_connection(Loop *loop) {
  Tcl_HashSearch search;
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&loop->targets, &search);
  while (entry && ((Target *)Tcl_GetHashValue(entry))->kind != OF_CONN) {
    entry = Tcl_NextHashEntry(&search);
  }
  return entry ? Tcl_GetHashValue(entry) : NULL;
}

static void at_thread_exit(ClientData data) {
  Loop *loop = data;
  Conn *conn;
  Tcl_HashSearch search;
  Tcl_HashEntry *entry;
  Tcl_DeleteEventSource(setup, check, loop);
  log_forget(loop);
  *current_loop() = NULL;
  while ((conn = any_connection(loop)) != NULL) conn_close(conn, NATS_ERR_CANCELLED);
  while ((entry = Tcl_FirstHashEntry(&loop->targets, &search)) != NULL) {
    loop_remove(loop, Tcl_GetHashValue(entry));
  }
  Tcl_DeleteHashTable(&loop->targets);
  nats_queue_free(loop->queue);
  loop_release(loop);
}

/* Nobody is alerted any more. What this thread has published is written, as far as that takes no
 * longer than a program may be expected to wait for its end; other threads just end. */
static void at_process_exit(ClientData data) {
  Loop *loop = *current_loop();
  Tcl_HashSearch search;
  Tcl_Time start, now;
  (void)data;
  pthread_mutex_lock(&alerts);
  closing = 1;
  pthread_mutex_unlock(&alerts);
  asked_stop_all();
  if (!loop) return;
  Tcl_GetTime(&start);
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&loop->targets, &search);
  for (; entry; entry = Tcl_NextHashEntry(&search)) {
    Target *target = Tcl_GetHashValue(entry);
    if (target->kind == OF_CONN) nats_connection_close(((Conn *)target)->nc, NULL);
    Tcl_GetTime(&now);
    if (now.sec - start.sec >= EXIT_S) break;
  }
}

static void once_per_process(void) {
  static int done;
  pthread_mutex_lock(&alerts);
  if (!done) Tcl_CreateExitHandler(at_process_exit, NULL);
  done = 1;
  pthread_mutex_unlock(&alerts);
}

/* The loop of the calling thread, made on first use; NULL leaves an error in the interpreter. */
Loop *loop_get(Tcl_Interp *interp) {
  nats_error *err = NULL;
  Loop **slot = current_loop();
  if (*slot) return *slot;
  Loop *loop = allocate(sizeof *loop);
  nats_status status = nats_queue_new(&loop->queue, &err);
  if (status != NATS_OK) {
    free(loop);
    fail(interp, status, err);
    return NULL;
  }
  loop->thread = Tcl_GetCurrentThread();
  atomic_init(&loop->refs, 2); /* of the thread and of the hook */
  atomic_init(&loop->awake, 0);
  loop->queued = 0;
  loop->next_token = 0;
  loop->first = NULL;
  loop->last = &loop->first;
  loop->ready.first = loop->ready.last = NULL;
  Tcl_InitHashTable(&loop->targets, TCL_ONE_WORD_KEYS);
  nats_queue_on_wake(loop->queue, on_wake, loop, drop_hook, NULL);
  once_per_process();
  Tcl_CreateEventSource(setup, check, loop);
  Tcl_CreateThreadExitHandler(at_thread_exit, loop);
  *slot = loop;
  return loop;
}
