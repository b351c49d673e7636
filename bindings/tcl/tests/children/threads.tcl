# threads URL: exits with 7 while other threads send and receive.

source [file join [file dirname [info script]] common.tcl]
package require Thread

for {set i 0} {$i < 3} {incr i} {
    set thread [thread::create]
    thread::send $thread [list set auto_path $auto_path]
    thread::send $thread [list source [file join [file dirname [info script]] common.tcl]]
    thread::send $thread [list set url $url]
    thread::send $thread {
        set connection [dial]
        $connection subscribe t.threads -callback [list apply {{c subject message reply} {
            $c publish $subject $message
        } ::} $connection]
    }
    thread::send -async $thread {$connection publish t.threads x; vwait forever}
}
after 50 {exit 7}
vwait forever
