# The class nats::connection.

# A connection to a NATS server or cluster. It belongs to the interpreter and thread that made it.
#
# Variables that may be traced: status (one of the nats::status_... words), last_error (a dictionary
# of code and errorMessage, or empty) and serverInfo (an array of what the server told of itself).
oo::class create ::nats::connection {
    superclass ::nats::core::member
    variable config conn connecting draining log status last_error serverInfo

    # nats::connection new ?name? ?-logger logger? ?-log_chan channel? ?-log_level level?
    constructor {{conn_name ""} args} {
        set conn ""
        set connecting ""
        set draining false
        set status $::nats::status_closed
        set last_error ""
        array set serverInfo {}
        set config [::nats::core::default_options]
        dict set config name $conn_name
        ::nats::core::arguments $args {logger any "" log_chan any stdout log_level any warn}
        set name [namespace tail [self]]
        if {$conn_name ne ""} {
            append name _$conn_name
        }
        set log [::nats::core::log_target $logger $log_chan $log_level $name]
    }

    destructor {
        my Leave
        my disconnect
    }

    method <cloned> {origin} {
        set conn ""
        set connecting ""
        throw {NATS ErrInvalidArg} "a connection cannot be copied"
    }

    # The value of an option; also of `status`.
    method cget {option} {
        if {[string trimleft $option -] eq "status"} {
            return $status
        }
        dict get $config [::nats::core::option_name $option]
    }

    # configure ?option? ?value option value ...?
    method configure {args} {
        if {[llength $args] == 0} {
            return $config
        }
        if {[llength $args] == 1} {
            return [my cget [lindex $args 0]]
        }
        if {[llength $args] % 2} {
            ::nats::core::invalid "Missing value of [lindex $args end]"
        }
        set changed $config
        foreach {option value} $args {
            if {![string match -* $option]} {
                ::nats::core::invalid "Invalid option $option: expected -$option"
            }
            set name [::nats::core::option_name $option]
            if {$name eq "servers" && $status ne $::nats::status_closed} {
                ::nats::core::invalid "Cannot configure servers when already connected"
            }
            ::nats::core::check_option $name $value
            dict set changed $name $value
        }
        set config $changed
        my Settle
    }

    # reset ?option ...?: back to the defaults.
    method reset {args} {
        foreach option $args {
            set name [::nats::core::option_name $option]
            dict set config $name [dict get [::nats::core::default_options] $name]
        }
        my Settle
    }

    # connect ?-async?: waits until a server has accepted the connection. With -async it returns at
    # once; `status` tells how it went, and what is published and subscribed meanwhile is kept.
    method connect {args} {
        if {$args ni {{} -async}} {
            ::nats::core::invalid "Unknown option $args: expected -async"
        }
        if {$status ne $::nats::status_closed} {
            return
        }
        set elsewhere [expr {[dict get $config context] ne "" || [dict get $config environment]}]
        if {[llength [dict get $config servers]] == 0 && !$elsewhere} {
            throw {NATS ErrNoServers} "Server pool is empty"
        }
        set me [self]
        set last_error ""
        set status $::nats::status_connecting
        try {
            set opened [my Open [expr {$args eq "-async"}]]
        } on error {text options} {
            if {[info object isa object $me]} {
                dict set options -errorcode \
                    [my Failed [dict get $options -errorcode] $text]
                set status $::nats::status_closed
            }
            return -options $options $text
        }
        set conn $opened
        ::nats::core::attach $me $conn
        my Settle
        ::nats::core::watch $conn [::nats::mymethod Event]
        if {$args eq "-async"} {
            # Programs wait for `status` to change after this call, so it must not do so before.
            after 0 [::nats::mymethod Begin $opened]
        } else {
            my Begin $opened
        }
        return
    }

    # Writes what was published, closes the socket, and cancels asynchronous requests.
    method disconnect {} {
        if {$connecting ne ""} {
            ::nats::core::cancel $connecting
        }
        if {$conn ne ""} {
            set last_error ""
            my Log info "Closing connection to [join [my current_server] :]"
            set lost [::nats::core::disconnect $conn]
            after 0 [::nats::mymethod Tell [list event closed discarded $lost]]
            my Closed
        }
    }

    # Closes gently: what has arrived is delivered, callbacks may still answer, what was published
    # is sent. With a -timeout (milliseconds) the connection is closed by then; the default is the
    # option -drain_timeout.
    method drain {args} {
        ::nats::core::arguments $args [list timeout timeout [dict get $config drain_timeout]]
        my RefuseWhileDraining
        set me [self]
        set drained $conn
        set deadline [expr {[clock milliseconds] + $timeout}]
        set draining true
        try {
            # Callbacks run in this thread: the library takes messages for handled that were taken,
            # so their subscriptions come first.
            ::nats::core::await_all [lmap sub [::nats::core::subs $drained] {
                ::nats::core::drain_sub $drained $sub $timeout
            }]
            set left [expr {max(0, $deadline - [clock milliseconds])}]
            ::nats::core::await [::nats::core::drain $drained $left]
        } finally {
            if {[info object isa object $me]} {
                set draining false
                if {$drained ne "" && $conn eq $drained} {
                    my disconnect
                }
            }
        }
    }

    # ping ?-timeout ms?: true once the server has answered, and so has seen all that was published
    # and subscribed before.
    method ping {args} {
        ::nats::core::arguments $args {timeout timeout 10000}
        if {$status ne $::nats::status_connected} {
            throw {NATS ErrConnectionClosed} "No connection to NATS server"
        }
        ::nats::core::await [::nats::core::ping $conn [::nats::core::patience $timeout]]
        return true
    }

    # flush ?-timeout ms?: as ping, but waits while the connection is being made again.
    method flush {args} {
        ::nats::core::arguments $args {timeout timeout -1}
        ::nats::core::await [::nats::core::ping $conn $timeout]
        return
    }

    # rtt ?-timeout ms?: milliseconds from a PING to its PONG, as this thread sees it.
    method rtt {args} {
        ::nats::core::arguments $args {timeout timeout -1}
        set start [clock microseconds]
        ::nats::core::await [::nats::core::ping $conn $timeout]
        expr {([clock microseconds] - $start) / 1000.0}
    }

    # A fresh subject for answers.
    method inbox {} {
        ::nats::core::inbox $conn
    }

    # Host and port of the server in use; empty when there is none.
    method current_server {} {
        if {$conn eq ""} {
            return
        }
        set url [dict get [::nats::core::servers $conn] connected]
        if {$url ne "null"} {
            lrange [::nats::core::server_address $url] 1 2
        }
    }

    # The servers that the connection knows, each a dictionary of url, discovered, failures (attempts
    # that have failed since one succeeded) and, when there is one, error.
    method server_pool {} {
        if {$conn eq ""} {
            return [list]
        }
        dict get [::nats::core::servers $conn] pool
    }

    # Replaces the servers that the connection knows, those that the cluster told of, too. It stays
    # where it is: they count from the next reconnect on.
    method set_servers {urls} {
        if {$conn eq ""} {
            throw {NATS ErrConnectionClosed} "Connection closed"
        }
        ::nats::core::set_servers $conn [list servers list $urls]
    }

    # The servers that were configured and those that the cluster told of, each a dictionary of
    # scheme, host, port and discovered.
    method all_servers {} {
        set known [dict get $config servers]
        set discovered [list]
        if {$conn ne ""} {
            set servers [::nats::core::servers $conn]
            set known [dict get $servers known]
            set discovered [dict get $servers discovered]
        }
        lmap url $known {
            lassign [::nats::core::server_address $url] scheme host port
            dict create scheme $scheme host $host port $port \
                discovered [expr {$url in $discovered}]
        }
    }

    # What the server told of itself, as a dictionary.
    method server_info {} {
        if {$conn ne ""} {
            my Info
        }
        array get serverInfo
    }

    # Numbers about the connection.
    method stats {} {
        ::nats::core::stats $conn
    }

    # Drops the socket and connects anew; subscriptions and what was published are kept.
    method force_reconnect {} {
        ::nats::core::reconnect $conn
    }

    # Tells the connection of the options that its methods look at.
    method Settle {} {
        if {$conn ne ""} {
            ::nats::core::settings $conn [dict get $config utf8_convert] \
                [dict get $config dictmsg] [dict get $config request_timeout] \
                [dict get $config on_inject]
        }
    }

    method RefuseWhileDraining {} {
        if {$draining} {
            throw {NATS ErrConnectionDraining} "the connection is draining"
        }
    }

    # The library's number for the connection.
    method Open {async} {
        set spec [::nats::core::table_spec $::nats::core::connect_options $config]
        lappend spec {*}[::nats::core::tls_spec [dict get $config tls_opts]]
        set questions [::nats::core::questions $config]
        if {$async} {
            return [::nats::core::connect [list {*}$spec connect_in_background bool 1] $questions 1]
        }
        set me [self]
        set token [::nats::core::connect $spec $questions 0]
        set connecting $token
        try {
            ::nats::core::await $token
        } trap {NATS ErrCancelled} {} {
            throw {NATS ErrConnectionClosed} "Connection closed"
        } finally {
            if {[info object isa object $me]} {
                set connecting ""
            }
        }
    }

    # A connection was opened, and may be established, or lost again, by now: makes up for what had
    # happened before its events were told.
    method Begin {opened} {
        if {$conn ne $opened} {
            return
        }
        set servers [::nats::core::servers $conn]
        switch -- [::nats::core::state $conn] {
            connected {
                my Event [list event connected url [dict get $servers connected]]
            }
            reconnecting {
                set status $::nats::status_reconnecting
            }
            closed {
                my Event {event closed discarded 0}
                return [::nats::core::disconnect $opened]
            }
        }
        if {[llength [dict get $servers discovered]]} {
            my Event [list event discovered_servers urls [dict get $servers discovered]]
        }
    }

    # The library tells of an event.
    method Event {details} {
        set event [dict get $details event]
        if {$event eq "connected" && $status eq $::nats::status_connected} {
            return
        }
        if {[dict exists $details error]} {
            my Failed [::nats::core::error_code [dict get $details code]] \
                [dict get $details error]
        }
        switch -- $event {
            connected - reconnected - migrated {
                my Info
                my Log info "Connected to the server at [join [my current_server] :]"
                set status $::nats::status_connected
            }
            disconnected {
                set status $::nats::status_reconnecting
            }
            lame_duck - discovered_servers {
                my Info
            }
            slow_consumer {
                my Failed {NATS ErrSlowConsumer} "slow consumer on [dict get $details subject]"
            }
            consumer {
                ::nats::core::watch_ended $conn $details
            }
            malformed_message {
                my Failed {NATS ErrBadHeaderMsg} \
                    "a message on [dict get $details subject] could not be decoded"
            }
            closed {
                set reason [::nats::core::last_error $conn]
                # Of several errors the last word is the library's.
                if {[dict size $reason]} {
                    my Failed [dict get $reason code] [dict get $reason errorMessage]
                }
                my Closed
            }
        }
        my Tell $details
    }

    # Calls the program's own callback for events.
    method Tell {details} {
        set callback [dict get $config on_event]
        if {$callback ne ""} {
            uplevel #0 [list {*}$callback [dict get $details event] $details]
        }
    }

    method Closed {} {
        set conn ""
        set status $::nats::status_closed
    }

    # Notes what went wrong; its code as programs know it.
    method Failed {code text} {
        set servers [llength [dict get $config servers]]
        set code [::nats::core::finer_code $code $text $servers]
        my Log error $text
        set last_error [dict create code $code errorMessage $text]
        return $code
    }

    # Refreshes the array of what the server told of itself.
    method Info {} {
        set info [::nats::core::server_info $conn]
        foreach gone [array names serverInfo] {
            if {![dict exists $info $gone]} {
                unset serverInfo($gone)
            }
        }
        array set serverInfo $info
    }

    method Log {level text} {
        ::nats::core::log $log $level $text
    }
}

# publish, publish_msg, respond, request, next and take.
::nats::core::methods ::nats::connection
