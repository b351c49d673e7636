# Objects that end with others.

# An object that may have others of its own, which are destroyed with it: a connection has JetStreams,
# and these have buckets and watches.
oo::class create ::nats::core::member {
    variable owner owned

    # Makes the object end with this one; returns it.
    method Own {object} {
        set namespace [info object namespace $object]
        dict set owned $namespace ""
        ${namespace}::my Belong [self namespace]
        return $object
    }

    method Belong {namespace} {
        set owner $namespace
    }

    method Disown {namespace} {
        dict unset owned $namespace
    }

    # What a destructor has to do.
    method Leave {} {
        if {[info exists owned]} {
            foreach namespace [dict keys $owned] {
                if {[namespace exists $namespace]} {
                    ${namespace}::my destroy
                }
            }
        }
        if {[info exists owner] && [llength [info commands ${owner}::my]]} {
            ${owner}::my Disown [self namespace]
        }
    }
}

namespace eval ::nats::core {
    # Fails when an object was destroyed while something for it was waited for.
    proc check_object {object} {
        if {![info object isa object $object]} {
            throw {NATS ErrConnectionClosed} "the object was destroyed meanwhile"
        }
    }
}
