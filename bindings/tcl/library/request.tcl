# Requests.

oo::define ::nats::connection {
    # request_msg msg ?-timeout ms? ?-callback prefix? ?-dictmsg bool? ?-max_msgs n?
    method request_msg {msg args} {
        lassign [::nats::core::message_fields $msg] subject data reply header
        if {$reply ne ""} {
            my Log warn "request_msg: the reply $reply will be ignored"
        }
        my request $subject $data {*}$args -header $header
    }

    # request_many subject message ?-header dict? ?-max_msgs n? ?-max_wait ms? ?-stall ms?
    # ?-sentinel bool? ?-dictmsg bool?: a list of answers, by default as dictionaries.
    method request_many {subject message args} {
        upvar #0 ::nats::core::many_options table
        ::nats::core::arguments $args [list header any {} dictmsg bool true \
            {*}[::nats::core::table_arguments $table]]
        set spec [::nats::core::table_spec $table [::nats::core::table_values $table]]
        set asked $conn
        set sub [::nats::core::with_names $table [list ::nats::core::request_many $asked \
            $subject $message $header $spec {} $dictmsg 0]]
        ::nats::core::collect $asked $sub $dictmsg
    }

    # Cancels an asynchronous request; its callback is not called any more.
    method cancel_request {request} {
        if {![::nats::core::cancel $request]} {
            ::nats::core::invalid "Invalid request ID $request"
        }
    }

    # A list of message dictionaries of a request that several may answer; with a callback a number.
    method Gather {subject message header timeout callback max} {
        set spec [list max_messages int $max max_wait_ms int $timeout]
        set asked $conn
        set answers [::nats::core::request_many $asked $subject $message $header $spec $callback \
            true $max]
        if {$callback eq ""} {
            set answers [::nats::core::collect $asked $answers true]
            if {[llength $answers] == 0} {
                throw {NATS ErrTimeout} "Request to $subject timed out"
            }
        }
        return $answers
    }
}
