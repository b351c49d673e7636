# Driver for the Tcl package of nats-ffi. TCLLIBPATH may name another build than the checkout's.

set here [file dirname [file normalize [info script]]]
source $here/bench.tcl
source $here/ops.tcl

set options [::bench::parse $argv]

# Yields the version of the package.
proc load_nats {here} {
    global env auto_path
    set target [file join $here ../../../target]
    if {[info exists env(CARGO_TARGET_DIR)]} {set target $env(CARGO_TARGET_DIR)}
    lappend auto_path [file join $target tcl]
    package require nats
}

namespace eval ::streams {}

proc ::streams::ack {js messages} {
    $js ack_all $messages
}

# In order, as nats-tcl does it.
proc ::streams::consume {js stream size} {
    $js consume_ordered $stream -callback [list ::streams::Consumed $size]
}

proc ::streams::Consumed {size subject message reply} {
    ::ops::Received $size $subject [nats::msg data $message] $reply
}

::bench::run nats-ffi-tcl {load_nats $here} {
    ::ops::measure $options {-reconnect false -pending_messages 0 -pending_bytes 0}
}
