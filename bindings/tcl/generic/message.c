/* Messages as dictionaries. */
#include "nats_tcl.h"

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
  Tcl_Obj *empty = home->words[WORD_EMPTY];
  if (!dict) return empty;
  Tcl_Obj *value = Tcl_NewDictObj();
  put(home, value, WORD_HEADER, headers_none(503));
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
