# What the tests of objects share.

source [file join [file dirname [info script]] buckets.tcl]

# A JetStream of a server of its own, and the bucket b in memory. Sets the caller's variables server, nc,
# events, js and store.
proc open_store {} {
    upvar 1 server server nc nc events events js js store store
    set server [server jetstream]
    set nc [dial_watched events [dict get $server url] {*}$::EAGER]
    set js [$nc jet_stream]
    set store [$js create_object_store b -storage memory]
}

# So many bytes, of which no two chunks are the same.
proc content {size} {
    set words {}
    for {set i 0} {$i < ($size + 7) / 8} {incr i} {lappend words [expr {$i * 2654435761 % 4294967296}] $i}
    string range [binary format i* $words] 0 $size-1
}

# How many messages the bucket's stream has.
proc messages {store} {dict get [$store status] stream state messages}

# Nothing is left in the bucket but these objects.
proc settles {store infos} {
    set count 0
    foreach info $infos {incr count [expr {1 + [dict get $info chunks]}]}
    becomes {messages $store} $count
}

proc names {infos} {lmap info $infos {dict get $info name}}

proc same {got expected} {
    if {$got ne $expected} {
        error "[string length $got] bytes are not the [string length $expected] expected"
    }
}

# A folder of its own, which is removed when the test has ended.
proc folder {} {
    set name [file join $::env(TMPDIR) nats-object-[pid]-[clock microseconds]]
    file mkdir $name
    return $name
}

if {![info exists ::env(TMPDIR)]} {set ::env(TMPDIR) /tmp}

proc read_file {path} {
    set file [open $path rb]
    try {read $file} finally {close $file}
}

proc write_file {path bytes} {
    set file [open $path wb]
    puts -nonewline $file $bytes
    close $file
}
