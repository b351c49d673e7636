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

::bench::run nats-ffi-tcl {load_nats $here} {
    ::ops::measure $options {-reconnect false -pending_messages 0 -pending_bytes 0}
}
