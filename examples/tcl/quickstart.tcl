#!/usr/bin/env tclsh
# Sends itself a greeting: quickstart.tcl [URL]

# [quickstart]
package require nats
set nc [nats::connection new]
$nc configure -servers [lindex [concat $argv nats://127.0.0.1:4222] 0]
$nc connect
proc greeted {subject message reply} {set ::got "$subject: $message"}
$nc subscribe greet.* -callback greeted
$nc publish greet.joe hello
vwait got
puts $got
$nc destroy
# [/quickstart]
