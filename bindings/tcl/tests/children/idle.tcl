# idle URL: many connections that do nothing; prints what that costs.

source [file join [file dirname [info script]] common.tcl]

set threads 0
for {set i 0} {$i <= 50} {incr i} {
    set connection [dial]
    $connection subscribe t.idle -callback list
    $connection flush
    if {$i == 0} {set threads [lindex [held] 1]}
}
if {[lindex [held] 1] > $threads} {puts "$threads threads before, [lindex [held] 1] after"}
set before [cpu]
# Idleness itself is what is measured here.
after 1000 {set over 1}
vwait over
if {[cpu] - $before > 50} {puts "[expr {[cpu] - $before}] ms of CPU time"}
