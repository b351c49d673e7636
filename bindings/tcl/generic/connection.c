/* Connections: made, watched, asked and closed. */
#include <stdlib.h>

#include "bucket.h"

static const char *state_word(int32_t state) {
  switch (state) {
    case NATS_CONNECTION_STATE_CONNECTING:
      return "connecting";
    case NATS_CONNECTION_STATE_RECONNECTING:
      return "reconnecting";
    case NATS_CONNECTION_STATE_CLOSED:
      return "closed";
    default: /* one that drains is still connected */
      return "connected";
  }
}

/* Takes over the handle, and what answers its questions (or NULL). */
Conn *conn_new(Home *home, nats_connection *nc, Asked *asked) {
  int is_new;
  Conn *conn = allocate(sizeof *conn);
  conn->target = (Target){.kind = OF_CONN, .refs = 0, .gone = 0, .token = 0, .home = home};
  conn->id = ++home->next_conn;
  conn->utf8 = conn->dict = 0;
  conn->request_timeout = 0;
  conn->inject = NULL;
  conn->injecting = 0;
  conn->next_sub = 0;
  conn->nc = nc;
  conn->header = NULL;
  conn->headers = NULL;
  conn->ops = NULL;
  conn->asked = asked;
  conn->streams = NULL;
  conn->buckets = NULL;
  conn->on_event = NULL;
  Tcl_InitHashTable(&conn->subs, TCL_ONE_WORD_KEYS);
  home->refs++;
  loop_add(home->loop, &conn->target);
  void *key = (void *)(intptr_t)conn->id;
  Tcl_SetHashValue(Tcl_CreateHashEntry(&home->conns, key, &is_new), conn);
  /* Refused only when it is closed already, which its state tells, too. */
  nats_connection_watch(nc, loop_queue(home->loop), conn->target.token, NULL);
  return conn;
}

void conn_free(Conn *conn) {
  Tcl_DeleteHashTable(&conn->subs);
  free(conn);
}

/* Forgets what would call back when the program itself has closed the connection. */
static void forget_callbacks(Conn *conn) {
  Op *next;
  for (Op *op = conn->ops; op; op = next) {
    next = op->next;
    if (op->command || conn->target.home->dead) op_forget(op);
  }
}

/* Gives the connection up. CANCELLED: the program wants it so, and is called back no more. */
void conn_close(Conn *conn, nats_status reason) {
  Home *home = conn->target.home;
  Tcl_HashSearch search;
  Tcl_HashEntry *entry;
  if (conn->target.gone) return;
  target_hold(&conn->target);
  conn->target.gone = 1;
  entry = Tcl_FindHashEntry(&home->conns, (void *)(intptr_t)conn->id);
  if (entry) Tcl_DeleteHashEntry(entry);
  if (conn->asked) asked_stop(conn->asked);
  conn->asked = NULL;
  if (conn->on_event) Tcl_DecrRefCount(conn->on_event);
  conn->on_event = NULL;
  if (conn->inject) Tcl_DecrRefCount(conn->inject);
  conn->inject = NULL;
  if (reason == NATS_ERR_CANCELLED) forget_callbacks(conn);
  conn_drop_headers(conn);
  while (conn->streams) js_close(conn->streams, reason);
  nats_connection_free(conn->nc);
  while ((entry = Tcl_FirstHashEntry(&conn->subs, &search)) != NULL) {
    sub_close(Tcl_GetHashValue(entry), reason);
  }
  while (conn->buckets) kv_close(conn->buckets);
  loop_remove(home->loop, &conn->target);
  target_release(&conn->target);
}

/* Tells the script of an event; the last one, `closed`, after all messages. */
void conn_event(Conn *conn, const nats_event *event) {
  const int closed = event->arg == NATS_CONNECTION_EVENT_CLOSED;
  Tcl_Obj *details = doc_value(event->value);
  Tcl_IncrRefCount(details);
  if (closed) sub_deliver_all(conn);
  if (!conn->target.gone && conn->on_event) {
    Tcl_Obj *prefix = conn->on_event;
    Tcl_IncrRefCount(prefix);
    home_call(conn->target.home, prefix, 1, &details);
    Tcl_DecrRefCount(prefix);
  }
  if (closed) conn_close(conn, NATS_ERR_CONNECTION_CLOSED);
  Tcl_DecrRefCount(details);
}

static nats_status make_options(nats_str json, Asked *asked, nats_options **out, nats_error **err) {
  nats_status status = nats_options_new(json, out, err);
  if (status != NATS_OK || !asked) return status;
  status = asked_install(asked, *out, err);
  if (status != NATS_OK) nats_options_free(*out);
  return status;
}

/* Starts to connect: with `now` the connection's number at once, otherwise a token for it. */
static int start(Tcl_Interp *interp, Home *home, const nats_options *options, Asked *asked, int now) {
  const nats_str servers_of_options = {NULL, 0};
  nats_connection *nc;
  nats_error *err = NULL;
  if (now) {
    nats_status status = nats_connect(servers_of_options, options, &nc, &err);
    if (status != NATS_OK) {
      if (asked) asked_stop(asked);
      return fail(interp, status, err);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(conn_new(home, nc, asked)->id));
    return TCL_OK;
  }
  Op *op = op_new(home, NULL, WANT_CONNECTION);
  nats_status status = nats_connect_async(servers_of_options, options, loop_queue(home->loop),
                                          op->target.token, &err);
  if (status == NATS_OK) {
    op->asked = asked;
  } else if (asked) {
    asked_stop(asked);
  }
  return op_started(op, status, err);
}

/* connect SPEC COMMANDS NOW: COMMANDS is a dictionary of what answers the connection's questions. */
static int connect_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc;
  nats_str json;
  nats_options *options;
  nats_error *err = NULL;
  Tcl_Size length;
  Asked *asked = NULL;
  int now;
  (void)data;
  if (objc != 4) {
    Tcl_WrongNumArgs(interp, 1, objv, "spec commands now");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  if (!home || Tcl_GetBooleanFromObj(interp, objv[3], &now) != TCL_OK) return TCL_ERROR;
  if (Tcl_ListObjLength(interp, objv[2], &length) != TCL_OK) return TCL_ERROR;
  if (length > 0 && (asked = asked_new(home, objv[2])) == NULL) return TCL_ERROR;
  if (options_json(interp, objv[1], &doc, &json) != TCL_OK) {
    if (asked) asked_stop(asked);
    return TCL_ERROR;
  }
  nats_status status = make_options(json, asked, &options, &err);
  nats_doc_free(doc);
  if (status != NATS_OK) {
    if (asked) asked_stop(asked);
    return fail(interp, status, err);
  }
  int code = start(interp, home, options, asked, now);
  nats_options_free(options);
  return code;
}

/* The connection that the other commands here begin with. */
static Conn *conn_args(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], int expected,
                       const char *usage) {
  if (objc != expected) {
    Tcl_WrongNumArgs(interp, 1, objv, usage);
    return NULL;
  }
  Home *home = home_get(interp);
  return home ? home_conn(home, objv[1]) : NULL;
}

static uint64_t discarded(nats_connection *nc) {
  nats_stats stats;
  return nats_connection_stats(nc, &stats, NULL) == NATS_OK ? stats.dropped_out : 0;
}

/* disconnect CONN: what was published is written, then the socket closes. Returns how many messages
 * could not be written. */
static int disconnect_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  if (conn->asked) asked_stop(conn->asked);
  conn->asked = NULL;
  const uint64_t before = discarded(conn->nc);
  nats_connection_close(conn->nc, NULL);
  const uint64_t lost = discarded(conn->nc) - before;
  conn_close(conn, NATS_ERR_CANCELLED);
  Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)lost));
  return TCL_OK;
}

/* watch CONN COMMAND: calls the command with the details of every event from now on. */
static int watch_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_Obj *command;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 3, "conn command");
  if (!conn || prefix_arg(interp, objv[2], &command) != TCL_OK) return TCL_ERROR;
  if (conn->on_event) Tcl_DecrRefCount(conn->on_event);
  conn->on_event = prefix_value(command);
  return TCL_OK;
}

/* settings CONN UTF8 DICT TIMEOUT INJECT: whether payloads are converted and, for calls that do not
 * say it, whether messages are dictionaries and how long requests wait; the command, or an empty
 * value, that adds headers. */
static int settings_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  int utf8, dict;
  Tcl_WideInt timeout;
  Tcl_Obj *inject;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 6, "conn utf8 dict timeout inject");
  if (!conn || Tcl_GetBooleanFromObj(interp, objv[2], &utf8) != TCL_OK ||
      Tcl_GetBooleanFromObj(interp, objv[3], &dict) != TCL_OK ||
      Tcl_GetWideIntFromObj(interp, objv[4], &timeout) != TCL_OK ||
      callback_arg(interp, objv[5], &inject) != TCL_OK) {
    return TCL_ERROR;
  }
  conn->utf8 = utf8;
  conn->dict = dict;
  conn->request_timeout = timeout;
  if (conn->inject) Tcl_DecrRefCount(conn->inject);
  conn->inject = inject ? prefix_value(inject) : NULL;
  return TCL_OK;
}

/* Operations on the whole connection that only succeed or fail. */
typedef nats_status (*Start)(nats_connection *nc, nats_queue *queue, uint64_t token,
                             nats_error **err);

/* NAME CONN TIMEOUT: a token; -1 stands for the library's own timeout. */
static int async_cmd(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], Start start) {
  Tcl_WideInt timeout;
  nats_error *err = NULL;
  Conn *conn = conn_args(interp, objc, objv, 3, "conn timeout");
  if (!conn || Tcl_GetWideIntFromObj(interp, objv[2], &timeout) != TCL_OK) return TCL_ERROR;
  Home *home = conn->target.home;
  Op *op = op_new(home, conn, WANT_NOTHING);
  nats_status status = start(conn->nc, loop_queue(home->loop), op->target.token, &err);
  if (status == NATS_OK && timeout >= 0) op_expire_after(op, timeout);
  return op_started(op, status, err);
}

static int ping_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return async_cmd(interp, objc, objv, nats_connection_flush_async);
}

static int drain_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return async_cmd(interp, objc, objv, nats_connection_drain_async);
}

/* Questions whose answer is a document. */
typedef nats_status (*Ask)(nats_connection *nc, nats_doc **out, nats_error **err);

static int doc_cmd(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], Ask ask) {
  nats_doc *doc;
  nats_error *err = NULL;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  nats_status status = ask(conn->nc, &doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, doc_value(doc));
  return TCL_OK;
}

static int info_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return doc_cmd(interp, objc, objv, nats_connection_server_info);
}

static int servers_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return doc_cmd(interp, objc, objv, nats_connection_servers);
}

static int stats_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return doc_cmd(interp, objc, objv, nats_connection_stats_doc);
}

/* state CONN: one of the words of the variable `status`. */
static int state_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  int32_t state;
  nats_error *err = NULL;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  nats_status status = nats_connection_state(conn->nc, &state, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, Tcl_NewStringObj(state_word(state), -1));
  return TCL_OK;
}

/* last_error CONN: the dictionary of the variable `last_error`, empty when there was none. */
static int last_error_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_error *last = NULL;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  nats_connection_last_error(conn->nc, &last);
  Tcl_Obj *dict = Tcl_NewDictObj();
  if (last) {
    nats_str text = nats_error_text(last);
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("code", -1),
                   error_code_value(nats_error_code(last)));
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("errorMessage", -1),
                   text_value(text.ptr, text.len));
    nats_error_free(last);
  }
  Tcl_SetObjResult(interp, dict);
  return TCL_OK;
}

/* inbox CONN: a fresh subject. */
static int inbox_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  char subject[512];
  size_t length;
  nats_error *err = NULL;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  nats_status status =
      nats_connection_new_inbox(conn->nc, subject, sizeof subject, &length, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, text_value(subject, length));
  return TCL_OK;
}

/* reconnect CONN: drops the socket and connects anew. */
static int reconnect_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_error *err = NULL;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 2, "conn");
  if (!conn) return TCL_ERROR;
  nats_status status = nats_connection_force_reconnect(conn->nc, &err);
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

/* set_servers CONN SPEC: other servers, as an option for them. */
static int set_servers_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc, *out = NULL;
  nats_str json;
  nats_error *err = NULL;
  (void)data;
  Conn *conn = conn_args(interp, objc, objv, 3, "conn spec");
  if (!conn || options_json(interp, objv[2], &doc, &json) != TCL_OK) return TCL_ERROR;
  nats_status status = nats_connection_set_servers(conn->nc, json, &out, &err);
  nats_doc_free(doc);
  nats_doc_free(out);
  return status == NATS_OK ? TCL_OK : fail(interp, status, err);
}

void connection_commands(Tcl_Interp *interp) {
  add_command(interp, "connect", connect_cmd);
  add_command(interp, "disconnect", disconnect_cmd);
  add_command(interp, "watch", watch_cmd);
  add_command(interp, "settings", settings_cmd);
  add_command(interp, "ping", ping_cmd);
  add_command(interp, "drain", drain_cmd);
  add_command(interp, "server_info", info_cmd);
  add_command(interp, "servers", servers_cmd);
  add_command(interp, "set_servers", set_servers_cmd);
  add_command(interp, "stats", stats_cmd);
  add_command(interp, "state", state_cmd);
  add_command(interp, "last_error", last_error_cmd);
  add_command(interp, "inbox", inbox_cmd);
  add_command(interp, "reconnect", reconnect_cmd);
}
