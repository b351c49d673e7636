# Three services answer one request.
package require nats

set conn [nats::connection new "gatherer"]
$conn configure -servers $env(NATS_URL)
$conn connect
foreach name {one two three} {
    $conn subscribe who -callback [list apply {{name subject message replyTo} {
        $::conn publish $replyTo $name
    }} $name]
}

set replies [$conn request who {} -timeout 5000 -max_msgs 3]
puts [lsort [lmap reply $replies {nats::msg data $reply}]]
puts [llength [$conn request who {} -timeout 5000 -max_msgs 2]]
puts [llength [$conn request who {} -timeout 200 -max_msgs 5]]

set seen {}
proc onReply {timedOut message} {
    lappend ::seen [expr {$timedOut ? "timed out" : [nats::msg data $message]}]
    if {$timedOut} {set ::done 1}
}
$conn request who {} -timeout 200 -max_msgs 4 -callback onReply
vwait done
puts [lsort $seen]

set id [$conn request who {} -timeout 200 -callback {puts called}]
$conn cancel_request $id
$conn ping
after 300 {set done 2}
vwait done
$conn destroy
puts Done
