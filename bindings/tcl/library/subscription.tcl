# Subscriptions, by their numbers.

oo::define ::nats::connection {
    # subscribe subject -callback prefix ?-queue group? ?-max_msgs n? ?-dictmsg bool? ?-post bool?
    # ?-pending_messages n? ?-pending_bytes n? ?-overflow policy?: the subscription's number. The
    # callback is called from the event loop as `prefix subject message reply`; -post makes no
    # difference here, for callbacks never run inside the library. With -poll true there is no
    # callback, and messages are read with `next` and `take`.
    method subscribe {subject args} {
        upvar #0 ::nats::core::subscribe_options table
        ::nats::core::arguments $args [list callback callback "" dictmsg bool \
            [dict get $config dictmsg] post bool true poll bool false \
            {*}[::nats::core::table_arguments $table]]
        if {($callback eq "") != !!$poll} {
            ::nats::core::invalid "Invalid callback: expected -callback, or -poll true"
        }
        my RefuseWhileDraining
        set spec [::nats::core::table_spec $table [::nats::core::table_values $table]]
        ::nats::core::with_names $table \
            [list ::nats::core::subscribe $conn $subject $spec $callback $dictmsg]
    }

    # unsubscribe subID ?-max_msgs n?: at once, or after n messages counted from the start.
    method unsubscribe {sub args} {
        ::nats::core::arguments $args {max_msgs number 0}
        ::nats::core::unsubscribe $conn $sub $max_msgs
    }

    # Ends a subscription once all that has arrived was delivered.
    method drain_subscription {sub args} {
        ::nats::core::arguments $args {timeout timeout -1}
        set owner $conn
        try {
            ::nats::core::await [::nats::core::drain_sub $owner $sub $timeout]
        } trap {NATS ErrTimeout} {text options} {
            catch {::nats::core::unsubscribe $owner $sub 0}
            return -options $options $text
        }
        return
    }

    # Numbers about a subscription.
    method subscription_stats {sub} {
        ::nats::core::sub_stats $conn $sub
    }
}
