# exit URL MOMENT: exits with 7 at this moment in the life of a connection.

source [file join [file dirname [info script]] common.tcl]

proc leave {args} {exit 7}

switch [lindex $argv 1] {
    idle {dial}
    delivering {
        set connection [dial]
        $connection subscribe t.exit.> -callback {apply {{subject message reply} {
            if {$message == 500} leave
        }}}
        for {set i 0} {$i < 1000} {incr i} {$connection publish t.exit.x $i}
        vwait forever
    }
    connecting {
        after 10 leave
        set server [socket -server {apply {args {}}} -myaddr 127.0.0.1 0]
        set url nats://127.0.0.1:[lindex [fconfigure $server -sockname] 2]
        dial
    }
    async {
        set connection [nats::connection new]
        $connection configure -servers $url
        $connection connect -async
        $connection publish t.exit x
    }
    waiting {
        set connection [dial]
        $connection subscribe t.exit.silent -callback list
        after 20 leave
        $connection request t.exit.silent x -timeout 60000
    }
    callback {
        set connection [dial]
        $connection subscribe t.exit -post false -callback leave
        $connection publish t.exit x
        vwait forever
    }
    reconnecting {
        set connection [dial -reconnect_delay_min 1 -on_event {apply {{event details} {
            if {$event eq "reconnected"} leave
        }}}]
        $connection force_reconnect
        vwait forever
    }
    coroutine {
        set connection [dial]
        $connection subscribe t.exit.silent -callback list
        coroutine asks $connection request t.exit.silent x -timeout 60000
    }
}
leave
