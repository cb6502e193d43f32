# run in every combination of -d -i -t --rm -a, and what is said and passed on then.

go() { ctr run --network=none "$@"; }

# What the process has as stdin, stdout, stderr: t(erminal), n(ull), p(ipe or other).
ALPINE_KIND=(alpine sh -c "exec 3<&0 4>&1 5>&2; for f in 3 4 5; do if test -t \$f; then printf t; else case \$(stat -L -c %t:%T /proc/\$\$/fd/\$f) in 1:3) printf n ;; *) printf p ;; esac; fi; done; echo")

#: fast
test_stdio_of_every_combination() {
	local i t want got
	pull alpine
	for i in '' -i; do
		for t in '' -t; do
			want=$([ -n "$t" ] && echo ttt || { [ -n "$i" ] && echo ppp || echo npp; })
			got=$(go --rm $i $t "${ALPINE_KIND[@]}" </dev/null 2>err | tr -d '\r')
			is "$got" "$want" "stdio with $i $t"
			lacks "$(cat err)" Error
		done
	done
	is "$(ctr ps -aq)" ""
}

test_detached_in_every_combination() {
	local opts id
	pull alpine
	for opts in '-d' '-d -i' '-d -t' '-d -i -t' '-d -a stdout' '-d --rm' '-d -i -t --rm' '-dit'; do
		expect 0 go $opts --name c alpine sleep 1000
		matches "$OUT" '^[0-9a-f]{64}$' "output of run $opts"
		id=$OUT
		is "$(ctr inspect -f '{{.Id}} {{.State.Status}}' c)" "$id running"
		case $opts in
		*-t* | -dit) is "$(ctr inspect -f '{{.Config.Tty}}' c)" true ;;
		*) is "$(ctr inspect -f '{{.Config.Tty}}' c)" false ;;
		esac
		expect 0 ctr stop -t 0 c
		case $opts in
		*--rm*) wait_for 5 is_gone c ;;
		*) expect 0 ctr rm c ;;
		esac
	done
	# The caller is not waited for by anybody who holds its stdout.
	is "$(timeout 5 sh -c 'ctr-lite run -d --rm --network=none alpine sleep 1000 | wc -c')" 65
}

# Started in the background it does not end for want of input.
test_detached_with_input_waits_for_a_client() {
	pull alpine
	expect 0 go -d -i --name c alpine cat
	sleep 0.2
	is "$(ctr inspect -f '{{.State.Status}}' c)" running
	is "$(printf 'one\ntwo\n' | timeout 10 ctr-lite attach c)" $'one\ntwo'
	expect 0 ctr wait c
	is "$OUT" 0
}

test_detached_that_does_not_start() {
	pull alpine
	expect 127 go -d --name c alpine no-such-program
	is "$OUT" ""
	contains "$ERR" no-such-program
	expect 126 go -d --name d alpine /etc
	is "$OUT" ""
	expect 125 go -d --no-such-option alpine true
	is "$OUT" ""
	expect 127 go -d --rm --name gone alpine no-such-program
	expect 1 ctr container exists gone
}

test_attach_chooses_streams() {
	pull alpine
	expect 0 go --rm -a stdout alpine sh -c 'echo out; echo err >&2'
	is "$OUT/$ERR" out/
	expect 0 go --rm -a stderr alpine sh -c 'echo out; echo err >&2'
	is "$OUT/$ERR" /err
	expect 0 go --rm -a stdout -a stderr alpine sh -c 'echo out; echo err >&2'
	is "$OUT/$ERR" out/err
	expect 0 go --rm -a STDOUT,STDERR alpine sh -c 'echo out; echo err >&2'
	is "$OUT/$ERR" out/err
	is "$(echo in | go --rm -i -a stdin -a stdout alpine cat)" in
	expect 125 go --rm -a nowhere alpine true
	contains "$ERR" 'invalid stream "nowhere" for --attach - must be one of stdin, stdout, or stderr'
	expect 0 ctr ps -aq
	is "$OUT" ""
}

test_end_of_input_is_passed_on() {
	pull alpine
	# A pipe is half closed; what comes afterwards still arrives.
	is "$(printf x | go --rm -i alpine sh -c 'cat; echo end')" xend
	# A terminal gets its end-of-file character.
	is "$(printf 'x\n' | go --rm -i -t alpine cat 2>/dev/null | tr -d '\r' | tail -n 1)" x
	# Without -i there is nothing to read, and nothing is read.
	is "$(printf 'mine\n' | { go --rm alpine sh -c 'cat; echo none'; cat; })" $'none\nmine'
}

test_exit_status() {
	pull alpine
	expect 0 go --rm alpine true
	expect 44 go --rm alpine sh -c 'exit 300'
	expect 137 go --rm alpine sh -c 'sh -c "kill -KILL \$\$"; exit $?'
	expect 127 go --rm alpine no-such-program
	expect 126 go --rm alpine /etc
	expect 125 go --rm --cap-add no-such-capability alpine true
	expect 255 go --rm --timeout 1 alpine sleep 1000
	for o in -i -t; do
		expect 7 go --rm $o alpine sh -c 'exit 7'
	done
}

test_the_signal_proxy() {
	local pid
	pull alpine
	go --rm --name c alpine sh -c 'trap "echo HUP" HUP; trap "echo USR1" USR1; trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' >out 2>&1 &
	pid=$!
	# A function runs in a subshell of its own: its child is the client.
	wait_for 5 grep -q ready out
	pid=$(pgrep -u "$(id -u)" -f 'ctr-lite run --network=none --rm --name c' | head -n 1)
	kill -HUP "$pid"
	wait_for 5 grep -q HUP out
	kill -USR1 "$pid"
	wait_for 5 grep -q USR1 out
	kill -TERM "$pid"
	wait $! && fail "status 0" || is $? 9
	is_gone c
}

test_without_the_signal_proxy() {
	local pid
	pull alpine
	ctr-lite run --network=none --name c --sig-proxy=false alpine sh -c 'trap "echo TERM" TERM; echo ready; while :; do sleep 0.05; done' >out 2>&1 &
	pid=$!
	wait_for 5 grep -q ready out
	kill -TERM $pid
	wait $pid && fail "status 0" || is $? 1
	is "$(ctr inspect -f '{{.State.Status}}' c)" running
	lacks "$(ctr logs c)" TERM
}

# Also where there is no terminal, a second signal does not lose the container.
test_a_second_signal_orphans_nobody() {
	local pid
	pull alpine
	ctr-lite run --network=none --rm --name c alpine sh -c 'trap "echo got" TERM; echo ready; while :; do sleep 0.05; done' >out 2>&1 &
	pid=$!
	wait_for 5 grep -q ready out
	kill -TERM $pid
	wait_for 5 grep -q got out
	kill -TERM $pid
	wait_for 5 sh -c '[ "$(grep -c got out)" = 2 ]'
	kill -0 $pid || fail "the client has gone"
	expect 0 ctr kill -s KILL c
	wait $pid && fail "status 0" || is $? 137
	wait_for 5 is_gone c
}

test_cidfile() {
	pull alpine
	expect 0 go -d --name c --cidfile cid alpine sleep 1000
	is "$(cat cid)" "$OUT"
	is "$(wc -c <cid)" 64
	expect 0 ctr exec --cidfile cid true
	expect 0 ctr rm -f -t 0 c
	[ ! -e cid ] || fail "the file outlived its container"
	echo old >cid
	expect 0 go --rm --cidfile cid alpine true
	wait_for 5 test ! -e cid # it goes with the container, by its monitor
	expect 125 go --cidfile no/such/dir/cid --name d alpine true
}

# Output of a terminal is one stream, with carriage returns; the status survives the removal.
test_rm_with_a_terminal() {
	pull alpine
	expect 6 go --rm -t alpine sh -c 'echo out; echo err >&2; exit 6'
	is "$OUT" $'out\r\nerr\r'
	is "$ERR" ""
	is "$(ctr ps -aq)" ""
}
