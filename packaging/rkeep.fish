# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rkeep_global_optspecs
    string join \n h/help V/version
end

function __fish_rkeep_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_rkeep_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_rkeep_using_subcommand
    set -l cmd (__fish_rkeep_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c rkeep -n "__fish_rkeep_needs_command" -s h -l help -d 'Print help'
complete -c rkeep -n "__fish_rkeep_needs_command" -s V -l version -d 'Print version'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "check-config" -d 'Check nginx.conf and keepalived.conf together: every error with its place and what to write instead'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "rehearse" -d '`rkeep rehearse`: builds the whole cluster on this machine, rkeep in every role, and takes it through its drills'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "swap-in" -d 'Put rkeep in the place of the nginx and keepalived of this machine, while they serve'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "swap-out" -d 'Put the original nginx and keepalived back in their places, while rkeep serves'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "swap-status" -d 'Say whose programs lie in the places of nginx and keepalived, and whose run'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "run" -d 'Run nginx and keepalived in the foreground under one process, for a container or a single unit'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "reload" -d 'Take up what nginx.conf and keepalived.conf say now, and wait until it is in force'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "status" -d 'Say how nginx and keepalived are on this box: processes, configuration in force, listeners, upstreams and their servers, virtual addresses and who owns them, virtual and real servers, mails that wait'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "hand-over" -d 'Give the virtual addresses of this box to another keepalived, which COMMAND starts, without their leaving the interface'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "completion" -d 'Print a script that completes rkeep\'s command line'
complete -c rkeep -n "__fish_rkeep_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l nginx-conf -d 'The nginx.conf to check' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l keepalived-conf -d 'The keepalived.conf to check' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l peer-keepalived-conf -d 'The keepalived.conf of the other box, to see whether the two can take over from each other' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l script -d 'A script that watches nginx or keepalived. Those that keepalived.conf names are looked at in any case; without options those that cron or rc.local of this machine start, too' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l format -d 'How findings are shown' -r -f -a "text\t'Pictures for people'
json\t'One JSON object a finding'"
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -l strict -d 'Exit with 1 when there are warnings'
complete -c rkeep -n "__fish_rkeep_using_subcommand check-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l drill -d 'Run this drill only (may be given more than once)' -r -f -a "steady\t''
stop-master\t''
kill-vrrp\t''
kill-all\t''
unplug\t''
split\t''
kill-proxy\t''
hang-proxy\t''
kill-web\t''
reload\t''"
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l break -d 'Break something beforehand, to see that a drill notices' -r -f -a "adverts\t'The network keeps the directors from hearing each other\'s adverts'
auth\t'The second director has another `auth_pass`'
mail\t'The mail server takes no mail'"
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l keepalived-conf -d 'Rehearse with this keepalived.conf: its addresses, interfaces and servers are simulated' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l nginx-conf -d 'Rehearse with this nginx.conf on both directors: stubs answer in the place of its upstream servers' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l peer-keepalived-conf -d 'The second director\'s keepalived.conf; made from the first\'s unless given' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l json -d 'Print the outcome as JSON'
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l keep -d 'Leave the cluster standing, and say how to enter its boxes; it ends on Enter, Ctrl-C or --end'
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -l end -d 'End the cluster that --keep has left standing'
complete -c rkeep -n "__fish_rkeep_using_subcommand rehearse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-in" -l nginx-conf -d 'nginx\'s configuration, where it is not the usual one' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-in" -l keepalived-conf -d 'keepalived\'s configuration, where it is not the usual one' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-in" -l dry-run -d 'Show what would be done, and do nothing'
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-in" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-out" -l dry-run -d 'Show what would be done, and do nothing'
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-out" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand swap-status" -s h -l help -d 'Print help'
complete -c rkeep -n "__fish_rkeep_using_subcommand run" -l nginx-conf -d 'The nginx.conf to run by' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand run" -l keepalived-conf -d 'The keepalived.conf to run by' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand run" -l detail -d 'Let keepalived log more'
complete -c rkeep -n "__fish_rkeep_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand reload" -l dry-run -d 'Only show what would change'
complete -c rkeep -n "__fish_rkeep_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand status" -l json -d 'Print it as one JSON object'
complete -c rkeep -n "__fish_rkeep_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand hand-over" -l pid -d 'The other one\'s pid file' -r -F
complete -c rkeep -n "__fish_rkeep_using_subcommand hand-over" -l limit -d 'How long it may take to become master, in seconds' -r
complete -c rkeep -n "__fish_rkeep_using_subcommand hand-over" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rkeep -n "__fish_rkeep_using_subcommand completion" -s h -l help -d 'Print help'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "check-config" -d 'Check nginx.conf and keepalived.conf together: every error with its place and what to write instead'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "rehearse" -d '`rkeep rehearse`: builds the whole cluster on this machine, rkeep in every role, and takes it through its drills'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "swap-in" -d 'Put rkeep in the place of the nginx and keepalived of this machine, while they serve'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "swap-out" -d 'Put the original nginx and keepalived back in their places, while rkeep serves'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "swap-status" -d 'Say whose programs lie in the places of nginx and keepalived, and whose run'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "run" -d 'Run nginx and keepalived in the foreground under one process, for a container or a single unit'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "reload" -d 'Take up what nginx.conf and keepalived.conf say now, and wait until it is in force'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "status" -d 'Say how nginx and keepalived are on this box: processes, configuration in force, listeners, upstreams and their servers, virtual addresses and who owns them, virtual and real servers, mails that wait'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "hand-over" -d 'Give the virtual addresses of this box to another keepalived, which COMMAND starts, without their leaving the interface'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "completion" -d 'Print a script that completes rkeep\'s command line'
complete -c rkeep -n "__fish_rkeep_using_subcommand help; and not __fish_seen_subcommand_from check-config rehearse swap-in swap-out swap-status run reload status hand-over completion help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
