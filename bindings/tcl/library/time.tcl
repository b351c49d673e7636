# Times in the form that NATS uses.

namespace eval ::nats {
    # The local time in ISO 8601 form, with milliseconds.
    proc timestamp {} {
        msec_to_isotime [clock milliseconds] :localtime
    }

    # Milliseconds since the epoch, of a time such as 2022-11-22T13:31:35.4514983Z.
    proc isotime_to_msec {isotime} {
        set pattern {^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$}
        if {![regexp $pattern $isotime -> day time fraction zone]} {
            core::invalid "Invalid time $isotime"
        }
        if {$zone in {"" Z}} {
            set zone +0000
        }
        set format "%Y-%m-%d %H:%M:%S"
        set zone [string map {: ""} $zone]
        set seconds [clock scan "$day $time" -format $format -timezone $zone]
        expr {$seconds * 1000 + round(double("0.${fraction}0") * 1000)}
    }

    # The ISO form of milliseconds since the epoch, without the name of the time zone.
    proc msec_to_isotime {msec {tz :UTC}} {
        if {![string is wideinteger -strict $msec]} {
            core::invalid "Invalid time $msec"
        }
        set seconds [expr {$msec / 1000}]
        set text [clock format $seconds -format %Y-%m-%dT%H:%M:%S -timezone $tz]
        format %s.%03d $text [expr {$msec % 1000}]
    }
}
