# SIGKILL at random moments: of the command line, of the monitor, of a pull and its workers.  After
# each the next command must be right, and at the end nothing may be left that nothing refers to.
# The moments come from a seed, which is printed.
#: timeout=240 noasan

storm_begin() {
	local seed=$(($(date +%N | sed 's/^0*//') % 32768))
	echo "seed $seed"
	RANDOM=$seed
}

random_sleep() { # AT MOST SO MANY MILLISECONDS
	local ms=$((RANDOM * $1 / 32768))
	sleep "$(printf '0.%03d' "$ms")"
}

# Nothing that nothing refers to; containers may be there when $1 is --with-containers.  A monitor
# may still be removing its run directory when its client has the exit code: give it a moment.
no_orphans() {
	local found try
	for try in $(seq 50); do
		! found=$(python3 "$TESTS/harness/storecheck.py" "$GRAPHROOT" "$RUNROOT" ${1:-}) || return 0
		sleep 0.1
	done
	fail "$found"
}

next_command_is_right() {
	run ctr ps -a --format '{{.Names}} {{.Status}}'
	is "$STATUS" 0 "status of ps after a kill"
	is "$ERR" "" "complaints of ps after a kill"
	expect 3 ctr run --rm --network=none alpine sh -c 'exit 3'
}

test_sigkill_of_the_command_line() {
	local i cli
	storm_begin
	pull alpine
	for i in $(seq 90); do
		case $((i % 3)) in
		0) command ctr-lite run --rm --network=none alpine true >/dev/null 2>&1 & ;;
		1) command ctr-lite run -d --name "k$i" --network=none alpine true >/dev/null 2>&1 & ;;
		2) command ctr-lite run --rm --name "k$i" --network=none alpine sh -c 'exit 5' >/dev/null 2>&1 & ;;
		esac
		cli=$!
		random_sleep 40
		kill -KILL $cli 2>/dev/null || true
		wait $cli 2>/dev/null || true
		if [ $((i % 15)) = 0 ]; then
			wait_for 10 sh -c '! ctr-lite ps --format "{{.Status}}" | grep -q Up'
			next_command_is_right
		fi
	done
	wait_for 10 sh -c '! ctr-lite ps --format "{{.Status}}" | grep -q Up'
	no_orphans --with-containers
	# A name whose maker died half-way is free again.
	run ctr rm -f -a -t 0
	is "$STATUS" 0 "rm -fa"
	expect 0 ctr create --name k1 --network=none alpine true
	expect 0 ctr rm k1
	no_orphans
}

test_sigkill_of_start_stop_and_rm() {
	local i cli
	storm_begin
	pull alpine
	for i in $(seq 12); do
		expect 0 ctr create --name "c$i" --network=none alpine sleep 1000
	done
	for i in $(seq 48); do
		case $((i % 4)) in
		0) command ctr-lite start "c$((i % 12 + 1))" >/dev/null 2>&1 & ;;
		1) command ctr-lite stop -t 0 "c$((i % 12 + 1))" >/dev/null 2>&1 & ;;
		2) command ctr-lite start "c$((i % 12 + 1))" >/dev/null 2>&1 & ;;
		3) command ctr-lite rm -f -t 0 "c$((i % 12 + 1))" >/dev/null 2>&1 & ;;
		esac
		cli=$!
		random_sleep 25
		kill -KILL $cli 2>/dev/null || true
		wait $cli 2>/dev/null || true
		run ctr ps -a
		is "$STATUS" 0 "ps after a kill"
	done
	expect 0 ctr rm -f -a -t 0
	is "$(ctr ps -aq)" ""
	no_orphans
	next_command_is_right
}

test_sigkill_of_the_monitor() {
	local i cli mon try
	storm_begin
	pull alpine
	for i in $(seq 60); do
		command ctr-lite run --name "m$i" --network=none alpine sleep 1000 >/dev/null 2>&1 &
		cli=$!
		mon=
		for try in $(seq 200); do
			# by name: a child may also be one that removes what the last kill left
			mon=$(pgrep -P $cli ctr-lite-mon | head -n 1) || true
			[ -z "$mon" ] || break
			sleep 0.001
		done
		[ -n "$mon" ] || fail "run starts no monitor"
		random_sleep 30
		kill -KILL "$mon" 2>/dev/null || true
		# The client must not wait for ever, and must not claim success.
		STATUS=0
		timeout 20 tail --pid=$cli -f /dev/null || fail "the client hangs after its monitor $mon" \
			"was killed: $(ps -o pid,ppid,stat,args --ppid $cli)"
		wait $cli 2>/dev/null || STATUS=$?
		[ "$STATUS" != 0 ] || fail "run claims success although its monitor was killed"
		if [ $((i % 10)) = 0 ]; then
			next_command_is_right
			expect 0 ctr rm -f -a -t 0
			no_orphans
		fi
	done
}

# While it waits, while it starts again, while it runs: what was known of the last run stays known.
test_sigkill_of_a_monitor_that_restarts() {
	local i mon status
	storm_begin
	pull alpine
	for i in $(seq 20); do
		expect 0 ctr run -d --name r --network=none --restart=always alpine sh -c 'echo run; exit 3'
		mon=$(ctr inspect -f '{{.State.ConmonPid}}' r)
		random_sleep 600
		kill -KILL "$mon" 2>/dev/null || fail "the monitor $mon has gone by itself"
		wait_for 10 sh -c '[ "$(ctr-lite inspect -f "{{.State.Status}}" r)" = exited ]'
		status=$(ctr inspect -f '{{.State.ExitCode}}' r)
		# 137: it ran
		[ "$status" = 3 ] || [ "$status" = 137 ] || fail "exit code $status"
		expect 0 ctr start r
		wait_for 10 sh -c '[ "$(ctr-lite inspect -f "{{.RestartCount}}" r)" -gt 0 ]'
		[ $((i % 2)) = 0 ] || expect 0 ctr stop -t 0 r
		expect 0 ctr rm -f -t 0 r
		no_orphans
	done
	next_command_is_right
}

test_sigkill_of_a_pull() {
	local i pull target image most
	storm_begin
	pull alpine
	for i in $(seq 60); do
		case $((i % 3)) in
		0) image=python most=900 ;;
		1) image=debian:zstd most=700 ;;
		2) image=busybox most=60 ;;
		esac
		command ctr-lite pull -q $image >/dev/null 2>&1 &
		pull=$!
		random_sleep $most
		target=$pull
		[ $((i % 2)) = 0 ] || target=$(pgrep -P $pull | head -n 1) || true
		kill -KILL ${target:-$pull} 2>/dev/null || true
		timeout 20 tail --pid=$pull -f /dev/null || fail "pull hangs after a kill of ${target:-$pull}"
		wait $pull 2>/dev/null || true
		run ctr images -q
		is "$STATUS" 0 "images after a kill"
		is "$ERR" "" "complaints of images after a kill"
		if [ $((i % 20)) = 0 ]; then
			expect 0 ctr pull -q $image
			no_orphans
			run ctr rmi $image
		fi
	done
	expect 0 ctr pull -q python
	expect 0 ctr run --rm --network=none python python3 -c 'print("whole")'
	is "$OUT" whole
	no_orphans
	expect 0 ctr rmi -a -f
	no_orphans
}

# One kill at a random moment within $1 ms of a command about images: of the command line, of the
# program that does the work, or of both and all their workers at once.
kill_one() { # MILLISECONDS HOW COMMAND...
	local most=$1 how=$2 pid target
	shift 2
	setsid ctr-lite "$@" >/dev/null 2>&1 &
	pid=$!
	random_sleep "$most"
	case $how in
	0) kill -KILL $pid 2>/dev/null || true ;;
	1)
		target=$(pgrep -P $pid | head -n 1) || true
		kill -KILL ${target:-$pid} 2>/dev/null || true
		;;
	2) kill -KILL -- -$pid 2>/dev/null || true ;;
	esac
	wait_for 20 sh -c "! kill -0 -- -$pid" # nobody of it lives
	wait $pid 2>/dev/null || true
}

store_is_whole() {
	expect 0 ctr system check --max 0s
	is "$OUT" "" "what the check of the store says"
	no_orphans
	is "$(ctr system df --format '{{.RawSize}}' | head -n 1)" "$(image_bytes)" "df against du"
}

test_sigkill_of_commands_about_images() {
	local i n=${CTR_STORM:-45}
	storm_begin
	pull busybox alpine
	expect 0 ctr save -q -m -o two.tar busybox alpine
	expect 0 ctr save -q --format oci-archive -o one.tar busybox
	for i in $(seq "${n:-45}"); do
		case $((i % 9)) in
		0) kill_one 900 $((RANDOM % 3)) pull -q python ;;
		1) kill_one 600 $((RANDOM % 3)) pull -q debian:zstd ;;
		2) kill_one 150 $((RANDOM % 3)) load -q -i two.tar ;;
		3) kill_one 150 $((RANDOM % 3)) rmi -f alpine busybox ;;
		4) kill_one 150 $((RANDOM % 3)) load -q -i one.tar ;;
		5) kill_one 300 $((RANDOM % 3)) push -q busybox "$REGISTRY/storm/busybox:$i" ;;
		6) kill_one 60 $((RANDOM % 3)) tag busybox "localhost/again:$i" ;;
		7) kill_one 200 $((RANDOM % 3)) image prune -af ;;
		8) kill_one 200 $((RANDOM % 3)) system prune -af ;;
		esac
		run ctr images -q
		is "$STATUS" 0 "images after a kill"
		is "$ERR" "" "complaints of images after a kill"
		[ $((i % 9)) != 8 ] || store_is_whole
		[ $((i % 9)) != 4 ] || expect 0 ctr pull -q busybox
	done
	expect 0 ctr pull -q python
	expect 0 ctr run --rm --network=none python python3 -c 'print("whole")'
	is "$OUT" whole
	expect 0 ctr load -q -i two.tar
	expect 0 ctr run --rm --network=none busybox true
	store_is_whole
	expect 0 ctr rmi -a -f
	store_is_whole
}
