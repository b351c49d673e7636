//! The operations of the control plane, each in both forms.

use nats_ffi::*;

use crate::common::s;
use crate::table::{Arg::*, Row, o};

/// Rows of operations with a document as their input.
macro_rules! with_input {
    ($($name:ident $later:ident)*) => {
        &[$(
            (stringify!($name), &[JetStream, Out], |p, e| {
                $name(p[0].cast(), s("{}"), o(p[1]), e)
            }),
            (stringify!($later), &[JetStream, Queue], |p, e| {
                $later(p[0].cast(), s("{}"), p[1].cast(), 1, e)
            }),
        )*]
    };
}

/// Rows of operations without one.
macro_rules! without_input {
    ($($name:ident $later:ident)*) => {
        &[$(
            (stringify!($name), &[JetStream, Out], |p, e| $name(p[0].cast(), o(p[1]), e)),
            (stringify!($later), &[JetStream, Queue], |p, e| {
                $later(p[0].cast(), p[1].cast(), 1, e)
            }),
        )*]
    };
}

pub(crate) const ASKED: &[Row] = without_input! {
    nats_account_info nats_account_info_async
    nats_kv_bucket_names nats_kv_bucket_names_async
    nats_kv_bucket_list nats_kv_bucket_list_async
};

pub(crate) const ROWS: &[Row] = with_input! {
    nats_group_create nats_group_create_async
    nats_group_info nats_group_info_async
    nats_group_names nats_group_names_async
    nats_group_members nats_group_members_async
    nats_group_step_down nats_group_step_down_async
    nats_group_delete nats_group_delete_async
    nats_stream_create nats_stream_create_async
    nats_stream_update nats_stream_update_async
    nats_stream_create_or_update nats_stream_create_or_update_async
    nats_stream_info nats_stream_info_async
    nats_stream_names nats_stream_names_async
    nats_stream_list nats_stream_list_async
    nats_stream_by_subject nats_stream_by_subject_async
    nats_stream_purge nats_stream_purge_async
    nats_stream_delete nats_stream_delete_async
    nats_stream_get_message nats_stream_get_message_async
    nats_stream_delete_message nats_stream_delete_message_async
    nats_consumer_create nats_consumer_create_async
    nats_consumer_update nats_consumer_update_async
    nats_consumer_create_or_update nats_consumer_create_or_update_async
    nats_consumer_info nats_consumer_info_async
    nats_consumer_names nats_consumer_names_async
    nats_consumer_list nats_consumer_list_async
    nats_consumer_pause nats_consumer_pause_async
    nats_consumer_resume nats_consumer_resume_async
    nats_consumer_reset nats_consumer_reset_async
    nats_consumer_unpin nats_consumer_unpin_async
    nats_consumer_delete nats_consumer_delete_async
    nats_stream_get_batch nats_stream_get_batch_async
    nats_stream_backup nats_stream_backup_async
    nats_stream_restore nats_stream_restore_async
    nats_stream_leader_stepdown nats_stream_leader_stepdown_async
    nats_stream_peer_remove nats_stream_peer_remove_async
    nats_stream_peer_evacuate nats_stream_peer_evacuate_async
    nats_stream_cancel_move nats_stream_cancel_move_async
    nats_consumer_leader_stepdown nats_consumer_leader_stepdown_async
    nats_consumer_peer_evacuate nats_consumer_peer_evacuate_async
    nats_counter_add nats_counter_add_async
    nats_counter_get nats_counter_get_async
    nats_counter_get_many nats_counter_get_many_async
    nats_schedule_create nats_schedule_create_async
    nats_schedule_cancel nats_schedule_cancel_async
    nats_meta_leader_stepdown nats_meta_leader_stepdown_async
    nats_meta_rescue nats_meta_rescue_async
    nats_server_remove nats_server_remove_async
    nats_server_evacuate nats_server_evacuate_async
    nats_account_purge nats_account_purge_async
    nats_account_stream_move nats_account_stream_move_async
    nats_account_stream_cancel_move nats_account_stream_cancel_move_async
    nats_kv_bucket_create nats_kv_bucket_create_async
    nats_kv_bucket_update nats_kv_bucket_update_async
    nats_kv_bucket_create_or_update nats_kv_bucket_create_or_update_async
    nats_kv_bucket_status nats_kv_bucket_status_async
    nats_kv_bucket_delete nats_kv_bucket_delete_async
    nats_kv_bucket_purge_deletes nats_kv_bucket_purge_deletes_async
};
