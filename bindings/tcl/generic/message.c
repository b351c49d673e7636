/* Messages and headers as dictionaries. */
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

/* The headers of a dictionary, owned by the connection. Programs often send the same dictionary
 * again; that is the same value for as long as it is held here. */
int conn_headers(Conn *conn, Tcl_Obj *dict, nats_headers **out) {
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

/* Forgets them. */
void conn_drop_headers(Conn *conn) {
  if (conn->header) Tcl_DecrRefCount(conn->header);
  nats_headers_free(conn->headers);
  conn->header = NULL;
  conn->headers = NULL;
}

static Tcl_Obj *status_headers(int32_t status, nats_str description) {
  Tcl_Obj *dict = Tcl_NewDictObj();
  if (status != 0) {
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("Status", -1), Tcl_NewIntObj(status));
  }
  if (description.len > 0) {
    Tcl_Obj *text = text_value(description.ptr, description.len);
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("Description", -1), Tcl_NewListObj(1, &text));
  }
  return dict;
}

static Tcl_Obj *headers_value(Home *home, const nats_msg *msg) {
  nats_str name, value;
  size_t cursor = 0;
  const int32_t status = nats_msg_status(msg);
  int more = nats_msg_header_next(msg, &cursor, &name, &value);
  if (!more && status == 0) return home->words[WORD_EMPTY];
  Tcl_Obj *dict = status_headers(status, nats_msg_description(msg));
  for (; more; more = nats_msg_header_next(msg, &cursor, &name, &value)) {
    Tcl_Obj *key = text_value(name.ptr, name.len);
    Tcl_Obj *text = text_value(value.ptr, value.len);
    Tcl_Obj *list = NULL;
    Tcl_IncrRefCount(key);
    Tcl_DictObjGet(NULL, dict, key, &list);
    if (list) {
      /* The dictionary must hold the only reference to a list that is changed in place. */
      Tcl_ListObjAppendElement(NULL, list, text);
      Tcl_DictObjPut(NULL, dict, key, list);
    } else {
      Tcl_DictObjPut(NULL, dict, key, Tcl_NewListObj(1, &text));
    }
    Tcl_DecrRefCount(key);
  }
  return dict;
}

static void put(Home *home, Tcl_Obj *dict, int key, Tcl_Obj *value) {
  Tcl_DictObjPut(NULL, dict, home->words[key], value);
}

/* The subject of a message. */
Tcl_Obj *subject_value(const nats_msg *msg) {
  const nats_str subject = nats_msg_subject(msg);
  return text_value(subject.ptr, subject.len);
}

/* The reply subject of a message. */
Tcl_Obj *reply_value(Home *home, const nats_msg *msg) {
  const nats_str reply = nats_msg_reply(msg);
  return reply.len == 0 ? home->words[WORD_EMPTY] : text_value(reply.ptr, reply.len);
}

/* The dictionary of a message: header data subject reply sub_id, and error when it could not be
 * decoded. `sub_id` 0 stands for an answer to a request. */
Tcl_Obj *message_dict(Home *home, const nats_msg *msg, Tcl_Obj *subject, int utf8,
                      int sub_id) {
  nats_error *err = NULL;
  Tcl_Obj *dict = Tcl_NewDictObj();
  put(home, dict, WORD_HEADER, headers_value(home, msg));
  put(home, dict, WORD_DATA, payload_value(nats_msg_payload(msg), utf8));
  put(home, dict, WORD_SUBJECT, subject);
  put(home, dict, WORD_REPLY, reply_value(home, msg));
  if (sub_id != 0) put(home, dict, WORD_SUB_ID, Tcl_NewIntObj(sub_id));
  if (nats_msg_check(msg, &err) != NATS_OK) {
    nats_str text = nats_error_text(err);
    put(home, dict, WORD_ERROR, text_value(text.ptr, text.len));
    nats_error_free(err);
  }
  return dict;
}

/* What callbacks of requests receive when nobody is subscribed: the server's answer to them. */
Tcl_Obj *no_responders_value(Home *home, int dict) {
  const nats_str none = {NULL, 0};
  Tcl_Obj *empty = home->words[WORD_EMPTY];
  if (!dict) return empty;
  Tcl_Obj *value = Tcl_NewDictObj();
  put(home, value, WORD_HEADER, status_headers(503, none));
  put(home, value, WORD_DATA, empty);
  put(home, value, WORD_SUBJECT, empty);
  put(home, value, WORD_REPLY, empty);
  return value;
}

/* The fields of a message that a program hands over. They are the dictionary's. */
int message_arg(Tcl_Interp *interp, Tcl_Obj *msg, Fields *out) {
  Home *home = home_get(interp);
  if (!home) return TCL_ERROR;
  Tcl_Obj **const slots[] = {&out->subject, &out->data, &out->reply, &out->header};
  const int keys[] = {WORD_SUBJECT, WORD_DATA, WORD_REPLY, WORD_HEADER};
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    *slots[i] = NULL;
    Tcl_DictObjGet(NULL, msg, home->words[keys[i]], slots[i]);
    if (!out->subject) {
      return fail_arg(interp, "Invalid message: expected one made by nats::msg create");
    }
    if (!*slots[i]) *slots[i] = home->words[WORD_EMPTY];
  }
  return TCL_OK;
}

/* message_fields MSG: the list of subject, payload, reply subject and header of a message that a
 * program hands over. */
static int message_fields_cmd(ClientData data, Tcl_Interp *interp, int objc,
                              Tcl_Obj *const objv[]) {
  Fields fields;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "msg");
    return TCL_ERROR;
  }
  if (message_arg(interp, objv[1], &fields) != TCL_OK) return TCL_ERROR;
  Tcl_Obj *const list[] = {fields.subject, fields.data, fields.reply, fields.header};
  Tcl_SetObjResult(interp, Tcl_NewListObj(4, list));
  return TCL_OK;
}

void message_commands(Tcl_Interp *interp) {
  add_command(interp, "message_fields", message_fields_cmd);
}
