/* Credentials files. */
#include "nats_tcl.h"

/* creds_format TOKEN KEY: the content of a credentials file. */
static int format_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_text *content;
  nats_error *err = NULL;
  Tcl_DString room;
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "token key");
    return TCL_ERROR;
  }
  nats_nkey *key = key_arg(interp, objv[2]);
  if (!key) return TCL_ERROR;
  Tcl_DStringInit(&room);
  const nats_status status = nats_creds_format(text_arg(objv[1], &room), key, &content, &err);
  Tcl_DStringFree(&room);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, text_taken(content));
  return TCL_OK;
}

/* creds_parse CONTENT: a dictionary of jwt and key. */
static int parse_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_text *token;
  nats_nkey *key;
  nats_error *err = NULL;
  Tcl_DString room;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "content");
    return TCL_ERROR;
  }
  Tcl_DStringInit(&room);
  const nats_status status = nats_creds_parse(text_arg(objv[1], &room), &token, &key, &err);
  Tcl_DStringFree(&room);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_Obj *dict = Tcl_NewDictObj();
  Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("jwt", -1), text_taken(token));
  Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("key", -1), key_value(interp, key));
  Tcl_SetObjResult(interp, dict);
  return TCL_OK;
}

void creds_commands(Tcl_Interp *interp) {
  add_command(interp, "creds_format", format_cmd);
  add_command(interp, "creds_parse", parse_cmd);
}
