# context HOME NAME: connects as the environment says, with these as XDG_CONFIG_HOME and
# NATS_CONTEXT; prints that it works and with whom, or the error, and exits with 1.

source [file join [file dirname [info script]] common.tcl]

# No thread reads the environment yet.
array unset env NATS_*
lassign $argv env(XDG_CONFIG_HOME) env(NATS_CONTEXT)
set url {}
try {
    set connection [dial -environment true]
    set id [$connection subscribe t.context -poll true]
    $connection publish t.context works
    puts "[$connection next $id -timeout 20000] [$connection current_server]"
} trap NATS {text options} {
    puts "[dict get $options -errorcode] $text"
    exit 1
}
