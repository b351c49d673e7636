/* What operations yield. */
#include "bucket.h"

static Tcl_Obj *take_message(Op *op, nats_msg *msg) {
  Home *home = op->target.home;
  const int utf8 = op->conn->utf8;
  Tcl_Obj *value = op->dict ? message_dict(home, msg, subject_value(msg), utf8, 0)
                            : payload_value(nats_msg_payload(msg), utf8);
  nats_msg_free(msg);
  return value;
}

/* Empty at the end. */
static Tcl_Obj *take_bytes(nats_msg *msg) {
  if (!msg) return NULL;
  Tcl_Obj *value = payload_value(nats_msg_payload(msg), 0);
  nats_msg_free(msg);
  return value;
}

static Tcl_Obj *take_connection(Op *op, nats_connection *nc) {
  Conn *conn = conn_new(op->target.home, nc, op->asked);
  op->asked = NULL;
  return Tcl_NewIntObj(conn->id);
}

/* What an operation has yielded, as a value; `status` changes when it cannot be read. */
Tcl_Obj *result_take(Op *op, const nats_event *event, nats_status *status) {
  switch (op->want) {
    case WANT_NOTHING:
      return NULL;
    case WANT_MESSAGE:
      return take_message(op, event->value);
    case WANT_CONNECTION:
      return take_connection(op, event->value);
    case WANT_DOC:
      return doc_value(event->value);
    case WANT_SUBSCRIPTION:
      op->made = event->value;
      return NULL;
    case WANT_FETCHED:
      return fetched_value(op->conn, event->value);
    case WANT_BYTES:
      return take_bytes(event->value);
    case WANT_WRITER:
    case WANT_READER:
      flow_arrived(op, event);
      return NULL;
    default:
      return kv_result(op, event, status);
  }
}

/* Lets go of what an operation has yielded, or of why it has failed. */
void result_discard(const Op *op, const nats_event *event) {
  if (event->status != NATS_OK) {
    nats_error_free(event->value);
    return;
  }
  switch (op->want) {
    case WANT_NOTHING:
    case WANT_REVISION:
      return;
    case WANT_MESSAGE:
    case WANT_BYTES:
    case WANT_ENTRY:
    case WANT_VALUE:
      nats_msg_free(event->value);
      return;
    case WANT_CONNECTION:
      nats_connection_free(event->value);
      return;
    case WANT_DOC:
      nats_doc_free(event->value);
      return;
    case WANT_SUBSCRIPTION:
      nats_subscription_free(event->value);
      return;
    case WANT_FETCHED:
    case WANT_ENTRIES:
      nats_fetched_free(event->value);
      return;
    case WANT_BUCKET:
      nats_kv_free(event->value);
      return;
    case WANT_CACHE:
      nats_kv_cache_free(event->value);
      return;
    case WANT_STORE:
      nats_object_store_free(event->value);
      return;
    case WANT_WRITER:
      nats_object_writer_free(event->value);
      return;
    case WANT_READER:
      nats_object_reader_free(event->value);
      return;
  }
}
