# The binary depends on the major version of Tcl, because the two have different stub tables.
package ifneeded nats 3.3.0 [list apply {{dir} {
    if {[package vsatisfies [package provide Tcl] 9.0-]} {
        set binary libtcl9nats.so
    } else {
        set binary libnats.so
    }
    load [file join $dir $binary] Nats
    foreach script {
        options_gen arguments options errors logger time message nkey member
        connection subscription request jet_stream key_value kv_bucket
        object_store object_bucket object_flow service
    } {
        uplevel #0 [list source [file join $dir $script.tcl]]
    }
    # Programs for nats-tcl ask for versions up to 3.2: this has all that 3.2.1 has of core NATS and of
    # buckets.
    package provide nats 3.3.0
}} $dir]
