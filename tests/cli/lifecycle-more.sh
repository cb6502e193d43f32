# restart, rename, cleanup, dependencies, and the options of start, stop, rm and wait.

state() { ctr inspect -f '{{.State.Status}}' "$1"; }
state_is() { [ "$(state "$1")" = "$2" ]; }
sleeper() { # NAME OPTION...: one that ends at once on SIGTERM
	local name=$1
	shift
	expect 0 ctr run -d --name "$name" --network=none "$@" alpine \
		sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 0.02; done'
	wait_for 10 sh -c "ctr-lite logs $name | grep -q up"
}

#: fast
test_restart() {
	local pid
	pull alpine
	sleeper a
	pid=$(ctr inspect -f '{{.State.Pid}}' a)
	expect 0 ctr restart a
	is "$OUT" a
	is "$(state a)" running
	[ "$(ctr inspect -f '{{.State.Pid}}' a)" != "$pid" ] || fail "the process is the same"
	is "$(ctr inspect -f '{{.RestartCount}}' a)" 0
	expect 0 ctr stop a
	expect 0 ctr restart a
	is "$(state a)" running "state of one that had stopped"
	expect 0 ctr create --name b --network=none alpine sleep 600
	expect 0 ctr restart --running -t 0
	is "$OUT" "$(ctr inspect -f '{{.Id}}' a)" "what --running restarts"
	is "$(state b)" created
	expect 0 ctr restart -f name=b
	is "$(state b)" running
	expect 0 ctr restart -a --timeout 0 -s KILL
	is "$(wc -l <<<"$OUT")" 2 "what --all restarts"
	expect 0 ctr restart -t 0 a b
	is "$OUT" "$(printf 'a\nb')"
}

test_restart_refusals() {
	pull alpine
	expect 125 ctr restart nothere
	contains "$ERR" 'no such container'
	expect 125 ctr restart
	contains "$ERR" 'you must provide at least one name or id'
	expect 125 ctr restart --running x
	expect 125 ctr restart -s NOSUCH x
	contains "$ERR" 'invalid signal: NOSUCH'
	sleeper a
	expect 125 ctr restart a nothere
	is "$OUT" "" "restarted beside an unknown name"
}

test_restart_of_one_that_goes_when_it_ends() {
	local pid
	pull alpine
	sleeper a --rm
	ctr exec a sh -c 'echo kept >/file'
	pid=$(ctr inspect -f '{{.State.Pid}}' a)
	expect 0 ctr restart a
	[ "$(ctr inspect -f '{{.State.Pid}}' a)" != "$pid" ] || fail "the process is the same"
	is "$(ctr exec a cat /file)" kept "its file system"
	expect 0 ctr stop a
	is_gone a
}

test_rename() {
	local id
	pull alpine
	expect 0 ctr create --name a --network=none alpine true
	id=$OUT
	expect 0 ctr rename a b
	is "$OUT$ERR" ""
	is_gone a
	is "$(ctr inspect -f '{{.Id}} {{.Name}}' b)" "$id b"
	expect 0 ctr create --name a --network=none alpine true
	expect 125 ctr rename a b
	contains "$ERR" "\"b\" is already in use by $id"
	expect 125 ctr rename a a
	expect 125 ctr rename a /x
	contains "$ERR" 'names must match'
	expect 125 ctr rename nothere c
	contains "$ERR" 'no such container'
	is "$(ctr ps -a --format '{{.Names}}' | sort | xargs)" "a b"
}

test_rename_of_what_runs_and_goes() {
	pull alpine
	sleeper a --rm
	expect 0 ctr rename a b
	expect 0 ctr stop b
	is "$(ls "$GRAPHROOT/names")" "" "names that are left"
	expect 0 ctr create --name a --network=none alpine true
	expect 0 ctr create --name b --network=none alpine true
}

test_dependencies_start_first_and_go_first() {
	pull alpine
	expect 0 ctr create --name one --network=none alpine sleep 600
	expect 0 ctr create --name two --network=container:one alpine sleep 600
	expect 0 ctr create --name three --network=none --requires two,one alpine sleep 600
	expect 0 ctr start three
	is "$(state one) $(state two)" "running running"
	expect 125 ctr rm -f one
	contains "$ERR" 'has dependent containers which must be removed before it'
	expect 0 ctr rm --depend -f -t 0 one
	is "$(wc -l <<<"$OUT")" 3 "lines"
	is "$(tail -1 <<<"$OUT")" one
	is "$(ctr ps -aq)" ""
	expect 125 ctr create --requires nothere alpine true
	contains "$ERR" 'no such container'
}

test_dependents_that_are_gone_hold_nothing() {
	pull alpine
	expect 0 ctr create --name one --network=none alpine true
	expect 0 ctr create --name two --requires one alpine true
	expect 0 ctr rm two
	expect 0 ctr rm one
}

test_filters_of_start_stop_and_rm() {
	pull alpine
	expect 0 ctr create --name a --network=none --label k=1 --restart=always alpine sleep 600
	expect 0 ctr create --name b --network=none --label k=2 alpine sleep 600
	expect 0 ctr start --all --filter should-start-on-boot=true
	is "$OUT" "$(ctr inspect -f '{{.Id}}' a)"
	is "$(state b)" created
	expect 0 ctr start --filter label=k=2
	is "$(state b)" running
	expect 0 ctr stop -t 0 --filter label=k=1
	is "$(state a) $(state b)" "exited running"
	expect 125 ctr stop --filter label=k=1 b
	contains "$ERR" '--filter takes neither'
	expect 125 ctr stop --filter nosuch=1
	contains "$ERR" 'nosuch is an invalid filter'
	expect 2 ctr rm --filter label=k=2
	expect 0 ctr rm --filter label=k=1
	expect 0 ctr rm --filter label=none=here
	is "$(ctr ps -a --format '{{.Names}}')" b
}

test_stop_with_a_signal() {
	pull alpine
	expect 0 ctr run -d --name a --network=none alpine sh -c \
		'trap "exit 5" USR1; trap "exit 6" TERM; echo up; while :; do sleep 0.02; done'
	wait_for 10 sh -c 'ctr-lite logs a | grep -q up'
	expect 0 ctr stop -s USR1 a
	is "$(ctr inspect -f '{{.State.ExitCode}}' a)" 5
	expect 125 ctr stop -s NOSUCH a
	contains "$ERR" 'invalid signal'
}

test_stop_timeout_for_ever() {
	pull alpine
	expect 0 ctr create --name a --network=none --stop-timeout -1 alpine true
	is "$(ctr inspect -f '{{.Config.StopTimeout}}' a)" -1
	expect 125 ctr create --stop-timeout -2 alpine true
}

test_kill_returns_when_it_has_ended() {
	pull alpine
	expect 0 ctr run -d --name a --network=none alpine sleep 600
	expect 0 ctr kill a
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' a)" "exited 137"
	expect 125 ctr kill a
	contains "$ERR" 'can only kill running containers'
}

test_wait_conditions() {
	pull alpine
	expect 0 ctr create --name a --network=none alpine sh -c 'trap "exit 4" TERM; while :; do sleep 0.02; done'
	expect 0 ctr wait --condition created a
	is "$OUT" -1
	ctr wait --condition=running,paused --interval 20ms a >out &
	expect 0 ctr start a
	wait $!
	is "$(cat out)" -1
	ctr wait --condition=exited a >out &
	expect 0 ctr stop a
	wait $!
	is "$(cat out)" 4
	expect 0 ctr wait --ignore a nothere
	is "$OUT" "$(printf '4\n-1')"
	expect 125 ctr wait nothere
	expect 125 ctr wait --condition=asleep a
	contains "$ERR" 'unknown container state: asleep'
	expect 125 ctr wait --interval soon a
	contains "$ERR" 'invalid duration'
}

test_wait_for_the_first() {
	pull alpine
	sleeper a
	expect 0 ctr run -d --name b --network=none alpine sh -c 'exit 3'
	expect 0 ctr wait --exit-first-match --interval 10 a b
	is "$OUT" 3
	is "$(state a)" running
}

test_cleanup() {
	pull alpine
	expect 0 ctr run --name a --network=none alpine true
	expect 0 ctr container cleanup a
	is "$OUT" a
	sleeper b
	expect 125 ctr container cleanup b
	contains "$ERR" 'refusing to clean up'
	expect 0 ctr container cleanup --all
	is "$OUT" "$(ctr inspect -f '{{.Id}}' a)"
	expect 0 ctr container cleanup nothere
	is "$OUT" ""
	expect 0 ctr container cleanup --rm a
	is_gone a
	# Of a monitor that was killed.
	kill -KILL "$(ctr inspect -f '{{.State.ConmonPid}}' b)"
	wait_for 5 ctr container cleanup --rmi b
	expect 1 ctr image exists alpine
}

test_checkpoints_are_refused_by_name() {
	expect 125 ctr container checkpoint x
	contains "$ERR" 'container checkpoint is not supported: '
	contains "$ERR" CRIU
	expect 125 ctr container restore x
	contains "$ERR" 'container restore is not supported: '
}

test_init_then_start() {
	local pid
	pull alpine
	expect 0 ctr create --name a --network=none alpine sh -c 'echo runs; exit 3'
	expect 0 ctr init a
	is "$OUT" a
	is "$(state a)" initialized
	is "$(ctr ps -a --format '{{.Status}}')" Initialized
	is "$(ctr inspect -f '{{.State.Running}}' a)" false
	matches "$(ctr inspect -f '{{.State.StartedAt}}' a)" ^0001-01-01
	pid=$(ctr inspect -f '{{.State.Pid}}' a)
	[ "$pid" -gt 0 ] || fail "no process: $pid"
	is "$(ctr logs a)" "" "what it has said"
	expect 0 ctr wait --condition=initialized a
	expect 125 ctr init a
	contains "$ERR" 'has already been created in runtime: container state improper'
	expect 3 ctr start -a a
	is "$OUT" runs
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' a)" "exited 3"
	expect 0 ctr init --all
	is "$(state a)" initialized
	expect 0 ctr start a
	expect 0 ctr wait a
	is "$OUT" 3
}

test_init_is_undone_by_stop_and_rm() {
	pull alpine
	expect 0 ctr create --name a --network=none alpine sleep 600
	expect 0 ctr init a
	SECONDS=0
	expect 0 ctr stop -t 60 a
	[ "$SECONDS" -lt 10 ] || fail "stop waited for $SECONDS seconds"
	is "$(state a)" exited
	expect 0 ctr init -l
	expect 2 ctr rm a
	expect 0 ctr rm -f a
	expect 125 ctr init nothere
	expect 0 ctr create --name b --network=none alpine /not/there
	expect 125 ctr start b
	contains "$ERR" 'not/there'
}

test_preserved_descriptors() {
	pull alpine
	echo three >three
	echo four >four
	run ctr run --rm --network=none --preserve-fds 2 alpine sh -c 'cat <&3; cat <&4' 3<three 4<four
	is "$OUT" "$(printf 'three\nfour')"
	expect 0 ctr run --rm --network=none alpine sh -c '[ ! -e /proc/self/fd/3 ] || readlink /proc/self/fd/3' 3<three
	lacks "$OUT" three
	expect 125 ctr run --rm --network=none --preserve-fds 1 alpine true
	contains "$ERR" 'file descriptor 3 is not available'
	expect 125 ctr run --rm --network=none --preserve-fds 1000 alpine true
	contains "$ERR" '--preserve-fds: expected 0..64'
}

test_all_and_names_exclude_one_another() {
	pull alpine
	sleeper a
	expect 125 ctr start --all a
	contains "$ERR" 'either start all containers or the container(s) provided in the arguments'
	expect 125 ctr start -a a nothere
	contains "$ERR" 'you cannot start and attach multiple containers at once'
	expect 125 ctr stop --all a
	contains "$ERR" 'no arguments are needed with --all'
	expect 125 ctr rm --all --latest
	contains "$ERR" '--all and --latest cannot be used together'
	expect 0 ctr start --all
	is "$OUT" "" "what start --all has started"
	expect 0 ctr stop --all
	expect 0 ctr stop --all
	is "$OUT" "$(ctr inspect -f '{{.Id}}' a)" "what stop --all tells of"
}

test_wait_for_health() {
	pull alpine
	expect 0 ctr run -d --name a --network=none --health-cmd 'test -e /well' --health-interval 1s \
		--health-retries 1 alpine sleep 600
	expect 0 ctr wait --condition=unhealthy --interval 20ms a
	is "$OUT" -1
	ctr exec a touch /well
	expect 0 ctr wait --condition=healthy,exited --interval 20ms a
	is "$OUT" -1
}

test_clone() {
	local id
	pull alpine
	expect 0 ctr run --name a --network=none -e K=v -v /data alpine sh -c 'echo $K; touch /data/x; ls /data'
	is "$OUT" "$(printf 'v\nx')"
	expect 0 ctr container clone a
	matches "$OUT" '^[0-9a-f]{64}$'
	is "$(ctr inspect -f '{{.Name}} {{.State.Status}}' "$OUT")" "a-clone created"
	expect 0 ctr start -a a-clone
	is "$OUT" "$(printf 'v\nx')" "output of the copy"
	[ "$(ctr inspect -f '{{(index .Mounts 0).Name}}' a)" != "$(ctr inspect -f '{{(index .Mounts 0).Name}}' a-clone)" ] ||
		fail "the volume without a name is shared"
	expect 0 ctr container clone a
	is "$(ctr inspect -f '{{.Name}}' "$OUT")" a-clone1
	expect 0 ctr container clone --destroy --run a b
	id=$OUT
	expect 0 ctr wait b
	is "$(ctr inspect -f '{{.Id}}' b)" "$id"
	is_gone a
	expect 125 ctr container clone b a-clone
	contains "$ERR" 'is already in use'
	expect 125 ctr container clone nothere
	expect 125 ctr container clone -f b
	contains "$ERR" '--force without --destroy'
}
