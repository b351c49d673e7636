#!/usr/bin/env tclsh
# A service with two endpoints: asked, answering an error, found, and stopped: service.tcl [URL]

package require nats

proc server {} {
    if {$::argc} {return [lindex $::argv 0]}
    expr {[info exists ::env(NATS_URL)] ? $::env(NATS_URL) : "nats://127.0.0.1:4222"}
}

# Handlers are called from the event loop, each in a coroutine; what they return means nothing.
proc twice {request} {
    $::service respond $request [expr {[nats::msg data $request] * 2}]
}

proc half {request} {
    set number [nats::msg data $request]
    if {$number % 2 == 0} {
        $::service respond $request [expr {$number / 2}]
    } else {
        $::service respond_error $request 400 "$number is odd"
    }
}

proc ask {nc subject number} {
    set reply [$nc request $subject $number -timeout 5000 -dictmsg true]
    set failure [nats::msg service_error $reply]
    if {$failure eq ""} {
        puts "$subject of $number: [nats::msg data $reply]"
    } else {
        dict with failure {puts "$subject of $number: error $code: $description"}
    }
}

set nc [nats::connection new]
$nc configure -servers [server]
$nc connect
set service [$nc add_service -name calculator -version 1.0.0]
$service add_endpoint double -group numbers twice
$service add_endpoint half -group numbers half

ask $nc numbers.double 21
ask $nc numbers.half 7

foreach found [$nc discover stats -name calculator] {
    set subjects [lmap endpoint [dict get $found endpoints] {dict get $endpoint subject}]
    puts "found calculator [dict get $found version] at [join $subjects { and }]"
}

$service stop
foreach endpoint [dict get [$service stats] endpoints] {
    dict with endpoint {puts "requests: $num_requests, errors: $num_errors"}
}
$nc destroy
