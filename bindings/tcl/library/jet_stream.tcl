# The class nats::jet_stream.

# The JetStream of a connection's account, made by the connection's method `jet_stream`. It belongs to
# the connection as it is: once that is closed, its methods fail with ErrConnectionClosed. It is destroyed
# with the connection's object.
#
# publish, publish_msg; fetch; consume, consume_ordered, consume_pushed, consume_group; ack, ack_sync,
# ack_all, nak, in_progress, term; and a method for each operation of docs/ops.md on a JetStream, by
# its name. All but the acknowledgements wait in the event loop or, in a coroutine, let others go on.
#
# What an operation takes is a JSON text, which begins with a brace, or a dictionary of the document's
# members: numbers, booleans and lists are read as such where the member is one, whatever they look
# like, and members that are documents themselves (config, placement, hdrs) are JSON texts. What it
# answers is a dictionary.
oo::class create ::nats::jet_stream {
    superclass ::nats::core::member
    variable settings

    constructor {conn args} {
        set settings [dict create timeout 5000 api_prefix "" domain ""]
        ::nats::core::attach_jetstream [self] $conn {*}$args
        foreach {option value} $args {
            dict set settings [string range $option 1 end] $value
        }
    }

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "a JetStream cannot be copied"
    }

    # How long requests to the API wait, in milliseconds.
    method timeout {} {
        dict get $settings timeout
    }

    # What the subjects of the API begin with.
    method api_prefix {} {
        dict with settings {
            if {$domain ne ""} {
                return "\$JS.$domain.API"
            }
            expr {$api_prefix eq "" ? "\$JS.API" : $api_prefix}
        }
    }

    # Cancels a fetch with a callback, which is not called any more.
    method cancel_pull_request {request} {
        if {![::nats::core::cancel $request]} {
            ::nats::core::invalid "Invalid request ID $request"
        }
    }
}

::nats::core::jetstream_methods ::nats::jet_stream

oo::define ::nats::connection {
    # jet_stream ?-timeout ms? ?-domain name? ?-api_prefix prefix?: an object of nats::jet_stream.
    method jet_stream {args} {
        if {$conn eq ""} {
            throw {NATS ErrConnectionClosed} "No connection to NATS server"
        }
        my Own [::nats::jet_stream new $conn {*}$args]
    }
}

namespace eval ::nats {
    # Where a message that a consumer has delivered stands: a dictionary of stream, consumer,
    # num_delivered, stream_seq, consumer_seq, timestamp (milliseconds since 1970), num_pending, and
    # domain where there is one.
    proc metadata {msg} {
        core::metadata $msg
    }
    namespace export metadata
}
