# Messages and their headers. A message is a dictionary; these ensembles are the way to use it.

namespace eval ::nats::msg {
    # A new message: msg create subject ?-data payload? ?-reply subject? ?-header dict?
    proc create {subject args} {
        ::nats::core::arguments $args {data any "" reply any "" header any ""}
        dict create header $header data $data subject $subject reply $reply
    }

    # Changes a message: msg set variable -subject|-data|-reply value
    proc set {name option value} {
        upvar 1 $name msg
        if {$option ni {-subject -data -reply}} {
            ::nats::core::invalid "Unknown option $option: expected -subject, -data, -reply"
        }
        dict set msg [string range $option 1 end] $value
    }

    proc subject {msg} {
        dict get $msg subject
    }

    proc data {msg} {
        dict get $msg data
    }

    proc reply {msg} {
        dict get $msg reply
    }

    # Whether this is the server's word that nobody is subscribed (status 503).
    proc no_responders {msg} {
        expr {[::nats::header lookup $msg Status 0] == 503}
    }

    proc idle_heartbeat {msg} {
        Control $msg "Idle*"
    }

    proc flow_control {msg} {
        Control $msg "Flow*"
    }

    # The sequence number; only messages that were read from a stream have one.
    proc seq {msg} {
        Stored $msg seq seq
    }

    # The time in ISO form; only messages that were read from a stream have one.
    proc timestamp {msg} {
        Stored $msg time timestamp
    }

    # Whether a service has answered that it came to an error: a dictionary of code (0 when it has
    # none that is a number) and description; empty for another answer.
    proc service_error {msg} {
        ::set names {Nats-Service-Error-Code Nats-Service-Error}
        lassign [lmap name $names {::nats::header lookup $msg $name ""}] code description
        if {![dict exists $msg header [lindex $names 0]] &&
            ![dict exists $msg header [lindex $names 1]]} {
            return
        }
        ::set code [string trim $code]
        dict create code [expr {[string is digit -strict $code] ? min([scan $code %lld], 65535) : 0}] \
            description $description
    }

    # Fails with ErrBadHeaderMsg when the message arrived with a subject or headers that cannot be
    # decoded. Its payload can be read either way.
    proc check {msg} {
        if {[dict exists $msg error]} {
            throw {NATS ErrBadHeaderMsg} [dict get $msg error]
        }
    }

    proc Control {msg description} {
        expr {[dict get $msg data] eq ""
              && [::nats::header lookup $msg Status 0] == 100
              && [string match $description [::nats::header lookup $msg Description ""]]}
    }

    proc Stored {msg key field} {
        if {![dict exists $msg $key]} {
            ::nats::core::invalid "Invalid field '$field'"
        }
        dict get $msg $key
    }

    namespace export {[a-z]*}
    namespace ensemble create
}

# Headers: names are case-sensitive, and each has a list of values.
namespace eval ::nats::header {
    # Adds a value behind those that the name has already.
    proc add {name key value} {
        upvar 1 $name msg
        ::set values [list]
        if {[dict exists $msg header $key]} {
            ::set values [dict get $msg header $key]
        }
        dict set msg header $key [lappend values $value]
        return
    }

    # Sets one value for each key: header set variable key value ?key value ...?
    proc set {name args} {
        upvar 1 $name msg
        if {[llength $args] == 0 || [llength $args] % 2} {
            ::nats::core::invalid "Invalid header: expected pairs of key and value"
        }
        foreach {key value} $args {
            dict set msg header $key [list $value]
        }
    }

    # Has the servers, from 2.11 on, tell the subject `destination` where the message goes (ADR-41);
    # with `only` it is not delivered.
    proc trace {name destination {only false}} {
        upvar 1 $name msg
        set msg Nats-Trace-Dest $destination
        if {$only} {
            set msg Nats-Trace-Only true
        }
    }

    proc delete {name key} {
        upvar 1 $name msg
        dict unset msg header $key
        return
    }

    proc values {msg key} {
        if {![dict exists $msg header $key]} {
            throw {NATS ErrHeaderNotFound} "Invalid header key \"$key\""
        }
        dict get $msg header $key
    }

    # The first value.
    proc get {msg key} {
        lindex [values $msg $key] 0
    }

    # The first value of the first name that matches, whatever the case of its letters.
    proc get_ignore_case {msg key} {
        foreach known [keys $msg] {
            if {[string equal -nocase $known $key]} {
                return [get $msg $known]
            }
        }
        values $msg $key
    }

    proc keys {msg {pattern *}} {
        dict keys [dict get $msg header] $pattern
    }

    # The first value, or `default` when the name has none.
    proc lookup {msg key default} {
        if {![dict exists $msg header $key]} {
            return $default
        }
        get $msg $key
    }

    namespace export {[a-z]*}
    namespace ensemble create
}
