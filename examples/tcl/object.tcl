#!/usr/bin/env tclsh
# Puts objects into a bucket and gets them, whole, in part and by files: object.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

# Called from the event loop, chunk by chunk.
proc progress {bytes total} {
    puts "$bytes of $total bytes"
}

set nc [nats::connection new]
$nc configure -servers [server]
$nc connect
set js [$nc jet_stream]
set store [$js create_object_store FILES -storage memory]

set info [$store put letter "Dear all, hello!" -description "a letter"]
puts "[dict get $info name]: [dict get $info size] bytes, [dict get $info digest]"
puts [$store get letter]
puts [$store get letter -offset 10 -length 5]

set file [open object.txt w]
puts -nonewline $file [string repeat x 200000]
close $file
$store put_file large object.txt -progress progress
$store get_file large object.txt -progress progress
file delete object.txt

$store add_link link letter
puts "by the link: [$store get link]"

$store delete large
foreach info [$store list] {puts "there is [dict get $info name]"}
$js delete_object_store FILES
puts "bucket deleted"
$nc destroy
