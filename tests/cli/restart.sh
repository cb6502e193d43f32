# Restart policies, which the monitor carries out by itself: which ends are followed by a new start,
# what ends the restarting, and what is told about it.

# A container that ends with $1 at each of its runs and counts them in its log.
flaky() { # STATUS OPTION...
	local status=$1
	shift
	ctr run --network=none "$@" alpine sh -c "echo run; exit $status"
}
runs() { ctr logs "$1" | grep -c run; }
runs_at_least() { [ "$(runs "$1")" -ge "$2" ]; }
state() { ctr inspect -f "{{.State.$2}}" "$1"; }
state_is() { [ "$(state "$1" "$2")" = "$3" ]; }

#: fast
test_on_failure_stops_after_n_restarts_and_the_client_has_the_last_status() {
	pull alpine
	expect 7 flaky 7 --restart=on-failure:2 --name a
	is "$OUT" "$(printf 'run\nrun\nrun')" "output of all runs"
	is "$(ctr inspect -f '{{.RestartCount}} {{.State.ExitCode}} {{.State.Status}}' a)" "2 7 exited"
	is "$(ctr inspect -f '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' a)" \
		on-failure:2
	is "$(runs a)" 3 "logged runs"
	# A new start counts from zero.
	expect 7 ctr start -a a
	is "$(ctr inspect -f '{{.RestartCount}}' a)" 2
}

test_success_is_no_failure() {
	pull alpine
	expect 0 flaky 0 --restart=on-failure --name a
	is "$(runs a)" 1
	is "$(ctr inspect -f '{{.RestartCount}}' a)" 0
}

test_always_goes_on_until_stop() {
	pull alpine
	expect 0 flaky 0 -d --restart=always --name a
	wait_for 10 runs_at_least a 3
	SECONDS=0
	expect 0 ctr stop a
	[ "$SECONDS" -lt 5 ] || fail "stop waited for $SECONDS seconds"
	state_is a Status exited || fail "$(state a Status)"
	local n
	n=$(runs a)
	sleep 0.3
	is "$(runs a)" "$n" "runs after stop"
}

test_stop_and_kill_while_it_waits() {
	local verb
	pull alpine
	for verb in 'stop -t 60' kill 'rm -f -t 60'; do
		expect 0 flaky 3 -d --restart=unless-stopped --name a
		wait_for 10 state_is a Status restarting
		matches "$(ctr ps --format '{{.Status}}')" '^Restarting \(3\) '
		is "$(state a Pid)" 0
		SECONDS=0
		expect 0 ctr $verb a
		[ "$SECONDS" -lt 5 ] || fail "$verb waited for $SECONDS seconds"
		[ "$verb" = "rm -f -t 60" ] || {
			is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' a)" "exited 3"
			expect 0 ctr rm a
		}
	done
	is_gone a
}

test_wait_waits_for_the_last_end() {
	pull alpine
	expect 0 flaky 5 -d --restart=on-failure:2 --name a
	expect 0 ctr wait a
	is "$OUT" 5
	is "$(ctr inspect -f '{{.RestartCount}}' a)" 2
	is "$(runs a)" 3
}

test_a_client_stays_attached_and_its_input_goes_to_the_run_that_is_there() {
	pull alpine
	mkfifo in
	ctr run -i --network=none --restart=on-failure:1 --name a alpine sh -c 'read x; echo "got $x"; exit 4' \
		<in >out &
	exec 7>in
	echo one >&7
	wait_for 10 grep -q 'got one' out
	wait_for 10 sh -c '[ "$(ctr-lite inspect -f "{{.RestartCount}} {{.State.Status}}" a)" = "1 running" ]'
	echo two >&7
	exec 7>&-
	wait $! && fail "status 0" || is $? 4
	is "$(cat out)" "$(printf 'got one\ngot two')"
}

test_a_signal_at_the_client_ends_the_restarting() {
	pull alpine
	command ctr-lite run --network=none --restart=always --name a alpine \
		sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.02; done' >out &
	wait_for 10 grep -q up out
	kill -TERM $!
	wait $! && fail "status 0" || is $? 9
	is "$(ctr inspect -f '{{.RestartCount}} {{.State.Status}}' a)" "0 exited"
}

test_the_network_and_ports_are_there_again() {
	local port url
	pull busybox
	port=$(free_port)
	url=http://127.0.0.1:$port/n
	expect 0 ctr run -d --restart=always --name a -p "127.0.0.1:$port:8080" busybox \
		sh -c 'echo x >>/runs; wc -l </runs >/n; exec httpd -f -p 8080 -h /'
	wait_for 10 curl -fsS "$url"
	is "$(curl -fsS "$url")" 1
	kill -KILL "$(state a Pid)"
	wait_for 10 sh -c "[ \"\$(curl -fsS $url)\" = 2 ]"
	expect 0 ctr rm -f -t 0 a
}

test_files_stay_between_the_runs() {
	pull alpine
	expect 3 ctr run --network=none --restart=on-failure:2 alpine \
		sh -c 'echo x >>/count; wc -l </count; exit 3'
	is "$OUT" "$(printf '1\n2\n3')"
}

test_update_changes_the_policy_of_what_runs() {
	pull alpine
	expect 0 ctr run -d --network=none --name a alpine sh -c 'echo run; exec sleep 600'
	expect 0 ctr update --restart always a
	is "$(ctr inspect -f '{{.HostConfig.RestartPolicy.Name}}' a)" always
	kill -KILL "$(state a Pid)"
	wait_for 10 runs_at_least a 2
	expect 0 ctr update --restart no a
	wait_for 10 state_is a Running true
	kill -KILL "$(state a Pid)"
	expect 0 ctr wait a
	is "$OUT" 137
	expect 125 ctr update --restart sometimes a
	contains "$ERR" '"sometimes" is not a valid restart policy'
}

test_policies_are_refused_as_by_podman() {
	pull alpine
	expect 125 ctr run --rm --restart=always alpine true
	contains "$ERR" 'the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"'
	expect 125 ctr create --restart=sometimes alpine true
	contains "$ERR" '"sometimes" is not a valid restart policy: '
	expect 125 ctr create --restart=always:3 alpine true
	contains "$ERR" 'restart policy retries can only be specified with on-failure restart policy'
	expect 125 ctr create --restart=on-failure:x alpine true
	contains "$ERR" 'parsing restart policy retry count'
	expect 125 ctr create --restart=on-failure:-1 alpine true
	contains "$ERR" 'must specify restart policy retry count as a number greater than 0'
	expect 125 ctr create --restart=on-failure:1:2 alpine true
	contains "$ERR" 'may specify retries at most once'
	expect 0 ctr run --rm --network=none --restart=no alpine true
	is "$(ctr ps -aq)" "" "containers"
}

test_filters_know_who_starts_with_the_host() {
	pull alpine
	expect 0 ctr create --name always --restart=always alpine true
	expect 0 ctr create --name unless --restart=unless-stopped alpine true
	expect 0 ctr create --name no alpine true
	expect 0 ctr create --name fail --restart=on-failure alpine true
	is "$(ctr ps -a --filter should-start-on-boot=true --format '{{.Names}}' | sort | xargs)" "always unless"
	is "$(ctr ps -a --filter should-start-on-boot=false --format '{{.Names}}' | sort | xargs)" "fail no"
	is "$(ctr ps -a --filter restart-policy=always --format '{{.Names}}')" always
	# What the user has stopped stays so, unless it is always.
	expect 0 ctr run -d --network=none --name stopped --restart=unless-stopped alpine sleep 600
	expect 0 ctr stop -t 0 stopped
	is "$(ctr ps -a --filter should-start-on-boot=true --format '{{.Names}}' | sort | xargs)" "always unless"
}

test_events_tell_of_each_run() {
	pull alpine
	expect 7 flaky 7 --restart=on-failure:1 --name a
	wait_for 10 sh -c 'ctr-lite events --since 1m --stream=false --filter container=a | grep -q cleanup'
	is "$(ctr events --since 1m --stream=false --filter container=a --format '{{.Status}}' | xargs)" \
		"create init start attach died restart init start died cleanup"
}

test_a_killed_monitor_while_it_waits() {
	local pid
	pull alpine
	expect 0 flaky 3 -d --restart=always --name a
	wait_for 10 runs_at_least a 4
	wait_for 10 state_is a Status restarting
	pid=$(state a ConmonPid)
	kill -KILL "$pid"
	wait_for 10 state_is a Status exited
	is "$(state a ExitCode)" 3 "exit code of the last run"
	expect 0 ctr start a
	wait_for 10 runs_at_least a 6
	expect 0 ctr rm -f -t 0 a
}

test_on_failure_and_then_gone() {
	pull alpine
	expect 6 ctr run --rm --name a --network=none --restart=on-failure:2 alpine \
		sh -c 'echo x >>/f; wc -l </f; exit 6'
	is "$OUT" "$(printf '1\n2\n3')"
	is_gone a
}

# The monitor's own memory after many restarts: nothing piles up.
test_a_monitor_that_restarts_stays_small() {
	local pid kb
	[ -z "${ASAN:-}" ] || skip "sanitizers take memory"
	pull alpine
	expect 0 flaky 3 -d --restart=always --name a
	wait_for 20 runs_at_least a 6
	wait_for 10 state_is a Status restarting
	pid=$(state a ConmonPid)
	sleep 0.2
	kb=$(awk '/^Private/ { n += $2 } END { print n }' "/proc/$pid/smaps_rollup")
	[ "$kb" -lt 150 ] || fail "the monitor has $kb KB of private memory"
	expect 0 ctr rm -f -t 0 a
}

test_what_needs_a_process_says_that_there_is_none() {
	pull alpine
	expect 0 flaky 3 -d --restart=always --name a
	wait_for 20 runs_at_least a 5
	wait_for 10 state_is a Status restarting
	run ctr exec a true
	[ "$STATUS" != 0 ] || fail "exec without a process"
	contains "$ERR" 'can only create exec sessions on running containers'
	expect 125 ctr pause a
	contains "$ERR" '"restarting" is not running'
	expect 125 ctr init a
	expect 2 ctr rm a
	expect 125 ctr cp a:/bin/busybox copy
	contains "$ERR" 'waits to be restarted'
	expect 0 ctr stop a
	expect 0 ctr cp a:/bin/busybox copy
	expect 0 ctr rm a
}

test_logs_follow_across_the_runs() {
	pull alpine
	expect 0 flaky 3 -d --restart=on-failure:2 --name a
	expect 0 ctr logs -f a
	is "$(wc -l <<<"$OUT")" 3 "lines"
}
