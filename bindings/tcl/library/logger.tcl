# Where a connection writes what it has to tell: to a logger of tcllib, or to a channel.

namespace eval ::nats::core {
    variable log_levels {error warn info debug}

    # Calls `level text` of the logger, or writes a line when the level is not below `threshold`.
    proc log {target level text} {
        variable log_levels
        lassign $target logger channel threshold name
        if {$logger ne ""} {
            ${logger}::$level $text
        } elseif {[lsearch $log_levels $level] <= [lsearch $log_levels $threshold]} {
            puts $channel "\[[::nats::timestamp] $name $level\] $text"
        }
    }

    proc log_target {logger channel level name} {
        variable log_levels
        if {$level ni $log_levels} {
            invalid "Invalid -log_level $level: expected [join $log_levels {, }]"
        }
        if {$logger eq "" && [catch {chan configure $channel}]} {
            invalid "Invalid -log_chan $channel: expected an open channel"
        }
        list $logger $channel $level $name
    }
}

namespace eval ::nats {
    # Calls `command level text` in this thread with the records of the library's own log, of all
    # connections, up to a level: error, warn, info, debug or trace; none ends it. For a logger of
    # tcllib: nats::set_log info {apply {{level text} {${::log}::$level $text}}}
    proc set_log {level {command ""}} {
        core::set_log $level $command
    }
}
