# Buckets of keys: made, found, listed and removed.

namespace eval ::nats::core {
    # The options of a bucket that is made: name, check, member of the library's document, kind.
    variable bucket_options {
        description any description text
        max_value_size any max_value_size limit
        history number history int
        ttl timeout ttl ms
        limit_marker_ttl timeout limit_marker_ttl ms
        max_bucket_size any max_bytes limit
        storage any storage text
        num_replicas count num_replicas int
        compression any compression compression
        metadata any metadata dict
        placement any placement placement
        republish any republish republish
    }

    # The same as keys, kinds and values for `document`, of a dictionary of values.
    proc bucket_spec {values} {
        variable bucket_options
        set spec [list]
        foreach {name check key kind} $bucket_options {
            set value [dict get $values $name]
            if {$value ne ""} {
                lappend spec {*}[bucket_member $name $key $kind $value]
            }
        }
        return $spec
    }

    proc bucket_member {name key kind value} {
        switch -- $kind {
            ms {
                list $key int [expr {$value * 1000000}]
            }
            limit {
                # Nothing and less stand for no limit.
                expr {[string is wideinteger -strict $value] && $value <= 0
                      ? [list] : [list $key int $value]}
            }
            compression {
                if {$value ni {none s2}} {
                    invalid "Invalid -compression \"$value\": expected none or s2"
                }
                list $key bool [expr {$value eq "s2"}]
            }
            placement {
                list $key json [part $name $value {cluster text tags list}]
            }
            republish {
                list $key json [part $name $value {src text dest text headers_only bool}]
            }
            default {
                list $key $kind $value
            }
        }
    }

    # The JSON text of a dictionary whose members are known.
    proc part {option values members} {
        if {[catch {dict size $values}]} {
            invalid "Invalid -$option: expected a dictionary"
        }
        set spec [list]
        dict for {name value} $values {
            if {![dict exists $members $name]} {
                invalid "Invalid -$option: unknown \"$name\": expected [join [dict keys $members] {, }]"
            }
            lappend spec $name [dict get $members $name] $value
        }
        document $spec
    }

    # The bucket of an origin.
    proc origin_bucket {origin} {
        if {[catch {dict get $origin bucket} bucket]} {
            invalid "Invalid origin: expected one made by nats::make_kv_origin"
        }
        return $bucket
    }

    # A source of a stream: the JSON text for an origin. Its keys are called the same in `bucket`.
    proc origin_source {origin bucket name} {
        set of [origin_bucket $origin]
        set keys [expr {[dict exists $origin keys] ? [dict get $origin keys] : [list]}]
        set transforms [lmap key $keys {
            document [list src text \$KV.$of.$key dest text \$KV.$bucket.$key]
        }]
        set spec [list name text $name]
        if {[llength $transforms]} {
            lappend spec subject_transforms json "\[[join $transforms ,]\]"
        }
        if {[dict exists $origin api]} {
            set external [list api text [dict get $origin api]]
            if {[dict exists $origin deliver]} {
                lappend external deliver text [dict get $origin deliver]
            }
            lappend spec external json [document $external]
        }
        document $spec
    }
}

namespace eval ::nats {
    # Where a bucket has keys from: make_kv_origin -bucket name ?-stream name? ?-keys list?
    # ?-domain name | -api prefix? ?-deliver subject?. For create_kv_aggregate and create_kv_mirror.
    proc make_kv_origin {args} {
        core::arguments $args {bucket given "" stream given "" keys any "" domain given ""
            api given "" deliver given ""}
        if {$bucket eq ""} {
            core::invalid "Missing option -bucket"
        }
        if {$domain ne "" && $api ne ""} {
            core::invalid "-domain conflicts with -api"
        }
        if {$domain ne ""} {
            set api \$JS.$domain.API
        }
        if {$deliver ne "" && $api eq ""} {
            core::invalid "-deliver: expected with -domain or -api"
        }
        set origin [dict create bucket $bucket]
        foreach name {stream keys api deliver} {
            if {[set $name] ne ""} {
                dict set origin $name [set $name]
            }
        }
        return $origin
    }
    namespace export make_kv_origin
}

oo::define ::nats::jet_stream {
    # The bucket, as an object of nats::key_value. Options: -read_only, -key_codecs, -value_codecs.
    method bind_kv_bucket {bucket args} {
        set kv [my Own [::nats::key_value new [self namespace] $bucket $args]]
        try {
            my KvBind $kv $bucket {*}$args
            ::nats::core::check_object $kv
        } on error {text options} {
            catch {$kv destroy}
            return -options $options $text
        }
        return $kv
    }

    # Makes a bucket, and binds to it. Options: those of the table above, those of bind_kv_bucket, and
    # -mirror_name and -mirror_domain for a copy of another one.
    method create_kv_bucket {bucket args} {
        my MakeBucket $bucket [list] {*}$args
    }

    # Makes a bucket that has keys of others; unless it is `writable` it has no other keys.
    method create_kv_aggregate {bucket writable origins args} {
        if {[llength $origins] == 0} {
            ::nats::core::invalid "List of KV origins is required"
        }
        ::nats::core::check_kind writable bool $writable
        my RefuseMirror $args
        set sources [lmap origin $origins {
            set source [list keys > stream KV_[::nats::core::origin_bucket $origin]]
            set source [dict merge $source $origin]
            ::nats::core::origin_source $source $bucket [dict get $source stream]
        }]
        my MakeBucket $bucket [list sources json "\[[join $sources ,]\]" \
            aggregate bool [expr {!$writable}]] {*}$args
    }

    # Makes a stream that answers for a bucket of elsewhere to who reads it. It cannot be bound to, and
    # is removed by stream_delete.
    method create_kv_mirror {name origin args} {
        if {[string match KV_* $name]} {
            ::nats::core::invalid "Mirror name must not begin with KV_"
        }
        my RefuseMirror $args
        set values [my BucketValues $args]
        set bucket [::nats::core::origin_bucket $origin]
        set source [::nats::core::origin_source $origin $bucket KV_$bucket]
        set stream [list name text $name mirror json $source mirror_direct bool 1 \
            allow_direct bool 1 allow_rollup_hdrs bool 1 deny_delete bool 1 discard text new]
        foreach {key kind value} [::nats::core::bucket_spec $values] {
            set names {history max_msgs_per_subject ttl max_age max_value_size max_msg_size
                limit_marker_ttl subject_delete_marker_ttl}
            if {$key eq "compression"} {
                lassign [list text [dict get $values compression]] kind value
            }
            lappend stream [expr {[dict exists $names $key] ? [dict get $names $key] : $key}] \
                $kind $value
        }
        my stream_create [::nats::core::document $stream]
        return
    }

    # Removes a bucket with all it has.
    method delete_kv_bucket {bucket} {
        my kv_bucket_delete [list bucket $bucket]
        return true
    }

    # The names of all buckets.
    method kv_buckets {} {
        dict get [my kv_bucket_names] buckets
    }

    # Removes all that a bucket has; how many messages these were. Revisions go on.
    method empty_kv_bucket {bucket} {
        try {
            dict get [my stream_purge [list stream KV_$bucket]] purged
        } trap {NATS ErrStreamNotFound} {} {
            throw {NATS ErrBucketNotFound} "Bucket $bucket not found"
        }
    }

    method RefuseMirror {options} {
        if {"-mirror_name" in $options || "-mirror_domain" in $options} {
            ::nats::core::invalid "-mirror_name and -mirror_domain are not allowed"
        }
    }

    # The options of a bucket as a dictionary, empty where there is none.
    method BucketValues {options {more {}}} {
        set spec $more
        foreach {name check key kind} $::nats::core::bucket_options {
            lappend spec $name $check ""
        }
        ::nats::core::arguments $options $spec
        set values [dict create]
        foreach {name check default} $spec {
            dict set values $name [set $name]
        }
        return $values
    }

    method MakeBucket {bucket more args} {
        set bind [list]
        set options [list]
        foreach {option value} $args {
            if {$option in {-read_only -key_codecs -value_codecs}} {
                lappend bind $option $value
            } else {
                lappend options $option $value
            }
        }
        if {[llength $args] % 2} {
            ::nats::core::invalid "Missing value of [lindex $args end]"
        }
        set values [my BucketValues $options {mirror_name given "" mirror_domain given ""}]
        set spec [list bucket text $bucket {*}[::nats::core::bucket_spec $values] {*}$more]
        if {[dict get $values mirror_name] ne ""} {
            set origin [dict create bucket [dict get $values mirror_name]]
            if {[dict get $values mirror_domain] ne ""} {
                dict set origin api \$JS.[dict get $values mirror_domain].API
            }
            set name KV_[dict get $values mirror_name]
            lappend spec mirror json [::nats::core::origin_source $origin $bucket $name]
        }
        my kv_bucket_create [::nats::core::document $spec]
        my bind_kv_bucket $bucket {*}$bind
    }
}
