# The classes nats::key_value, nats::kv_watcher and nats::kv_cache.

# A bucket of keys, made by a JetStream's bind_kv_bucket, create_kv_bucket and create_kv_aggregate. An
# entry is a dictionary of bucket, key, value, revision, created (milliseconds since 1970) and operation
# (PUT, DEL, PURGE), of histories and watches also delta.
#
# In C: get, get_value, entry; put, create, update, delete, purge.
oo::class create ::nats::key_value {
    superclass ::nats::core::member
    variable js bucket read_only

    constructor {jet_stream name options} {
        set js $jet_stream
        set bucket $name
        set read_only [expr {[dict exists $options -read_only] ? [dict get $options -read_only] : 0}]
    }

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "a bucket cannot be copied"
    }

    # The entries of many keys as they are at one moment: a dictionary by their keys, without those that
    # have no value (server 2.11).
    method get_many {keys} {
        set found [dict create]
        foreach entry [my GetMany $keys] {
            dict set found [dict get $entry key] $entry
        }
        return $found
    }

    # Gives the key the value that `prefix entry` answers, again and again until nobody else has changed
    # it meanwhile; the entry is empty when the key has no value. The key's new revision. With the code
    # `break` the key stays as it is, and the result is 0.
    method modify {key prefix} {
        while 1 {
            lassign [my Current $key] entry revision
            set code [catch {uplevel #0 [list {*}$prefix $entry]} value options]
            if {$code == 3} {
                return 0
            }
            if {$code == 1} {
                return -options $options $value
            }
            try {
                return [my update $key $value $revision]
            } trap {NATS ErrWrongLastSequence} {} {
                continue
            }
        }
    }

    # Gives the key the value again that it had at this revision.
    method revert {key revision} {
        my put $key [my get_value $key -revision $revision]
    }

    # How the bucket is, as a dictionary.
    method status {} {
        set known [${js}::my kv_bucket_status [list bucket $bucket]]
        set stream [dict get $known stream]
        # What servers tell in any case.
        set config [dict merge {compression none max_age 0} [dict get $stream config]]
        foreach name {max_age duplicate_window subject_delete_marker_ttl} {
            if {[dict exists $config $name]} {
                dict set config $name [expr {[dict get $config $name] / 1000000}]
            }
        }
        set status [dict create bucket $bucket bytes [dict get $known bytes] \
            history [dict get $known history] ttl [dict get $config max_age] \
            values [dict get $known values] \
            is_compressed [expr {[dict get $known compression] ? 1 : 0}]]
        if {[dict exists $config mirror name]} {
            dict set status mirror_name [regsub {^KV_} [dict get $config mirror name] {}]
            if {[dict exists $config mirror external api] &&
                [regexp {^\$JS\.([^.]+)\.API$} [dict get $config mirror external api] -> domain]} {
                dict set status mirror_domain $domain
            }
        }
        dict set status stream_config $config
        dict set status stream_state [dict get $stream state]
        return $status
    }

    # The keys that have values, all or those of the patterns.
    method keys {args} {
        set keys [dict get [my Keys {*}[expr {[llength $args] ? [list -keys $args] : {}}]] keys]
        if {[llength $keys] == 0} {
            throw {NATS ErrKeyNotFound} "No keys found in bucket $bucket"
        }
        return $keys
    }

    # All entries of a key, or of all keys of a pattern, the oldest first.
    method history {key} {
        set entries [expr {[regexp {[*>]} $key] ? [my Histories $key] : [my History $key]}]
        if {[llength $entries] == 0} {
            throw {NATS ErrKeyNotFound} "Key $key not found in bucket $bucket"
        }
        return $entries
    }

    # Watches keys: watch pattern -callback prefix | -values_array name | -poll true ?-keys patterns?
    # ?-include_history bool? ?-updates_only bool? ?-resume_from revision? ?-ignore_deletes bool?
    # ?-meta_only bool? ?-idle_heartbeat ms?. An object of nats::kv_watcher.
    method watch {pattern args} {
        if {[llength $args] % 2} {
            ::nats::core::invalid "Missing value of [lindex $args end]"
        }
        array set own {-callback "" -values_array "" -poll false -keys ""}
        set options [list]
        foreach {option value} $args {
            if {[info exists own($option)]} {
                set own($option) $value
            } else {
                lappend options $option $value
            }
        }
        ::nats::core::check_kind -poll bool $own(-poll)
        if {($own(-callback) eq "" && $own(-values_array) eq "") == !$own(-poll)} {
            ::nats::core::invalid "expected -callback or -values_array, or -poll true"
        }
        set watcher [${js}::my Own [::nats::kv_watcher new $own(-callback)]]
        set me [info object namespace $watcher]
        try {
            set command $own(-callback)
            if {$own(-values_array) ne ""} {
                if {[catch {upvar 1 $own(-values_array) ${me}::values} text]} {
                    ::nats::core::invalid "-values_array: $text"
                }
                ${me}::my CheckArray
                set command [list ${me}::my Told]
            }
            set numbers [my Watch $command -keys [list $pattern {*}$own(-keys)] {*}$options]
            ::nats::core::watch_begun $watcher $numbers
        } on error {text options} {
            catch {$watcher destroy}
            return -options $options $text
        }
        return $watcher
    }

    # The values in memory, which follow the bucket: cache ?-keys patterns? ?-idle_heartbeat ms?. An
    # object of nats::kv_cache.
    method cache {args} {
        set cache [${js}::my Own [::nats::kv_cache new]]
        try {
            my KvCache $cache {*}$args
            ::nats::core::check_object $cache
        } on error {text options} {
            catch {$cache destroy}
            return -options $options $text
        }
        return $cache
    }

    # Removes what deleted keys have had, and the markers that tell of them when they are older than
    # -older_than (milliseconds; half an hour); how many messages these were.
    method purge_deletes {args} {
        ::nats::core::arguments $args {older_than timeout 1800000}
        if {$read_only} {
            throw {NATS ErrReadOnly} "bucket $bucket: it is bound for reading alone"
        }
        dict get [${js}::my kv_bucket_purge_deletes \
            [list bucket $bucket older_than_ms $older_than]] purged
    }

    # The entry of a key that has a value, otherwise an empty one, and the revision to expect.
    method Current {key} {
        try {
            set entry [my entry $key]
        } trap {NATS ErrKeyNotFound} {} {
            return {{} 0}
        }
        set revision [dict get $entry revision]
        list [expr {[dict get $entry operation] eq "PUT" ? $entry : {}}] $revision
    }

    method Histories {pattern} {
        set timeout [${js}::my timeout]
        lassign [my Watch "" -keys [list $pattern] -include_history true] conn sub
        set all [list]
        try {
            while 1 {
                foreach entry [::nats::core::take $conn $sub 64 1 $timeout] {
                    if {$entry eq ""} {
                        return $all
                    }
                    lappend all $entry
                }
            }
        } finally {
            catch {::nats::core::unsubscribe $conn $sub 0}
        }
    }
}

::nats::core::kv_methods ::nats::key_value

# A watch of a bucket, which goes on until it is destroyed, or the bucket is gone. Then the variable
# last_error, which may be traced, is a dictionary of code and errorMessage.
oo::class create ::nats::kv_watcher {
    superclass ::nats::core::member
    variable callback values conn sub last_error

    constructor {prefix} {
        set callback $prefix
        set last_error ""
    }

    destructor {
        if {[info exists sub]} {
            unset -nocomplain ::nats::core::watchers($conn,$sub)
            catch {::nats::core::unsubscribe $conn $sub 0}
        }
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "a watch cannot be copied"
    }

    # What holds last_error: the watch itself, which is its own consumer.
    method consumer {} {
        self
    }

    # The number of the subscription, for subscription_stats of the connection.
    method sub_id {} {
        return $sub
    }

    # next ?-timeout ms?: the next entry of a watch with -poll true, empty for the mark behind what
    # there was. 0 does not wait; the default is to wait without end.
    method next {args} {
        ::nats::core::arguments $args {timeout timeout -1}
        ::nats::core::take $conn $sub 0 1 $timeout
    }

    method Begin {numbers} {
        lassign $numbers conn sub
        set ::nats::core::watchers($conn,$sub) [self namespace]
    }

    method CheckArray {} {
        if {[info exists values] && ![array exists values]} {
            ::nats::core::invalid "-values_array: the variable is no array"
        }
    }

    # An entry came: the array is brought up to it, and then the callback is called.
    method Told {entry} {
        if {$entry ne ""} {
            set key [dict get $entry key]
            if {[dict get $entry operation] eq "PUT"} {
                set values($key) [dict get $entry value]
            } else {
                unset -nocomplain values($key)
            }
        }
        if {$callback ne ""} {
            uplevel #0 [list {*}$callback $entry]
        }
    }

    method Ended {code text} {
        set last_error [dict create code $code errorMessage $text]
    }
}

namespace eval ::nats::core {
    # Watches under way, by the numbers of connection and subscription.
    variable watchers
    array set watchers {}

    # Gives a watch its subscription, which ends when the watch was destroyed meanwhile.
    proc watch_begun {watcher numbers} {
        if {![info object isa object $watcher]} {
            unsubscribe {*}$numbers 0
        }
        check_object $watcher
        [info object namespace $watcher]::my Begin $numbers
    }

    # Tells a watch why it has ended, if the event is of one.
    proc watch_ended {conn details} {
        variable watchers
        if {[dict get $details what] eq "ended" && [dict exists $details sub_id]} {
            set number $conn,[dict get $details sub_id]
            if {[info exists watchers($number)]} {
                $watchers($number)::my Ended [error_code [dict get $details code]] \
                    [dict get $details error]
            }
        }
    }
}

# The values of a bucket in memory. In C: get key, get_value key, wait revision ?-timeout ms?.
oo::class create ::nats::kv_cache {
    superclass ::nats::core::member

    destructor {
        my Leave
    }

    method <cloned> {origin} {
        throw {NATS ErrInvalidArg} "values in memory cannot be copied"
    }

    # The keys that have values, in no order.
    method keys {} {
        dict get [my Keys] keys
    }
}

::nats::core::cache_methods ::nats::kv_cache
