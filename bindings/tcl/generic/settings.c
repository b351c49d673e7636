/* The options of JetStream's methods, some of which are the library's. */
#include <string.h>

#include "nats_tcl.h"

#include "settings_gen.h"

/* In the order of Table. */
static const Setting *const TABLES[] = {JETSTREAM, PUBLISH, FETCH,  CONSUME, ORDERED,
                                        PUSHED,    BUCKET,  CHANGE, WATCH,   OBJECT_PUT,
                                        OBJECT_GET, OBJECT_WATCH, SERVICE, ENDPOINT, ASK};

static const Setting *find(Table table, const char *word) {
  const Setting *setting = TABLES[table];
  while (setting->name && (*word != '-' || strcmp(word + 1, setting->name) != 0)) setting++;
  return setting->name ? setting : NULL;
}

static int is_own(const Option *own, int count, const char *word) {
  int at = 0;
  while (at < count && (*word != '-' || strcmp(word + 1, own[at].name) != 0)) at++;
  return at < count;
}

static int unknown(Tcl_Interp *interp, Tcl_Obj *word, Table table, const Option *own, int count) {
  Tcl_Obj *text = Tcl_ObjPrintf("Unknown option %s: expected", Tcl_GetString(word));
  const char *comma = "";
  for (int i = 0; i < count; i++, comma = ",") {
    Tcl_AppendPrintfToObj(text, "%s -%s", comma, own[i].name);
  }
  for (const Setting *setting = TABLES[table]; setting->name; setting++, comma = ",") {
    Tcl_AppendPrintfToObj(text, "%s -%s", comma, setting->name);
  }
  return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
}

/* Reads pairs of -name and value: those of the method's `own` options, of which there are at most
 * eight, into `values` (NULL where there is none), the library's into a document, which is NULL when
 * there are none. */
int settings_read(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], Table table,
                  const Option *own, int count, Tcl_Obj **values, nats_doc **doc) {
  nats_error *err = NULL;
  *doc = NULL;
  for (int i = 0; i < count; i++) values[i] = NULL;
  if (objc % 2) {
    Tcl_Obj *text = Tcl_ObjPrintf("Missing value of %s", Tcl_GetString(objv[objc - 1]));
    return fail_with(interp, NATS_ERR_INVALID_ARGUMENT, text);
  }
  int code = TCL_OK;
  for (int i = 0; i < objc && code == TCL_OK; i += 2) {
    const char *word = Tcl_GetString(objv[i]);
    const Setting *setting = is_own(own, count, word) ? NULL : find(table, word);
    if (setting) {
      nats_status status = *doc ? NATS_OK : nats_doc_new(doc, &err);
      if (status == NATS_OK) {
        status = option_put(*doc, setting->key, setting->kind, objv[i + 1], &err);
      }
      if (status != NATS_OK) code = fail(interp, status, err);
    } else if (is_own(own, count, word)) {
      Tcl_Obj *one[8];
      code = arguments_read(interp, 2, objv + i, own, count, one);
      for (int k = 0; k < count && code == TCL_OK; k++) {
        if (one[k]) values[k] = one[k];
      }
    } else {
      code = unknown(interp, objv[i], table, own, count);
    }
  }
  if (code == TCL_OK) return TCL_OK;
  nats_doc_free(*doc);
  *doc = NULL;
  return code;
}

/* The document as text, empty for NULL; it lives as long as the document. */
nats_str settings_json(nats_doc *doc) {
  nats_str json = {NULL, 0};
  if (doc) nats_doc_json(doc, &json, NULL);
  return json;
}

/* Fails with an error of the library, which is freed; options have the names in it that they have
 * here. */
int settings_fail(Tcl_Interp *interp, Table table, nats_status status, nats_error *err) {
  if (status != NATS_ERR_INVALID_OPTION || !err) return fail(interp, status, err);
  const nats_str view = nats_error_text(err);
  Tcl_Obj *text = Tcl_NewObj();
  const char *from = view.ptr, *end = view.ptr + view.len;
  while (from < end) {
    const Setting *setting = TABLES[table];
    size_t length = 0;
    for (; setting->name; setting++) {
      length = strlen(setting->key);
      if ((size_t)(end - from) >= length + 2 && from[0] == '\'' && from[length + 1] == '\'' &&
          memcmp(from + 1, setting->key, length) == 0) {
        break;
      }
    }
    if (setting->name) {
      Tcl_AppendPrintfToObj(text, "-%s", setting->name);
      from += length + 2;
    } else {
      Tcl_AppendToObj(text, from++, 1);
    }
  }
  nats_error_free(err);
  return fail_with(interp, status, text);
}

/* As op_started(), for an operation with such options. */
int settings_started(Op *op, Table table, nats_status status, nats_error *err) {
  Tcl_Interp *interp = op->target.home->interp;
  if (status != NATS_ERR_INVALID_OPTION) return op_started(op, status, err);
  op_forget(op);
  return settings_fail(interp, table, status, err);
}
