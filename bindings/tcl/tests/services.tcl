# What the tests of services share.

source [file join [file dirname [info script]] buckets.tcl]

# A server of its own with the service "s", whose endpoint "e" has the handler. Sets the caller's
# variables server, nc and events, and the global ones service and endpoint.
proc serve {handler args} {
    upvar 1 server server nc nc events events
    set server [server plain]
    set nc [dial_watched events [dict get $server url] {*}$::EAGER]
    set ::service [$nc add_service -name s -version 1.0.0 {*}$args]
    set ::endpoint [$::service add_endpoint e $handler]
    $nc flush
}

# Answers with the payload, and with an error when that is "bad".
proc echo {request} {
    if {[nats::msg data $request] eq "bad"} {
        $::service respond_error $request 400 "no good" why
    } else {
        $::service respond $request [nats::msg data $request]
    }
}

# Keeps requests; `request` takes the first one, which must come.
proc keep {request} {
    lappend ::requests $request
    note
}

proc request {} {
    await {[info exists ::requests] && [llength $::requests]}
    set ::requests [lassign $::requests first]
    return $first
}

proc ask_later {connection text {subject e}} {$connection publish $subject $text -reply answers}

proc endpoint_stats {service {index 0}} {lindex [dict get [$service stats] endpoints] $index}

# The statistics of the first endpoint, once so many requests are counted.
proc counted {service count} {
    becomes {dict get [endpoint_stats $service] num_requests} $count
    endpoint_stats $service
}

# Waits until the condition holds in the caller's scope, while the event loop stands still: nothing is
# taken from endpoints.
proc standstill {condition} {
    set deadline [expr {[now] + $rig::patience}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[now] > $deadline} {error "waited in vain for $condition"}
        after 1
    }
}

# What is answered at a subject of the services, as a document.
proc monitored {connection subject} {json::parse [$connection request $subject "" -timeout 20000]}

proc nobody_at {connection subject} {fails ErrNoResponders {$connection request $subject ""}}

proc listed {service} {lmap endpoint [dict get [$service info] endpoints] {dict get $endpoint subject}}
