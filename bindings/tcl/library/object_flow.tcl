# The classes nats::object_writer and nats::object_reader, and what puts and gets have in common.

# An object that is put piece by piece, made by a bucket's `writer`. Nobody sees anything of it
# before `finish`. One that is destroyed unfinished leaves nothing.
#
# In C: write data, which are bytes; finish; abort. Each waits for the server.
oo::class create ::nats::object_writer {
    superclass ::nats::core::member

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "an object that is put cannot be copied"
    }
}

::nats::core::writer_methods ::nats::object_writer

# An object that is read piece by piece, made by a bucket's `reader`.
#
# In C: next, the next bytes, none once all have come, and were what was put; info.
oo::class create ::nats::object_reader {
    superclass ::nats::core::member

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "an object that is read cannot be copied"
    }
}

::nats::core::reader_methods ::nats::object_reader

namespace eval ::nats::core {
    # What is said of an object: option, member of the library's document, kind.
    variable meta_options {
        -description description text
        -headers headers lists
        -metadata metadata dict
    }

    # The value of an option, empty when there is none, and the other options.
    proc take_option {name options} {
        if {[llength $options] % 2} {
            invalid "Missing value of [lindex $options end]"
        }
        set value ""
        set others [list]
        foreach {option given} $options {
            if {$option eq $name} {
                set value $given
            } else {
                lappend others $option $given
            }
        }
        list $value $others
    }

    # Keys, kinds and values for `document`, of options that must be among those named.
    proc meta_spec {options names} {
        variable meta_options
        if {[llength $options] % 2} {
            invalid "Missing value of [lindex $options end]"
        }
        set spec [list]
        foreach {option value} $options {
            if {$option ni $names} {
                invalid "Unknown option $option: expected [join $names {, }]"
            }
            foreach {name key kind} $meta_options {
                if {$name eq $option} {
                    lappend spec $key $kind $value
                }
            }
        }
        return $spec
    }

    # The document of what is said of an object, and the options that are none of it.
    proc object_meta {options} {
        lassign [take_option -max_chunk_size $options] size options
        set said [list]
        set others [list]
        foreach {option value} $options {
            if {$option in {-description -headers -metadata}} {
                lappend said $option $value
            } else {
                lappend others $option $value
            }
        }
        set spec [meta_spec $said {-description -headers -metadata}]
        if {$size ne ""} {
            lappend spec options json [document [list max_chunk_size int $size]]
        }
        list [document $spec] $others
    }

    # How many bytes a range has.
    proc range_size {size options} {
        set from [expr {[dict exists $options -offset] ? [dict get $options -offset] : 0}]
        set length [expr {[dict exists $options -length] ? [dict get $options -length] : $size}]
        expr {min($length, max(0, $size - $from))}
    }

    proc object_progress {prefix bytes total} {
        if {$prefix ne ""} {
            uplevel #0 [list {*}$prefix $bytes $total]
        }
    }

    # A name beside a file that no file has.
    proc part_name {path} {
        variable parts
        file join [file dirname $path] \
            .[file tail $path].[pid].[incr parts].[format %x [clock microseconds]]
    }

    # Runs a script that uses files; all that is wrong with these is ErrIO.
    proc file_errors {script} {
        try {
            uplevel 1 $script
        } trap POSIX {text options} - trap {NATS ErrBrokenSocket} {text options} {
            dict set options -errorcode {NATS ErrIO}
            dict incr options -level
            return -options $options $text
        } on return {value options} {
            dict incr options -level
            return -options $options $value
        }
    }

    # The next bytes of a channel, at most so many; none at its end.
    proc channel_read {channel size} {
        while 1 {
            set piece [chan read $channel $size]
            if {$piece ne "" || [chan eof $channel]} {
                return $piece
            }
            channel_wait $channel readable
        }
    }

    # Writes to a channel; for one that does not block, waits until it has taken the bytes.
    proc channel_write {channel bytes} {
        chan puts -nonewline $channel $bytes
        if {![chan configure $channel -blocking]} {
            channel_flush $channel
        }
    }

    proc channel_flush {channel} {
        chan flush $channel
        while {![chan configure $channel -blocking] && [chan pending output $channel] > 0} {
            channel_wait $channel writable
        }
    }

    # Lets others go on until the channel can be read or written.
    proc channel_wait {channel event} {
        variable waits
        set before [chan event $channel $event]
        set number [incr waits(next)]
        if {[info coroutine] ne ""} {
            chan event $channel $event [list ::nats::core::wake [info coroutine] $number]
            while {![info exists waits($number)]} {
                yield
            }
        } else {
            chan event $channel $event [list set ::nats::core::waits($number) 1]
            vwait ::nats::core::waits($number)
        }
        unset waits($number)
        chan event $channel $event $before
    }

    # Goes on with a coroutine that may be gone.
    proc wake {coroutine number} {
        variable waits
        set waits($number) 1
        if {[llength [info commands $coroutine]]} {
            $coroutine
        }
    }
}
