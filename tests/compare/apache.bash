# shellcheck shell=bash
# Apache httpd with the worker and event MPM: a few processes of many threads each. The client is ab. Sourced by
# scripts/compare-apps.

apache_configure() {
    port=$(free_port)
    mkdir -p htdocs/cgi
    make_file 20000 htdocs/small
    make_file 3000000 htdocs/big
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho Content-Type: text/plain\necho\nsleep 0.05\necho "$REQUEST_METHOD, hello from a child"\n' >htdocs/cgi/script
    chmod -R a+rX htdocs
    chmod 755 htdocs/cgi/script
    local module
    {
        echo "LoadModule mpm_$1_module /usr/lib/apache2/modules/mod_mpm_$1.so"
        for module in authz_core status cgid proxy proxy_http; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        ((EUID)) || printf 'User www-data\nGroup www-data\n'
        printf '%s\n' "ServerRoot $WORK" "PidFile $WORK/pid" "ServerName localhost" "Listen 127.0.0.1:$port" "ErrorLog $WORK/error" \
            "DocumentRoot $WORK/htdocs" "ScriptSock $WORK/cgid" "KeepAliveTimeout 60" "StartServers 2" "ThreadsPerChild 25" "MinSpareThreads 25" \
            "MaxSpareThreads 75" "MaxRequestWorkers 100" "ProxyPass /again/ http://127.0.0.1:$port/ disablereuse=on" \
            "<Directory $WORK/htdocs/cgi>" "Options +ExecCGI" "SetHandler cgi-script" "</Directory>"
    } >conf
}

apache_server() {
    rm -rf error htdocs cgid* again slow.*
    apache_configure "$1"
    start "$MODE" server apache2 -f "$WORK/conf" -DFOREGROUND
    until_true 20 listens "$port"
    local what pid
    for pid in $(pgrep -P "${PID_OF[$MODE.server]}"); do watch_threads "$pid" "$WORK/$MODE.child-$pid.peak" >/dev/null 2>&1 & done
    for what in "-n 3000 -c 40 small" "-n 5000 -c 40 -k small" "-n 200 -c 20 big" "-n 200 -c 20 cgi/script" "-n 500 -c 20 again/small"; do
        # shellcheck disable=SC2086
        ab -q ${what% *} "http://127.0.0.1:$port/${what##* }" >ab.out 2>&1 || echo "ab: status $?"
        # How often a kept connection is closed for want of a thread is chance, and ab counts those.
        [[ $what != *-k* ]] || sed -i '/Failed\|HTML\|Total/d' ab.out
        echo "ab $what: $(grep -E 'Complete|Failed|Non-2xx|Total body|HTML' ab.out | tr -s ' ' | paste -sd ' ')"
        [[ $what != *small || $what == *again* ]] || figure "$(sed -n 's/^Requests per second: *\([0-9]*\).*/\1/p' ab.out) requests a second"
    done
    curl -s "http://127.0.0.1:$port/cgi/script"
    curl -s "http://127.0.0.1:$port/big" | cmp - htdocs/big
    # New children take over, then the end, which lets slow clients finish.
    kill -USR1 "${PID_OF[$MODE.server]}"
    until_true 20 apache_resumed
    until_true 20 curl -s -o again "http://127.0.0.1:$port/small"
    cmp again htdocs/small
    local slow=() i
    for i in 1 2 3 4; do
        curl -s --limit-rate 3M -o "slow.$i" "http://127.0.0.1:$port/big" &
        slow+=($!)
    done
    until_true 20 test -s slow.1 -a -s slow.2 -a -s slow.3 -a -s slow.4
    kill -WINCH "${PID_OF[$MODE.server]}"
    wait "${slow[@]}"
    for i in 1 2 3 4; do cmp "slow.$i" htdocs/big && echo "slow client $i served"; done
    collect "$MODE" server 20
    grep -vE ':notice|AH00558|AH10159|^greenpatch: stats: ' error || :
}

apache_resumed() { (($(grep -c 'resuming normal operations' error) == 2)); }

apache_worker() { apache_server worker; }
apache_event() { apache_server event; }

program apache-worker apache_worker 150 "apache2-bin apache2-utils curl"
program apache-event apache_event 150 "apache2-bin apache2-utils curl"
