#!/usr/bin/env tclsh
# Keeps settings in a bucket of keys, and watches them change: kv.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

proc show {how entry} {
    dict with entry {
        if {$operation eq "PUT"} {
            puts "$how: $key is $value (revision $revision)"
        } else {
            puts "$how: $key is deleted"
        }
    }
}

# Called from the event loop: with what there is, nothing behind it, then what is done to keys.
proc onEntry {entry} {
    if {$entry eq ""} {
        puts "watched: this was all"
        # Only while nobody else has changed it.
        $::kv update color green $::first
        return
    }
    show watched $entry
    set ::done [expr {[dict get $entry value] eq "green"}]
}

set nc [nats::connection new]
$nc configure -servers [server]
$nc connect
set js [$nc jet_stream]
set kv [$js create_kv_bucket settings -history 5 -storage memory]
set first [$kv put color red]
show got [$kv get color]
try {
    $kv create color blue
} trap {NATS ErrWrongLastSequence} {_ options} {
    puts "create: [dict get $options -nats_name]"
}

set done false
set watcher [$kv watch > -callback onEntry]
while {!$done} {vwait done}
$watcher destroy

$kv put size large
puts "keys: [$kv keys]"
$kv delete color
foreach entry [$kv history color] {show history $entry}
$js delete_kv_bucket settings
puts "bucket deleted"
$nc destroy
