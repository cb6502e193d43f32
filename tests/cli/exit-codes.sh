# Exit codes of what runs inside come through, whatever happens to the command line meanwhile.

#: fast
test_the_programs_own_status() {
	local code
	pull alpine
	for code in 0 1 3 124 125 126 127 128 137 255; do
		expect "$code" ctr run --rm --network=none alpine sh -c "exit $code"
		is "$OUT$ERR" "" "output"
	done
	expect 44 ctr run --rm --network=none alpine sh -c 'exit 300'
}

test_killed_by_a_signal() {
	pull alpine
	expect 137 ctr run --rm --network=none alpine sh -c 'sh -c "kill -KILL \$\$"; exit $?'
	expect 143 ctr run --rm --network=none alpine sh -c '(sleep 0.1; kill -TERM 1) & trap "exit 143" TERM; wait'
	expect 0 ctr run -d --name c --network=none alpine sleep 100
	expect 0 ctr kill c
	expect 0 ctr wait c
	is "$OUT" 137
	expect 0 ctr rm c
}

#: fast
test_125_the_engine_failed() {
	expect 125 ctr run --no-such-flag alpine true
	contains "$ERR" "no-such-flag"
	expect 125 ctr run --rm "no/such/image:x" true
	matches "$(tail -n 1 <<<"$ERR")" '^Error: .*no/such/image'
	pull alpine
	expect 125 ctr run --rm -v /no/such/place:/x alpine true
	contains "$ERR" /no/such/place
	expect 0 ctr create --name taken alpine true
	expect 125 ctr run --name taken alpine true
	contains "$ERR" taken
	expect 0 ctr rm taken
	is "$(ctr ps -aq)" "" "containers after failed runs"
}

#: fast
test_126_cannot_be_executed() {
	pull alpine
	expect 126 ctr run --rm --network=none alpine /etc
	expect 126 ctr run --rm --network=none alpine /etc/passwd
	expect 126 ctr run --rm --network=none -w /no/such/dir alpine true
	expect 126 ctr run --rm --network=none -u nobody-at-all alpine true
	is "$(ctr ps -aq)" "" "containers after failed runs"
}

#: fast
test_127_not_found() {
	pull alpine
	expect 127 ctr run --rm --network=none alpine no-such-command
	contains "$ERR" no-such-command
	expect 127 ctr run --rm --network=none alpine /no/such/command
	is "$(ctr ps -aq)" "" "containers after failed runs"
}

test_detached_start_failures_have_the_same_codes() {
	pull alpine
	expect 127 ctr run -d --network=none alpine no-such-command
	is "$OUT" "" "printed ID"
	expect 126 ctr run -d --network=none alpine /etc
	expect 125 ctr run -d --network=none -v /no/such/place:/x alpine true
	is "$(ctr ps -q)" "" "running containers"
}

test_codes_survive_in_the_record() {
	local code
	pull alpine
	for code in 0 3 127 255; do
		expect "$code" ctr run --name "c$code" --network=none alpine sh -c "exit $code"
		expect 0 ctr wait "c$code"
		is "$OUT" "$code"
		expect 0 ctr inspect -f '{{.State.ExitCode}} {{.State.Status}}' "c$code"
		is "$OUT" "$code exited"
	done
	expect 0 ctr ps -a --format '{{.Names}} {{.Status}}'
	matches "$OUT" 'c3 Exited \(3\)'
	expect 0 ctr rm c0 c3 c127 c255
}

# The command line is killed while the container runs: the container does not notice, and its code
# is there afterwards.
test_codes_survive_a_killed_client() {
	local cli
	pull alpine
	command ctr-lite run --name c --network=none alpine sh -c 'touch /started; sleep 1; exit 3' >"$T/w/out" 2>&1 &
	cli=$!
	wait_for 10 sh -c "[ \"\$(ctr-lite inspect -f '{{.State.Status}}' c)\" = running ]"
	kill -KILL $cli
	wait $cli 2>/dev/null || true
	expect 0 ctr wait c
	is "$OUT" 3
	expect 0 ctr inspect -f '{{.State.ExitCode}}' c
	is "$OUT" 3
	expect 0 ctr rm c
}

test_wait_learns_the_code_although_rm_removes_the_container() {
	pull alpine
	expect 0 ctr run -d --rm --name c --network=none alpine sh -c 'sleep 1; exit 3'
	expect 0 ctr wait c
	is "$OUT" 3
	wait_for 5 sh -c '[ -z "$(ctr-lite ps -aq)" ]'
}

test_rm_happens_although_the_client_was_killed() {
	local cli
	pull alpine
	command ctr-lite run --rm --name c --network=none alpine sleep 1 >/dev/null 2>&1 &
	cli=$!
	wait_for 10 sh -c "[ \"\$(ctr-lite inspect -f '{{.State.Status}}' c)\" = running ]"
	kill -KILL $cli
	wait $cli 2>/dev/null || true
	wait_for 10 sh -c '[ -z "$(ctr-lite ps -aq)" ]'
}

test_killed_monitor_is_noticed() {
	local pid mon
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 100
	pid=$(ctr inspect -f '{{.State.Pid}}' c)
	mon=$(ctr inspect -f '{{.State.ConmonPid}}' c)
	kill -KILL "$mon"
	wait_for 5 sh -c "! kill -0 $pid"
	expect 0 ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' c
	is "$OUT" "exited 137"
	expect 0 ctr ps -q
	is "$OUT" ""
	expect 0 ctr start c
	expect 0 ctr inspect -f '{{.State.Status}}' c
	is "$OUT" running
	expect 0 ctr rm -f -t 0 c
}

# What a reboot leaves: nothing lives, and the run directory was in memory.
test_a_lost_run_directory_is_noticed() {
	local mon
	pull alpine
	expect 0 ctr create --name never --network=none alpine true
	expect 3 ctr run --name before --network=none alpine sh -c 'exit 3'
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	mon=$(ctr inspect -f "{{.State.ConmonPid}}" c)
	kill -KILL "$mon"
	wait_for 5 eval "! kill -0 $mon"
	rm -rf "$RUNROOT"
	is "$(ctr ps -q)" "" "what runs"
	is "$(ctr ps -a --format '{{.Names}} {{.State}}' | sort | tr '\n' ',')" "before exited,c exited,never created,"
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}' c)" "exited 137 0"
	is "$(ctr inspect -f '{{.State.ExitCode}}' before)" 3
	lacks "$(ctr inspect -f '{{.State.StartedAt}}' c)" "0001-01-01" "when it was started"
	expect 137 ctr start -a c </dev/null &
	wait_for 10 eval '[ "$(ctr inspect -f "{{.State.Status}}" c)" = running ]'
	expect 0 ctr stop -t 0 c
	wait
}

# A store is asked from a login session and from a cron job, which would choose other run directories.
test_another_run_directory_finds_what_runs() {
	local other=$T/other pid
	pull alpine
	mkdir -m 700 "$other"
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	pid=$(ctr inspect -f '{{.State.Pid}}' c)
	expect 0 env XDG_RUNTIME_DIR="$other" ctr-lite ps --format '{{.Names}} {{.State}}'
	is "$OUT" "c running"
	expect 0 env XDG_RUNTIME_DIR="$other" ctr-lite exec c true
	is "$(ctr inspect -f '{{.State.Pid}}' c)" "$pid"
	expect 0 env XDG_RUNTIME_DIR="$other" ctr-lite rm -f -t 0 c
	is "$(ctr ps -aq)" ""
	# nothing runs any more: each has its own again
	expect 0 env XDG_RUNTIME_DIR="$other" ctr-lite run -d --name d --network=none alpine sleep 1000
	[ -d "$other/ctr-lite/containers" ] || fail "the directory that was asked for is not used"
	is "$(ctr ps --format '{{.Names}}')" d
	expect 0 ctr rm -f -t 0 d
}

# The run directory of a session is removed when it ends, whatever still runs outside of it.
test_what_runs_without_its_run_directory_is_ended() {
	local pid
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	pid=$(ctr inspect -f '{{.State.Pid}}' c)
	rm -rf "$RUNROOT"
	is "$(ctr ps -a --format '{{.Names}} {{.State}}')" "c exited"
	wait_for 10 eval "! kill -0 $pid"
	expect 0 ctr start c
	[ "$(ctr inspect -f '{{.State.Pid}}' c)" != "$pid" ] || fail "the old process lives"
	expect 0 ctr rm -f -t 0 c
}

test_timeout() {
	pull alpine
	expect 255 ctr run --rm --timeout 1 --network=none alpine sleep 100
}
