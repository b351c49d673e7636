#!/usr/bin/env tclsh
# Answers requests on service.upper until its standard input ends (Tcl has no signals):
# reply.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc answer {connection subject message replyTo} {
    $connection publish $replyTo [string toupper $message]
}

fconfigure stdout -buffering line
set nc [nats::connection new service]
$nc configure -servers [server]
$nc connect
$nc subscribe service.upper -callback [list answer $nc]
$nc flush
puts "answering on service.upper"

fconfigure stdin -blocking false
fileevent stdin readable {
    read stdin
    if {[eof stdin]} {set done true}
}
vwait done
fileevent stdin readable {}
$nc drain -timeout 5000
$nc destroy
