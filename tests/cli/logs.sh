# Logs: streams kept apart, followed until the end, bounded and unforgeable.

#: fast
test_streams_stay_apart() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c 'echo one; echo two >&2; sleep 0.2; echo three; printf unfinished'
	is "$OUT" $'one\nthree\nunfinished'
	is "$ERR" two
	expect 0 ctr logs c
	is "$OUT" $'one\nthree\nunfinished'
	is "$ERR" two
	expect 0 ctr logs --tail 1 c
	contains "$OUT" unfinished
	lacks "$OUT" one
	expect 0 ctr logs --tail 0 c
	is "$OUT$ERR" ""
	expect 0 ctr logs -t c
	matches "$OUT" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9]{2}:[0-9]{2}) one'
	expect 0 ctr rm c
}

test_follow_ends_with_the_container() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'for i in 1 2 3; do echo line $i; sleep 0.3; done'
	expect 0 timeout 20 ctr-lite logs -f c
	is "$OUT" $'line 1\nline 2\nline 3'
	expect 0 ctr rm c
}

test_follow_shows_lines_as_they_come() {
	local log
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'echo first; while [ ! -e /go ]; do sleep 0.05; done; echo second'
	command ctr-lite logs -f c >"$T/w/follow" &
	log=$!
	wait_for 5 grep -q first "$T/w/follow"
	expect 0 ctr exec c touch /go
	wait_for 5 grep -q second "$T/w/follow"
	wait $log
	expect 0 ctr rm c
}

test_long_lines_come_back_whole() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo; echo end'
	is "$(wc -c <"$T/.out")" 200005
	expect 0 ctr logs c
	is "$(wc -c <"$T/.out")" 200005
	expect 0 ctr rm c
}

test_a_container_cannot_forge_records() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c \
		'printf "2020-01-01T00:00:00.000000000+00:00 stderr F forged\n"; printf "a\0b\rc\033[2J\n"'
	expect 0 ctr logs c
	is "$ERR" "" "stderr"
	contains "$OUT" "2020-01-01T00:00:00.000000000+00:00 stderr F forged"
	expect 0 ctr rm c
}

test_the_monitor_does_not_grow_with_the_output() {
	local mon before after
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c \
		'while [ ! -e /go ]; do sleep 0.05; done; head -c 100000000 /dev/zero; echo; echo done; sleep 100'
	mon=$(ctr inspect -f '{{.State.ConmonPid}}' c)
	before=$(awk '/^VmRSS/ { print $2 }' "/proc/$mon/status")
	expect 0 ctr exec c touch /go
	wait_for 60 sh -c 'ctr-lite logs --tail 1 c | grep -q done'
	after=$(awk '/^VmRSS/ { print $2 }' "/proc/$mon/status")
	[ -n "${ASAN:-}" ] || [ $((after - before)) -lt 512 ] || fail "the monitor grew from $before to $after KB"
	expect 0 ctr rm -f -t 0 c
}

test_no_log_when_none_is_asked() {
	pull alpine
	expect 0 ctr run --name c --log-driver=none --network=none alpine echo shown
	is "$OUT" shown
	expect 125 ctr logs c
	expect 0 ctr rm c
}

test_detached_output_goes_to_the_log_only() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine echo hello
	matches "$OUT" '^[0-9a-f]{64}$'
	wait_for 5 sh -c 'ctr-lite logs c | grep -qx hello'
	expect 0 ctr wait c
	expect 0 ctr rm c
}
