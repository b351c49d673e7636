# crowd URL COUNT: many connections at once, each of which gets its own message.

source [file join [file dirname [info script]] common.tcl]

set count [lindex $argv 1]
set got 0
for {set i 0} {$i < $count} {incr i} {
    set connection [dial]
    lappend connections $connection
    $connection subscribe t.crowd.$i -callback [list apply {{i subject message reply} {
        if {$message eq $i} {incr ::got}
    } ::} $i]
}
set i 0
foreach connection $connections {
    $connection publish t.crowd.$i $i
    incr i
}
after 60000 {puts "$got of $count messages"; exit 1}
while {$got < $count} {vwait got}
foreach connection $connections {$connection destroy}
