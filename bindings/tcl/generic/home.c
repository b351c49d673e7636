/* An interpreter that has loaded the package: its connections, and how its commands are called. */
#include <stdlib.h>

#include "nats_tcl.h"

static const char ASSOC[] = "nats";

/* Memory for what other threads may free, too, which Tcl's own allocator is not made for. */
void *allocate(size_t size) {
  void *memory = malloc(size);
  if (!memory) Tcl_Panic("out of memory");
  return memory;
}

static void free_home(Home *home) {
  for (int i = 0; i < KEY_COUNT; i++) Tcl_DecrRefCount(home->keys[i]);
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
  static const char *const WORDS[KEY_COUNT] = {"header", "data",   "subject",
                                               "reply",  "sub_id", "error"};
  Loop *loop = loop_get(interp);
  if (!loop) return NULL;
  Home *home = allocate(sizeof *home);
  home->refs = 1;
  home->dead = 0;
  home->next_conn = 0;
  home->interp = interp;
  home->loop = loop;
  home->ops = NULL;
  loop_hold(loop);
  Tcl_InitHashTable(&home->conns, TCL_ONE_WORD_KEYS);
  for (int i = 0; i < KEY_COUNT; i++) {
    home->keys[i] = Tcl_NewStringObj(WORDS[i], -1);
    Tcl_IncrRefCount(home->keys[i]);
  }
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

/* The connection with this number; NULL leaves an error in the interpreter. */
Conn *home_conn(Home *home, Tcl_Obj *id) {
  int number;
  if (Tcl_GetIntFromObj(NULL, id, &number) == TCL_OK) {
    void *key = (void *)(intptr_t)number;
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&home->conns, key);
    if (entry) return Tcl_GetHashValue(entry);
  }
  Tcl_Obj *text = Tcl_NewStringObj("No connection to NATS server", -1);
  fail_with(home->interp, NATS_ERR_CONNECTION_CLOSED, text);
  return NULL;
}

/* Calls a command prefix with more arguments at global level; its error goes to bgerror. */
void home_call(Home *home, Tcl_Obj *prefix, int count, Tcl_Obj *const *args) {
  Tcl_Interp *interp = home->interp;
  Tcl_Size words;
  Tcl_Obj **first;
  if (home->dead || Tcl_InterpDeleted(interp)) return;
  Tcl_Obj *call = Tcl_DuplicateObj(prefix);
  Tcl_IncrRefCount(call);
  for (int i = 0; i < count; i++) Tcl_ListObjAppendElement(NULL, call, args[i]);
  Tcl_Preserve(interp);
  home->refs++;
  int code = TCL_ERROR;
  if (Tcl_ListObjGetElements(interp, call, &words, &first) == TCL_OK) {
    code = Tcl_EvalObjv(interp, words, first, TCL_EVAL_GLOBAL);
  }
  if (code != TCL_OK) Tcl_BackgroundException(interp, code);
  Tcl_Release(interp);
  Tcl_DecrRefCount(call);
  home_release(home);
}
