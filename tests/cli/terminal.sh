# The user's terminal: whatever happens to the client or the container, it is as it was.

# A shell in a terminal; what is typed into it is run with the settings before and after in files.
# Each client is the shell's foreground job, as a user has it.
shell_in_terminal() {
	tty_start sh
	tty_run 'PS1=\>\ ; stty -g >before; echo set"up"'
	tty_wait 'setup$'
}

tty_run() {
	tty_type "$1"
	tty_key Enter
}

# client COMMAND...: start it; it is up when the prompt of the container's shell shows.
client() {
	tty_run "clear; $*; echo left with \$?; stty -g >after"
	wait_for 5 not_restored # else this shows nothing
	tty_wait '/ # ?$'
}

settings() { stty -g <"$(tmux -S "$T/tmux" list-panes -t t -F '#{pane_tty}')"; }

# The client's process: the foreground of the terminal.
client_pid() { ps -o pid= -t "$(tmux -S "$T/tmux" list-panes -t t -F '#{pane_tty}' | sed 's,/dev/,,')" -o stat=,comm= | awk '$2 ~ /\+/ && $3 ~ /ctr-lite/ { print $1; exit }'; }

restored() { [ "$(settings)" = "$(cat before)" ]; }

left_with() {
	tty_wait "^(.*)?left with $1\$"
	wait_for 5 test -s after
	is "$(cat after)" "$(cat before)" "the settings after $1"
	rm after
}

running() { is "$(ctr inspect -f '{{.State.Status}}' c)" running; }

box() {
	pull alpine
	expect 0 ctr run -d -it --name c --network=none "$@" alpine sh
}

CLIENTS=('run -it --name c --network=none alpine sh' 'exec -it c sh' 'attach c' 'start -ai c')

# each FUNCTION: call it with every kind of client, the container being ready for it.
each() {
	local what
	pull alpine
	shell_in_terminal
	for what in "${CLIENTS[@]}"; do
		case $what in
		exec*) expect 0 ctr run -d -it --name c --network=none alpine sh -c 'while :; do sleep 1; done' ;;
		attach*) expect 0 ctr run -d -it --name c --network=none alpine sh ;;
		start*) expect 0 ctr create -it --name c --network=none alpine sh ;;
		esac
		WHAT=${what%% *}
		case $what in
		# An attached client sees nothing of what was printed before.
		attach*)
			tty_run "clear; ctr-lite $what; echo left with \$?; stty -g >after"
			tty_wait '^$'
			wait_for 5 not_restored
			tty_key Enter
			tty_wait '/ # ?$' ;;
		*) client ctr-lite $what ;;
		esac
		"$1"
		ctr rm -f -t 0 c >/dev/null 2>&1 || true
	done
}
not_restored() { ! restored; }

# The shell asks where the cursor is, and the answer is input: it must not come between the keys.
quiet() { sleep 0.3; }

the_shell_exits() {
	tty_run 'exit 3'
	case $WHAT in attach) left_with '[03]' ;; *) left_with 3 ;; esac
}
test_the_process_ends() { each the_shell_exits; }

the_keys_detach() {
	quiet
	tty_key C-p C-q
	left_with 0
	running
}
test_the_detach_keys() { each the_keys_detach; }

the_container_dies() {
	expect 0 ctr kill -s KILL c
	case $WHAT in attach) left_with '(0|137)' ;; *) left_with 137 ;; esac
}
test_the_container_dies() { each the_container_dies; }

# Nobody can restore anything in the process that is killed.
the_client_is_killed() {
	kill -KILL "$(client_pid)"
	tty_wait 'left with 137$'
	wait_for 5 restored # by who watches, a moment after the shell has its own again
	rm -f after
	running
}
test_the_client_is_killed() { each the_client_is_killed; }

interrupt_is_a_key() {
	tty_key C-c
	tty_run 'echo still $((40 + 2))'
	tty_wait '^still 42'
	not_restored || fail "^C has ended the client"
	tty_run 'exit 5'
	case $WHAT in attach) left_with '[05]' ;; *) left_with 5 ;; esac
}
test_an_interrupt_goes_to_the_process() { each interrupt_is_a_key; }

the_monitor_is_killed() {
	kill -KILL "$(ctr inspect -f '{{.State.ConmonPid}}' c)"
	left_with '[0-9]+'
}
test_the_monitor_is_killed() { each the_monitor_is_killed; }

# The pane goes: the client too, and it leaves the container alone.
test_the_terminal_goes() {
	local what pid
	pull alpine
	for what in "${CLIENTS[@]:0:3}"; do
		case $what in
		run*) ;;
		*) expect 0 ctr run -d -it --name c --network=none alpine sh -c 'trap : HUP; while :; do read x; echo "/ # "; done' ;;
		esac
		case $what in
		run*) tty_start ctr-lite run -it --name c --network=none alpine sh -c \''trap : HUP; echo "/ # "; while :; do sleep 1; done'\' ;;
		*) tty_start ctr-lite $what ;;
		esac
		[ "${what%% *}" != attach ] || tty_key Enter
		tty_wait '/ # ?$'
		pid=$(tmux -S "$T/tmux" list-panes -t t -F '#{pane_pid}')
		tty_end
		wait_for 5 sh -c "! kill -0 $pid"
		running
		expect 0 ctr rm -f -t 0 c
	done
}

# TERM goes to the container; this one takes its time, and a second TERM does not lose it.
test_a_second_term_loses_nobody() {
	local pid
	pull alpine
	shell_in_terminal
	tty_run 'clear; ctr-lite run -it --name c --network=none alpine sh -c '\''trap "echo got it" TERM; echo "/ # "; while :; do sleep 0.1; done'\''; echo left with $?; stty -g >after'
	tty_wait '/ # ?$'
	pid=$(client_pid)
	kill -TERM "$pid"
	tty_wait 'got it'
	kill -TERM "$pid"
	wait_for 5 sh -c "[ \"\$(tmux -S $T/tmux capture-pane -p -t t | grep -c 'got it')\" = 2 ]"
	running
	not_restored || fail "the client has gone"
	expect 0 ctr kill -s KILL c
	left_with 137
}

test_without_the_signal_proxy_term_ends_the_client_alone() {
	local sig
	pull alpine
	shell_in_terminal
	for sig in TERM HUP; do
		client ctr-lite run --sig-proxy=false -it --name c --network=none alpine sh
		kill -$sig "$(client_pid)"
		left_with 1
		running
		expect 0 ctr rm -f -t 0 c
	done
	expect 0 ctr run -d -it --name c --network=none alpine sh
	tty_run 'clear; ctr-lite attach --sig-proxy=false c; echo left with $?; stty -g >after'
	wait_for 5 not_restored
	kill -TERM "$(client_pid)"
	left_with 1
	running
}

test_keys_that_begin_the_sequence_go_through() {
	box
	expect 0 ctr exec c true
	tty_start ctr-lite attach --detach-keys x,y,z c
	tty_key Enter
	tty_wait '/ # ?$'
	tty_run 'echo axb xxy xyxy'
	tty_wait '^axb xxy xyxy'
	running
	quiet
	tty_type 'xyz'
	wait_for 5 sh -c "! tmux -S $T/tmux has-session -t t"
	running
}

test_no_detach_keys() {
	box
	tty_start ctr-lite attach --detach-keys= c
	tty_key Enter
	tty_wait '/ # ?$'
	quiet
	tty_key C-p C-q
	tty_key C-u
	tty_run 'echo still here'
	tty_wait '^still here'
	expect 125 ctr attach --detach-keys=ctrl-1 c
	contains "$ERR" "detach keys"
}

test_attach_without_input() {
	box
	tty_start ctr-lite attach --no-stdin c
	tty_run 'touch /tmp/typed'
	expect 0 ctr exec c sh -c 'echo from exec >/proc/1/fd/1'
	tty_wait 'from exec'
	expect 1 ctr exec c test -e /tmp/typed
	expect 0 ctr kill -s KILL c
	wait_for 5 sh -c "! tmux -S $T/tmux has-session -t t"
}

test_attach_to_what_does_not_run() {
	pull alpine
	expect 0 ctr create -it --name c --network=none alpine sh
	expect 125 ctr attach c
	contains "$ERR" "can only attach to running containers"
	expect 125 ctr attach no-such-container
	expect 125 ctr attach
	expect 125 ctr attach c c
}

test_attach_to_the_latest() {
	box
	tty_start ctr-lite attach -l
	tty_key Enter
	tty_wait '/ # ?$'
	running
}

# A detached session of exec goes on, with a terminal that somebody reads.
test_a_detached_session_goes_on() {
	box
	tty_start ctr-lite exec -it c sh
	tty_wait '/ # ?$'
	tty_run 'while test ! -e /tmp/stop; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; sleep 0.001; done; echo end >/tmp/end'
	tty_wait 'xxxxxxxxxx'
	tty_key C-p C-q
	wait_for 5 sh -c "! tmux -S $T/tmux has-session -t t"
	is "$(ctr inspect -f '{{len .ExecIDs}}' c)" 1
	expect 0 ctr exec c touch /tmp/stop
	wait_for 5 ctr exec c cat /tmp/end
}
