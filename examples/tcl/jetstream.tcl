#!/usr/bin/env tclsh
# Stores ten messages in a stream, takes them from it and acknowledges them: jetstream.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc show {msg} {
    set sequence [dict get [nats::metadata $msg] stream_seq]
    puts "got [nats::msg subject $msg]: [nats::msg data $msg] (sequence $sequence)"
}

set nc [nats::connection new]
$nc configure -servers [server]
$nc connect
set js [$nc jet_stream]
$js stream_create {{"name": "ORDERS", "subjects": ["orders.>"], "storage": "memory"}}
$js consumer_create {{"stream": "ORDERS", "config": {"durable_name": "worker"}}}
for {set number 1} {$number <= 10} {incr number} {
    set ack [$js publish orders.new "order $number"]
    puts "stored $number as [dict get $ack seq]"
}
# Five, each acknowledged by itself; then what is left, acknowledged together.
foreach msg [$js fetch ORDERS worker -batch_size 5 -timeout 5000] {
    show $msg
    $js ack $msg
}
set rest [$js fetch ORDERS worker -batch_size 100]
foreach msg $rest {
    show $msg
}
$js ack_all $rest
$js stream_delete {stream ORDERS}
puts "stream deleted"
$nc destroy
