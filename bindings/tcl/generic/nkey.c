/* NKeys, by names such as nkey1, which each interpreter gives its own. */
#include <stdlib.h>

#include "nats_tcl.h"

static const char ASSOC[] = "nats keys";

typedef struct {
  Tcl_HashTable table;
  int last;
} Keys;

/* The interpreter goes, and its keys with it. */
static void forget_keys(ClientData data, Tcl_Interp *interp) {
  Keys *keys = data;
  Tcl_HashSearch search;
  (void)interp;
  Tcl_HashEntry *entry = Tcl_FirstHashEntry(&keys->table, &search);
  for (; entry; entry = Tcl_NextHashEntry(&search)) nats_nkey_free(Tcl_GetHashValue(entry));
  Tcl_DeleteHashTable(&keys->table);
  free(keys);
}

static Keys *keys_get(Tcl_Interp *interp) {
  Keys *keys = Tcl_GetAssocData(interp, ASSOC, NULL);
  if (keys) return keys;
  keys = allocate(sizeof *keys);
  keys->last = 0;
  Tcl_InitHashTable(&keys->table, TCL_STRING_KEYS);
  Tcl_SetAssocData(interp, ASSOC, forget_keys, keys);
  return keys;
}

static Tcl_HashEntry *find(Tcl_Interp *interp, Tcl_Obj *name) {
  return Tcl_FindHashEntry(&keys_get(interp)->table, Tcl_GetString(name));
}

/* The error of a name that stands for no key. It does not show the name, which may be a seed. */
static int no_key(Tcl_Interp *interp) {
  const char *text = "expected a key of nats::nkey generate or from_seed that was not freed";
  return fail_with(interp, NATS_ERR_INVALID_HANDLE, Tcl_NewStringObj(text, -1));
}

/* A new name for a key, which the interpreter owns. */
Tcl_Obj *key_value(Tcl_Interp *interp, nats_nkey *key) {
  Keys *keys = keys_get(interp);
  int isNew;
  Tcl_Obj *name = Tcl_ObjPrintf("nkey%d", ++keys->last);
  Tcl_SetHashValue(Tcl_CreateHashEntry(&keys->table, Tcl_GetString(name), &isNew), key);
  return name;
}

/* The key with this name; NULL leaves an error in the interpreter. */
nats_nkey *key_arg(Tcl_Interp *interp, Tcl_Obj *name) {
  Tcl_HashEntry *entry = find(interp, name);
  if (entry) return Tcl_GetHashValue(entry);
  no_key(interp);
  return NULL;
}

/* The public key of the key with this name, or that which the text spells. */
nats_str public_arg(Tcl_Interp *interp, Tcl_Obj *value, Tcl_DString *room) {
  nats_str text;
  Tcl_HashEntry *entry = find(interp, value);
  if (entry && nats_nkey_public_key(Tcl_GetHashValue(entry), &text, NULL) == NATS_OK) return text;
  return text_arg(value, room);
}

static int made(Tcl_Interp *interp, nats_status status, nats_nkey *key, nats_error *err) {
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, key_value(interp, key));
  return TCL_OK;
}

/* Makes a key of one argument. */
static int make(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], const char *usage,
                nats_status (*from)(nats_str, nats_nkey **, nats_error **)) {
  nats_nkey *key = NULL;
  nats_error *err = NULL;
  Tcl_DString room;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, usage);
    return TCL_ERROR;
  }
  Tcl_DStringInit(&room);
  const nats_status status = from(text_arg(objv[1], &room), &key, &err);
  Tcl_DStringFree(&room);
  return made(interp, status, key, err);
}

/* nkey_generate KIND: a new key. */
static int generate_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return make(interp, objc, objv, "kind", nats_nkey_new);
}

/* nkey_from_seed SEED: the key of a seed. */
static int from_seed_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return make(interp, objc, objv, "seed", nats_nkey_from_seed);
}

/* A text of the key that is the argument. */
static int read(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[],
                nats_status (*text_of)(const nats_nkey *, nats_str *, nats_error **)) {
  nats_str text;
  nats_error *err = NULL;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "key");
    return TCL_ERROR;
  }
  nats_nkey *key = key_arg(interp, objv[1]);
  if (!key) return TCL_ERROR;
  const nats_status status = text_of(key, &text, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, text_value(text.ptr, text.len));
  return TCL_OK;
}

/* nkey_kind KEY: operator, account, user, server or cluster. */
static int kind_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return read(interp, objc, objv, nats_nkey_kind);
}

/* nkey_public KEY: the public key. */
static int public_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return read(interp, objc, objv, nats_nkey_public_key);
}

/* nkey_seed KEY: the seed. */
static int seed_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  return read(interp, objc, objv, nats_nkey_seed);
}

/* nkey_sign KEY BYTES: the signature, a byte array. */
static int sign_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  uint8_t signature[64];
  nats_bytes bytes;
  nats_error *err = NULL;
  (void)data;
  if (objc != 3) {
    Tcl_WrongNumArgs(interp, 1, objv, "key bytes");
    return TCL_ERROR;
  }
  nats_nkey *key = key_arg(interp, objv[1]);
  if (!key || bytes_arg(interp, "bytes", objv[2], &bytes) != TCL_OK) return TCL_ERROR;
  const nats_status status = nats_nkey_sign(key, bytes, &signature, &err);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, Tcl_NewByteArrayObj(signature, sizeof signature));
  return TCL_OK;
}

/* nkey_verify KEY BYTES SIGNATURE: whether it is that of the bytes by the key, or public key. */
static int verify_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  nats_bytes bytes, signature;
  nats_error *err = NULL;
  int32_t valid;
  Tcl_DString room;
  (void)data;
  if (objc != 4) {
    Tcl_WrongNumArgs(interp, 1, objv, "key bytes signature");
    return TCL_ERROR;
  }
  if (bytes_arg(interp, "bytes", objv[2], &bytes) != TCL_OK ||
      bytes_arg(interp, "signature", objv[3], &signature) != TCL_OK) {
    return TCL_ERROR;
  }
  Tcl_DStringInit(&room);
  const nats_str key = public_arg(interp, objv[1], &room);
  const nats_status status = nats_nkey_verify(key, bytes, signature, &valid, &err);
  Tcl_DStringFree(&room);
  if (status != NATS_OK) return fail(interp, status, err);
  Tcl_SetObjResult(interp, Tcl_NewBooleanObj(valid));
  return TCL_OK;
}

/* nkey_free KEY: wipes it; the name stands for nothing any more. */
static int free_cmd(ClientData data, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  (void)data;
  if (objc != 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "key");
    return TCL_ERROR;
  }
  Tcl_HashEntry *entry = find(interp, objv[1]);
  if (!entry) return no_key(interp);
  nats_nkey_free(Tcl_GetHashValue(entry));
  Tcl_DeleteHashEntry(entry);
  return TCL_OK;
}

void nkey_commands(Tcl_Interp *interp) {
  add_command(interp, "nkey_generate", generate_cmd);
  add_command(interp, "nkey_from_seed", from_seed_cmd);
  add_command(interp, "nkey_kind", kind_cmd);
  add_command(interp, "nkey_public", public_cmd);
  add_command(interp, "nkey_seed", seed_cmd);
  add_command(interp, "nkey_sign", sign_cmd);
  add_command(interp, "nkey_verify", verify_cmd);
  add_command(interp, "nkey_free", free_cmd);
}
