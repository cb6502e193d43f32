# exec, attach, stdin and terminals.

#: fast
test_exec_runs_beside_and_passes_its_code() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	expect 0 ctr exec c sh -c 'echo out; echo err >&2'
	is "$OUT" out
	is "$ERR" err
	expect 3 ctr exec c sh -c 'exit 3'
	expect 137 ctr exec c sh -c 'kill -KILL $$'
	expect 127 ctr exec c no-such-command
	is "$(wc -l <<<"$ERR")" 1 "lines of the error: $ERR"
	expect 126 ctr exec c /etc
	expect 125 ctr exec no-such-container true
	expect 0 ctr exec -e A=b -w /tmp -u 1000:1000 c sh -c 'echo $A; pwd; id -u; id -g'
	is "$OUT" $'b\n/tmp\n1000\n1000'
	expect 0 ctr exec c sh -c 'grep -E "^Cap(Inh|Amb|Eff|Bnd)|Seccomp:" /proc/self/status; ls /proc/self/fd | wc -l'
	matches "$OUT" 'CapInh:[[:space:]]0+[[:space:]]'
	matches "$OUT" 'CapEff:[[:space:]]00000000800405fb'
	matches "$OUT" 'Seccomp:[[:space:]]2'
	expect 0 ctr stop -t 0 c
	expect 255 ctr exec c true
	expect 0 ctr rm c
}

test_exec_hands_stdin_through() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	is "$(head -c 1000000 /dev/zero | ctr exec -i c wc -c)" 1000000
	# Without -i there is nothing to read.
	is "$(echo text | ctr exec c wc -c)" 0
	expect 0 ctr rm -f -t 0 c
}

test_run_hands_stdin_through() {
	pull alpine
	is "$(head -c 3000000 /dev/urandom | tee "$T/w/sent" | ctr run -i --rm --network=none alpine md5sum)" \
		"$(md5sum <"$T/w/sent")"
	is "$(echo text | ctr run --rm --network=none alpine wc -c)" 0
	is "$(printf 'a\nb\n' | ctr run -i --rm --network=none alpine cat)" $'a\nb'
}

test_attached_output_is_complete() {
	pull alpine
	is "$(ctr run --rm --network=none alpine head -c 50000000 /dev/zero | wc -c)" 50000000
}

test_a_closed_reader_does_not_hurt_the_container() {
	pull alpine
	ctr run --name c --network=none alpine sh -c 'yes | head -n 100000; exit 6' | head -n 1 >/dev/null || true
	expect 0 ctr wait c
	is "$OUT" 6
	expect 0 ctr rm c
}

test_exec_it_is_a_terminal() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	tty_start ctr-lite exec -it c sh
	tty_wait '# ?$'
	tty_type 'tty; stty size; echo $((6*7))'
	tty_key Enter
	tty_wait '^/dev/pts/'
	tty_wait '^24 80'
	tty_wait '^42'
	tty_type 'sleep 1001'
	tty_key Enter
	wait_for 5 sh -c 'ctr-lite top c args | grep -q "sleep 1001"'
	tty_key C-c
	tty_type 'echo status $?'
	tty_key Enter
	tty_wait 'status 130'
	tmux -S "$T/tmux" resize-window -t t -x 100 -y 30
	tty_type 'stty size'
	tty_key Enter
	tty_wait '^30 100'
	tty_type 'exit 5'
	tty_key Enter
	wait_for 5 sh -c "! tmux -S $T/tmux has-session -t t"
	expect 0 ctr rm -f -t 0 c
}

test_run_it_is_a_terminal_and_gives_the_old_one_back() {
	pull alpine
	tty_start sh
	tty_type 'before=$(stty -g); ctr-lite run -it --rm --network=none alpine sh; echo code $?; [ "$(stty -g)" = "$before" ] && echo terminal restored'
	tty_key Enter
	tty_wait '# ?$'
	tty_type 'test -t 0 && test -t 1 && echo both are terminals; echo TERM is $TERM; stty size; exit 4'
	tty_key Enter
	tty_wait '^both are terminals'
	tty_wait '^TERM is xterm'
	tty_wait '^24 80'
	tty_wait '^code 4'
	tty_wait '^terminal restored'
}

test_detach_keys_leave_it_running_and_attach_comes_back() {
	pull alpine
	tty_start sh
	tty_type 'ctr-lite run -it --name c --network=none alpine sh; echo detached with $?'
	tty_key Enter
	tty_wait '# ?$'
	tty_type 'x=kept'
	tty_key Enter
	# The shell asks the terminal where its cursor is: the answer is input, too, and must not come
	# between the two keys.
	wait_for 10 sh -c "[ \"\$(tmux -S $T/tmux capture-pane -p -t t | grep -c '^/ #')\" = 2 ]"
	sleep 0.3
	tty_key C-p C-q
	tty_wait 'detached with 0'
	is "$(ctr inspect -f '{{.State.Status}}' c)" running
	tty_type 'ctr-lite attach c'
	tty_key Enter
	tty_type 'echo x is $x'
	tty_key Enter
	tty_wait '^x is kept'
	tty_type 'exit'
	tty_key Enter
	wait_for 5 sh -c "[ \"\$(ctr-lite inspect -f '{{.State.Status}}' c)\" = exited ]"
	expect 0 ctr rm c
}

test_a_killed_client_leaves_the_session_running() {
	local cli
	pull alpine
	tty_start ctr-lite run -it --name c --network=none alpine sh
	tty_wait '# ?$'
	cli=$(tmux -S "$T/tmux" list-panes -t t -F '#{pane_pid}')
	kill -KILL "$cli"
	is "$(ctr inspect -f '{{.State.Status}}' c)" running
	expect 0 ctr exec c true
	expect 0 ctr rm -f -t 0 c
}

test_tty_without_a_terminal_still_runs() {
	pull alpine
	expect 0 ctr run -t --rm --network=none alpine sh -c 'test -t 1 && echo terminal'
	contains "$OUT" terminal
}

test_a_run_with_a_terminal_tells_why_it_fails() {
	pull alpine
	mkdir dir
	expect 125 ctr run --rm -t --network=none -v "$PWD/dir:/etc/passwd" alpine true
	contains "$ERR" /etc/passwd
	lacks "$ERR" terminal
	is "$(ctr ps -aq)" ""
}
