# What the tests of buckets share.

source [file join [file dirname [info script]] support.tcl]

# A JetStream of a server of its own, and the bucket b, which keeps five values of a key in memory.
# Sets the caller's variables server, nc, events, js and kv.
proc open_kv {args} {
    upvar 1 server server nc nc events events js js kv kv
    set server [server jetstream]
    set nc [dial_watched events [dict get $server url] {*}$::EAGER]
    set js [$nc jet_stream {*}$args]
    set kv [$js create_kv_bucket b -history 5 -storage memory]
}

# An entry in short: key and value, or what was done to the key; - for the mark behind what there was.
proc short {entry} {
    if {$entry eq ""} {return -}
    dict with entry {
        expr {$operation eq "PUT" ? "$key=$value" : "$key $operation"}
    }
}

# A watch whose entries `told` knows in short, under a name.
proc watching {name kv pattern args} {
    set ::told($name) {}
    set ::last($name) {}
    $kv watch $pattern -callback [list apply {{name entry} {
        lappend ::told($name) [short $entry]
        set ::last($name) $entry
        note
    } ::} $name] {*}$args
}

# The next entries of the watch, which must be these.
proc told {name expected} {
    set count [llength $expected]
    await {[llength $::told($name)] >= $count}
    equal [lrange $::told($name) 0 $count-1] $expected
    set ::told($name) [lrange $::told($name) $count end]
}

# The result of the script, once it no longer fails.
proc eventually {script} {
    set deadline [expr {[now] + $rig::patience}]
    while {[catch {uplevel 1 $script} result options]} {
        if {[now] > $deadline} {return -options $options $result}
    }
    return $result
}

# Runs the script until it gives this result.
proc becomes {script expected} {
    set deadline [expr {[now] + $rig::patience}]
    while {[set result [uplevel 1 $script]] ne $expected} {
        if {[now] > $deadline} {equal $result $expected}
        update
    }
}

# How many messages the connection has sent.
proc sent {nc} {dict get [$nc stats] out_messages}
