# Gets an object into a file, though no file may be that large: full_disk.tcl URL PATH

source [file join [file dirname [info script]] common.tcl]

set nc [dial]
set store [[$nc jet_stream] object_store b]
foreach progress {{} {-progress list}} {
    try {
        $store get_file x [lindex $argv 1] {*}$progress
        puts "it was not full"
    } trap {NATS ErrIO} {} {
    }
}
$nc destroy
