# Puts a large object from a channel, reads it, and reads the beginning of it: prints what memory grew by
# more than it may. large_object.tcl URL

source [file join [file dirname [info script]] common.tcl]

set size [expr {256 << 20}]
set piece [string repeat "some bytes, and some more bytes " 2048]

# The channel's commands: as many of the same pieces.
proc source {size command id args} {
    switch $command {
        initialize {
            set ::left $size
            return {initialize finalize watch read}
        }
        read {
            set count [expr {min($::left, [lindex $args 0], [string length $::piece])}]
            incr ::left -$count
            return [string range $::piece 0 $count-1]
        }
    }
}

set nc [dial]
set store [[$nc jet_stream] create_object_store large]
# What is held anyway.
$store put small [string repeat x 1000000]
$store get small
set before [held]
set channel [chan create read [list source $size]]
set info [$store put_channel x $channel]
close $channel
compare $before 16384
set reader [$store reader x]
set bytes 0
while {[set next [$reader next]] ne ""} {incr bytes [string length $next]}
compare $before 16384
if {$bytes != $size || [dict get $info size] != $size} {puts "$bytes of $size bytes"}
# One that is not read on.
set reader [$store reader x]
$reader next
after 1000 {set over 1}
vwait over
compare $before 16384
$nc destroy
