# A service that answers its own process: requests that block, that call back, in coroutines.
package require nats

set conn [nats::connection new "asker"]
$conn configure -servers $env(NATS_URL)
$conn connect

proc serve {connection subject message replyTo} {
    $connection publish $replyTo "re: $message"
}
$conn subscribe service -callback [list serve $conn]
$conn subscribe silence -callback list

puts [$conn request service "a plain one" -timeout 5000]

try {
    $conn request nothing "anybody?" -timeout 5000
} trap {NATS ErrTimeout} {} {
    puts "too late"
} trap {NATS ErrNoResponders} {} {
    puts "nobody there"
}

try {
    $conn request silence "anybody?" -timeout 50
} trap {NATS ErrNoResponders} {} {
    puts "nobody there"
} trap {NATS ErrTimeout} {} {
    puts "too late"
}

proc onReply {name timedOut message} {
    puts "$name: timed out $timedOut, $message"
    set ::done $name
}
$conn request service "called back" -timeout 5000 -callback [list onReply service]
vwait done
$conn request silence "called back" -timeout 50 -callback [list onReply silence]
vwait done
$conn request nothing x -timeout 5000 -dictmsg true -callback {apply {{timedOut message} {
    puts "nothing: timed out $timedOut, no responders [nats::msg no_responders $message]"
    set ::done nothing
}}}
vwait done

proc body {name} {
    set first [$::conn request service "$name 1"]
    puts "$name: $first, [$::conn request service "$name 2" -timeout 5000]"
    incr ::ended
}
set ended 0
coroutine one body one
while {$ended < 1} {vwait ended}
coroutine two body two
while {$ended < 2} {vwait ended}

$conn destroy
puts Done
