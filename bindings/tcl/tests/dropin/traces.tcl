# A program that watches the public variables of its connections.
package require nats

proc onStatus {var idx op} {
    upvar 1 $var status
    switch -- $status [list $nats::status_closed {puts closed} \
        $nats::status_connecting {puts connecting} $nats::status_connected {puts connected} \
        $nats::status_reconnecting {puts reconnecting}]
}
proc onError {var idx op} {
    upvar 1 $var error
    if {$error ne ""} {puts "error: [lindex [dict get $error code] 0]"}
}

set conn [nats::connection new "watched" -log_chan [open /dev/null w]]
trace add variable ${conn}::status write onStatus
trace add variable ${conn}::last_error write onError
$conn configure -servers $env(NATS_URL)
$conn connect
puts "info: [string length [set ${conn}::serverInfo(server_id)]] characters"
$conn disconnect
$conn disconnect
if {[$conn cget status] eq $nats::status_closed} {puts "status: closed"}

foreach {name script} {
    publish {$conn publish a b} subscribe {$conn subscribe a -callback list} ping {$conn ping}
} {
    try $script trap {NATS ErrConnectionClosed} {} {puts "$name: not connected"}
}

$conn configure -servers nats://127.0.0.1:1
try {
    $conn connect
} trap NATS {message options} {
    puts "no server: [lindex [dict get $options -errorcode] 0]"
}
set ns [info object namespace $conn]
puts [dict keys [set ${ns}::last_error]]
$conn destroy
puts Done
