#!/usr/bin/env tclsh
# Two members of a queue group share the work, each job going to one of them: queue_group.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc work {member subject message replyTo} {incr ::jobs($member)}

array set jobs {first 0 second 0}
set nc [nats::connection new workers]
$nc configure -servers [server]
$nc connect
foreach member {first second} {
    $nc subscribe jobs.* -queue workers -callback [list work $member]
}
for {set i 0} {$i < 100} {incr i} {$nc publish jobs.new $i}
# A drain lets both members finish what they were given.
$nc drain -timeout 5000
$nc destroy
puts "first: $jobs(first), second: $jobs(second), together: [expr {$jobs(first) + $jobs(second)}]"
