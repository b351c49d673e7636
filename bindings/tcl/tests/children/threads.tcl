# threads URL: exits with 7 while other threads send and receive.

source [file join [file dirname [info script]] common.tcl]
package require Thread

for {set i 0} {$i < 3} {incr i} {
    set thread [thread::create]
    thread::send $thread [list set auto_path $auto_path]
    thread::send $thread [list source [file join [file dirname [info script]] common.tcl]]
    thread::send $thread [list set url $url]
    thread::send $thread [list set main [thread::id]]
    thread::send $thread {
        set connection [dial]
        set told 0
        $connection subscribe t.threads -callback [list apply {{c subject message reply} {
            $c publish $subject $message
            if {[incr ::told] == 50} {thread::send -async $::main {incr busy}}
        } ::} $connection]
    }
    thread::send -async $thread {$connection publish t.threads x; vwait forever}
}
set busy 0
while {$busy < 3} {vwait busy}
exit 7
