# Stock on shelves, in a bucket of keys: changed, followed by an array and by callbacks, looked up.
package require nats

set conn [nats::connection new "stock"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream -timeout 5000]

try {
    $js bind_kv_bucket STOCK
} trap {NATS ErrBucketNotFound} {err} {
    puts "no bucket yet"
}
set kv [$js create_kv_bucket STOCK -history 10 -storage memory -description "what there is" \
    -metadata {shop 7} -max_value_size 1000 -ttl 3600000]
puts [info object class $kv]
puts [$js kv_buckets]

puts [$kv put apples.red 10]
puts [$kv put apples.green 5]
puts [$kv put pears 3]
puts [$kv get_value apples.red]
set entry [$kv get pears]
puts [dict keys $entry]
puts "[dict get $entry bucket] [dict get $entry key] [dict get $entry value]\
    [dict get $entry revision] [dict get $entry operation]"
puts [expr {abs([clock milliseconds] - [dict get $entry created]) < 60000}]

foreach script {
    {$kv get plums}
    {$kv get_value pears -revision 1}
    {$kv create pears 4}
    {$kv update pears 4 1}
    {$kv put {two words} 1}
    {$kv delete pears 1}
    {$js create_kv_bucket {bad name}}
    {$js create_kv_bucket other -unknown 1}
    {$kv watch > -callback list -include_history true -updates_only true}
} {
    try {
        eval $script
    } trap NATS {err errOpts} {
        puts "$script: [lindex [dict get $errOpts -errorcode] 1]"
    }
}
puts [$kv update pears 4 3]
puts [$kv create plums 1]

# An array of what there is of apples, and callbacks for all.
set watcher [$kv watch apples.* -values_array stock]
proc told {entry} {
    if {$entry eq ""} {
        lappend ::told "all"
    } else {
        lappend ::told "[dict get $entry key]:[dict get $entry operation]:[dict get $entry value]"
    }
}
proc wait_for {count} {
    while {[llength $::told] < $count} {vwait ::told}
}
set told [list]
set all [$kv watch > -callback told]
wait_for 5
puts $told
foreach key [lsort [array names stock]] {puts "$key $stock($key)"}

set told [list]
$kv put apples.red 9
$kv delete apples.green
$kv purge plums
wait_for 3
puts $told
$all destroy
foreach key [lsort [array names stock]] {puts "$key $stock($key)"}
$watcher destroy

set told [list]
set quiet [$kv watch > -callback told -ignore_deletes true -meta_only true]
wait_for 3
puts [lsort $told]
set ns [info object namespace [$quiet consumer]]
puts "last error: [set ${ns}::last_error]"
$quiet destroy

puts [$kv keys]
foreach entry [$kv history apples.red] {
    puts "[dict get $entry revision] [dict get $entry value] [dict get $entry delta]"
}
puts [llength [$kv history apples.*]]
puts [$kv revert apples.red 1]
puts [$kv get_value apples.red]

set status [$kv status]
foreach field {bucket history ttl values is_compressed} {puts "$field [dict get $status $field]"}
puts [dict get $status stream_config description]
puts [dict get $status stream_config max_age]

set origin [nats::make_kv_origin -bucket STOCK -keys apples.>]
set fruit [$js create_kv_aggregate APPLES true [list $origin] -history 10 -storage memory]
while {[dict get [$fruit status] values] < 5} {
    after 20 {set ::again 1}
    vwait again
}
puts [$fruit get_value apples.red]
puts [$fruit put apples.blue 1]

$js empty_kv_bucket STOCK
foreach script {{$kv keys} {$kv history apples.red}} {
    try {
        eval $script
    } trap {NATS ErrKeyNotFound} {err} {
        puts $err
    }
}
puts [$js delete_kv_bucket STOCK]
try {
    $kv put pears 1
} trap {NATS ErrBucketNotFound} {err} {
    puts $err
}
$kv destroy
$js delete_kv_bucket APPLES
$js destroy
$conn destroy
puts [info class instances nats::key_value]
puts Done
