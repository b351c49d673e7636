# Talks to itself and to others through a cluster whose servers come and go, and says at the end
# what has become of it: see tests/rolling. Arguments: URLS NAME

package require nats 3

lassign $argv urls name
set publish_ms 2
set requests_every 10
set request_ms 2000
set quiet_ms 2000

set published 0
set greatest -1
array set seen {}
set duplicates 0
set out_of_order 0
set requests 0
set failures {}
set migrations 0
set discarded 0
set open 0
set tick 0

proc event {kind details} {
    incr ::migrations [expr {$kind eq "migrated"}]
    if {$kind eq "closed"} {
        set ::discarded [dict get $details discarded]
    }
}

proc take {subject number reply} {
    if {[info exists ::seen($number)]} {
        incr ::duplicates
    } elseif {$number < $::greatest} {
        incr ::out_of_order
    }
    set ::seen($number) 1
    set ::greatest [expr {max($::greatest, $number)}]
}

proc echo {subject payload reply} {
    $::nc publish $reply $payload
}

# One entry of `failures`.
proc failed {at code} {
    lappend ::failures "{\"at_ms\":$at,\"code\":\"$code\"}"
}

proc ask {} {
    set payload $::name-$::requests
    set at [clock milliseconds]
    incr ::requests
    incr ::open
    try {
        set got [$::nc request rolling.echo $payload -timeout $::request_ms]
        if {$got ne $payload} {
            failed $at WRONG_REPLY
        }
    } on error {message options} {
        failed $at [lindex [dict get $options -errorcode] 1]
    }
    incr ::open -1
    incr ::tick
}

proc turn {number} {
    if {$::stopped} {
        incr ::tick
        return
    }
    # What is refused does not count.
    if {![catch {$::nc publish rolling.data.$::name $::published}]} {
        incr ::published
    }
    if {$number % $::requests_every == 0} {
        coroutine ask-$number ask
    }
    after $::publish_ms [list turn [expr {$number + 1}]]
}

set nc [nats::connection new $name -log_chan [open /dev/null w]]
$nc configure -servers [split $urls ,] -max_reconnect_attempts -1 -on_event event
$nc connect
$nc subscribe rolling.data.$name -callback take
$nc subscribe rolling.echo -queue echo -callback echo
$nc flush
puts ready
flush stdout

set stopped 0
fileevent stdin readable {gets stdin line; fileevent stdin readable {}; set stopped 1}
turn 1
while {!$stopped || $open > 0} {
    vwait tick
}
$nc flush
set count -1
while {$greatest < $published - 1} {
    if {[array size seen] != $count} {
        set count [array size seen]
        set since [clock milliseconds]
    }
    if {[clock milliseconds] - $since > $quiet_ms} {
        break
    }
    after 10 {incr tick}
    vwait tick
}
set stats [$nc stats]
$nc drain
set delivered [array size seen]
puts "{\"name\":\"$name\",\"published\":$published,\"delivered\":$delivered,\
\"duplicates\":$duplicates,\"out_of_order\":$out_of_order,\
\"missing\":[expr {$published - $delivered}],\"requests\":$requests,\
\"failures\":\[[join $failures ,]\],\"reconnects\":[dict get $stats reconnects],\
\"migrations\":$migrations,\"dropped_out\":[dict get $stats dropped_out],\
\"discarded\":$discarded}"
