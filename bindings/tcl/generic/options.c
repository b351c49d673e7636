/* Options from lists of key, kind and value; the library judges them. */
#include <stdio.h>
#include <string.h>

#include "nats_tcl.h"

/* The path of a member of this name: dots in it are its own. */
static nats_str member_path(Tcl_Obj *name, Tcl_DString *path) {
  Tcl_DString room;
  Tcl_DStringInit(&room);
  const nats_str text = text_arg(name, &room);
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] == '.' || text.ptr[i] == '\\') Tcl_DStringAppend(path, "\\", 1);
    Tcl_DStringAppend(path, text.ptr + i, 1);
  }
  Tcl_DStringFree(&room);
  return (nats_str){Tcl_DStringValue(path), (size_t)Tcl_DStringLength(path)};
}

static nats_status put_list(nats_doc *doc, nats_str path, Tcl_Obj *value, nats_error **err) {
  Tcl_DString room, at;
  Tcl_Size count;
  Tcl_Obj **items;
  char number[24];
  nats_status status = nats_doc_set_json(doc, path, NATS_STR("[]"), err);
  if (Tcl_ListObjGetElements(NULL, value, &count, &items) != TCL_OK) return status;
  Tcl_DStringInit(&room);
  Tcl_DStringInit(&at);
  Tcl_DStringAppend(&at, path.ptr, (Tcl_Size)path.len);
  for (Tcl_Size i = 0; i < count && status == NATS_OK; i++) {
    Tcl_DStringSetLength(&at, (Tcl_Size)path.len);
    snprintf(number, sizeof number, ".%d", (int)i);
    Tcl_DStringAppend(&at, number, -1);
    const nats_str to = {Tcl_DStringValue(&at), (size_t)Tcl_DStringLength(&at)};
    status = nats_doc_set_str(doc, to, text_arg(items[i], &room), err);
  }
  Tcl_DStringFree(&room);
  Tcl_DStringFree(&at);
  return status;
}

/* An object of texts or, with `lists`, of lists of texts. */
static nats_status put_pairs(nats_doc *doc, const char *key, Tcl_Obj *value, int lists,
                             nats_error **err) {
  Tcl_DString name, text;
  Tcl_Size count;
  Tcl_Obj **items;
  nats_doc *pairs;
  nats_str json;
  if (Tcl_ListObjGetElements(NULL, value, &count, &items) != TCL_OK || count % 2 != 0) {
    return nats_doc_set_json(doc, nats_zstr(key), NATS_STR("[]"), err);
  }
  nats_status status = nats_doc_new(&pairs, err);
  if (status != NATS_OK) return status;
  Tcl_DStringInit(&name);
  Tcl_DStringInit(&text);
  for (Tcl_Size i = 0; i < count && status == NATS_OK; i += 2) {
    Tcl_DStringSetLength(&name, 0);
    const nats_str path = member_path(items[i], &name);
    status = lists ? put_list(pairs, path, items[i + 1], err)
                   : nats_doc_set_str(pairs, path, text_arg(items[i + 1], &text), err);
  }
  if (status == NATS_OK) status = nats_doc_json(pairs, &json, err);
  if (status == NATS_OK) status = nats_doc_set_json(doc, nats_zstr(key), json, err);
  Tcl_DStringFree(&name);
  Tcl_DStringFree(&text);
  nats_doc_free(pairs);
  return status;
}

/* Sets a member. Values that are not of their kind go as text, so that the library says what it
 * expects. Kinds: text, int, bool, not (the contrary of a bool), list, dict, lists (a dict of
 * lists), json (a JSON text). */
nats_status option_put(nats_doc *doc, const char *key, const char *kind, Tcl_Obj *value,
                       nats_error **err) {
  Tcl_WideInt number;
  int flag;
  Tcl_Size count;
  if (strcmp(kind, "list") == 0 && Tcl_ListObjLength(NULL, value, &count) == TCL_OK) {
    return put_list(doc, (nats_str){key, strlen(key)}, value, err);
  }
  const int lists = strcmp(kind, "lists") == 0;
  if (lists || strcmp(kind, "dict") == 0) return put_pairs(doc, key, value, lists, err);
  if (strcmp(kind, "int") == 0 && Tcl_GetWideIntFromObj(NULL, value, &number) == TCL_OK) {
    return nats_doc_set_int(doc, nats_zstr(key), number, err);
  }
  const int inverse = strcmp(kind, "not") == 0;
  if ((inverse || strcmp(kind, "bool") == 0) &&
      Tcl_GetBooleanFromObj(NULL, value, &flag) == TCL_OK) {
    return nats_doc_set_bool(doc, nats_zstr(key), inverse ? !flag : flag, err);
  }
  Tcl_DString room;
  Tcl_DStringInit(&room);
  const nats_str text = text_arg(value, &room);
  nats_status status = strcmp(kind, "json") == 0
                           ? nats_doc_set_json(doc, nats_zstr(key), text, err)
                           : nats_doc_set_str(doc, nats_zstr(key), text, err);
  Tcl_DStringFree(&room);
  return status;
}

/* The document of a list of key, kind and value; the view lives until *doc is freed. */
int options_json(Tcl_Interp *interp, Tcl_Obj *spec, nats_doc **doc, nats_str *json) {
  Tcl_Size count;
  Tcl_Obj **items;
  nats_error *err = NULL;
  if (Tcl_ListObjGetElements(interp, spec, &count, &items) != TCL_OK) return TCL_ERROR;
  if (count % 3 != 0) return fail_arg(interp, "spec: expected key, kind and value");
  nats_status status = nats_doc_new(doc, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  for (Tcl_Size i = 0; i < count && status == NATS_OK; i += 3) {
    status = option_put(*doc, Tcl_GetString(items[i]), Tcl_GetString(items[i + 1]), items[i + 2],
                        &err);
  }
  if (status == NATS_OK) status = nats_doc_json(*doc, json, &err);
  if (status == NATS_OK) return TCL_OK;
  nats_doc_free(*doc);
  return fail(interp, status, err);
}

/* check SPEC: fails when the library refuses one of the options for connections. */
static int check_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc;
  nats_str json;
  nats_options *options;
  nats_error *err = NULL;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "spec");
    return TCL_ERROR;
  }
  if (options_json(interp, objv[1], &doc, &json) != TCL_OK) return TCL_ERROR;
  nats_status status = nats_options_new(json, &options, &err);
  nats_doc_free(doc);
  if (status != NATS_OK) return fail(interp, status, err);
  nats_options_free(options);
  return TCL_OK;
}

/* document SPEC: the JSON text of keys, kinds and values. */
static int document_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_doc *doc;
  nats_str json;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "spec");
    return TCL_ERROR;
  }
  if (options_json(interp, objv[1], &doc, &json) != TCL_OK) return TCL_ERROR;
  Tcl_SetObjResult(interp, text_value(json.ptr, json.len));
  nats_doc_free(doc);
  return TCL_OK;
}

void options_commands(Tcl_Interp *interp) {
  add_command(interp, "check", check_cmd);
  add_command(interp, "document", document_cmd);
}
