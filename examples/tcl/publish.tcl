#!/usr/bin/env tclsh
# Publishes three messages and waits until the server has them: publish.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

set nc [nats::connection new publisher]
$nc configure -servers [server]
$nc connect

foreach update {one two three} {$nc publish updates.count $update}
# A publish returns when the message is buffered; a drain when the server has everything.
$nc drain -timeout 5000
$nc destroy
puts "published 3 messages"
