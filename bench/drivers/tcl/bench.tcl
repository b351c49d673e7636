# What the drivers in Tcl share: arguments, measuring, the result line.

namespace eval ::bench {
    # Within so many milliseconds all messages have to arrive.
    variable patience 60000
    # For every request, in milliseconds: a machine under load is no failure.
    variable request_timeout 10000
    # The headers of a message with headers.
    variable headers {Bench-A aaaaaaaa Bench-B bbbbbbbb Bench-C cccccccc}

    # How many messages of a stream go before those that are measured.
    variable stored_warm_up 1000

    # How many keys of a bucket are put and got, in turn.
    variable keys 1000
    # The name of the object that is put and got.
    variable object bench
    # How many chunks the object has that goes before the one that is measured.
    variable object_warm_up 64
    # Whoever holds an object in memory may hold so many bytes.
    variable most_object [expr {256 << 20}]

    variable ops {
        publish subscribe pubsub request service connect
        js-publish js-publish-async js-fetch js-fetch-ack js-consume
        kv-put kv-get kv-watch object-put object-get
    }
    variable modes {callback iterator batch}
    variable defaults {
        url "" op "" mode callback
        size 16 count 100000 subs 1 conns 1 headers 0 inflight 1 threads 1
        stream "" consumer "" batch 500
    }
    # Microseconds that requests in series took.
    variable latencies {}
}

# The arguments as a dictionary; what is wrong in them ends the program.
proc ::bench::parse {words} {
    variable defaults
    if {[catch {check [read_words $words $defaults]} options]} {
        puts stderr "usage: $options"
        exit 2
    }
    return $options
}

proc ::bench::read_words {words options} {
    if {[llength $words] % 2} {
        error "[lindex $words end]: its value is missing"
    }
    foreach {option value} $words {
        set name [string range $option 2 end]
        if {![string match --* $option] || ![dict exists $options $name]} {
            error "$option is no option"
        }
        dict set options $name $value
    }
    return $options
}

proc ::bench::check {options} {
    variable ops
    variable modes
    variable headers
    if {[dict get $options url] eq ""} {
        error "--url is missing"
    }
    choice $options op $ops
    choice $options mode $modes
    set op [dict get $options op]
    if {[regexp {^(js|kv|object)-} $op] && [dict get $options stream] eq ""} {
        error "--stream is missing"
    }
    if {$op in {js-fetch js-fetch-ack js-consume} && [dict get $options consumer] eq ""} {
        error "--consumer is missing"
    }
    foreach name {size headers count subs conns inflight threads batch} {
        set value [dict get $options $name]
        set least [expr {$name ni {size headers}}]
        if {![string is wideinteger -strict $value] || $value < $least} {
            error "--$name: expected a number of at least $least, found $value"
        }
    }
    choice $options headers [list 0 [expr {[llength $headers] / 2}]]
    foreach name {subs threads} {
        if {[dict get $options count] % [dict get $options $name]} {
            error "--count: expected a multiple of --$name"
        }
    }
    if {[dict get $options headers] && [dict get $options op] ni {publish subscribe}} {
        error "--headers: only for publish and subscribe"
    }
    return $options
}

proc ::bench::choice {options name known} {
    set value [dict get $options $name]
    if {$value ni $known} {
        error "--$name: expected one of [join $known {, }], found $value"
    }
}

# How many messages go before those that are measured.
proc ::bench::warm_up {options} {
    dict with options {
        set least [expr {$op in {request js-publish kv-put kv-get} ? 100 : 1000}]
        set wanted [expr {max($count / 100, $least)}]
        return [expr {($wanted + $subs - 1) / $subs * $subs}]
    }
}

# The stream of the warm-up that belongs to that of the options.
proc ::bench::warm_up_stream {options} {
    return [dict get $options stream]-warm-up
}

# Says that the client cannot do it.
proc ::bench::unsupported {reason} {
    throw {BENCH UNSUPPORTED} $reason
}

# Runs and measures a script of the caller. Tcl has no clock but that of the wall.
proc ::bench::measure {script} {
    variable measured
    set cpu [cpu_seconds]
    set start [clock microseconds]
    uplevel 1 $script
    set measured [dict create seconds [expr {([clock microseconds] - $start) / 1e6}] \
        cpu_seconds [expr {[cpu_seconds] - $cpu}] {*}[status]]
    return
}

# Runs two scripts of the caller, one that loads the client and yields its version, and one that
# does the work; prints the result line.
proc ::bench::run {client load work} {
    variable measured
    interp bgerror {} [list ::bench::fail $client]
    try {
        set version [uplevel 1 $load]
        set before [dict get [status] rss_kib]
        uplevel 1 $work
    } trap {BENCH UNSUPPORTED} {reason} {
        puts "{\"unsupported\":\"$reason\"}"
        exit 3
    } on error {text options} {
        fail $client $text $options
    }
    set fields [list "\"client\":\"$client\"" "\"version\":\"$version\""]
    dict set measured rss_before_kib $before
    dict set measured p50_us [percentile 50]
    dict set measured p99_us [percentile 99]
    dict for {name value} $measured {
        lappend fields "\"$name\":$value"
    }
    puts "{[join $fields ,]}"
    exit 0
}

proc ::bench::fail {client text options} {
    puts stderr "$client: $text"
    exit 1
}

proc ::bench::percentile {percent} {
    variable latencies
    set count [llength $latencies]
    if {$count == 0} {
        return null
    }
    lindex [lsort -integer $latencies] [expr {($count * $percent + 99) / 100 - 1}]
}

proc ::bench::contents {file} {
    set channel [open $file]
    try {
        read $channel
    } finally {
        close $channel
    }
}

# The numbers in the kernel's description of this process, under the names of the result line.
proc ::bench::status {} {
    set text [contents /proc/self/status]
    set numbers [dict create]
    foreach {field name} {VmRSS rss_kib VmHWM rss_peak_kib Threads threads} {
        regexp -line "^$field:\\s+(\\d+)" $text -> number
        dict set numbers $name $number
    }
    return $numbers
}

# The time of all threads: to the nanosecond where the kernel tells, otherwise in its ticks.
proc ::bench::cpu_seconds {} {
    set nanoseconds 0
    foreach file [glob -nocomplain /proc/self/task/*/schedstat] {
        incr nanoseconds [lindex [contents $file] 0]
    }
    if {$nanoseconds > 0} {
        return [expr {$nanoseconds / 1e9}]
    }
    # The name of the process, in parentheses, may contain spaces.
    set text [contents /proc/self/stat]
    set fields [string range $text [string last ) $text]+2 end]
    expr {([lindex $fields 11] + [lindex $fields 12]) / 100.0}
}
