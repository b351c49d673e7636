/* Entries of buckets as dictionaries, and what operations on buckets yield. */
#include "bucket.h"

enum { NS_PER_MS = 1000000, ROOM = 256 };

static void put(const Home *home, Tcl_Obj *dict, int key, Tcl_Obj *value) {
  Tcl_DictObjPut(NULL, dict, home->words[key], value);
}

/* Of a watch without values: how long the value is. */
static void put_size(const Home *home, Tcl_Obj *dict, const nats_msg *msg) {
  nats_str size;
  if (nats_msg_header(msg, NATS_STR("Nats-Msg-Size"), &size, NULL) != NATS_OK) return;
  put(home, dict, WORD_SIZE, text_value(size.ptr, size.len));
}

static Tcl_Obj *entry_dict(const Kv *kv, const nats_kv_entry *entry, const nats_msg *msg,
                           int told) {
  const Home *home = kv->target.home;
  Tcl_Obj *dict = Tcl_NewDictObj();
  put(home, dict, WORD_BUCKET, kv->name);
  put(home, dict, WORD_KEY, text_value(entry->key.ptr, entry->key.len));
  put(home, dict, WORD_VALUE, payload_value(entry->value, kv->conn->utf8));
  put(home, dict, WORD_REVISION, Tcl_NewWideIntObj((Tcl_WideInt)entry->revision));
  put(home, dict, WORD_CREATED, Tcl_NewWideIntObj(entry->created_ns / NS_PER_MS));
  if (told) put(home, dict, WORD_DELTA, Tcl_NewWideIntObj((Tcl_WideInt)entry->delta));
  put(home, dict, WORD_OPERATION, home->words[WORD_PUT + entry->operation]);
  if (told) put_size(home, dict, msg);
  return dict;
}

/* What a message tells: the dictionary of the entry or, with WANT_VALUE, the value; WANT_ENTRIES: as
 * a watch has told it. Empty for the mark behind what there was. NULL when it cannot be read. */
Tcl_Obj *entry_value(const Kv *kv, const nats_msg *msg, Want want, nats_error **err) {
  nats_kv_entry entry;
  const Kv *bucket = kv->of ? kv->of : kv;
  if (nats_kv_read(bucket->handle, msg, &entry, err) != NATS_OK) return NULL;
  if (entry.operation == NATS_KV_CAUGHT_UP) return kv->target.home->words[WORD_EMPTY];
  if (want == WANT_VALUE) return payload_value(entry.value, kv->conn->utf8);
  return entry_dict(bucket, &entry, msg, want == WANT_ENTRIES);
}

/* The same for a watch; what cannot be read is told as `error`. */
Tcl_Obj *entry_told(const Kv *kv, const nats_msg *msg) {
  nats_error *err = NULL;
  Tcl_Obj *value = entry_value(kv, msg, WANT_ENTRIES, &err);
  if (value) return value;
  const nats_str text = nats_error_text(err);
  value = Tcl_NewDictObj();
  put(kv->target.home, value, WORD_BUCKET, kv->name);
  put(kv->target.home, value, WORD_ERROR, text_value(text.ptr, text.len));
  nats_error_free(err);
  return value;
}

static Tcl_Obj *failed(nats_error *err, nats_status *status) {
  const nats_str text = nats_error_text(err);
  *status = nats_error_code(err);
  Tcl_Obj *value = text_value(text.ptr, text.len);
  nats_error_free(err);
  return value;
}

static Tcl_Obj *entry_list(const Kv *kv, nats_fetched *fetched, Want want, nats_status *status) {
  nats_msg *msgs[ROOM];
  size_t count = 0;
  nats_error *err = NULL;
  Tcl_Obj *list = Tcl_NewListObj(0, NULL);
  while (!err && nats_fetched_take(fetched, msgs, ROOM, &count, NULL) == NATS_OK && count > 0) {
    for (size_t i = 0; i < count && !err; i++) {
      Tcl_Obj *entry = entry_value(kv, msgs[i], want, &err);
      if (entry) Tcl_ListObjAppendElement(NULL, list, entry);
    }
    nats_msgs_free(msgs, count);
  }
  nats_fetched_free(fetched);
  if (!err) return list;
  Tcl_DecrRefCount(list);
  return failed(err, status);
}

/* What an operation on a bucket has yielded; `status` changes when it cannot be read. */
Tcl_Obj *kv_result(Op *op, const nats_event *event, nats_status *status) {
  nats_error *err = NULL;
  if (op->want == WANT_REVISION) return Tcl_NewWideIntObj((Tcl_WideInt)event->arg);
  if (op->want == WANT_ENTRIES) return entry_list(op->kv, event->value, op->want, status);
  if (op->want == WANT_BUCKET || op->want == WANT_CACHE || op->want == WANT_STORE) {
    kv_arrived(op, event);
    return NULL;
  }
  Tcl_Obj *value = entry_value(op->kv, event->value, op->want, &err);
  nats_msg_free(event->value);
  return value ? value : failed(err, status);
}

/* Why an operation has failed: nobody stores what is put into a bucket that is gone. `text` is
 * changed with it. */
nats_status kv_reason(const Op *op, nats_status status, Tcl_Obj **text) {
  if (!op->kv || status != NATS_ERR_NO_RESPONDERS) return status;
  Tcl_DecrRefCount(*text);
  *text = Tcl_ObjPrintf("Bucket %s not found", Tcl_GetString(op->kv->name));
  return NATS_ERR_BUCKET_NOT_FOUND;
}
