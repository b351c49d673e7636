/* Errors of the library as Tcl errors: {NATS ErrName}, with number and name in the options. */
#include <stdarg.h>
#include <stdio.h>

#include "nats_tcl.h"

static const struct {
  nats_status code;
  const char *name;
} NAMES[] = {
#include "errors_gen.h"
};

static const char *error_name(nats_status status) {
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    if (NAMES[i].code == status) return NAMES[i].name;
  }
  return "ErrInternal";
}

/* The list {NATS ErrName}. */
Tcl_Obj *error_code_value(nats_status status) {
  Tcl_Obj *pair[2];
  pair[0] = Tcl_NewStringObj("NATS", -1);
  pair[1] = Tcl_NewStringObj(error_name(status), -1);
  return Tcl_NewListObj(2, pair);
}

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value) {
  Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* What JetStream itself has said, as a dictionary: code, err_code, errorMessage; NULL when it was not
 * JetStream that refused. */
Tcl_Obj *refusal_value(const nats_error *err) {
  const int32_t number = nats_error_api_code(err);
  if (number == 0) return NULL;
  const nats_str text = nats_error_api_description(err);
  Tcl_Obj *dict = Tcl_NewDictObj();
  put(dict, "code", Tcl_NewIntObj(number));
  put(dict, "err_code", Tcl_NewIntObj(nats_error_api_err_code(err)));
  put(dict, "errorMessage", text_value(text.ptr, text.len));
  return dict;
}

/* A failure as callbacks are told it: what JetStream has said (`refusal` may be NULL), or the text,
 * and under errorcode the list {NATS ErrName}. */
Tcl_Obj *failure_value(nats_status status, Tcl_Obj *text, Tcl_Obj *refusal) {
  Tcl_Obj *dict = refusal ? Tcl_DuplicateObj(refusal) : Tcl_NewDictObj();
  if (!refusal) put(dict, "errorMessage", text);
  put(dict, "errorcode", error_code_value(status));
  return dict;
}

/* Makes `text` the error that the current command fails with. */
int fail_with(Tcl_Interp *interp, nats_status status, Tcl_Obj *text) {
  return fail_refused(interp, status, text, NULL);
}

/* The same with what JetStream has said; `refusal` may be NULL. */
int fail_refused(Tcl_Interp *interp, nats_status status, Tcl_Obj *text, Tcl_Obj *refusal) {
  nats_str name = nats_status_name(status);
  Tcl_Obj *options = Tcl_NewDictObj();
  put(options, "-code", Tcl_NewIntObj(TCL_ERROR));
  put(options, "-level", Tcl_NewIntObj(0));
  put(options, "-errorcode", error_code_value(status));
  put(options, "-nats_code", Tcl_NewIntObj(status));
  put(options, "-nats_name", text_value(name.ptr, name.len));
  if (refusal) put(options, "-nats_refusal", refusal);
  Tcl_SetObjResult(interp, text);
  return Tcl_SetReturnOptions(interp, options);
}

/* The same with an error of the library, which is freed. */
int fail(Tcl_Interp *interp, nats_status status, nats_error *err) {
  nats_str text = err ? nats_error_text(err) : nats_status_text(status);
  Tcl_Obj *value = text_value(text.ptr, text.len);
  Tcl_Obj *refusal = refusal_value(err);
  nats_error_free(err);
  return fail_refused(interp, status, value, refusal);
}

/* An argument that is not acceptable; the text names it. */
int fail_arg(Tcl_Interp *interp, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, Tcl_NewStringObj(text, -1));
}
