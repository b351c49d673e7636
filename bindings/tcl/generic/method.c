/*
 * The methods of nats::connection that are written in C: those that a program calls for every
 * message. An object knows its connection by metadata, so that no number is looked up.
 */
#include "nats_tcl.h"

static void drop_conn(ClientData conn) {
  target_release(&((Conn *)conn)->target);
}

/* A copy of an object has none. */
static int clone_conn(Tcl_Interp *interp, ClientData conn, ClientData *copy) {
  (void)interp, (void)conn;
  *copy = NULL;
  return TCL_OK;
}

static const Tcl_ObjectMetadataType CONNECTION = {TCL_OO_METADATA_VERSION_CURRENT,
                                                  "nats::connection", drop_conn, clone_conn};

/* The connection of the object whose method is called; NULL leaves an error in the interpreter. */
Conn *method_conn(Tcl_Interp *interp, Tcl_ObjectContext context) {
  Conn *conn = Tcl_ObjectGetMetadata(Tcl_ObjectContextObject(context), &CONNECTION);
  return conn && !conn->target.gone ? conn : no_conn(interp);
}

void add_method(Tcl_Interp *interp, Tcl_Class class, const Tcl_MethodType *type) {
  Tcl_NewMethod(interp, class, Tcl_NewStringObj(type->name, -1), 1, type, NULL);
}

/* The result is that of a command, which may yield when the caller is a coroutine. */
int method_continue(Tcl_Interp *interp, int count, Tcl_Obj *const *words) {
  return Tcl_NREvalObj(interp, Tcl_NewListObj(count, words), 0);
}

/* The result is that of an operation, for which a script procedure waits. */
int method_await(Tcl_Interp *interp, Home *home, Tcl_Obj *token) {
  Tcl_Obj *const words[] = {home->words[WORD_AWAIT], token};
  return method_continue(interp, 2, words);
}

/* The result of an operation that was started: its token when it has a callback, otherwise what
 * comes of it. */
int method_result(Tcl_Interp *interp, int code, Op *op) {
  if (code != TCL_OK || op->command) return code;
  return method_await(interp, op->target.home, Tcl_GetObjResult(interp));
}

/* attach OBJECT CONN: the methods of the object use this connection from now on. */
static int attach_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "object conn");
    return TCL_ERROR;
  }
  Home *home = home_get(interp);
  Conn *conn = home ? home_conn(home, objv[2]) : NULL;
  Tcl_Object object = conn ? Tcl_GetObjectFromObj(interp, objv[1]) : NULL;
  if (!object) return TCL_ERROR;
  target_hold(&conn->target);
  Tcl_ObjectSetMetadata(object, &CONNECTION, conn);
  return TCL_OK;
}

/* The class that a command is given; NULL leaves an error in the interpreter. */
Tcl_Class class_arg(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "class");
    return NULL;
  }
  Tcl_Object object = Tcl_GetObjectFromObj(interp, objv[1]);
  Tcl_Class class = object ? Tcl_GetObjectAsClass(object) : NULL;
  if (object && !class) fail_arg(interp, "expected a class");
  return class;
}

/* methods CLASS: adds the methods to the class. */
static int methods_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  Tcl_Class class = class_arg(interp, objc, objv);
  (void)data;
  if (!class) return TCL_ERROR;
  publish_methods(interp, class);
  request_methods(interp, class);
  take_methods(interp, class);
  ask_methods(interp, class);
  return TCL_OK;
}

void method_commands(Tcl_Interp *interp) {
  add_command(interp, "attach", attach_cmd);
  add_command(interp, "methods", methods_cmd);
}
