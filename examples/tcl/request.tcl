#!/usr/bin/env tclsh
# Asks the service of reply.tcl and prints the answer: request.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

set nc [nats::connection new asker]
$nc configure -servers [server]
try {
    $nc connect
    puts [$nc request service.upper hello -timeout 2000]
} trap {NATS ErrNoResponders} {message} {
    # Nobody listens, which is known at once and not after the timeout.
    puts stderr $message
    exit 1
} trap NATS {message} {
    puts stderr $message
    exit 1
} finally {
    $nc destroy
}
