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

#: fast
test_pieces_of_a_line_are_joined() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c 'printf be; sleep 0.05; echo middle >&2; sleep 0.05; echo gin; echo last'
	is "$(ctr logs c 2>&1)" $'middle\nbegin\nlast'
	is "$(ctr logs --tail 2 c 2>&1)" $'begin\nlast'
	is "$(ctr logs --tail 3 c 2>&1)" $'middle\nbegin\nlast'
	expect 0 ctr rm c
}

test_several_containers() {
	local a b
	pull alpine
	expect 0 ctr run --name a --network=none alpine sh -c 'echo 1; echo 2 >&2'
	expect 0 ctr run --name b --network=none alpine echo 3
	a=$(ctr inspect -f '{{.Id}}' a) b=$(ctr inspect -f '{{.Id}}' b)
	is "$(ctr logs a b 2>&1)" "${a:0:12} 1
${a:0:12} 2
${b:0:12} 3"
	is "$(ctr logs -n a b 2>/dev/null)" $'a 1\nb 3'
	is "$(ctr logs -n a)" 1 "-n with one container"
	is "$(ctr logs --color a b 2>/dev/null)" $'\033[37m'"${a:0:12} 1"$'\033[0m\n\033[31m'"${b:0:12} 3"$'\033[0m'
	is "$(ctr logs -l)" 3
	expect 125 ctr logs a nobody
	is "$OUT" ""
	expect 0 ctr rm a b
}

test_following_several_at_once() {
	pull alpine
	for i in a b; do
		expect 0 ctr run -d --name $i --network=none alpine sh -c 'while [ ! -e /go ]; do sleep 0.02; done; echo "from $HOSTNAME"'
	done
	command ctr-lite logs -f -n a b >"$T/w/out" &
	run ctr exec b touch /go # it may die with the container that it ends
	wait_for 5 grep -q '^b from' "$T/w/out"
	lacks "$(cat "$T/w/out")" "a from"
	run ctr exec a touch /go # it may die with the container that it ends
	wait $!
	is "$(cut -d' ' -f1,2 "$T/w/out" | xargs)" "b from a from"
	expect 0 ctr rm a b
}

test_since_until_and_tail() {
	local t
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c 'echo one; sleep 0.2; echo two; sleep 0.2; echo three'
	t=$(ctr logs -t c | sed -n 's/ two//p')
	is "$(ctr logs --since "$t" c)" $'two\nthree'
	is "$(ctr logs --until "$t" c)" $'one\ntwo'
	is "$(ctr logs --since "$t" --until "$t" c)" two
	is "$(ctr logs --since 1h --until 1h c)" $'one\ntwo\nthree'
	is "$(ctr logs --until -1h c)" ""
	is "$(ctr logs --tail all c | wc -l) $(ctr logs --tail -1 c | wc -l)" "3 3"
	is "$(ctr logs --tail 1 --since "$t" c)" three
	expect 125 ctr logs --since soon c
	expect 125 ctr logs --tail x c
	expect 0 ctr rm c
}

test_until_ends_following() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'while :; do echo tick; sleep 0.05; done'
	wait_for 5 sh -c 'ctr-lite logs c | grep -q tick'
	expect 0 timeout 20 ctr-lite logs -f --until 0.3s c
	contains "$OUT" tick
	# and a reader that has seen enough does, too, although nothing more comes
	expect 0 ctr run -d --name d --network=none alpine sh -c 'echo only; sleep 1000'
	wait_for 5 sh -c 'ctr-lite logs d | grep -q only'
	expect 0 timeout 20 bash -c 'ctr-lite logs -f --tail 10 d | grep -m1 only'
	expect 0 ctr rm -f -t 0 c d
}

test_rotation_keeps_so_many_files() {
	local dir
	pull alpine
	expect 0 ctr run --name c --network=none --log-opt max-size=4k --log-opt max-file=3 alpine seq 1000
	dir=$(dirname "$(ctr inspect -f '{{.HostConfig.LogConfig.Path}}' c)")
	is "$(cd "$dir" && ls -d ctr.log* | xargs)" "ctr.log ctr.log.1 ctr.log.2"
	[ -z "$(find "$dir" -maxdepth 1 -name 'ctr.log*' -size +4000c)" ] || fail "a file is larger than 4000"
	# what is kept is a tail of the output without a gap
	expect 0 ctr logs c
	is "$OUT" "$(seq "$(head -n 1 <<<"$OUT")" 1000)"
	[ "$(wc -l <<<"$OUT")" -gt 150 ]
	is "$(ctr logs --tail 150 c)" "$(seq 851 1000)"
	is "$(ctr inspect -f '{{.HostConfig.LogConfig.Size}}' c)" 4kB
	expect 0 ctr run --name d --network=none --log-opt max-size=4k alpine seq 1000
	expect 0 ctr logs d
	is "$OUT" "$(seq "$(head -n 1 <<<"$OUT")" 1000)"
	expect 0 ctr rm c d
}

# Enough files are kept that a reader who is late loses nothing.
test_following_across_rotation() {
	pull alpine
	expect 0 ctr run -d --name c --network=none --log-opt max-size=40k --log-opt max-file=20 alpine sh -c \
		'while [ ! -e /go ]; do sleep 0.02; done; i=0; while [ $i -lt 50 ]; do seq $((i*100+1)) $((i*100+100)); i=$((i+1)); done'
	command ctr-lite logs -f c >"$T/w/out" &
	expect 0 ctr exec c touch /go
	wait $!
	seq 5000 | cmp - "$T/w/out"
	expect 0 ctr rm c
}

test_following_across_restarts() {
	pull alpine
	expect 0 ctr run -d --name c --network=none --restart on-failure:2 alpine sh -c 'echo again; sleep 0.1; exit 1'
	expect 0 timeout 20 ctr-lite logs -f c
	is "$OUT" $'again\nagain\nagain'
	expect 0 ctr rm c
}

test_a_log_elsewhere() {
	pull alpine
	expect 0 ctr run --name c --network=none --log-driver json-file --log-opt path=my.log alpine echo there
	matches "$(cat my.log)" ' stdout F there$'
	is "$(ctr inspect -f '{{.HostConfig.LogConfig.Path}} {{.HostConfig.LogConfig.Type}}' c)" "$PWD/my.log json-file"
	is "$(ctr logs c)" there
	# what stands in its place now is not read
	rm my.log
	mkfifo my.log
	expect 125 timeout 10 ctr-lite logs c
	contains "$ERR" "not a regular file"
	rm my.log
	echo '2020-01-01T00:00:00.000000000+00:00 stdout F secret' >secret
	ln -s secret my.log
	expect 125 ctr logs c
	expect 125 ctr start c
	lacks "$OUT" secret
	rm my.log
	# what nobody of us wrote is left out, and a line without an end is none
	printf 'junk\n\n2020-01-01T00:00:00Z stdout F ok\n2020-01-01T00:00:00Z stdout X no\n%s\n2020-01-01T00:00:00Z stderr F err\n2020-01-01T00:00:00Z stdout F tor' \
		"$(head -c 3000000 /dev/zero | tr '\0' x)" >my.log
	expect 0 ctr logs c
	is "$OUT/$ERR" "ok/err"
	is "$(ctr logs --tail 2 c 2>&1)" $'ok\nerr'
	is "$(ctr logs --tail 1 c 2>&1)" err
	expect 0 ctr rm c
}

test_log_options_are_checked() {
	pull alpine
	bad() {
		expect 125 ctr create --name c "$@" alpine
		is_gone c || fail "it was made: $*"
	}
	bad --log-driver fluentd
	contains "$ERR" "invalid log driver"
	bad --log-opt max-size=big
	bad --log-opt max-file=0
	bad --log-opt max-file=-1
	bad --log-opt colour=red
	bad --log-opt tag=x
	contains "$ERR" "does not support --log-opt tag"
	bad --log-driver journald --log-opt max-size=1m
	bad --log-driver journald --log-opt label=lower=x
	bad --log-driver passthrough -t
	expect 0 ctr create --name c --log-opt max-size=-1 --log-opt max-file=3 alpine
	expect 0 ctr rm c
}

test_passthrough() {
	pull alpine
	is "$(echo in | command ctr-lite run --rm --network=none --log-driver passthrough alpine sh -c 'cat; echo err >&2' 2>"$T/w/err")" in
	is "$(cat "$T/w/err")" err
	expect 3 ctr run --name c --network=none --log-driver passthrough alpine sh -c 'echo out; exit 3'
	is "$OUT" out
	expect 125 ctr logs c
	contains "$ERR" "'passthrough' log driver, cannot read logs"
	expect 0 ctr rm c
	expect 125 ctr run --rm --network=none --log-driver passthrough -a stdout alpine true
	contains "$ERR" "cannot specify --attach with --log-driver=passthrough"
	expect 1 ctr run --network=none --name r --restart on-failure:1 --log-driver passthrough alpine sh -c 'echo again; exit 1'
	is "$OUT" $'again\nagain'
	expect 0 ctr rm r
	command ctr-lite run -d --name d --network=none --log-driver passthrough alpine sh -c 'echo bg; sleep 1000' >"$T/w/bg"
	wait_for 5 grep -qx bg "$T/w/bg"
	expect 125 ctr attach d
	contains "$ERR" "'passthrough' log driver, cannot attach"
	expect 0 ctr rm -f -t 0 d
	tty_start "ctr-lite run --rm --network=none --log-driver passthrough alpine true; echo st \$?; ctr-lite run --rm --network=none --log-driver passthrough-tty alpine sh -c 'test -t 1 && echo is a tty'; cat"
	tty_wait "cannot be used"
	tty_wait "^st 125"
	tty_wait "^is a tty"
	tty_end
}

test_the_journal_as_a_log() {
	source "$TESTS/cli/events.sh"
	pull alpine
	CTR_LITE_JOURNAL_SOCKET=$T/none expect 125 ctr run --rm --network=none --log-driver journald alpine echo x
	contains "$ERR" "no journal"
	fake_journal
	printf '#!/bin/sh\necho "$*" >%s/jargs\ncat %s/jexport\n' "$T" "$T" >"$T/jbin/journalctl"
	chmod +x "$T/jbin/journalctl"
	expect 0 ctr run --name c --network=none --log-driver journald --log-opt tag='{{.Name}}-x' --log-opt label=TEAM=blue alpine sh -c \
		'echo out; echo err >&2; head -c 100000 /dev/zero | tr "\0" y; echo; echo end'
	wait_for 5 grep -q '"end"' "$T/jout"
	is "$(head -n 1 "$T/jout" | python3 -c 'import json,sys; e = json.loads(sys.stdin.readline()); print(e["MESSAGE"], e["PRIORITY"], e["CONTAINER_NAME"], e["CONTAINER_TAG"], e["SYSLOG_IDENTIFIER"], e["TEAM"], len(e["CONTAINER_ID_FULL"]))')" \
		"out 6 c c-x c-x blue 64"
	contains "$(cat "$T/jout")" '"CONTAINER_PARTIAL_MESSAGE": "true"'
	PATH=$T/jbin:$PATH expect 0 ctr logs c
	is "$ERR" err
	is "$(wc -c <"$T/.out")" $((4 + 100001 + 4))
	contains "$(cat "$T/jargs")" "CONTAINER_ID_FULL="
	PATH=$T/jbin:$PATH expect 0 ctr logs --tail 2 --since 1m c
	contains "$(cat "$T/jargs")" "--lines=2 --since=@"
	kill $JPID
	wait $JPID || true
	expect 0 ctr rm c
}

#: fast
test_a_last_line_without_its_end() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine printf 'a\tb\001\r\nc'
	is "$(ctr logs c | od -An -c | xargs)" "$(printf 'a\tb\001\r\nc' | od -An -c | xargs)"
	is "$(ctr logs -t c | wc -l) $(ctr logs --tail 1 c)" "1 c"
	expect 0 ctr start -a c
	# the second run begins a line of its own
	is "$(ctr logs c | od -An -c | xargs)" "$(printf 'a\tb\001\r\nc\na\tb\001\r\nc' | od -An -c | xargs)"
	expect 0 ctr rm c
}

test_words_of_errors() {
	pull alpine
	expect 125 ctr logs
	is "$ERR" "Error: specify at least one container name or ID to log"
	expect 125 ctr logs --latest x
	is "$ERR" "Error: --latest and containers cannot be used together"
	expect 125 ctr logs nothing
	is "$ERR" 'Error: no container with name or ID "nothing" found: no such container'
	expect 0 ctr create --name c alpine
	expect 0 ctr logs c
	is "$OUT$ERR" ""
	expect 0 ctr rm c
}
