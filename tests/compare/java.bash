# shellcheck shell=bash
# OpenJDK: programs of ours for it, under each of its collectors, interpreted and compiled. Sourced by scripts/compare-apps.

# java_classes: compiled once, natively.
java_classes() {
    CLASSES=$ROOT/build/compare/classes
    mkdir -p "$CLASSES"
    [[ $CLASSES/Threads.class -nt $(ls -t "$ROOT"/tests/compare/*.java | head -n 1) ]] ||
        javac -d "$CLASSES" "$ROOT"/tests/compare/*.java
}

# java_run NAME LIMIT argument...: a virtual machine, what it says, its exit status.
java_run() {
    local name=$1 limit=$2 status=0
    shift 2
    java_classes
    foreground "$MODE" "$name" "$limit" java -cp "$CLASSES" "$@" || status=$?
    cat "$MODE.$name.out"
    echo "status $status"
}

java_threads() { java_run threads 60 Threads 3; }
java_monitors() { java_run monitors 60 Monitors; }
java_sockets() { java_run sockets 100 Sockets; }
java_interpreted() {
    java_run threads 100 -Xint Threads
    java_run monitors 100 -Xint Monitors
    java_run sockets 100 -Xint Sockets
}
java_compiled() { java_run threads 100 -Xcomp Threads; }
java_gc_serial() { java_run gc 100 -XX:+UseSerialGC -Xmx256m Garbage; }
java_gc_parallel() { java_run gc 100 -XX:+UseParallelGC -Xmx256m Garbage; }
java_gc_g1() { java_run gc 100 -XX:+UseG1GC -Xmx256m Garbage; }
java_gc_z() { java_run gc 100 -XX:+UseZGC -Xmx256m Garbage; }
java_gc_shenandoah() { java_run gc 100 -XX:+UseShenandoahGC -Xmx256m Garbage; }

# What it does with signals: a recording of where threads are, a list of them by SIGQUIT and by its own tool.
java_tools() {
    java_classes
    foreground "$MODE" recording 60 java "-XX:StartFlightRecording=filename=$WORK/$MODE.jfr,settings=profile" -Xmx256m -cp "$CLASSES" Garbage
    grep -v jfr,startup "$MODE.recording.out"
    (($(stat -c %s "$MODE.jfr") > 100000)) && echo "recorded"
    start "$MODE" sleeper java -XX:+UseSerialGC -cp "$CLASSES" Sleeper
    until_true 20 grep -q ready "$MODE.sleeper.out"
    timeout 20 jcmd "${PID_OF[$MODE.sleeper]}" Thread.print >"$MODE.print"
    grep -o '^"sleeper[^"]*"' "$MODE.print" | sort
    kill -QUIT "${PID_OF[$MODE.sleeper]}"
    until_true 20 grep -q 'JNI global refs' "$MODE.sleeper.out"
    grep -c '^"sleeper' "$MODE.sleeper.out"
    kill -TERM "${PID_OF[$MODE.sleeper]}"
    collect "$MODE" sleeper 20 || echo "status $?"
}

for name in threads monitors sockets interpreted compiled gc-serial gc-parallel gc-g1 gc-z gc-shenandoah tools; do
    program "java-$name" "java_${name//-/_}" 200 openjdk-17-jdk-headless
done
