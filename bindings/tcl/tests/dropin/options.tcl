# Options, several servers, and what a connection tells about itself.
package require nats

set conn [nats::connection new "configured"]
puts [$conn cget -name]
puts [$conn cget -connect_timeout]
$conn configure -connect_timeout 3000 -reconnect_time_wait 100 -max_reconnect_attempts 5 \
    -ping_interval 60000 -max_outstanding_pings 3 -echo true -verbose false -pedantic false \
    -randomize false -user nobody -password none -token {} -secure false -check_subjects true
puts [$conn cget -connect_timeout]
puts [dict get [$conn configure] ping_interval]
$conn reset -connect_timeout -user -password
puts [$conn cget -connect_timeout]

foreach {name script} {
    option {$conn configure -no_such_option 1}
    value {$conn configure -connect_timeout soon}
    servers {$conn connect}
} {
    try $script trap NATS {message options} {puts "$name: [dict get $options -errorcode]"}
}

$conn configure -servers [list nats://127.0.0.1:1 $env(NATS_URL)]
$conn connect
puts [expr {"nats://[join [$conn current_server] :]" eq $env(NATS_URL)}]
puts [llength [$conn all_servers]]
puts [expr {[dict get [$conn server_info] max_payload] >= 1024}]
puts [expr {[$conn ping -timeout 5000] ? "pong" : "silence"}]
puts [string match _INBOX.?* [$conn inbox]]
$conn destroy

puts [nats::msec_to_isotime [nats::isotime_to_msec 2022-11-22T13:31:35.4514983Z]]
puts Done
