# shellcheck shell=bash
# make with four jobs, and tmux. Sourced by scripts/compare-apps.

make_jobs() {
    rm -rf tree && mkdir tree && cd tree || return
    for i in $(seq 60); do printf 'int f%d(int x) { return x + %d; }\n' "$i" "$i" >"f$i.c"; done
    {
        for i in $(seq 60); do echo "int f$i(int);"; done
        echo '#include <stdio.h>'
        echo 'int main(void) { int s = 0;'
        for i in $(seq 60); do echo "s = f$i(s);"; done
        echo 'printf("%d\n", s); return 0; }'
    } >main.c
    # shellcheck disable=SC2016
    printf '%s\n' 'prog: main.o $(patsubst %.c,%.o,$(wildcard f*.c))' '	@$(CC) -o $@ $^' '%.o: %.c' '	@$(CC) -O1 -c -o $@ $<' \
        'sub: ; @$(MAKE) -s a b c d' 'a b c d: ; @sleep 0.2; echo done >$@' 'fails: ; @sleep 0.1; exit 3' 'loop: fails a' >Makefile
    local make=(make --no-print-directory -C "$WORK/tree")
    foreground "$MODE" build 100 "${make[@]}" -j4
    ./prog
    foreground "$MODE" again 60 "${make[@]}" -j4
    cat "$WORK/$MODE.again.out"
    foreground "$MODE" sub 60 "${make[@]}" -j4 sub
    cat a b c d
    foreground "$MODE" fails 60 "${make[@]}" -k -j4 loop || echo "status $?"
}

# A server with a window, keys that go in, text that comes out.
tmux_session() {
    local t=(tmux -L "compare-$$" -f /dev/null)
    export TMUX_TMPDIR=$WORK HOME=$WORK SHELL=/bin/sh TERM=xterm
    foreground "$MODE" new 30 env "ENV=" "${t[@]}" new-session -d -x 80 -y 24 -s one "PS1='> ' exec sh"
    foreground "$MODE" window 30 "${t[@]}" new-window -d -t one: "exec cat"
    foreground "$MODE" split 30 "${t[@]}" split-window -d -t one:1 "exec sleep 100"
    foreground "$MODE" keys 30 "${t[@]}" send-keys -t one:0 "echo \$((6 * 7)) is the answer; seq 5" Enter
    until_true 20 tmux_shows one:0 "42 is the answer"
    foreground "$MODE" typed 30 "${t[@]}" send-keys -t one:1.0 "typed text" Enter
    until_true 20 tmux_shows one:1.0 "typed text"
    foreground "$MODE" resize 30 "${t[@]}" resize-window -t one:0 -x 60 -y 20
    foreground "$MODE" list 30 "${t[@]}" list-panes -a -F "#{window_index}.#{pane_index} #{pane_width}x#{pane_height} #{pane_current_command}"
    cat "$MODE.list.out"
    # The shell gets a Ctrl-C and a Ctrl-Z in its terminal.
    "${t[@]}" send-keys -t one:0 "sleep 100" Enter
    until_true 20 tmux_runs one:0 sleep
    "${t[@]}" send-keys -t one:0 C-c
    until_true 20 tmux_runs one:0 sh
    "${t[@]}" send-keys -t one:0 "set -m; sleep 100" Enter
    until_true 20 tmux_runs one:0 sleep
    "${t[@]}" send-keys -t one:0 C-z
    until_true 20 tmux_runs one:0 sh
    "${t[@]}" send-keys -t one:0 "kill %1; wait; echo all \$((5 * 5)) stopped" Enter
    until_true 20 tmux_shows one:0 "all 25 stopped"
    foreground "$MODE" shown 30 "${t[@]}" capture-pane -p -t one:0
    grep -E 'answer|stopped|^[1-5]$' "$MODE.shown.out"
    foreground "$MODE" kill 30 "${t[@]}" kill-server
    until_true 20 tmux_gone
}

tmux_shows() { tmux -L "compare-$$" capture-pane -p -t "$1" | grep -qE "^$2"; }
tmux_runs() { [[ $(tmux -L "compare-$$" display-message -p -t "$1" '#{pane_current_command}') == "$2" ]]; }
tmux_gone() { ! tmux -L "compare-$$" list-sessions >/dev/null 2>&1; }

program make make_jobs 150 "make gcc libc6-dev"
program tmux tmux_session 120 tmux
