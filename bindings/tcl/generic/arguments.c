/* How methods read their options: pairs of -name and value behind their other arguments. */
#include <stdlib.h>
#include <string.h>

#include "nats_tcl.h"

/* In the order of ArgKind. */
static const char *const KINDS[] = {"any",    "given",   "bool",     "count",
                                    "number", "timeout", "callback", NULL};

/* What the library takes for "no timeout": one year. */
static const int64_t LONGEST = 31536000000;

/* As `string is boolean -strict`: of the numbers, 0 and 1 only. */
static int is_bool(Tcl_Obj *value) {
  int flag;
  double number;
  if (Tcl_GetIntFromObj(NULL, value, &flag) == TCL_OK) return flag == 0 || flag == 1;
  return Tcl_GetDoubleFromObj(NULL, value, &number) != TCL_OK &&
         Tcl_GetBooleanFromObj(NULL, value, &flag) == TCL_OK;
}

static int is_kind(ArgKind kind, Tcl_Obj *value) {
  Tcl_WideInt number = -1;
  Tcl_Size length;
  switch (kind) {
    case ARG_ANY:
      return 1;
    case ARG_GIVEN:
      Tcl_GetStringFromObj(value, &length);
      return length > 0;
    case ARG_BOOL:
      return is_bool(value);
    case ARG_CALLBACK:
      return Tcl_ListObjLength(NULL, value, &length) == TCL_OK;
    default:
      return Tcl_GetWideIntFromObj(NULL, value, &number) == TCL_OK &&
             number >= (kind == ARG_COUNT);
  }
}

static int check(Tcl_Interp *interp, const char *option, ArgKind kind, Tcl_Obj *value) {
  if (is_kind(kind, value)) return TCL_OK;
  const char *expected = kind == ARG_TIMEOUT ? "milliseconds"
                         : kind == ARG_GIVEN ? "a value"
                                             : NULL;
  Tcl_Obj *text = Tcl_ObjPrintf("Invalid %s \"%s\": expected %s%s", option, Tcl_GetString(value),
                                expected ? "" : "a ", expected ? expected : KINDS[kind]);
  if (kind != ARG_TIMEOUT) return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
  Tcl_SetObjResult(interp, text);
  Tcl_SetErrorCode(interp, "NATS", "ErrBadTimeout", NULL);
  return TCL_ERROR;
}

static int unknown(Tcl_Interp *interp, Tcl_Obj *word, const Option *options, int count) {
  Tcl_Obj *text = Tcl_ObjPrintf("Unknown option %s: expected", Tcl_GetString(word));
  for (int i = 0; i < count; i++) {
    Tcl_AppendPrintfToObj(text, "%s -%s", i ? "," : "", options[i].name);
  }
  return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
}

/* Reads pairs of -name and value; NULL in `values` for the options that are not among them. */
int arguments_read(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], const Option *options,
                   int count, Tcl_Obj **values) {
  for (int i = 0; i < count; i++) values[i] = NULL;
  if (objc % 2) {
    Tcl_Obj *text = Tcl_ObjPrintf("Missing value of %s", Tcl_GetString(objv[objc - 1]));
    return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
  }
  for (int i = 0; i < objc; i += 2) {
    const char *word = Tcl_GetString(objv[i]);
    int at = 0;
    while (at < count && (*word != '-' || strcmp(word + 1, options[at].name) != 0)) at++;
    if (at == count) return unknown(interp, objv[i], options, count);
    if (check(interp, word, options[at].kind, objv[i + 1]) != TCL_OK) return TCL_ERROR;
    values[at] = objv[i + 1];
  }
  return TCL_OK;
}

/* A timeout for the library, to which 0 means not to wait; for programs it means no timeout. */
int64_t patience(int64_t timeout) {
  return timeout == 0 || timeout > LONGEST ? LONGEST : timeout;
}

/* Sets the variables of the caller, each a row of name, kind and default. */
static int set_variables(Tcl_Interp *interp, Tcl_Obj *words, Tcl_Obj **rows, int count,
                         Option *options, Tcl_Obj **values) {
  Tcl_Size objc;
  Tcl_Obj **objv;
  int kind;
  for (int i = 0; i < count; i++) {
    if (Tcl_GetIndexFromObj(interp, rows[3 * i + 1], KINDS, "kind", 0, &kind) != TCL_OK) {
      return TCL_ERROR;
    }
    options[i] = (Option){Tcl_GetString(rows[3 * i]), (ArgKind)kind};
  }
  if (Tcl_ListObjGetElements(interp, words, &objc, &objv) != TCL_OK ||
      arguments_read(interp, (int)objc, objv, options, count, values) != TCL_OK) {
    return TCL_ERROR;
  }
  for (int i = 0; i < count; i++) {
    Tcl_Obj *value = values[i] ? values[i] : rows[3 * i + 2];
    if (!Tcl_ObjSetVar2(interp, rows[3 * i], NULL, value, TCL_LEAVE_ERR_MSG)) return TCL_ERROR;
  }
  return TCL_OK;
}

/* arguments WORDS SPEC: sets a variable of the caller for each row of name, kind and default in
 * SPEC, from options of the form -name value. A default is not checked. */
static int arguments_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_Size size;
  Tcl_Obj **rows;
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "words spec");
    return TCL_ERROR;
  }
  if (Tcl_ListObjGetElements(interp, objv[2], &size, &rows) != TCL_OK) return TCL_ERROR;
  const int count = (int)(size / 3);
  Option *options = allocate((size_t)(count + 1) * sizeof *options);
  Tcl_Obj **values = allocate((size_t)(count + 1) * sizeof *values);
  const int code = set_variables(interp, objv[1], rows, count, options, values);
  free(options);
  free(values);
  return code;
}

/* check_kind OPTION KIND VALUE: fails when the value is not of its kind. Kinds: any, given (not
 * empty), bool, count (from 1), number (from 0), timeout (milliseconds from 0), callback (a
 * command prefix or empty). */
static int check_kind_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  int kind;
  (void)data;
  if (objc != 4) {
    Tcl_WrongNumArgs(interp, 1, objv, "option kind value");
    return TCL_ERROR;
  }
  if (Tcl_GetIndexFromObj(interp, objv[2], KINDS, "kind", 0, &kind) != TCL_OK) return TCL_ERROR;
  return check(interp, Tcl_GetString(objv[1]), (ArgKind)kind, objv[3]);
}

/* patience TIMEOUT: what a timeout of 0, "no timeout", is for the library. */
static int patience_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_WideInt timeout;
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "timeout");
    return TCL_ERROR;
  }
  if (Tcl_GetWideIntFromObj(interp, objv[1], &timeout) != TCL_OK) return TCL_ERROR;
  Tcl_SetObjResult(interp, Tcl_NewWideIntObj(patience(timeout)));
  return TCL_OK;
}

void arguments_commands(Tcl_Interp *interp) {
  add_command(interp, "arguments", arguments_cmd);
  add_command(interp, "check_kind", check_kind_cmd);
  add_command(interp, "patience", patience_cmd);
}
