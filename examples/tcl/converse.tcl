#!/usr/bin/env tclsh
# One voice of the conversation that `make demo` runs: converse.tcl NAME PEER,PEER,...
#
# The protocol is described at the head of examples/c/converse.c.

package require nats

set QUESTIONS 20
set PATIENCE 5000
set MEET 60000
set DONE 120000

# Tells what went wrong and ends the program.
proc give_up {message} {
    puts stderr "converse: $message"
    exit 1
}

# Answers with the same payload, saying who answers.
proc answer {connection name subject message replyTo} {
    set reply [nats::msg create $replyTo -data [nats::msg data $message]]
    nats::header set reply From $name
    $connection publish_msg $reply
}

# Asks demo.KIND.PEER; true for an answer as it should be.
proc ask {connection kind name peer question} {
    set message [nats::msg create demo.$kind.$peer -data $question]
    nats::header set message From $name
    set reply [$connection request_msg $message -timeout $::PATIENCE -dictmsg true]
    expr {[nats::header lookup $reply From {}] eq $peer && [nats::msg data $reply] eq $question}
}

# Says hello until the peer is there.
proc meet {connection name peer deadline} {
    while {[clock milliseconds] < $deadline} {
        try {
            if {[ask $connection hello $name $peer hello]} return
        } trap {NATS ErrNoResponders} {} {
        } trap {NATS ErrTimeout} {} {
        }
        if {$::over} {give_up "called off while meeting $peer"}
        after 20 {set ::pause over}
        vwait ::pause
    }
    give_up "$peer did not say hello"
}

# Asks the peer its questions and prints how it went.
proc question {connection name peer} {
    set took {}
    for {set i 0} {$i < $::QUESTIONS} {incr i} {
        set start [clock microseconds]
        try {
            if {[ask $connection ask $name $peer "question $i from $name"]} {
                lappend took [expr {[clock microseconds] - $start}]
            }
        } trap NATS {message} {
            puts stderr "converse: $peer: $message"
        }
    }
    set count [llength $took]
    set median [expr {$count ? [lindex [lsort -integer $took] [expr {$count / 2}]] : 0}]
    puts "{\"from\":\"$name\",\"to\":\"$peer\",\"answered\":$count,\"p50_us\":$median}"
}

proc converse {name peers} {
    set connection [nats::connection new $name]
    $connection configure -servers $::env(NATS_URL)
    $connection connect
    $connection subscribe demo.done -callback {apply {args {set ::over 1}}}
    foreach kind {hello ask} {
        $connection subscribe demo.$kind.$name -queue demo -dictmsg true \
            -callback [list answer $connection $name]
    }
    set deadline [expr {[clock milliseconds] + $::MEET}]
    foreach peer $peers {meet $connection $name $peer $deadline}
    foreach peer $peers {question $connection $name $peer}
    after $::DONE {give_up "nobody ended the conversation"}
    while {!$::over} {vwait ::over}
    $connection drain -timeout 5000
    $connection destroy
}

if {$argc != 2} {
    puts stderr "usage: converse.tcl NAME PEER,PEER,..."
    exit 2
}
fconfigure stdout -buffering line
set over 0
if {[catch {converse [lindex $argv 0] [split [lindex $argv 1] ,]} message]} {give_up $message}
