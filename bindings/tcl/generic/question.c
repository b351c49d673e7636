/*
 * What a connection asks the program: -custom_reconnect_delay, -on_login, -on_certificate,
 * -on_ws_headers, -on_pick_server. The library asks on a delivery thread, the interpreter answers in
 * its own. The question waits until it is answered, the connection is given up, or ten seconds have
 * passed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nats_tcl.h"

enum { PATIENCE_S = 10 };

typedef enum { ASK_DELAY, ASK_LOGIN, ASK_CERTIFICATE, ASK_WS_HEADERS, ASK_PICK, ASK_COUNT } Ask;

/* The names by which `connect` has the commands. */
static const char *const names[] = {"reconnect_delay", "login", "certificate", "ws_headers",
                                    "pick_server", NULL};

/* What the library holds for one kind of question. */
typedef struct {
  Asked *asked;
  Ask ask;
} Hook;

struct Asked {
  int refs;    /* of the interpreter's thread and of the library */
  int stopped;
  Loop *loop;
  Home *home;                   /* its thread only */
  Tcl_Obj *commands[ASK_COUNT]; /* its thread only; NULL: not asked */
  Hook hooks[ASK_COUNT];
};

typedef struct Question {
  struct Question *next;
  Asked *asked;
  Ask ask;
  uint64_t number;
  nats_question *handle; /* NULL for a delay; valid until the question is over */
  uint32_t attempts;
  int taken;
  int answered;
  int64_t ms;
} Question;

/* Guards everything here but what belongs to one thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Waits by a clock that nobody sets. */
static pthread_cond_t changed;
static pthread_once_t changed_made = PTHREAD_ONCE_INIT;
static Question *questions;
static uint64_t next_number;
static int all_stopped;
/* Lets a loop without questions pass without the lock. */
static atomic_int open_questions;

static void make_changed(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

static void release(Asked *asked) {
  pthread_mutex_lock(&lock);
  const int last = --asked->refs == 0;
  pthread_mutex_unlock(&lock);
  if (!last) return;
  loop_release(asked->loop);
  free(asked);
}

/* Who answers the questions of a connection, from a dictionary of commands by what they are asked;
 * to be ended with asked_stop(). NULL: the reason is the interpreter's result. */
Asked *asked_new(Home *home, Tcl_Obj *commands) {
  Tcl_Size count;
  Tcl_Obj **items, *prefix;
  int at;
  if (Tcl_ListObjGetElements(home->interp, commands, &count, &items) != TCL_OK) return NULL;
  pthread_once(&changed_made, make_changed);
  Asked *asked = allocate(sizeof *asked);
  memset(asked, 0, sizeof *asked);
  asked->refs = 1;
  asked->loop = home->loop;
  asked->home = home;
  home->refs++;
  loop_hold(home->loop);
  for (Tcl_Size i = 0; i + 1 < count; i += 2) {
    if (Tcl_GetIndexFromObj(home->interp, items[i], names, "question", TCL_EXACT, &at) != TCL_OK ||
        prefix_arg(home->interp, items[i + 1], &prefix) != TCL_OK) {
      asked_stop(asked);
      return NULL;
    }
    Tcl_IncrRefCount(prefix);
    asked->commands[at] = prefix;
  }
  return asked;
}

static void remove_question(const Question *question) {
  Question **slot = &questions;
  while (*slot != question) slot = &(*slot)->next;
  *slot = question->next;
  atomic_fetch_sub(&open_questions, 1);
}

/* Runs on a delivery thread, until the question is over. Whether it was answered. */
static int wait_for_answer(Question *question) {
  Asked *asked = question->asked;
  struct timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += PATIENCE_S;
  pthread_mutex_lock(&lock);
  question->number = ++next_number;
  question->next = questions;
  questions = question;
  atomic_fetch_add(&open_questions, 1);
  pthread_mutex_unlock(&lock);
  loop_wake(asked->loop);
  pthread_mutex_lock(&lock);
  int waited = 0;
  while (!question->answered && !asked->stopped && !all_stopped && waited != ETIMEDOUT) {
    waited = pthread_cond_timedwait(&changed, &lock, &deadline);
  }
  remove_question(question);
  pthread_mutex_unlock(&lock);
  return question->answered;
}

static int64_t ask_delay(uint32_t attempts, void *user) {
  Hook *hook = user;
  Question question = {.asked = hook->asked, .ask = ASK_DELAY, .attempts = attempts, .ms = -1};
  wait_for_answer(&question);
  return question.ms;
}

static void ask(nats_question *handle, void *user) {
  Hook *hook = user;
  Question question = {.asked = hook->asked, .ask = hook->ask, .handle = handle};
  if (wait_for_answer(&question) || hook->ask == ASK_PICK) return;
  nats_question_refuse(handle, NATS_STR("there was no answer"), NULL);
}

static void drop(void *user) {
  release(((Hook *)user)->asked);
}

static nats_status install(Hook *hook, nats_options *options, nats_error **err) {
  switch (hook->ask) {
    case ASK_DELAY:
      return nats_options_on_reconnect_delay(options, ask_delay, hook, drop, err);
    case ASK_LOGIN:
      return nats_options_on_login(options, ask, hook, drop, err);
    case ASK_CERTIFICATE:
      return nats_options_on_certificate(options, ask, hook, drop, err);
    case ASK_WS_HEADERS:
      return nats_options_on_ws_headers(options, ask, hook, drop, err);
    default:
      return nats_options_on_pick_server(options, ask, hook, drop, err);
  }
}

/* Makes connections with these options ask. */
nats_status asked_install(Asked *asked, nats_options *options, nats_error **err) {
  nats_status status = NATS_OK;
  for (int at = 0; at < ASK_COUNT && status == NATS_OK; at++) {
    if (!asked->commands[at]) continue;
    asked->hooks[at] = (Hook){.asked = asked, .ask = (Ask)at};
    pthread_mutex_lock(&lock);
    asked->refs++;
    pthread_mutex_unlock(&lock);
    status = install(&asked->hooks[at], options, err);
  }
  return status;
}

/* No question is asked any more, and one that waits is over. */
void asked_stop(Asked *asked) {
  pthread_mutex_lock(&lock);
  asked->stopped = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  for (int at = 0; at < ASK_COUNT; at++) {
    if (asked->commands[at]) Tcl_DecrRefCount(asked->commands[at]);
  }
  home_release(asked->home);
  release(asked);
}

/* Ends all questions, for the process exits. */
void asked_stop_all(void) {
  pthread_once(&changed_made, make_changed);
  pthread_mutex_lock(&lock);
  all_stopped = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* The names and values of a dictionary are the answer. A signature is bytes, all others are text. */
static int give(Tcl_Interp *interp, nats_question *handle, Tcl_Obj *answer) {
  Tcl_DString name, text;
  Tcl_Size count, length;
  Tcl_Obj **items;
  nats_error *err = NULL;
  nats_status status = NATS_OK;
  if (Tcl_ListObjGetElements(interp, answer, &count, &items) != TCL_OK) return TCL_ERROR;
  if (count % 2 != 0) return fail_arg(interp, "the answer to a connection must be a dictionary");
  Tcl_DStringInit(&name);
  Tcl_DStringInit(&text);
  for (Tcl_Size i = 0; i < count && status == NATS_OK; i += 2) {
    nats_bytes value;
    nats_str key = text_arg(items[i], &name);
    if (strcmp(Tcl_GetString(items[i]), "signature") == 0) {
      value.ptr = Tcl_GetByteArrayFromObj(items[i + 1], &length);
      value.len = (size_t)length;
    } else {
      nats_str view = text_arg(items[i + 1], &text);
      value = (nats_bytes){(const uint8_t *)view.ptr, view.len};
    }
    status = nats_question_answer(handle, key, value, &err);
  }
  Tcl_DStringFree(&name);
  Tcl_DStringFree(&text);
  /* Then the time is over, and there is nobody to be told. */
  if (status == NATS_ERR_INVALID_HANDLE) nats_error_free(err);
  return status == NATS_OK || status == NATS_ERR_INVALID_HANDLE ? TCL_OK : fail(interp, status, err);
}

/* What the question is about, as the argument of the command; NULL when it is over. */
static Tcl_Obj *about(const Question *question) {
  nats_str json;
  if (!question->handle) return Tcl_NewWideIntObj(question->attempts);
  if (nats_question_about(question->handle, &json, NULL) != NATS_OK) return NULL;
  return json_value(json);
}

/* Has the command answer; the delay, if that was asked. */
static int64_t call(const Question *question, Tcl_Obj *argument) {
  Asked *asked = question->asked;
  Home *home = asked->home;
  Tcl_Interp *interp = home->interp;
  Tcl_WideInt ms = -1;
  if (home->dead || Tcl_InterpDeleted(interp)) return -1;
  Tcl_Obj *command = Tcl_DuplicateObj(asked->commands[question->ask]);
  Tcl_IncrRefCount(command);
  Tcl_ListObjAppendElement(NULL, command, argument);
  Tcl_Preserve(interp);
  int code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
  if (code == TCL_OK) {
    Tcl_Obj *result = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(result);
    code = question->handle ? give(interp, question->handle, result)
                            : Tcl_GetWideIntFromObj(interp, result, &ms);
    Tcl_DecrRefCount(result);
  }
  if (code != TCL_OK) {
    ms = -1;
    if (question->handle) {
      nats_question_refuse(question->handle, NATS_STR("the command failed"), NULL);
    }
    Tcl_BackgroundException(interp, code);
  }
  Tcl_Release(interp);
  Tcl_DecrRefCount(command);
  return ms;
}

static Question *find(Loop *loop, uint64_t number) {
  Question *question = questions;
  while (question && !(number ? question->number == number
                              : question->asked->loop == loop && !question->taken)) {
    question = question->next;
  }
  return question;
}

/* Whether a connection of this thread asks. */
int asked_waiting(Loop *loop) {
  if (atomic_load(&open_questions) == 0) return 0;
  pthread_mutex_lock(&lock);
  const int waiting = find(loop, 0) != NULL;
  pthread_mutex_unlock(&lock);
  return waiting;
}

/* Answers one question of this thread's connections. */
void asked_answer(Loop *loop) {
  if (atomic_load(&open_questions) == 0) return;
  pthread_mutex_lock(&lock);
  Question *question = find(loop, 0);
  if (!question || question->asked->stopped) {
    if (question) question->taken = 1;
    pthread_mutex_unlock(&lock);
    return;
  }
  question->taken = 1;
  question->asked->refs++;
  /* The other thread may give up meanwhile, and its question with it. */
  const Question copy = *question;
  pthread_mutex_unlock(&lock);
  Tcl_Obj *argument = about(&copy);
  int64_t ms = -1;
  if (argument) {
    Tcl_IncrRefCount(argument);
    ms = call(&copy, argument);
    Tcl_DecrRefCount(argument);
  }
  pthread_mutex_lock(&lock);
  question = find(loop, copy.number);
  if (question) {
    question->ms = ms;
    question->answered = 1;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  release(copy.asked);
}
