# The rig of the tests: registration, expectations, waiting, connections and listeners.

if {[info exists rig::directory]} return

package require Tcl 8.6-
package require tcltest 2.3
package require nats 3

source [file join [file dirname [info script]] harness.tcl]

namespace eval rig {
    variable directory [file dirname [file normalize [info script]]]
    variable tick 0
    variable errors {}
    variable log
    variable sink [file tempfile log nats-log]
    variable patience 20000
    variable passed 0
    variable failed 0
}

# Reconnects at once and for ever, so that a test waits for the server and not for the client.
set EAGER {-reconnect_delay_min 5 -reconnect_delay_max 20 -max_reconnects -1}
# A user of the configuration "users" who may use public.> and inboxes only.
set LIMITED {-user bob -password secret}

# ---- Registration

# A test of a behaviour of tests/conformance/behaviours.toml.
proc behaviour {id title body} {check $id $title $body}

# A test beyond those; `args` may hold -constraints, and a test that lacks one is told as skipped.
proc check {id title args} {
    array set before [array get tcltest::numTests]
    set options [lrange $args 0 end-1]
    tcltest::test $id $title {*}$options -body [list rig::run [lindex $args end]]
    if {$tcltest::numTests(Passed) > $before(Passed)} {
        incr rig::passed
        puts "ok $id - $title"
    } elseif {$tcltest::numTests(Failed) > $before(Failed)} {
        incr rig::failed
        puts "not ok $id - $title"
    } elseif {[llength $options] && ![tcltest::testConstraint [lindex $options 1]]} {
        puts "skipped $id - $title: no [lindex $options 1]"
    }
}

proc rig::run {body} {
    variable errors
    set errors {}
    set hung [after 90000 {puts stderr "  the test hangs; giving up"; exit 3}]
    set before [info globals]
    set handles [nats::handles]
    set failed [catch {apply [list {} $body ::]} message options]
    after cancel $hung
    clean
    foreach name [info globals] {
        if {$name ni $before && $name ni {errorInfo errorCode}} {unset -nocomplain ::$name}
    }
    if {[llength $errors]} {puts "  background errors: [string range $errors 0 500]"}
    if {$failed} {return -options $options $message}
    set kept [settled $handles]
    if {$kept > $handles} {error "$handles handles before the test, $kept after it"}
    if {[llength $errors]} {error "errors in the background"}
}

proc rig::clean {} {
    foreach object [info class instances listener] {$object destroy}
    foreach connection [info class instances nats::connection] {$connection destroy}
    foreach object [info class instances recorder] {$object destroy}
    foreach name [interp slaves] {interp delete $name}
    harness::clear
    update
}

# How many handles are alive, once those that were just let go of are gone.
proc rig::settled {expected} {
    set deadline [expr {[clock milliseconds] + 5000}]
    while {[nats::handles] > $expected && [clock milliseconds] < $deadline} {
        after 5
        update
    }
    nats::handles
}

# Background errors fail the running test, unless it takes them with `bgerrors`.
proc rig::bgerror {message options} {
    lappend rig::errors $message
    incr rig::tick
}
interp bgerror {} rig::bgerror

proc bgerrors {} {
    set errors $rig::errors
    set rig::errors {}
    return $errors
}

# ---- Expectations: they throw what fails the test

proc equal {got expected} {
    if {$got ne $expected} {
        error "got \"[string range $got 0 300]\", expected \"[string range $expected 0 300]\""
    }
}

proc expect {condition} {
    if {![uplevel 1 [list expr $condition]]} {
        error "expected [uplevel 1 [list subst -nocommands $condition]]"
    }
}

# The script throws {NATS code …} and a message that matches the patterns. Returns the message.
proc fails {code script args} {
    if {[catch {uplevel 1 $script} message options] != 1} {error "$script did not fail"}
    if {[lrange [dict get $options -errorcode] 0 1] ne [list NATS $code]} {
        error "$script: [dict get $options -errorcode] $message, expected $code"
    }
    foreach pattern $args {
        if {![string match $pattern $message]} {error "\"$message\" does not match $pattern"}
    }
    if {$message eq ""} {error "$script: the error has no text"}
    return $message
}

# ---- Waiting. What tests wait for is changed by their callbacks, which call `note`.

proc note {args} {incr rig::tick}

# Runs the event loop until the condition holds in the caller's scope.
proc await {condition {ms 0}} {
    if {!$ms} {set ms $rig::patience}
    set timer [after $ms {set rig::tick late}]
    try {
        while {![uplevel 1 [list expr $condition]]} {
            if {$rig::tick eq "late"} {error "waited in vain for $condition"}
            vwait rig::tick
        }
    } finally {
        after cancel $timer
        set rig::tick 0
    }
}

# Runs the event loop until the connection has this status.
proc await_status {connection status} {
    set name [info object namespace $connection]::status
    trace add variable $name write note
    try {
        await {[set $name] eq $status}
    } finally {
        trace remove variable $name write note
    }
}

proc now {} {clock milliseconds}

# Runs the script in a coroutine; `$var` of the caller's array `results` becomes its result as
# {ok value} or {error-code message}.
proc spawn {name script} {
    coroutine rig::task-$name apply {{name script} {
        set failed [catch {uplevel #0 $script} result options]
        set ::results($name) [list [expr {$failed ? [dict get $options -errorcode] : "ok"}] $result]
        note
    } ::} $name $script
}

# ---- Connections

# A connection to the URLs, with further options.
proc dial {urls args} {
    set connection [nats::connection new "" -log_chan $rig::sink -log_level debug]
    $connection configure -servers $urls {*}$args
    try {
        $connection connect
    } on error {message options} {
        $connection destroy
        return -options $options $message
    }
    return $connection
}

proc dial_plain {args} {dial [plain] {*}$args}

# What happened to a connection: its method `event` is the command for -on_event.
oo::class create recorder {
    variable order last
    constructor {} {
        set order {}
        array set last {}
    }
    method event {kind details} {
        lappend order $kind
        set last($kind) $details
        note
    }
    method count {kind} {llength [lsearch -all -exact $order $kind]}
    method last {kind} {return $last($kind)}
    method order {} {return $order}
    method await {kind {count 1}} {
        set me [self]
        await {[$me count $kind] >= $count}
        return $last($kind)
    }
}

# A connection whose events go to a new recorder, named in the caller's variable.
proc dial_watched {recorderVar urls args} {
    upvar 1 $recorderVar recorder
    set recorder [recorder new]
    dial $urls -on_event [list $recorder event] {*}$args
}

# A subscription by callback that keeps its messages as dicts.
oo::class create listener {
    variable connection id messages
    constructor {c subject args} {
        set connection $c
        set messages {}
        set id [$c subscribe $subject -dictmsg true {*}$args -callback [list [self] arrived]]
    }
    method arrived {subject message reply} {
        lappend messages $message
        note
    }
    method id {} {return $id}
    method count {} {llength $messages}
    # All messages so far, which must become at least `count`.
    method await {count} {
        set me [self]
        await {[$me count] >= $count}
        return $messages
    }
    # The payloads of all messages so far.
    method payloads {} {lmap message $messages {nats::msg data $message}}
    # Takes the first message, which must come.
    method next {} {
        my await 1
        set messages [lassign $messages first]
        return $first
    }
    # Takes the first message, whose payload must be this.
    method expect {payload} {equal [nats::msg data [my next]] $payload}
    # Nothing waits, after a round trip to the server.
    method silent {} {
        $connection flush
        equal [my payloads] {}
    }
    method unsubscribe {args} {$connection unsubscribe $id {*}$args}
}

proc listen {connection subject args} {listener new $connection $subject {*}$args}

# Subscribes a service that sends every request back.
proc echo_service {connection subject args} {
    $connection subscribe $subject {*}$args -callback [list apply {{c subject message reply} {
        $c publish $reply $message
    } ::} $connection]
}

# A subscription that is polled; the payload of its next message.
proc poll {connection subject args} {$connection subscribe $subject -poll true {*}$args}
proc poll_expect {connection id payload} {
    equal [nats::msg data [$connection next $id -timeout 20000 -dictmsg true]] $payload
}

# ---- Processes

# Runs children/NAME.tcl in a process of its own; {exit-code output}.
proc child {name args} {
    set script [file join $rig::directory children $name.tcl]
    set command [list exec timeout 120 [info nameofexecutable] $script {*}$args 2>@1]
    if {![catch $command output options]} {return [list 0 $output]}
    set code [dict get $options -errorcode]
    set exit [expr {[lindex $code 0] eq "CHILDSTATUS" ? [lindex $code 2] : $code}]
    list $exit [regsub {\n?child process exited abnormally$} $output {}]
}

# The queue of this thread is made with its first connection and stays.
[dial_plain] destroy
