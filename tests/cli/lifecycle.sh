# run -d, create, start, stop, kill, wait, rm, ps, inspect: what each prints, and in which state it
# leaves the container.

state() { ctr inspect -f '{{.State.Status}}' "$1"; }

#: fast
test_detached_prints_the_id_and_stop_the_name() {
	local id
	pull alpine
	expect 0 ctr run -d --name web --network=none alpine sleep 1000
	id=$OUT
	matches "$id" '^[0-9a-f]{64}$' "printed ID"
	expect 0 ctr ps --no-trunc --format '{{.ID}} {{.Names}} {{.Image}} {{.Command}}'
	is "$OUT" "$id web docker.io/library/alpine:latest sleep 1000"
	expect 0 ctr ps
	matches "$(tail -n 1 <<<"$OUT")" "^${id:0:12}  docker.io/library/alpine:latest +sleep 1000 +.* ago +Up .* +web$"
	expect 0 ctr stop -t 0 web
	is "$OUT" web
	is "$(state web)" exited
	is "$(ctr ps -q)" ""
	is "$(ctr ps -aq)" "${id:0:12}"
	expect 0 ctr rm "${id:0:8}"
	is "$OUT" "${id:0:8}"
}

test_stop_waits_for_the_program() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done'
	wait_for 5 sh -c 'ctr-lite logs c | grep -q up'
	expect 0 ctr stop c
	expect 0 ctr wait c
	is "$OUT" 7
	expect 0 ctr logs c
	is "$OUT" $'up\nbye'
	expect 0 ctr rm c
}

test_stop_kills_what_does_not_listen() {
	local begin=$SECONDS
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	expect 0 ctr stop -t 1 c
	contains "$ERR" SIGKILL "warning"
	[ $((SECONDS - begin)) -lt $((8 * ${SLOWER:-1})) ] || fail "stop -t 1 took $((SECONDS - begin)) s"
	expect 0 ctr wait c
	is "$OUT" 137
	# Stopping the stopped succeeds and says its name.
	expect 0 ctr stop c
	is "$OUT" c
	expect 0 ctr rm c
}

test_create_start_attach_and_start_again() {
	pull alpine
	expect 0 ctr create --name c --network=none alpine sh -c 'echo out; echo err >&2; exit 3'
	matches "$OUT" '^[0-9a-f]{64}$'
	is "$(state c)" created
	expect 3 ctr start -a c
	is "$OUT" out
	is "$ERR" err
	expect 3 ctr start -a c
	expect 0 ctr start c
	is "$OUT" c
	expect 0 ctr wait c
	is "$OUT" 3
	expect 0 ctr rm c
}

test_rm_refuses_the_running_and_the_unknown() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	expect 2 ctr rm c
	contains "$ERR" c
	is "$(state c)" running
	expect 1 ctr rm no-such-container
	contains "$ERR" "no such container"
	expect 0 ctr rm -f no-such-container
	expect 0 ctr rm -f -t 0 c
	is "$OUT" c
	is "$(ctr ps -aq)" ""
}

test_kill_sends_the_asked_signal() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 0.1; done'
	wait_for 5 sh -c 'ctr-lite logs c | grep -q up'
	expect 0 ctr kill -s USR1 c
	expect 0 ctr wait c
	is "$OUT" 9
	expect 125 ctr kill c
	expect 125 ctr kill -s NOSUCHSIGNAL c
	expect 0 ctr rm c
}

test_signals_reach_the_container_through_run() {
	local cli
	pull alpine
	command ctr-lite run --rm --name c --network=none alpine sh -c 'trap "exit 33" TERM; echo up; while :; do sleep 0.1; done' >"$T/w/out" &
	cli=$!
	wait_for 10 grep -q up "$T/w/out"
	kill -TERM $cli
	STATUS=0
	wait $cli || STATUS=$?
	is "$STATUS" 33
}

test_wait_for_several_in_order() {
	pull alpine
	expect 0 ctr run -d --name a --network=none alpine sh -c 'sleep 0.5; exit 4'
	expect 0 ctr run -d --name b --network=none alpine sh -c 'exit 5'
	expect 0 ctr wait a b
	is "$OUT" $'4\n5'
	expect 125 ctr wait no-such-container
	expect 0 ctr rm a b
}

test_names_are_unique_and_lookups_exact() {
	local id
	pull alpine
	expect 0 ctr create --name one alpine true
	id=$OUT
	expect 125 ctr create --name one alpine true
	contains "$ERR" "$id" "name clash"
	expect 125 ctr create --name 'bad name' alpine true
	expect 125 ctr create --name '../up' alpine true
	expect 125 ctr inspect on
	expect 0 ctr inspect -f '{{.Id}}' "${id:0:6}"
	is "$OUT" "$id"
	expect 0 ctr inspect -f '{{.Name}}' "$id"
	is "$OUT" one
	expect 0 ctr rm one
}

test_one_name_for_many_at_once() {
	local i won=0
	pull alpine
	for i in $(seq 12); do
		(command ctr-lite create --name same alpine true >"$T/w/$i" 2>&1 && echo won >"$T/w/$i.won" || true) &
	done
	wait
	won=$(ls "$T"/w/*.won | wc -l)
	is "$won" 1 "winners of one name"
	is "$(ctr ps -aq | wc -l)" 1 "containers"
	expect 0 ctr rm same
}

test_forty_runs_at_once() {
	local i bad=0
	pull alpine
	for i in $(seq 40); do
		(STATUS=0; command ctr-lite run --rm --network=none alpine sh -c "exit $i" >"$T/w/$i" 2>&1 || STATUS=$?
		[ "$STATUS" = "$i" ] || echo "status $STATUS" >>"$T/w/$i") &
		[ $((i % 8)) != 0 ] || wait
	done
	wait
	for i in $(seq 40); do
		[ ! -s "$T/w/$i" ] || { bad=1; echo "run $i: $(cat "$T/w/$i")"; }
	done
	is "$bad" 0 "failed runs"
	is "$(ctr ps -aq)" ""
}

test_cidfile() {
	pull alpine
	expect 0 ctr create --name c --cidfile "$T/w/cid" alpine true
	is "$(cat "$T/w/cid")" "$OUT"
	is "$(wc -c <"$T/w/cid")" 64
	expect 0 ctr rm c
	[ ! -e "$T/w/cid" ] || fail "the cidfile stays"
}

test_rm_all_and_latest() {
	pull alpine
	expect 0 ctr create --name a alpine true
	expect 0 ctr create --name b alpine true
	expect 0 ctr rm -a
	is "$(wc -l <<<"$OUT")" 2
	is "$(ctr ps -aq)" ""
}
