/* An interpreter that has loaded the package: its connections, and how its commands are called. */
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "service.h"

static const char ASSOC[] = "nats";

/* Memory for what other threads may free, too, which Tcl's own allocator is not made for. */
void *allocate(size_t size) {
  void *memory = malloc(size);
  if (!memory) Tcl_Panic("out of memory");
  return memory;
}

static void free_home(Home *home) {
  for (int i = 0; i < WORD_COUNT; i++) Tcl_DecrRefCount(home->words[i]);
  headers_forget(home);
  Tcl_DeleteHashTable(&home->conns);
  loop_release(home->loop);
  free(home);
}

void home_release(Home *home) {
  if (--home->refs == 0) free_home(home);
}

void target_hold(Target *target) {
  target->refs++;
}

void target_release(Target *target) {
  if (--target->refs > 0) return;
  Home *home = target->home;
  switch (target->kind) {
    case OF_OP:
      op_free((Op *)target);
      break;
    case OF_SUB:
      sub_free((Sub *)target);
      break;
    case OF_CONN:
      conn_free((Conn *)target);
      break;
    case OF_JS:
      js_free((Js *)target);
      break;
    case OF_KV:
      kv_free((Kv *)target);
      break;
    case OF_FLOW:
      flow_free((Flow *)target);
      break;
    case OF_SERVICE:
      service_free((Service *)target);
      break;
  }
  home_release(home);
}

/* The interpreter goes: nothing of it is called any more, and its connections close behind it. */
static void forget_home(ClientData data, Tcl_Interp *interp) {
  Home *home = data;
  Tcl_HashSearch search;
  Tcl_HashEntry *entry;
  (void)interp;
  home->dead = 1;
  while (home->ops) op_forget(home->ops);
  while ((entry = Tcl_FirstHashEntry(&home->conns, &search)) != NULL) {
    conn_close(Tcl_GetHashValue(entry), NATS_ERR_CANCELLED);
  }
  home_release(home);
}

static Home *make_home(Tcl_Interp *interp) {
  static const char *const WORDS[WORD_COUNT] = {
      "header", "data", "subject", "reply", "sub_id", "error", "",
      "::nats::core::await", "::nats::core::take_later",
      "bucket", "key", "value", "revision", "created", "delta", "operation", "size", "request",
      "PUT", "DEL", "PURGE",
  };
  Loop *loop = loop_get(interp);
  if (!loop) return NULL;
  Home *home = allocate(sizeof *home);
  home->refs = 1;
  home->dead = 0;
  home->next_conn = 0;
  home->next_request = 0;
  home->interp = interp;
  home->loop = loop;
  home->ops = NULL;
  loop_hold(loop);
  Tcl_InitHashTable(&home->conns, TCL_ONE_WORD_KEYS);
  for (int i = 0; i < WORD_COUNT; i++) {
    home->words[i] = Tcl_NewStringObj(WORDS[i], -1);
    Tcl_IncrRefCount(home->words[i]);
  }
  memset(home->seen, 0, sizeof home->seen);
  Tcl_SetAssocData(interp, ASSOC, forget_home, home);
  return home;
}

/* The interpreter's home, made on first use; NULL leaves an error in the interpreter. */
Home *home_get(Tcl_Interp *interp) {
  Home *home = Tcl_GetAssocData(interp, ASSOC, NULL);
  if (home) return home;
  if (!Tcl_InterpDeleted(interp)) return make_home(interp);
  fail(interp, NATS_ERR_CANCELLED, NULL);
  return NULL;
}

/* NULL, and the error that there is no connection. */
Conn *no_conn(Tcl_Interp *interp) {
  Tcl_Obj *text = Tcl_NewStringObj("No connection to NATS server", -1);
  fail_with(interp, NATS_ERR_CONNECTION_CLOSED, text);
  return NULL;
}

/* The connection with this number; NULL leaves an error in the interpreter. */
Conn *home_conn(Home *home, Tcl_Obj *id) {
  int number;
  if (Tcl_GetIntFromObj(NULL, id, &number) == TCL_OK) {
    void *key = (void *)(intptr_t)number;
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&home->conns, key);
    if (entry) return Tcl_GetHashValue(entry);
  }
  return no_conn(home->interp);
}

static void call_words(Home *home, Tcl_Size count, Tcl_Obj *const *words) {
  Tcl_Interp *interp = home->interp;
  Tcl_Preserve(interp);
  home->refs++;
  const int code = Tcl_EvalObjv(interp, count, words, TCL_EVAL_GLOBAL);
  if (code != TCL_OK) Tcl_BackgroundException(interp, code);
  Tcl_Release(interp);
  home_release(home);
}

/* Calls a command prefix that prefix_value() has made with more arguments at global level; its
 * error goes to bgerror. */
void home_call(Home *home, Tcl_Obj *prefix, int count, Tcl_Obj *const *args) {
  enum { ROOM = 16 };
  Tcl_Obj *room[ROOM], **words = room, **first;
  Tcl_Size length;
  for (int i = 0; i < count; i++) Tcl_IncrRefCount(args[i]);
  if (!home->dead && !Tcl_InterpDeleted(home->interp) &&
      Tcl_ListObjGetElements(NULL, prefix, &length, &first) == TCL_OK) {
    const size_t all = (size_t)length + (size_t)count;
    if (all > ROOM) words = allocate(all * sizeof *words);
    memcpy(words, first, (size_t)length * sizeof *words);
    memcpy(words + length, args, (size_t)count * sizeof *words);
    Tcl_IncrRefCount(prefix);
    call_words(home, (Tcl_Size)all, words);
    Tcl_DecrRefCount(prefix);
    if (words != room) free(words);
  }
  for (int i = 0; i < count; i++) Tcl_DecrRefCount(args[i]);
}
