# The options of connections: those of the library, by their names in Tcl, and Tcl's own.

namespace eval ::nats::core {
    # Options of connections that the library knows nothing of: name, kind, default.
    variable own_options {
        dictmsg bool false
        utf8_convert bool false
        tls_opts any {}
        custom_reconnect_delay callback {}
        on_login callback {}
        on_certificate callback {}
        on_ws_headers callback {}
        on_pick_server callback {}
        on_inject callback {}
        on_event callback {}
    }

    # The name under which an option is kept, which may have been given by another of its names.
    proc option_name {option} {
        variable own_options
        variable connect_options
        set word [string trimleft $option -]
        foreach {name kind default} $own_options {
            if {$word eq $name} {
                return $name
            }
        }
        foreach {name others key kind default} $connect_options {
            if {$word eq $name || $word in $others} {
                return $name
            }
        }
        # The library names the nearest one.
        refused [list $word text ""]
    }

    # Fails when the library refuses an option, with the name it has here.
    proc refused {spec} {
        variable connect_options
        with_names $connect_options [list check $spec]
    }

    proc default_options {} {
        variable own_options
        variable connect_options
        foreach {name kind default} $own_options {
            dict set values $name $default
        }
        foreach {name others key kind default} $connect_options {
            dict set values $name $default
        }
        return $values
    }

    proc check_option {name value} {
        variable own_options
        variable connect_options
        foreach {own kind default} $own_options {
            if {$own eq $name} {
                if {$name eq "tls_opts"} {
                    tls_spec $value
                }
                return [check_kind -$name $kind $value]
            }
        }
        foreach {known others key kind default} $connect_options {
            if {$known eq $name && ($value ne "" || $kind ni {text list dict})} {
                refused [list $key $kind $value]
            }
        }
    }

    # The commands that answer a connection's questions, by what is asked.
    proc questions {config} {
        set commands [dict create]
        foreach {question option} {
            reconnect_delay custom_reconnect_delay login on_login certificate on_certificate
            ws_headers on_ws_headers pick_server on_pick_server
        } {
            if {[dict get $config $option] ne ""} {
                dict set commands $question [dict get $config $option]
            }
        }
        return $commands
    }

    # The options of tls::import that the library has, too.
    proc tls_spec {options} {
        if {![string is list $options] || [llength $options] % 2} {
            invalid "Invalid -tls_opts: expected pairs of option and value"
        }
        set spec [list]
        dict for {option value} $options {
            switch -- $option {
                -cafile {
                    lappend spec tls_ca_file text $value
                }
                -certfile {
                    lappend spec tls_cert_file text $value
                }
                -keyfile {
                    lappend spec tls_key_file text $value
                }
                -servername {
                    lappend spec tls_server_name text $value
                }
                -require {
                    if {![string is true -strict $value]} {
                        invalid "-tls_opts: -require must be true, certificates are verified; not to\
                            do so is the option -tls_insecure"
                    }
                }
                -command - -ssl2 - -ssl3 - -tls1 - -tls1.1 - -tls1.2 - -tls1.3 {
                }
                default {
                    invalid "-tls_opts: unsupported option $option"
                }
            }
        }
        return $spec
    }
}
