# Driver for nats-tcl, which is found through NATS_TCL_PATH.

set here [file dirname [file normalize [info script]]]
source $here/bench.tcl
source $here/ops.tcl

set options [::bench::parse $argv]

# Yields the version of the package. That of nats-ffi has the same name and may be installed.
proc load_nats {} {
    global env auto_path
    if {![info exists env(NATS_TCL_PATH)]} {
        ::bench::unsupported "NATS_TCL_PATH does not say where nats-tcl is"
    }
    set auto_path [linsert $auto_path 0 $env(NATS_TCL_PATH)]
    if {[catch {package require nats} version]} {
        ::bench::unsupported "nats-tcl was not found by NATS_TCL_PATH"
    }
    if {[info commands ::nats::handles] ne ""} {
        ::bench::unsupported "NATS_TCL_PATH leads to the package of nats-ffi"
    }
    return $version
}

namespace eval ::streams {}

proc ::streams::ack {js messages} {
    foreach message $messages {
        $js ack $message
    }
}

# The ordered consumer: there is no other way to take messages without end.
proc ::streams::consume {js stream size} {
    $js ordered_consumer $stream -callback [list ::streams::Consumed $size]
}

proc ::streams::Consumed {size message} {
    ::ops::Received $size "" [nats::msg data $message] ""
}

::bench::run nats-tcl load_nats {
    ::ops::measure $options {-max_reconnect_attempts 0}
}
