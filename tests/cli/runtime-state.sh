# The state directory of ctr-lite-runtime: the gate between create and start, and state files of
# other versions.
. "$TESTS/cli/runtime-lib.sh"

test_runtime_start_opens_the_fifo() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "echo started; sleep 1000"]'
	"$RT" --root "$T/w/state" create -b b --pid-file pid c >out
	[ -p state/c/exec.fifo ] || fail "no fifo"
	is "$(stat -c %a state)" 700 "mode of the directory that protects it"
	# The process waits in open(2), with nothing of ours but the gate itself.
	sleep 0.1
	is "$(cat out)" ""
	rt start c
	[ ! -e state/c/exec.fifo ] || fail "the fifo is still there"
	wait_for 5 grep -q started out
	expect 1 rt start c
	contains "$ERR" "it is running"
	rt delete --force c
}

test_runtime_start_of_a_dead_container_does_not_hang() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt create -b b --pid-file pid c
	kill -9 "$(cat pid)"
	wait_for 5 sh -c "'$RT' --root '$T/w/state' state c | grep -q stopped"
	expect 1 timeout 10 "$RT" --root "$T/w/state" start c
	contains "$ERR" "it is stopped"
	rt delete c
	# It dies while `start` waits for it: a hook keeps it from its program.
	change b '.hooks = {"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}'
	rt create -b b --pid-file pid c
	timeout 20 "$RT" --root "$T/w/state" start c &
	local start=$!
	wait_for 5 sh -c '[ ! -e state/c/exec.fifo ]'
	kill -0 $start
	kill -9 "$(cat pid)"
	wait_for 5 sh -c "! kill -0 $start 2>/dev/null"
	wait $start || true
	is "$(rt state c | jq -r .status)" stopped
	rt delete c
}

# A gate at which nobody stands: that of a `start` which was killed before it could remove it.
test_runtime_start_names_one_that_does_not_answer() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt create -b b c
	rt start c
	mkfifo state/c/exec.fifo
	is "$(rt state c | jq -r .status)" created
	expect 1 timeout 50 "$RT" --root "$T/w/state" start c
	contains "$ERR" "does not wait to be started"
	is "$(rt state c | jq -r .status)" running # by now it is known
	rt delete --force c
}

# One that stands there, but is stopped, is waited for.
test_runtime_start_waits_for_a_stopped_process() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt create -b b --pid-file pid c
	sleep 0.5 # it stands there by then
	kill -STOP "$(cat pid)"
	"$RT" --root "$T/w/state" start c &
	local start=$!
	sleep 0.5
	kill -0 $start
	kill -CONT "$(cat pid)"
	wait $start
	is "$(rt state c | jq -r .status)" running
	rt delete --force c
}

test_runtime_two_starts_at_once() {
	local i a b ok
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	for i in 1 2 3 4 5 6 7 8; do
		rt create -b b c
		rt start c 2>e1 & a=$!
		rt start c 2>e2 & b=$!
		ok=0
		wait $a && ok=$((ok + 1)) || true
		wait $b && ok=$((ok + 1)) || true
		is $ok 1 "starts that succeeded"
		matches "$(cat e1 e2)" "it is running|is being started|has just been started"
		is "$(rt state c | jq -r .status)" running
		rt delete --force c
	done
}

test_runtime_start_reports_what_fails_late() {
	new_bundle b '.process.args = ["/script"]'
	printf '#!/no/such/interpreter\n' >b/rootfs/script
	chmod 755 b/rootfs/script
	rt create -b b c
	expect 127 rt start c
	contains "$ERR" interpreter
	is "$(rt state c | jq -r .status)" stopped
	rt delete c
	change b '.process.args = ["/bin/true"] | .hooks = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 6"]}]}'
	rt create -b b c
	expect 1 rt start c
	contains "$ERR" "startContainer hook 0: /bin/sh failed with exit code 6"
	rt delete c
}

# What is at the gate's place is not opened when it is something else.
test_runtime_start_wants_a_fifo() {
	new_bundle b
	rt create -b b --pid-file pid c
	rm state/c/exec.fifo
	ln -s /etc/passwd state/c/exec.fifo
	expect 1 rt start c
	rm state/c/exec.fifo
	echo hello >state/c/exec.fifo
	expect 1 rt start c
	contains "$ERR" "is no fifo"
	rt delete --force c
}

test_runtime_socket_activation_by_create_and_start() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "echo $LISTEN_FDS $LISTEN_PID >/out; cat <&3 >>/out; cat <&4 >>/out"]'
	echo three >f3
	echo four >f4
	LISTEN_FDS=1 "$RT" --root "$T/w/state" create --preserve-fds 1 -b b c 3<f3 4<f4
	rt start c
	wait_for 5 sh -c "'$RT' --root '$T/w/state' state c | grep -q stopped"
	is "$(cat b/rootfs/out)" "$(printf '1 1\nthree\nfour')"
	rt delete c
}

# A state file as version 1 wrote it: kept in the tree, so that no later change forgets it.
old_state() { # PID
	mkdir -p b state/old
	chmod 700 state state/old
	sed "s|BUNDLE|$T/w/b|g" "$TESTS/cli/data/state-v1.json" |
		jq -c --argjson p "$1" --argjson s "$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20)" \
			'.pid = $p | .pid_start = $s' >state/old/state.json
	chmod 600 state/old/state.json
}

test_runtime_reads_the_state_of_version_1() {
	sleep 1000 &
	local pid=$!
	disown
	old_state $pid
	is "$(rt state old | jq -r '"\(.id) \(.status) \(.pid) \(.bundle) \(.annotations["org.example"])"')" \
		"old running $pid $T/w/b kept"
	is "$(rt list -q)" old
	rt kill old TERM
	wait_for 5 sh -c "! kill -0 $pid 2>/dev/null"
	is "$(rt state old | jq -r .status)" stopped
	rt delete old
	is "$(jq -r '"\(.id) \(.status)"' b/poststop)" "old stopped"
	is "$(ls state)" ""
	# Created, not started: its process is ended by delete.
	sleep 1000 &
	pid=$!
	disown
	old_state $pid
	mkfifo state/old/exec.fifo
	is "$(rt state old | jq -r .status)" created
	rt delete old
	wait_for 5 sh -c "! kill -0 $pid 2>/dev/null"
}

test_runtime_passes_over_what_later_ones_add() {
	sleep 1000 &
	local pid=$!
	disown
	old_state $pid
	jq -c '.checkpoint = {"of": [1, 2]}' state/old/state.json >s
	cat s >state/old/state.json
	is "$(rt state old | jq -r .status)" running
	rt delete --force old
	wait_for 5 sh -c "! kill -0 $pid 2>/dev/null"
}

test_runtime_refuses_the_state_of_a_later_version() {
	local command
	sleep 1000 &
	local pid=$!
	disown
	old_state $pid
	jq -c '.version = 999' state/old/state.json >s
	cat s >state/old/state.json
	for command in "state old" "start old" "kill old KILL" "delete old" "delete --force old" "exec old /bin/true"; do
		expect 1 rt $command
		contains "$ERR" "version 999" "$command: stderr"
		contains "$ERR" "a later one"
	done
	kill $pid # alive all the time
	rm -r state/old
}
