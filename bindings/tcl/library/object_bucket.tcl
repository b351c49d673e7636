# Buckets of objects: made, changed, found, listed and removed.

oo::define ::nats::jet_stream {
    # The bucket, which has to be there, as an object of nats::object_store.
    method object_store {bucket} {
        set store [my Own [::nats::object_store new [self namespace] $bucket]]
        try {
            my ObjectBind $store $bucket
            ::nats::core::check_object $store
        } on error {text options} {
            catch {$store destroy}
            return -options $options $text
        }
        return $store
    }

    # Makes a bucket, and binds to it: create_object_store bucket ?-description text? ?-ttl ms?
    # ?-max_bucket_size bytes? ?-storage file|memory? ?-num_replicas n? ?-compression none|s2?
    # ?-metadata dict? ?-placement {cluster text tags list}?. One that is there with this
    # configuration is as good.
    method create_object_store {bucket args} {
        my object_store_create [my ObjectBucket $bucket $args]
        my object_store $bucket
    }

    # Changes a bucket, whose options are these from now on; how it is then.
    method update_object_store {bucket args} {
        my object_store_update [my ObjectBucket $bucket $args]
    }

    # Removes a bucket with all it has.
    method delete_object_store {bucket} {
        my object_store_delete [list bucket $bucket]
        return true
    }

    # The names of all buckets of objects.
    method object_stores {} {
        dict get [my object_store_names] buckets
    }

    # The document of a bucket: some of the options of buckets of keys.
    method ObjectBucket {bucket options} {
        set names {description ttl max_bucket_size storage num_replicas compression metadata
            placement}
        set rows [list]
        set spec [list]
        foreach {name check key kind} $::nats::core::bucket_options {
            if {$name in $names} {
                lappend rows $name $key $kind
                lappend spec $name $check ""
            }
        }
        ::nats::core::arguments $options $spec
        set document [list bucket text $bucket]
        foreach {name key kind} $rows {
            if {[set $name] ne ""} {
                lappend document {*}[::nats::core::bucket_member $name $key $kind [set $name]]
            }
        }
        ::nats::core::document $document
    }
}
