# Servers, fake servers and proxies for the tests, by the JSON lines of `nats-harness control`
# (tests/harness/src/bin/nats-harness). A server is a dict: id, url, address, and what else the
# harness told. The fields of requests are written as JSON.

namespace eval harness {
    variable channel {}
    variable known {}
    variable plain {}
}

namespace eval json {}

# The value of a JSON text: objects are dicts, arrays lists, null is empty.
proc json::parse {text} {
    set at 0
    Value $text at
}

# A text as a JSON string.
proc json::quote {text} {
    set map [list \" {\"} \\ {\\} \n {\n} \r {\r} \t {\t} \0 {\u0000}]
    return "\"[string map $map $text]\""
}

proc json::Value {text atVar} {
    upvar 1 $atVar at
    if {[regexp -start $at {\A\s*"([^"\\]*(?:\\.[^"\\]*)*)"} $text all inside]} {
        incr at [string length $all]
        # The escapes of JSON are escapes of Tcl.
        return [subst -nocommands -novariables $inside]
    }
    if {[regexp -start $at {\A\s*([-+.\w]+)} $text all word]} {
        incr at [string length $all]
        return [expr {$word eq "null" ? "" : $word}]
    }
    if {![regexp -start $at {\A\s*([\[\{])} $text all open]} {
        error "no JSON at $at: [string range $text $at [expr {$at + 40}]]"
    }
    incr at [string length $all]
    set values {}
    while {![regexp -start $at {\A\s*[\]\}]} $text all]} {
        lappend values [Value $text at]
        regexp -start $at {\A\s*[,:]?} $text all
        incr at [string length $all]
    }
    incr at [string length $all]
    return $values
}

# Sends one request and returns the answer as a dict.
proc harness::exchange {request} {
    variable channel
    if {$channel eq ""} {
        set channel [open [list | $::env(NATS_HARNESS) control 2>@stderr] r+]
        fconfigure $channel -encoding utf-8 -translation lf -buffering line
    }
    puts $channel $request
    if {[gets $channel line] < 0} {error "the harness has ended"}
    set answer [json::parse $line]
    if {![dict get $answer ok]} {error "$request: [dict get $answer error]"}
    return $answer
}

proc harness::Started {request} {
    variable known
    set remote [exchange $request]
    lappend known [dict get $remote id]
    dict set remote address [regsub {^\w+://} [dict get $remote url] {}]
    return $remote
}

# An http or socks5 proxy.
proc harness::tunnel {kind} {
    Started "{\"op\":\"tunnel\",\"kind\":[json::quote $kind]}"
}

# A server of its own for the running test; `options` are key-value pairs: extra, host, nodes.
proc harness::server {{config plain} args} {
    set fields "\"op\":\"start\",\"config\":[json::quote $config]"
    foreach {key value} $args {
        append fields ",\"$key\":[expr {$key eq "nodes" ? $value : [json::quote $value]}]"
    }
    Started "{$fields}"
}

# The URL of the server that all tests share.
proc harness::plain {} {
    variable plain
    variable known
    if {$plain eq ""} {
        set plain [server plain]
        set known {}
    }
    dict get $plain url
}

# A scripted server; `script` is an array of steps, or of such arrays, one a connection.
proc harness::fake {script} {
    set script [string map {\n { }} [string trim $script]]
    set key [expr {[regexp {\A\[\s*\[} $script] ? "scripts" : "script"}]
    Started "{\"op\":\"fake\",\"$key\":$script}"
}

proc harness::proxy {target} {
    Started "{\"op\":\"proxy\",\"target\":[dict get $target id]}"
}

# One request to a server; `fields` are further JSON members. Returns the answer.
proc harness::control {remote op {fields {}}} {
    if {$fields ne ""} {set fields ",$fields"}
    exchange "{\"op\":\"$op\",\"id\":[dict get $remote id]$fields}"
}

# What a fake server has received on one of its connections.
proc harness::received {fake {connection 0}} {
    dict get [control $fake received "\"connection\":$connection"] text
}

# Stops what the test has started, but for the shared server.
proc harness::clear {} {
    variable known
    foreach id [lreverse $known] {exchange "{\"op\":\"remove\",\"id\":$id}"}
    set known {}
}

# Stops everything.
proc harness::stop {} {
    variable channel
    if {$channel ne ""} {close $channel}
    set channel {}
}

namespace eval harness {
    namespace export server plain fake proxy control received
}
namespace import harness::*
