/*
 * -custom_reconnect_delay: the library asks on a delivery thread, the interpreter answers in its
 * own. The question waits until it is answered, the connection is given up, or ten seconds have
 * passed; then the usual back-off applies.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "nats_tcl.h"

enum { PATIENCE_S = 10 };

struct Delay {
  int refs;    /* of the interpreter's thread and of the library */
  int stopped;
  Loop *loop;
  Home *home;       /* its thread only */
  Tcl_Obj *command; /* its thread only */
};

typedef struct Question {
  struct Question *next;
  Delay *delay;
  uint64_t number;
  uint32_t attempts;
  int asked;
  int answered;
  int64_t ms;
} Question;

/* Guards everything here but what belongs to one thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Question *questions;
static uint64_t next_number;
static int all_stopped;
/* Lets a loop without questions pass without the lock. */
static atomic_int open_questions;

static void release(Delay *delay) {
  pthread_mutex_lock(&lock);
  const int last = --delay->refs == 0;
  pthread_mutex_unlock(&lock);
  if (!last) return;
  loop_release(delay->loop);
  free(delay);
}

/* A delay procedure, to be ended with delay_stop(). */
Delay *delay_new(Home *home, Tcl_Obj *command) {
  Delay *delay = allocate(sizeof *delay);
  delay->refs = 1;
  delay->stopped = 0;
  delay->loop = home->loop;
  delay->home = home;
  delay->command = command;
  home->refs++;
  loop_hold(home->loop);
  Tcl_IncrRefCount(command);
  return delay;
}

static void remove_question(const Question *question) {
  Question **slot = &questions;
  while (*slot != question) slot = &(*slot)->next;
  *slot = question->next;
  atomic_fetch_sub(&open_questions, 1);
}

/* Runs on a delivery thread. */
static int64_t ask(uint32_t attempts, void *user) {
  Delay *delay = user;
  Question question = {.delay = delay, .attempts = attempts, .ms = -1};
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += PATIENCE_S;
  pthread_mutex_lock(&lock);
  question.number = ++next_number;
  question.next = questions;
  questions = &question;
  atomic_fetch_add(&open_questions, 1);
  pthread_mutex_unlock(&lock);
  loop_wake(delay->loop);
  pthread_mutex_lock(&lock);
  int waited = 0;
  while (!question.answered && !delay->stopped && !all_stopped && waited != ETIMEDOUT) {
    waited = pthread_cond_timedwait(&changed, &lock, &deadline);
  }
  remove_question(&question);
  pthread_mutex_unlock(&lock);
  return question.ms;
}

static void drop(void *user) {
  release(user);
}

/* Makes connections with these options ask. */
nats_status delay_install(Delay *delay, nats_options *options, nats_error **err) {
  pthread_mutex_lock(&lock);
  delay->refs++;
  pthread_mutex_unlock(&lock);
  return nats_options_on_reconnect_delay(options, ask, delay, drop, err);
}

/* No question is asked any more, and one that waits is over. */
void delay_stop(Delay *delay) {
  pthread_mutex_lock(&lock);
  delay->stopped = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  Tcl_DecrRefCount(delay->command);
  home_release(delay->home);
  release(delay);
}

/* Ends all questions, for the process exits. */
void delay_stop_all(void) {
  pthread_mutex_lock(&lock);
  all_stopped = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* Calls the command; -1 when it does not return a number. */
static int64_t call(Delay *delay, uint32_t attempts) {
  Home *home = delay->home;
  Tcl_Interp *interp = home->interp;
  Tcl_WideInt ms = -1;
  if (home->dead || Tcl_InterpDeleted(interp)) return -1;
  Tcl_Obj *command = Tcl_DuplicateObj(delay->command);
  Tcl_IncrRefCount(command);
  Tcl_ListObjAppendElement(NULL, command, Tcl_NewWideIntObj(attempts));
  Tcl_Preserve(interp);
  int code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
  if (code == TCL_OK) code = Tcl_GetWideIntFromObj(interp, Tcl_GetObjResult(interp), &ms);
  if (code != TCL_OK) {
    ms = -1;
    Tcl_BackgroundException(interp, code);
  }
  Tcl_Release(interp);
  Tcl_DecrRefCount(command);
  return ms;
}

static Question *find(Loop *loop, uint64_t number) {
  Question *question = questions;
  while (question && !(number ? question->number == number
                              : question->delay->loop == loop && !question->asked)) {
    question = question->next;
  }
  return question;
}

/* Whether a connection of this thread asks. */
int delay_waiting(Loop *loop) {
  if (atomic_load(&open_questions) == 0) return 0;
  pthread_mutex_lock(&lock);
  const int waiting = find(loop, 0) != NULL;
  pthread_mutex_unlock(&lock);
  return waiting;
}

/* Answers one question of this thread's connections. */
void delay_answer(Loop *loop) {
  if (atomic_load(&open_questions) == 0) return;
  pthread_mutex_lock(&lock);
  Question *question = find(loop, 0);
  if (!question || question->delay->stopped) {
    if (question) question->asked = 1;
    pthread_mutex_unlock(&lock);
    return;
  }
  Delay *delay = question->delay;
  const uint64_t number = question->number;
  const uint32_t attempts = question->attempts;
  question->asked = 1;
  delay->refs++;
  pthread_mutex_unlock(&lock);
  const int64_t ms = call(delay, attempts);
  pthread_mutex_lock(&lock);
  question = find(loop, number);
  if (question) {
    question->ms = ms;
    question->answered = 1;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  release(delay);
}
