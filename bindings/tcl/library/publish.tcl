# Publishing.

oo::define ::nats::connection {
    # publish subject message ?-reply subject? ?-header dict?
    method publish {subject message args} {
        if {[llength $args] == 0} {
            ::nats::core::publish $conn $subject $message {} {}
        } else {
            ::nats::core::arguments $args {reply any {} header any {}}
            ::nats::core::publish $conn $subject $message $reply $header
        }
    }

    method publish_msg {msg} {
        ::nats::core::publish $conn {*}[::nats::core::message_fields $msg]
    }

    # Answers a message that asks for an answer: respond msg data ?-header dict?
    method respond {msg data args} {
        ::nats::core::arguments $args {header any {}}
        lassign [::nats::core::message_fields $msg] subject question reply
        if {$reply eq ""} {
            throw {NATS ErrNoReply} "the message carries no reply subject"
        }
        ::nats::core::publish $conn $reply $data {} $header
    }
}
