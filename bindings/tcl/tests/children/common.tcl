# What the child programs share: the package, the URL, and what a process holds.

package require nats 3

if {[info exists argv]} {set url [lindex $argv 0]}

# A channel for what is of no interest here.
proc sink {} {
    if {![info exists ::sink]} {set ::sink [open /dev/null w]}
    return $::sink
}

proc dial {args} {
    set connection [nats::connection new "" -log_chan [sink]]
    $connection configure -servers $::url {*}$args
    $connection connect
    return $connection
}

# Descriptors, threads and resident memory in kB of this process.
proc held {} {
    set file [open /proc/self/statm]
    set pages [lindex [read $file] 1]
    close $file
    list [llength [glob /proc/self/fd/*]] [llength [glob /proc/self/task/*]] [expr {$pages * 4}]
}

# CPU time used by this process, in ms.
proc cpu {} {
    set file [open /proc/self/stat]
    set fields [split [string trim [lindex [split [read $file] )] end]]]
    close $file
    expr {([lindex $fields 11] + [lindex $fields 12]) * 10}
}

# Compares `held` now with before; what grew more than it may is printed.
proc compare {before kb} {
    foreach name {descriptors threads kB} was $before is [held] more [list 4 0 $kb] {
        if {$is > $was + $more} {puts "$name: $was before, $is after"}
    }
}
