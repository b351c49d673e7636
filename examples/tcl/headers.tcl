#!/usr/bin/env tclsh
# Sends a message with headers to itself and prints them: headers.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc onMessage {subject message replyTo} {set ::received $message}

set nc [nats::connection new headers]
$nc configure -servers [server]
$nc connect
# A message as a dict, not its payload alone: only that has the headers.
$nc subscribe orders.new -dictmsg true -callback onMessage

set message [nats::msg create orders.new -data book]
nats::header set message Trace-Id 4711
nats::header add message Tag express
nats::header add message Tag gift
$nc publish_msg $message

vwait received
foreach name [nats::header keys $received] {
    foreach value [nats::header values $received $name] {puts "$name: $value"}
}
$nc destroy
