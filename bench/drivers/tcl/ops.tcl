# The operations. nats-tcl and ours have the same API, so they run the same code, but for what is
# done with messages of streams. Each driver says how, in a namespace of its own:
#
# - `::streams::ack js messages` acknowledges messages that were fetched together;
# - `::streams::consume js stream size` takes messages of this size without end, to `Received`.

namespace eval ::ops {
    # After so many messages of a connection, publishers let the event loop send them.
    variable flush_every 2000
    # How many messages or answers are to come still.
    variable left 0
    # How many requests are to be sent still.
    variable unsent 0
    # Set when the last one has come: to what went wrong, or to nothing.
    variable over ""
    # The open connections.
    variable opened {}
}

# Does the operation that the options ask for. `configuration` is what a connection needs beyond
# its server.
proc ::ops::measure {given configuration} {
    variable options $given
    variable config $configuration
    variable payload [string repeat x [dict get $given size]]
    variable opened
    if {[dict get $given threads] > 1} {
        ::bench::unsupported "a connection belongs to one interpreter, and so to one thread"
    }
    Op_[string map {- _} [dict get $given op]]
    foreach nc $opened {
        $nc destroy
    }
}

proc ::ops::Connect {} {
    variable options
    variable config
    variable opened
    set nc [nats::connection new]
    $nc configure -servers [dict get $options url] {*}$config
    $nc connect
    lappend opened $nc
    return $nc
}

proc ::ops::Ping {clients} {
    foreach nc $clients {
        $nc ping
    }
}

# Publishes round-robin and flushes. `send` is one of the commands below without its last arguments.
proc ::ops::Publish {clients send count} {
    variable flush_every
    set round [expr {$flush_every * [llength $clients]}]
    while {$count > 0} {
        {*}$send $clients [expr {min($round, $count)}]
        Ping $clients
        incr count -$round
    }
}

proc ::ops::Send {subject clients count} {
    variable payload
    while {$count > 0} {
        foreach nc $clients {
            $nc publish $subject $payload
            if {[incr count -1] == 0} break
        }
    }
}

proc ::ops::SendMessage {message clients count} {
    while {$count > 0} {
        foreach nc $clients {
            $nc publish_msg $message
            if {[incr count -1] == 0} break
        }
    }
}

proc ::ops::Op_publish {} {
    variable options
    variable payload
    for {set number 0} {$number < [dict get $options conns]} {incr number} {
        lappend clients [Connect]
    }
    set send {Send bench.data}
    if {[dict get $options headers]} {
        set message [nats::msg create bench.data -data $payload]
        nats::header set message {*}$::bench::headers
        set send [list SendMessage $message]
    }
    Publish $clients $send [::bench::warm_up $options]
    ::bench::measure {
        Publish $clients $send [dict get $options count]
    }
}

# A message has come.
proc ::ops::Received {size subject message reply} {
    variable left
    variable over
    if {[string length $message] != $size} {
        set over "a payload of [string length $message] bytes arrived"
    } elseif {[incr left -1] == 0} {
        set over ""
    }
}

# Begins by a script, and waits until so many messages have come.
proc ::ops::Await {count begin} {
    variable left $count
    variable over ""
    set timer [after $::bench::patience [list ::ops::Late $count]]
    {*}$begin $count
    # Publishing lets callbacks have their turn.
    while {$left > 0 && $over eq ""} {
        vwait ::ops::over
    }
    after cancel $timer
    if {$over ne ""} {error $over}
}

proc ::ops::Late {count} {
    variable left
    variable over
    set seconds [expr {$::bench::patience / 1000}]
    set over "[expr {$count - $left}] of $count messages within $seconds s"
}

proc ::ops::Receive {nc subject begin} {
    variable options
    for {set number 0} {$number < [dict get $options subs]} {incr number} {
        $nc subscribe $subject -callback [list ::ops::Received [dict get $options size]]
    }
    $nc ping
    Await [::bench::warm_up $options] $begin
    ::bench::measure {
        Await [dict get $options count] $begin
    }
}

proc ::ops::CheckMode {} {
    variable options
    if {[dict get $options mode] ne "callback"} {
        ::bench::unsupported "only callbacks are measured"
    }
}

proc ::ops::Op_subscribe {} {
    CheckMode
    set nc [Connect]
    Receive $nc bench.data [list ::ops::Go $nc]
}

proc ::ops::Go {nc count} {
    variable options
    foreach name {size headers subs} {
        lappend count [dict get $options $name]
    }
    $nc publish bench.go $count
}

proc ::ops::Op_pubsub {} {
    variable options
    CheckMode
    if {[dict get $options subs] > 1} {
        ::bench::unsupported "pubsub has one subscription"
    }
    set nc [Connect]
    Receive $nc bench.loop [list ::ops::Publish $nc {Send bench.loop}]
}

proc ::ops::Op_request {} {
    variable options
    set nc [Connect]
    AskAll $nc [::bench::warm_up $options]
    set count [dict get $options count]
    set ask [expr {[dict get $options inflight] == 1 ? "AskTimed" : "AskAll"}]
    ::bench::measure {
        $ask $nc $count
    }
}

proc ::ops::AskTimed {nc count} {
    variable payload
    for {set sent 0} {$sent < $count} {incr sent} {
        set start [clock microseconds]
        set reply [$nc request bench.echo $payload -timeout $::bench::request_timeout]
        lappend ::bench::latencies [expr {[clock microseconds] - $start}]
        CheckAnswer $reply
    }
}

proc ::ops::AskAll {nc count} {
    variable options
    variable unsent $count
    Await $count [list ::ops::AskFirst $nc [dict get $options inflight]]
}

proc ::ops::AskFirst {nc inflight count} {
    for {set sent 0} {$sent < min($inflight, $count)} {incr sent} {
        Ask $nc
    }
}

proc ::ops::Ask {nc} {
    variable payload
    variable unsent
    incr unsent -1
    $nc request bench.echo $payload -timeout $::bench::request_timeout \
        -callback [list ::ops::Answered $nc]
}

proc ::ops::Answered {nc timed_out reply} {
    variable left
    variable unsent
    variable over
    if {$timed_out} {
        error "a request timed out"
    }
    CheckAnswer $reply
    if {$unsent > 0} {Ask $nc}
    if {[incr left -1] == 0} {set over ""}
}

proc ::ops::CheckAnswer {reply} {
    variable options
    if {[string length $reply] != [dict get $options size]} {
        error "an answer of [string length $reply] bytes"
    }
}

proc ::ops::Op_service {} {
    variable options
    set nc [Connect]
    if {[catch {$nc add_service -name bench -version 1.0.0} service]} {
        ::bench::unsupported "no services: [string map {\" '} $service]"
    }
    $service add_endpoint serve -subject bench.serve [list ::ops::Serve $service]
    $nc ping
    BeAsked $nc [::bench::warm_up $options]
    ::bench::measure {
        BeAsked $nc [dict get $options count]
    }
}

proc ::ops::Serve {service request} {
    $service respond $request [nats::msg data $request]
}

# Orders so many requests; the order is answered as the last of them was.
proc ::ops::BeAsked {nc count} {
    variable options
    set order "$count [dict get $options size] [dict get $options inflight]"
    CheckAnswer [$nc request bench.ask $order -timeout $::bench::patience]
}

# A connection and its JetStream.
proc ::ops::Streams {} {
    set nc [Connect]
    if {[catch {$nc jet_stream -timeout $::bench::request_timeout} js]} {
        ::bench::unsupported "no JetStream: [string map {\" '} $js]"
    }
    return [list $nc $js]
}

proc ::ops::Op_js_publish {} {
    variable options
    lassign [Streams] nc js
    StoreTimed $js [::bench::warm_up_stream $options] [::bench::warm_up $options]
    set ::bench::latencies {}
    ::bench::measure {
        StoreTimed $js [dict get $options stream] [dict get $options count]
    }
}

proc ::ops::StoreTimed {js stream count} {
    variable payload
    for {set sent 0} {$sent < $count} {incr sent} {
        set start [clock microseconds]
        $js publish $stream $payload
        lappend ::bench::latencies [expr {[clock microseconds] - $start}]
    }
}

proc ::ops::Op_js_publish_async {} {
    variable options
    lassign [Streams] nc js
    StoreAll $js [::bench::warm_up_stream $options] [::bench::warm_up $options]
    ::bench::measure {
        StoreAll $js [dict get $options stream] [dict get $options count]
    }
}

proc ::ops::StoreAll {js stream count} {
    variable options
    variable unsent $count
    Await $count [list ::ops::StoreFirst $js $stream [dict get $options inflight]]
}

proc ::ops::StoreFirst {js stream inflight count} {
    for {set sent 0} {$sent < min($inflight, $count)} {incr sent} {
        Store $js $stream
    }
}

proc ::ops::Store {js stream} {
    variable payload
    variable unsent
    incr unsent -1
    $js publish $stream $payload -callback [list ::ops::Stored $js $stream]
}

proc ::ops::Stored {js stream timed_out ack failure} {
    variable left
    variable unsent
    variable over
    if {$timed_out || $failure ne ""} {
        error "a message was not stored: $failure"
    }
    if {$unsent > 0} {Store $js $stream}
    if {[incr left -1] == 0} {set over ""}
}

proc ::ops::Op_js_fetch {} {
    Fetch 0
}

proc ::ops::Op_js_fetch_ack {} {
    Fetch 1
}

proc ::ops::Fetch {acknowledge} {
    variable options
    lassign [Streams] nc js
    FetchAll $nc $js [::bench::warm_up_stream $options] $::bench::stored_warm_up $acknowledge
    ::bench::measure {
        FetchAll $nc $js [dict get $options stream] [dict get $options count] $acknowledge
    }
}

proc ::ops::FetchAll {nc js stream count acknowledge} {
    variable options
    foreach name {size batch consumer} {set $name [dict get $options $name]}
    for {set come 0} {$come < $count} {incr come [llength $messages]} {
        set messages [$js fetch $stream $consumer -timeout $::bench::patience \
            -batch_size [expr {min($batch, $count - $come)}]]
        if {$messages eq ""} {
            error "$come of $count messages came"
        }
        foreach message $messages {
            if {[string length [nats::msg data $message]] != $size} {
                error "a payload of [string length [nats::msg data $message]] bytes arrived"
            }
        }
        if {$acknowledge} {::streams::ack $js $messages}
    }
    if {$acknowledge} {$nc ping}
}

proc ::ops::Op_js_consume {} {
    variable options
    CheckMode
    lassign [Streams] nc js
    ConsumeAll $js [::bench::warm_up_stream $options] $::bench::stored_warm_up
    ::bench::measure {
        ConsumeAll $js [dict get $options stream] [dict get $options count]
    }
}

proc ::ops::ConsumeAll {js stream count} {
    Await $count [list ::ops::Consume $js $stream]
}

proc ::ops::Consume {js stream count} {
    variable options
    ::streams::consume $js $stream [dict get $options size]
}

# Buckets of the warm-up and of what is measured, by a method of JetStream.
proc ::ops::Buckets {method} {
    variable options
    lassign [Streams] nc js
    if {[catch {$js $method [::bench::warm_up_stream $options]} warming_up]} {
        ::bench::unsupported "no buckets: [string map {\" '} $warming_up]"
    }
    return [list $warming_up [$js $method [dict get $options stream]]]
}

proc ::ops::Op_kv_put {} {
    KeysInSeries PutKey
}

proc ::ops::Op_kv_get {} {
    KeysInSeries GetKey
}

proc ::ops::KeysInSeries {work} {
    variable options
    lassign [Buckets bind_kv_bucket] warming_up kv
    Keys $work $warming_up [::bench::warm_up $options]
    set ::bench::latencies {}
    ::bench::measure {
        Keys $work $kv [dict get $options count]
    }
}

proc ::ops::Keys {work kv count} {
    for {set number 0} {$number < $count} {incr number} {
        set key k.[expr {$number % $::bench::keys}]
        set start [clock microseconds]
        $work $kv $key
        lappend ::bench::latencies [expr {[clock microseconds] - $start}]
    }
}

proc ::ops::PutKey {kv key} {
    variable payload
    $kv put $key $payload
}

proc ::ops::GetKey {kv key} {
    CheckAnswer [dict get [$kv get $key] value]
}

proc ::ops::Op_kv_watch {} {
    variable options
    lassign [Buckets bind_kv_bucket] warming_up kv
    Watch $warming_up $::bench::stored_warm_up
    ::bench::measure {
        Watch $kv [dict get $options count]
    }
}

proc ::ops::Watch {kv count} {
    Await [expr {$count + 1}] [list ::ops::WatchAll $kv]
}

proc ::ops::WatchAll {kv count} {
    $kv watch > -callback ::ops::Watched
}

# An entry has come, or nothing, behind all that there was.
proc ::ops::Watched {entry} {
    variable options
    variable left
    variable over
    if {$entry ne ""} {
        CheckAnswer [dict get $entry value]
    } elseif {$left > 1} {
        set over "$left entries have not come"
    }
    if {[incr left -1] == 0} {set over ""}
}

proc ::ops::Op_object_put {} {
    variable options
    set size [ObjectSize]
    lassign [Buckets object_store] warming_up store
    $warming_up put $::bench::object [string repeat x [expr {$size * $::bench::object_warm_up}]]
    set content [string repeat x [expr {$size * [dict get $options count]}]]
    ::bench::measure {
        $store put $::bench::object $content
    }
}

proc ::ops::Op_object_get {} {
    variable options
    set size [ObjectSize]
    lassign [Buckets object_store] warming_up store
    $warming_up get $::bench::object
    ::bench::measure {
        set got [string length [$store get $::bench::object]]
    }
    if {$got != $size * [dict get $options count]} {
        error "an object of $got bytes came"
    }
}

# The size of a chunk of an object that fits into memory as a whole.
proc ::ops::ObjectSize {} {
    variable options
    set size [dict get $options size]
    if {$size * [dict get $options count] > $::bench::most_object} {
        ::bench::unsupported "objects are values of the interpreter here"
    }
    return $size
}

proc ::ops::Op_connect {} {
    variable options
    variable opened
    [Connect] destroy
    set opened {}
    ::bench::measure {
        for {set number 0} {$number < [dict get $options conns]} {incr number} {
            Connect
        }
    }
}
