# A connection that logs to a logger of the program.
package require nats
package require logger

set log [logger::init main::nats]
foreach level {debug info warn error} {
    ${log}::logproc $level text {append ::logged $text}
}
${log}::setlevel error

set conn [nats::connection new "logging" -logger $log]
$conn configure -servers nats://127.0.0.1:1
catch {$conn connect}
puts [string match *127.0.0.1:1* $logged]
$conn destroy

${log}::delete
puts Done
