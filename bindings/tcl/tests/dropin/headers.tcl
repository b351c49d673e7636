# The payload's encoding travels in a header.
package require nats

set conn [nats::connection new "encoder"]
$conn configure -servers $env(NATS_URL) -dictmsg true
$conn connect
fconfigure stdout -encoding utf-8

proc onMessage {subject message replyTo} {
    foreach key [nats::header keys $message] {
        puts "$key: [nats::header values $message $key]"
    }
    set encoding [nats::header get $message encoding]
    puts "payload: [encoding convertfrom $encoding [nats::msg data $message]]"
    puts "lookup: [nats::header lookup $message missing none]"
    set ::done 1
}
$conn subscribe encoded -callback onMessage

set msg [nats::msg create encoded]
nats::header set msg counter 1 encoding ascii
nats::header add msg tag express
nats::header add msg tag gift
nats::msg set msg -data "plain text"
$conn publish_msg $msg
vwait done

nats::header set msg counter 2 encoding utf-8
nats::header delete msg tag
nats::msg set msg -data [encoding convertto utf-8 "gr\u00fc\u00df dich"]
$conn publish_msg $msg
vwait done

$conn subscribe ask -callback {apply {{subject message replyTo} {
    set answer [nats::msg create $replyTo -data answer]
    nats::header set answer by service
    $::conn publish_msg $answer
}}}
set answer [$conn request_msg [nats::msg create ask -data question] -timeout 5000]
puts "[nats::msg data $answer] by [nats::header get $answer by]"
$conn destroy
puts Done
