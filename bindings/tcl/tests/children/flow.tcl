# flow URL COUNT: sends and receives many messages of all kinds; prints what memory has grown.

source [file join [file dirname [info script]] common.tcl]

set connection [dial]
set got 0
proc arrived {subject message reply} {incr ::got}
foreach {subject dictmsg} {t.flow.plain false t.flow.dict true} {
    $connection subscribe $subject -dictmsg $dictmsg -pending_messages 0 -pending_bytes 0 \
        -callback arrived
}
set message [nats::msg create t.flow.dict -data [string repeat x 100]]
nats::header set message Key value

# In rounds, so that what waits to be delivered stays the same, too.
proc flow {count} {
    for {set sent 0} {$sent < $count} {incr sent 1000} {
        set target [expr {$::got + 1000}]
        for {set i 0} {$i < 500} {incr i} {
            $::connection publish t.flow.plain [string repeat x 100]
            $::connection publish_msg $::message
        }
        while {$::got < $target} {vwait ::got}
    }
}

# The library's threads take their buffers at first; from then on memory has to stay.
flow [expr {[lindex $argv 1] * 3 / 10}]
set before [held]
flow [expr {[lindex $argv 1] * 7 / 10}]
compare $before 8192
$connection destroy
