# The class nats::service, and how services are found.

# A service: requests answered under a name, with statistics, found by whoever asks (ADR-32); made
# by a connection's add_service, and ended with its object, or with the connection's.
#
# A handler is called with each request, a message's dictionary, in a coroutine of its own: while it
# waits others are answered. It answers by `respond` or `respond_error`; what it returns means
# nothing. One that fails is answered for, with the code 500 and the text of the error. A request
# that was not answered when its handler returns stays open: it may be answered later, or given up.
#
# In C: respond, respond_error, give_up; info, stats, reset.
oo::class create ::nats::service {
    superclass ::nats::core::member
    variable id name

    constructor {conn options stats_handler done_callback} {
        ::nats::core::attach_service [self] $conn {*}$options
        set known [my info]
        set id [dict get $known id]
        set name [dict get $known name]
        if {$stats_handler ne ""} {
            my StatsRequests [list ::nats::core::serve [self namespace] Stats $stats_handler]
        }
        if {$done_callback ne ""} {
            my Stopped -1 $done_callback
        }
    }

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "a service cannot be copied"
    }

    # What tells this instance from others.
    method id {} {
        return $id
    }

    method name {} {
        return $name
    }

    # add_endpoint name ?-subject subject? ?-group prefix? ?-queue_group group?
    # ?-queue_group_disabled bool? ?-metadata dict? ?-pending_messages n? ?-pending_bytes n?
    # ?-overflow policy? prefix: the number of a subscription of the connection, which ends the
    # endpoint. Endpoints whose subjects begin alike have the same -group.
    method add_endpoint {endpoint args} {
        set handler [lindex $args end]
        set options [lrange $args 0 end-1]
        ::nats::core::check_kind handler callback $handler
        if {$handler eq "" || [llength $options] % 2} {
            ::nats::core::invalid "Invalid handler: expected a command prefix behind the options"
        }
        my Endpoint [list ::nats::core::serve [self namespace] Handle $handler] \
            {*}$options -name $endpoint
    }

    # stop ?-timeout ms?: takes no more requests, and waits until those that have come are answered
    # or given up; the default is the connection's -drain_timeout. With a -timeout, what is open
    # then is given up, and it fails with ErrTimeout.
    method stop {args} {
        ::nats::core::arguments $args {timeout timeout -1}
        set me [self]
        try {
            my Stop $timeout
        } trap {NATS ErrTimeout} {text options} {
            if {$timeout < 0 || ![info object isa object $me]} {
                return -options $options $text
            }
            set count [my Abandon]
            return -options $options "$count requests were not handled after $timeout ms"
        }
        return
    }

    # stopped ?-timeout ms?: waits until the service has ended; fails when it was not asked to. 0
    # waits without end, as does nothing.
    method stopped {args} {
        ::nats::core::arguments $args {timeout timeout 0}
        my Stopped [::nats::core::patience $timeout]
        return
    }

    # Calls a handler in its coroutine. An error is the answer, unless there was one before.
    method Handle {handler request} {
        set me [self namespace]
        set code [catch {uplevel #0 [list {*}$handler $request]} text]
        if {$code in {0 2}} {
            return
        }
        if {$code != 1} {
            set text "the handler has ended with the code $code"
        }
        if {[namespace exists $me]} {
            my Log "the handler of [dict get $request subject] has failed: $text"
            my Failed $request $text
        }
    }

    # Answers who asks for statistics: those of each endpoint with what the handler says of it.
    method Stats {handler request} {
        set me [self namespace]
        set failed [catch {
            set texts [lmap endpoint [dict get [my stats] endpoints] {
                my Json [uplevel #0 [list {*}$handler $endpoint]]
            }]
            if {[namespace exists $me]} {
                my AnswerStats $request $texts
            }
        } text]
        if {$failed && [namespace exists $me]} {
            my Log "the statistics' handler has failed: $text"
            my Failed $request $text
        }
    }

    # A JSON text as it is; a dictionary as an object of texts.
    method Json {data} {
        if {[string index [string trimleft $data] 0] eq "\{"} {
            return $data
        }
        set spec [list]
        dict for {member text} $data {
            lappend spec $member text $text
        }
        ::nats::core::document $spec
    }

    method Log {text} {
        my variable owner
        if {[info exists owner] && [llength [info commands ${owner}::my]]} {
            ${owner}::my Log error $text
        }
    }
}

::nats::core::service_methods ::nats::service

namespace eval ::nats::core {
    variable handlers 0

    # Has a method of a service handle a request, in a coroutine of its own.
    proc serve {service method handler request} {
        variable handlers
        coroutine ::nats::core::handler#[incr handlers] ${service}::my $method $handler $request
    }
}

oo::define ::nats::connection {
    # add_service -name name -version version ?-description text? ?-metadata dict? ?-queue_group
    # group? ?-queue_group_disabled bool? ?-stats_handler prefix? ?-done_callback prefix?: an object
    # of nats::service. `prefix endpoint` of the statistics' handler, called with what `stats` tells
    # of each endpoint, answers with data of its own: a JSON text, which begins with a brace, or a
    # dictionary of texts. `prefix error` is called when the service has ended, with an empty value
    # when it was asked to, otherwise with a dictionary of errorMessage and errorcode.
    method add_service {args} {
        array set own {-stats_handler "" -done_callback ""}
        set options [list]
        if {[llength $args] % 2} {
            ::nats::core::invalid "Missing value of [lindex $args end]"
        }
        foreach {option value} $args {
            if {[info exists own($option)]} {
                ::nats::core::check_kind $option callback $value
                set own($option) $value
            } elseif {$option eq "-own_stats"} {
                ::nats::core::invalid "Unknown option -own_stats: -stats_handler implies it"
            } else {
                lappend options $option $value
            }
        }
        my RefuseWhileDraining
        if {$own(-stats_handler) ne ""} {
            lappend options -own_stats true
        }
        if {$conn eq ""} {
            throw {NATS ErrConnectionClosed} "No connection to NATS server"
        }
        my Own [::nats::service new $conn $options $own(-stats_handler) $own(-done_callback)]
    }

    # discover ping|info|stats ?-name name? ?-id id? ?-prefix prefix? ?-max_messages n? ?-max_wait
    # ms? ?-stall ms? ?-errors variable?: what services answer, a list of dictionaries, once no more
    # of them do. The variable becomes a list of dictionaries of code and text, of answers that are
    # none.
    method discover {what args} {
        set options [list]
        foreach {option value} $args {
            if {$option eq "-errors"} {
                upvar 1 $value errors
            } else {
                lappend options $option $value
            }
        }
        if {[llength $args] % 2} {
            ::nats::core::invalid "Missing value of [lindex $args end]"
        }
        set found [my Discover $what {*}$options]
        set errors [dict get $found errors]
        dict get $found services
    }
}
