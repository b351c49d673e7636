#!/usr/bin/env tclsh
# Prints the next three messages on updates.>: subscribe.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

# Called from the event loop for each message.
proc onMessage {subject message replyTo} {
    puts "$subject: $message"
    if {[incr ::count] == 3} {set ::done true}
}

fconfigure stdout -buffering line
set nc [nats::connection new subscriber]
$nc configure -servers [server]
$nc connect
$nc subscribe updates.> -max_msgs 3 -callback onMessage
$nc flush
puts subscribed
vwait done
$nc destroy
