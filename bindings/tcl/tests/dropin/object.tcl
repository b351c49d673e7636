# A class whose objects own a connection and answer by a method of theirs.
package require nats

oo::class create Counter {
    variable connection total
    constructor {url} {
        set total 0
        set connection [nats::connection new "counter"]
        $connection configure -servers $url -utf8_convert true
        $connection connect
        $connection subscribe count -callback [nats::mymethod Add 1]
        $connection subscribe total -post false -callback [nats::mymethod Tell]
        $connection ping
    }
    destructor {$connection destroy}
    method Add {step subject message replyTo} {incr total $step}
    method Tell {subject message replyTo} {
        after 0 [list $connection publish $replyTo "$message: $total \u20ac"]
    }
}

set counter [Counter new $env(NATS_URL)]
set conn [nats::connection create user "user"]
$conn configure -servers $env(NATS_URL) -utf8_convert true
$conn connect
for {set i 0} {$i < 7} {incr i} {$conn publish count {}}
set reply [$conn request total "total" -timeout 5000]
puts [expr {$reply eq "total: 7 \u20ac"}]
$counter destroy
try {
    $conn request total "total" -timeout 5000
} trap {NATS ErrNoResponders} {} {
    puts "gone"
}
user destroy
puts Done
