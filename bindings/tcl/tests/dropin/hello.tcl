# Ten greetings to oneself.
package require nats

set conn [nats::connection new "greeter"]
$conn configure -servers $env(NATS_URL)
$conn connect

set count 0
proc onMessage {subject message replyTo} {
    puts "$subject says '$message', reply to '$replyTo'"
    if {[incr ::count] == 5} {set ::done 1}
}
set subID [$conn subscribe greeting.* -callback onMessage]
for {set i 0} {$i < 5} {incr i} {
    $conn publish greeting.$i "Hello no. $i"
}
vwait done

$conn unsubscribe $subID
set limited [$conn subscribe greeting.last -callback onMessage -max_msgs 1 -queue workers]
set count 4
$conn publish greeting.last farewell -reply nobody.there
vwait done
$conn destroy
puts Done
