# cycle URL COUNT: connects and closes many times; prints what it has not given back.

source [file join [file dirname [info script]] common.tcl]

proc cycle {times} {
    for {set i 0} {$i < $times} {incr i} {
        set connection [dial]
        $connection subscribe t.cycle -callback list
        $connection destroy
    }
    update
}

cycle 1000
set before [held]
set handles [nats::handles]
cycle [lindex $argv 1]
compare $before 3072
if {[nats::handles] > $handles} {puts "handles: $handles before, [nats::handles] after"}
