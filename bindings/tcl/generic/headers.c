/* Headers as dictionaries of names, each with a list of values. */
#include "nats_tcl.h"

static int append_values(Tcl_Interp *interp, nats_headers *headers, Tcl_Obj *key, Tcl_Obj *list) {
  Tcl_DString name_room, value_room;
  nats_str name, value;
  Tcl_Size count;
  Tcl_Obj **values;
  nats_error *err = NULL;
  if (Tcl_ListObjGetElements(NULL, list, &count, &values) != TCL_OK) {
    return fail_arg(interp, "header %s: expected a list of values", Tcl_GetString(key));
  }
  Tcl_DStringInit(&name_room);
  Tcl_DStringInit(&value_room);
  int result = TCL_OK;
  name = text_arg(key, &name_room);
  for (Tcl_Size i = 0; i < count && result == TCL_OK; i++) {
    value = text_arg(values[i], &value_room);
    nats_status status = nats_headers_append(headers, name, value, &err);
    if (status != NATS_OK) result = fail(interp, status, err);
  }
  Tcl_DStringFree(&name_room);
  Tcl_DStringFree(&value_room);
  return result;
}

/* A dictionary of names, each with a list of values; *out is NULL for an empty one. */
static int headers_arg(Tcl_Interp *interp, Tcl_Obj *dict, nats_headers **out) {
  Tcl_DictSearch search;
  Tcl_Obj *key, *list;
  nats_error *err = NULL;
  Tcl_Size size;
  int done;
  *out = NULL;
  if (Tcl_DictObjSize(NULL, dict, &size) != TCL_OK) {
    return fail_arg(interp, "header is not a valid dict");
  }
  if (size == 0) return TCL_OK;
  nats_status status = nats_headers_new(out, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  int result = Tcl_DictObjFirst(interp, dict, &search, &key, &list, &done);
  while (result == TCL_OK && !done) {
    result = append_values(interp, *out, key, list);
    Tcl_DictObjNext(&search, &key, &list, &done);
  }
  if (result == TCL_OK || !done) Tcl_DictObjDone(&search);
  if (result != TCL_OK) {
    nats_headers_free(*out);
    *out = NULL;
  }
  return result;
}

/* What the command of the option -on_inject makes of a dictionary of headers (or NULL), to be
 * released; NULL: the reason is the interpreter's result. */
static Tcl_Obj *injected(Conn *conn, Tcl_Obj *dict) {
  Home *home = conn->target.home;
  Tcl_Interp *interp = home->interp;
  Tcl_Obj *all = NULL, *command = Tcl_DuplicateObj(conn->inject);
  Tcl_IncrRefCount(command);
  Tcl_ListObjAppendElement(NULL, command, dict ? dict : home->words[WORD_EMPTY]);
  target_hold(&conn->target);
  conn->injecting = 1;
  const int code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
  conn->injecting = 0;
  Tcl_DecrRefCount(command);
  if (code == TCL_OK && !conn->target.gone) {
    all = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(all);
    Tcl_ResetResult(interp);
  } else if (code == TCL_OK) {
    no_conn(interp);
  } else if (code != TCL_ERROR) {
    fail_arg(interp, "-on_inject: expected a command that returns a dictionary of headers");
  }
  target_release(&conn->target);
  return all;
}

/* The headers of a dictionary, owned by the connection. Programs often send the same dictionary
 * again; that is the same value for as long as it is held here. */
static int kept(Conn *conn, Tcl_Obj *dict, nats_headers **out) {
  nats_headers *headers;
  if (conn->header != dict) {
    if (headers_arg(conn->target.home->interp, dict, &headers) != TCL_OK) return TCL_ERROR;
    Tcl_IncrRefCount(dict);
    conn_drop_headers(conn);
    conn->header = dict;
    conn->headers = headers;
  }
  *out = conn->headers;
  return TCL_OK;
}

/* The headers of what is published: those of a dictionary (or NULL), and those that the program has
 * added to everything; owned by the connection. */
int conn_headers(Conn *conn, Tcl_Obj *dict, nats_headers **out) {
  *out = NULL;
  if (!conn->inject || conn->injecting) return dict ? kept(conn, dict, out) : TCL_OK;
  Tcl_Obj *all = injected(conn, dict);
  if (!all) return TCL_ERROR;
  const int code = kept(conn, all, out);
  Tcl_DecrRefCount(all);
  return code;
}

/* Forgets them. */
void conn_drop_headers(Conn *conn) {
  if (conn->header) Tcl_DecrRefCount(conn->header);
  nats_headers_free(conn->headers);
  conn->header = NULL;
  conn->headers = NULL;
}

static void set_status(Tcl_Obj *dict, int32_t status, nats_str description) {
  if (status != 0) {
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("Status", -1), Tcl_NewIntObj(status));
  }
  if (description.len > 0) {
    Tcl_Obj *text = text_value(description.ptr, description.len);
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("Description", -1), Tcl_NewListObj(1, &text));
  }
}

/* The list of one value: the one that is kept when it is the same. Long values seldom are. */
static Tcl_Obj *value_kept(Seen *seen, nats_str value) {
  enum { LONGEST = 128 };
  if (value.len > LONGEST) {
    Tcl_Obj *text = text_value(value.ptr, value.len);
    return Tcl_NewListObj(1, &text);
  }
  Tcl_Obj *const before = seen->value;
  Tcl_Obj *text = text_kept(&seen->value, value);
  if (text != before) {
    if (seen->list) Tcl_DecrRefCount(seen->list);
    seen->list = Tcl_NewListObj(1, &text);
    Tcl_IncrRefCount(seen->list);
  }
  return seen->list;
}

static void add(Tcl_Obj *dict, Seen *seen, nats_str name, nats_str value) {
  Tcl_Obj *key = text_kept(&seen->name, name);
  Tcl_Obj *list = NULL;
  Tcl_DictObjGet(NULL, dict, key, &list);
  if (list) {
    list = Tcl_DuplicateObj(list);
    Tcl_ListObjAppendElement(NULL, list, text_value(value.ptr, value.len));
  } else {
    list = value_kept(seen, value);
  }
  Tcl_DictObjPut(NULL, dict, key, list);
}

/* The headers of a message. Those that follow each other mostly have the same names, and many the
 * same values, in the same order: the interpreter keeps what came last in each place. */
Tcl_Obj *headers_value(Home *home, const nats_msg *msg) {
  nats_str name, value;
  size_t cursor = 0;
  const int32_t status = nats_msg_status(msg);
  int more = nats_msg_header_next(msg, &cursor, &name, &value);
  if (!more && status == 0) return home->words[WORD_EMPTY];
  Tcl_Obj *dict = Tcl_NewDictObj();
  if (status != 0) set_status(dict, status, nats_msg_description(msg));
  for (size_t at = 0; more; at = (at + 1) % SEEN_COUNT) {
    add(dict, &home->seen[at], name, value);
    more = nats_msg_header_next(msg, &cursor, &name, &value);
  }
  return dict;
}

/* Headers that say nothing but a status. */
Tcl_Obj *headers_none(int32_t status) {
  const nats_str description = {NULL, 0};
  Tcl_Obj *dict = Tcl_NewDictObj();
  set_status(dict, status, description);
  return dict;
}

/* Forgets what is kept. */
void headers_forget(Home *home) {
  for (size_t i = 0; i < SEEN_COUNT; i++) {
    Seen *seen = &home->seen[i];
    if (seen->name) Tcl_DecrRefCount(seen->name);
    if (seen->value) Tcl_DecrRefCount(seen->value);
    if (seen->list) Tcl_DecrRefCount(seen->list);
  }
}
