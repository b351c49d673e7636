# How the commands of the package read their options, and how scripts wait for operations.

namespace eval ::nats {
    # The values of the variable `status` of a connection.
    variable status_closed "closed"
    variable status_connecting "connecting"
    variable status_connected "connected"
    variable status_reconnecting "reconnecting"

    # A command prefix for a method of the object that calls this, which does nothing once the
    # object is gone: to be used for callbacks, which may come late.
    proc mymethod {method args} {
        list ::nats::core::call_method [uplevel 1 {namespace which my}] $method {*}$args
    }

    # How many handles of the library are alive in the process. Meant for leak tests.
    proc handles {} {
        core::handles
    }
    namespace export connection msg header nkey jwt creds timestamp isotime_to_msec msec_to_isotime mymethod
}

namespace eval ::nats::core {
    proc call_method {my method args} {
        if {[llength [info commands $my]]} {
            $my $method {*}$args
        }
    }

    proc invalid {text} {
        throw {NATS ErrInvalidArg} $text
    }

    # The rows of a generated table as a `spec`, without defaults: the library has them.
    proc table_arguments {table} {
        set spec [list]
        foreach {name others key kind default} $table {
            set check [expr {$kind in {text list} ? "any" : "given"}]
            foreach word [list $name {*}$others] {
                lappend spec $word $check ""
            }
        }
        return $spec
    }

    # Keys, kinds and values for the library, of a generated table and a dictionary of values.
    proc table_spec {table values} {
        set spec [list]
        foreach {name others key kind default} $table {
            foreach word [list $name {*}$others] {
                if {[dict exists $values $word] && [dict get $values $word] ne ""} {
                    lappend spec $key $kind [dict get $values $word]
                }
            }
        }
        return $spec
    }

    # The variables of the caller that belong to a table.
    proc table_values {table} {
        set values [dict create]
        foreach {name others key kind default} $table {
            foreach word [list $name {*}$others] {
                dict set values $word [uplevel 1 [list ::set $word]]
            }
        }
        return $values
    }

    # Runs a command that hands options of `table` to the library; what it says about them has the
    # names that they have here.
    proc with_names {table command} {
        try {
            uplevel 1 $command
        } trap {NATS ErrInvalidArg} {text options} {
            set names [list]
            foreach {name others key kind default} $table {
                lappend names '$key' -$name
            }
            return -options $options [string map $names $text]
        }
    }

    # The result of an operation. In a coroutine others go on meanwhile, otherwise the event loop
    # turns inside.
    proc await {token} {
        if {[info coroutine] eq ""} {
            return [loop $token]
        }
        resume $token [info coroutine]
        while {![done $token]} {
            yield
        }
        result $token
    }

    # Waits for all of them; the first error, if any, is thrown in the end.
    proc await_all {tokens} {
        set failure [list]
        foreach token $tokens {
            try {
                await $token
            } on error {text options} {
                if {[llength $failure] == 0} {
                    set failure [list -options $options $text]
                }
            }
        }
        return {*}$failure
    }

    # The second half of `take`, which has found nothing: waits for messages and takes them.
    proc take_later {conn sub max dictmsg timeout} {
        set start [clock milliseconds]
        await [ready $conn $sub $timeout]
        if {$timeout > 0} {
            set timeout [expr {max(0, $timeout - ([clock milliseconds] - $start))}]
        }
        take $conn $sub $max $dictmsg $timeout
    }

    # All answers to a request, until its own rules end it.
    proc collect {conn sub dictmsg} {
        set answers [list]
        try {
            while 1 {
                lappend answers {*}[take $conn $sub 64 $dictmsg -1]
            }
        } trap {NATS ErrSubscriptionEnded} {} {
            return $answers
        } finally {
            catch {unsubscribe $conn $sub 0}
        }
    }

    # Scheme, host and port of a URL; it may be just a host, and may hold credentials.
    proc server_address {url} {
        set pattern {^(?:(\w+)://)?(?:[^@/]*@)?(\[[^]]+\]|[^:/]*)(?::(\d+))?}
        regexp $pattern $url -> scheme host port
        if {$scheme eq ""} {
            set scheme nats
        }
        if {$port eq ""} {
            set port 4222
        }
        list $scheme [string trim $host {[]}] $port
    }
}
