# Runs all tests in one process: tclsh all.tcl ?-file PATTERN? ?-match PATTERN? … (see tcltest).
# Needs the package in TCLLIBPATH and NATS_HARNESS; bindings/tcl/tests/run sets both.

source [file join [file dirname [info script]] support.tcl]

# A reader of the output sees each test as it ends.
fconfigure stdout -buffering line
tcltest::configure -testdir $rig::directory -verbose {body error} {*}$argv
foreach file [lsort [tcltest::getMatchingFiles]] {source $file}

check tcl-secrets-1 {nothing that was logged holds a secret} {
    flush $rig::sink
    set file [open $rig::log]
    set text [read $file]
    close $file
    expect {![regexp {canary|secret|s3cr3t|p/w:d%} $text]}
}
harness::stop
close $rig::sink
file delete $rig::log

puts "$rig::passed passed, $rig::failed failed"
exit [expr {$rig::failed || !$rig::passed}]
