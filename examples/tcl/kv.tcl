#!/usr/bin/env tclsh
# Keeps settings in a bucket of keys, and watches them change: kv.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc show {what entry} {
    dict with entry {puts "$what $key=$value (revision $revision)"}
}

# Called from the event loop: with what there is, nothing behind it, then what is done to keys.
proc onEntry {entry} {
    if {$entry eq ""} {
        puts "that was all"
        $::kv delete size
    } elseif {[dict get $entry operation] eq "PUT"} {
        show "there is" $entry
    } else {
        puts "[dict get $entry key]: [dict get $entry operation]"
        set ::done true
    }
}

set nc [nats::connection new]
$nc configure -servers [server]
$nc connect
set js [$nc jet_stream]
set kv [$js create_kv_bucket SETTINGS -history 5 -storage memory]
set first [$kv put color red]
$kv put size 10
show got [$kv get color]
try {
    $kv create color green
} trap {NATS ErrWrongLastSequence} {} {
    puts "create: color has a value already"
}
# Only if nobody else has changed it meanwhile.
$kv update color blue $first

set watcher [$kv watch > -callback onEntry]
vwait done
$watcher destroy

puts "keys: [$kv keys]"
foreach entry [$kv history color] {show was $entry}
$js delete_kv_bucket SETTINGS
puts "bucket deleted"
$nc destroy
