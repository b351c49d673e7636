# The classes nats::object_store and nats::object_watcher.

# A bucket of objects (ADR-20), made by a JetStream's object_store and create_object_store. What is
# known of an object is a dictionary, as the operation object_info tells it.
#
# In C: get.
oo::class create ::nats::object_store {
    superclass ::nats::core::member
    variable js bucket

    constructor {jet_stream name} {
        set js $jet_stream
        set bucket $name
    }

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "a bucket cannot be copied"
    }

    # Puts an object that is in memory: put name data ?-description text? ?-headers dict? ?-metadata
    # dict? ?-max_chunk_size bytes? ?-previous revision? ?-window_bytes n? ?-timeout ms? ?-callback
    # prefix?. What is known of it then; with a callback a number for cancel_request, and the
    # callback is called as `prefix timedOut info error`.
    method put {name data args} {
        lassign [::nats::core::object_meta $args] meta options
        my Put $name $meta $data {*}$options
    }

    # The same with the content of a file: put_file name path ?-option value ...? ?-progress
    # prefix?. `prefix bytes total` is called chunk by chunk.
    method put_file {name path args} {
        lassign [::nats::core::take_option -progress $args] progress options
        ::nats::core::file_errors {
            if {$progress ne ""} {
                return [my PutByChannel $name $path $progress $options]
            }
            lassign [::nats::core::object_meta $options] meta options
            my PutFile $name $meta $path {*}$options
        }
    }

    # The same with what comes out of a channel until its end; the total that -progress is told is
    # 0. The channel becomes a binary one, and is not closed. A blocking one is read as it is; for
    # one that does not block the event loop turns.
    method put_channel {name channel args} {
        lassign [::nats::core::take_option -progress $args] progress options
        my Pump $name $channel $options $progress 0
    }

    # Gets an object, or a range of it, into a file, which is there as a whole or not at all:
    # get_file name path ?-offset n? ?-length n? ?-nuid id? ?-show_deleted bool? ?-timeout ms?
    # ?-progress prefix?. What is known of the object.
    method get_file {name path args} {
        lassign [::nats::core::take_option -progress $args] progress options
        ::nats::core::file_errors {
            if {$progress ne ""} {
                return [my GetByChannel $name $path $progress $options]
            }
            my GetFile $name $path {*}$options
        }
    }

    # Writes an object, or a range of it, to a channel, as put_channel reads one. When it fails, a
    # part has been written.
    method get_channel {name channel args} {
        lassign [::nats::core::take_option -progress $args] progress options
        chan configure $channel -translation binary
        set reader [my reader $name {*}$options]
        try {
            set info [$reader info]
            set total [::nats::core::range_size [dict get $info size] $options]
            set bytes 0
            while {[set piece [$reader next]] ne ""} {
                ::nats::core::channel_write $channel $piece
                incr bytes [string length $piece]
                ::nats::core::object_progress $progress $bytes $total
                ::nats::core::check_object $reader
            }
            ::nats::core::channel_flush $channel
        } finally {
            catch {$reader destroy}
        }
        return $info
    }

    # Begins to put an object piece by piece: an object of nats::object_writer. Options as those of
    # put.
    method writer {name args} {
        lassign [::nats::core::object_meta $args] meta options
        my Begin [my Own [::nats::object_writer new]] Writer $name $meta {*}$options
    }

    # Begins to read an object piece by piece: an object of nats::object_reader. Options as those of
    # get.
    method reader {name args} {
        my Begin [my Own [::nats::object_reader new]] Reader $name {*}$args
    }

    # What is known of an object or of a link: info name ?-show_deleted bool?.
    method info {name args} {
        ::nats::core::arguments $args {show_deleted bool false}
        ${js}::my object_info [list bucket $bucket name $name show_deleted $show_deleted]
    }

    # What is known of all, in the order in which they were changed: list ?-show_deleted bool?.
    method list {args} {
        ::nats::core::arguments $args {show_deleted bool false}
        dict get [${js}::my object_list [list bucket $bucket show_deleted $show_deleted]] objects
    }

    # Deletes an object, or a link and not what it leads to; what is known of it then.
    method delete {name} {
        ${js}::my object_delete [list bucket $bucket name $name]
    }

    # Describes an object, or a link, anew: update_meta name ?-name text? ?-description text?
    # ?-headers dict? ?-metadata dict?. What is left out is empty then, but for the name.
    method update_meta {name args} {
        lassign [::nats::core::take_option -name $args] renamed options
        set spec [::nats::core::meta_spec $options {-description -headers -metadata}]
        if {$renamed ne "" || "-name" in $args} {
            lappend spec name text $renamed
        }
        ${js}::my object_update_meta \
            [list bucket $bucket name $name meta [::nats::core::document $spec]]
    }

    # Adds a link to an object: add_link name target ?-bucket name?, by default of this bucket.
    method add_link {name target args} {
        lassign [::nats::core::take_option -bucket $args] other options
        ::nats::core::arguments $options {}
        ${js}::my object_add_link [list bucket $bucket name $name to $target \
            to_bucket [expr {$other eq "" ? $bucket : $other}]]
    }

    # Adds a link to a whole bucket.
    method add_bucket_link {name target} {
        ${js}::my object_add_bucket_link [list bucket $bucket name $name to_bucket $target]
    }

    # Has nothing in the bucket be changed any more; how the bucket is then.
    method seal {} {
        ${js}::my object_store_seal [list bucket $bucket]
    }

    # How the bucket is.
    method status {} {
        ${js}::my object_store_status [list bucket $bucket]
    }

    # Watches objects: watch -callback prefix | -poll true ?-include_history bool? ?-updates_only
    # bool? ?-ignore_deletes bool? ?-heartbeat ms?. An object of nats::object_watcher.
    method watch {args} {
        lassign [::nats::core::take_option -callback $args] callback options
        lassign [::nats::core::take_option -poll $options] poll options
        if {($callback eq "") != ($poll ne "" && $poll)} {
            ::nats::core::invalid "expected -callback, or -poll true"
        }
        set watcher [${js}::my Own [::nats::object_watcher new $callback]]
        try {
            ::nats::core::watch_begun $watcher [my Watch $callback {*}$options]
        } on error {text options} {
            catch {$watcher destroy}
            return -options $options $text
        }
        return $watcher
    }

    # Has the object, which ends with the bucket, begin.
    method Begin {object method args} {
        try {
            my $method $object {*}$args
            ::nats::core::check_object $object
        } on error {text options} {
            catch {$object destroy}
            return -options $options $text
        }
        return $object
    }

    # Puts what a channel has. With a total it has to be as much.
    method Pump {name channel options progress total} {
        set size 131072
        if {[dict exists $options -max_chunk_size] &&
            [string is integer -strict [dict get $options -max_chunk_size]]} {
            set size [expr {max(1, min([dict get $options -max_chunk_size], 1048576))}]
        }
        chan configure $channel -translation binary
        set writer [my writer $name {*}$options]
        try {
            set bytes 0
            while {[set piece [::nats::core::channel_read $channel $size]] ne ""} {
                ::nats::core::check_object $writer
                $writer write $piece
                incr bytes [string length $piece]
                ::nats::core::object_progress $progress $bytes $total
            }
            ::nats::core::check_object $writer
            if {$total && $bytes != $total} {
                throw {NATS ErrIO} "the file has changed: $bytes of $total bytes were read"
            }
            return [$writer finish]
        } on error {text options} {
            catch {$writer abort}
            return -options $options $text
        } finally {
            catch {$writer destroy}
        }
    }

    method PutByChannel {name path progress options} {
        set channel [open $path rb]
        try {
            my Pump $name $channel $options $progress [file size $path]
        } finally {
            close $channel
        }
    }

    method GetByChannel {name path progress options} {
        set part [::nats::core::part_name $path]
        set channel [open $part {WRONLY CREAT EXCL BINARY}]
        try {
            set info [my get_channel $name $channel {*}$options -progress $progress]
            close $channel
            set channel ""
            if {[file isdirectory $path]} {
                throw {NATS ErrIO} "$path: it is a folder"
            }
            file rename -force $part $path
        } finally {
            if {$channel ne ""} {
                catch {close $channel}
            }
            file delete $part
        }
        return $info
    }
}

::nats::core::object_methods ::nats::object_store

# A watch of objects, as nats::kv_watcher. What it tells are dictionaries as of `info`, with `error`
# and `errorcode` for what is no object, and an empty one behind what there was.
oo::class create ::nats::object_watcher {
    superclass ::nats::kv_watcher
}
