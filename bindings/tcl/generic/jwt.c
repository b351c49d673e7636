/* JWTs of users and accounts. */
#include "nats_tcl.h"

typedef nats_status Encode(nats_str claims, nats_str about, const nats_nkey *signer,
                           nats_text **out, nats_error **err);

/* The value of a text, which is freed. */
Tcl_Obj *text_taken(nats_text *text) {
  const nats_str view = nats_text_view(text);
  Tcl_Obj *value = text_value(view.ptr, view.len);
  nats_text_free(text);
  return value;
}

static int encode(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], Encode *make) {
  nats_doc *doc;
  nats_str json;
  nats_text *token;
  nats_error *err = NULL;
  Tcl_DString room;
  if (objc != 4) {
    Tcl_WrongNumArgs(interp, 1, objv, "spec key signer");
    return TCL_ERROR;
  }
  nats_nkey *signer = key_arg(interp, objv[3]);
  if (!signer || options_json(interp, objv[1], &doc, &json) != TCL_OK) return TCL_ERROR;
  Tcl_DStringInit(&room);
  const nats_str about = public_arg(interp, objv[2], &room);
  const nats_status status = make(json, about, signer, &token, &err);
  Tcl_DStringFree(&room);
  nats_doc_free(doc);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, text_taken(token));
  return TCL_OK;
}

/* jwt_encode_user SPEC USER SIGNER: the JWT of a user, by key or public key. */
static int encode_user_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return encode(interp, objc, objv, nats_jwt_encode_user);
}

/* jwt_encode_account SPEC ACCOUNT SIGNER: the JWT of an account, by key or public key. */
static int encode_account_cmd(ClientData data, Tcl_Interp *interp, int objc,
                              Tcl_Obj *const objv[]) {
  (void)data;
  return encode(interp, objc, objv, nats_jwt_encode_account);
}

/* jwt_decode TOKEN: what it says, as a dictionary. */
static int decode_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc;
  nats_error *err = NULL;
  Tcl_DString room;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "token");
    return TCL_ERROR;
  }
  Tcl_DStringInit(&room);
  const nats_status status = nats_jwt_decode(text_arg(objv[1], &room), &doc, &err);
  Tcl_DStringFree(&room);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, doc_value(doc));
  return TCL_OK;
}

void jwt_commands(Tcl_Interp *interp) {
  add_command(interp, "jwt_encode_user", encode_user_cmd);
  add_command(interp, "jwt_encode_account", encode_account_cmd);
  add_command(interp, "jwt_decode", decode_cmd);
}
