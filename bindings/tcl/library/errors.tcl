# Names of errors that are finer than the library's codes.

namespace eval ::nats::core {
    # nats-tcl has names of its own for what the library tells apart in its texts: code, pattern of
    # the text, name.
    variable finer_names {
        ErrBrokenSocket *refused* ErrConnectionRefused
        ErrNoServers *refused* ErrConnectionRefused
        ErrNoServers *TIMEOUT:* ErrConnectionTimeout
        ErrTimeout "*no handshake within*" ErrConnectionTimeout
        ErrTLS "*does not offer it*" ErrSecureConnWanted
        ErrAuthExpired *account*expired* ErrAccountAuthExpired
        ErrAuthExpired *revoked* ErrAuthRevoked
    }

    # The error code under which a failure is known to programs. `servers` is the number of those
    # that were tried: with several of them ErrNoServers stays what it is.
    proc finer_code {code text servers} {
        variable finer_names
        foreach {name pattern finer} $finer_names {
            if {$code eq "NATS $name" && [string match $pattern $text]
                && ($name ne "ErrNoServers" || $servers == 1)} {
                return [list NATS $finer]
            }
        }
        return $code
    }
}
