# exec: sessions in the background, their records, many at once.

box() { # OPTION...
	pull alpine
	expect 0 ctr run -d --name c --network=none "$@" alpine sleep 1000
}

sessions() { ctr inspect -f '{{len .ExecIDs}}' c; }

sessions_are() { [ "$(sessions)" = "$1" ]; }

#: fast
test_exec_d_prints_the_session_and_goes_on() {
	local id
	box
	expect 0 ctr exec -d c sh -c 'echo $$ >/tmp/pid; for i in 0 1 2; do readlink /proc/$$/fd/$i; done >/tmp/fds.new; mv /tmp/fds.new /tmp/fds; exec sleep 1000'
	id=$OUT
	matches "$id" '^[0-9a-f]{64}$'
	is "$ERR" ""
	is "$(ctr inspect -f '{{.ExecIDs}}' c)" "[$id]"
	wait_for 5 ctr exec c cat /tmp/fds
	expect 0 ctr exec c cat /tmp/fds
	lacks "$OUT" pipe
	lacks "$OUT" "$T"
	expect 0 ctr exec c sh -c 'kill $(cat /tmp/pid)'
	wait_for 5 sessions_are 0
}

test_exec_d_ends_with_the_container() {
	box
	expect 0 ctr exec -d c sleep 1000
	expect 0 ctr exec -d -t c sleep 1000
	is "$(sessions)" 2
	expect 0 ctr rm -f -t 0 c
	wait_for 5 sh -c "! ls $RUNROOT/containers/*/exec/*"
	is "$(ls "$RUNROOT/containers")" "" "run directories"
}

test_exec_d_tells_why_it_does_not_start() {
	box
	expect 127 ctr exec -d c no-such-program
	is "$OUT" ""
	contains "$ERR" no-such-program
	expect 126 ctr exec -d c /etc
	is "$OUT" ""
	expect 127 ctr exec -d -w /no/such/dir c true
	expect 255 ctr exec -d -u nobody-knows c true
	expect 125 ctr exec -d no-such-container true
	expect 0 ctr stop -t 0 c
	expect 125 ctr exec -d c true
	is "$OUT" ""
	expect 255 ctr exec c true
}

# It keeps nothing of its caller: no descriptor, no directory, no terminal.
test_exec_d_leaves_its_caller() {
	box
	exec 7>"$T/w/lock"
	flock 7
	mkdir -p "$T/w/gone"
	(cd "$T/w/gone" && ctr exec -d c sleep 1000 >/dev/null)
	rmdir "$T/w/gone"
	exec 7>&-
	exec 7>"$T/w/lock"
	flock -n 7 || fail "the session holds a descriptor of its caller"
	is "$(timeout 5 sh -c 'ctr-lite exec -d c sleep 1000 | wc -c')" 65
}

# A terminal that nobody reads must not stop whoever writes to it.
test_exec_dt_has_a_terminal_that_never_fills() {
	box
	expect 0 ctr exec -d -t c sh -c 'head -c 300000 /dev/zero | tr "\0" x; test -t 1 && echo done >/tmp/done'
	wait_for 5 ctr exec c cat /tmp/done
}

test_attached_sessions_are_seen_while_they_run() {
	box
	ctr exec c sh -c 'echo $$ >/tmp/one; exec sleep 1000' &
	wait_for 5 ctr exec c cat /tmp/one
	wait_for 5 sessions_are 1
	ctr exec --no-session c sh -c 'echo $$ >/tmp/two; exec sleep 1000' &
	wait_for 5 ctr exec c cat /tmp/two
	is "$(sessions)" 1
	expect 0 ctr exec c sh -c 'kill $(cat /tmp/one) $(cat /tmp/two)'
	wait || true
	is "$(sessions)" 0
}

# A parent that was killed leaves its record, but holds it no more.
test_a_record_without_its_parent_is_no_session() {
	local id
	box
	expect 0 ctr exec -d c sleep 1000
	id=$OUT
	pkill -KILL -u "$(id -u)" -f "ctr-lite exec -d c sleep" || fail "no parent"
	wait_for 5 sessions_are 0
	[ -e "$RUNROOT"/containers/*/exec/"$id" ] || fail "the record went as well: nothing is shown by this"
}

#: timeout=120 noasan
test_two_hundred_at_once_without_an_error() {
	local i
	box
	for i in $(seq 200); do
		ctr exec c sh -c "sleep 1; echo $i; exit $((i % 100))" >"out-$i" 2>"err-$i" && echo 0 >"st-$i" || echo $? >"st-$i" &
	done
	wait
	for i in $(seq 200); do
		is "$(cat "err-$i")" "" "stderr of $i"
		is "$(cat "out-$i")" "$i"
		is "$(cat "st-$i")" "$((i % 100))" "status of $i"
	done
	is "$(sessions)" 0
}

test_preserve_fds() {
	box
	echo three >f3
	echo four >f4
	is "$(ctr exec --preserve-fds 2 c sh -c 'cat <&3; cat <&4' 3<f3 4<f4)" $'three\nfour'
	run ctr exec --preserve-fds 1 c sh -c 'cat <&4' 3<f3 4<f4
	[ "$STATUS" != 0 ] || fail "a descriptor was passed on that was not to be"
	expect 125 ctr exec --preserve-fds 2 c true 3<f3 4<&-
	contains "$ERR" "descriptor 4"
	expect 125 ctr exec --preserve-fds 1000 c true
}

test_which_container() {
	box --cidfile cid
	expect 0 ctr exec --cidfile cid hostname
	is "$OUT" "$(head -c 12 cid)"
	expect 0 ctr exec -l hostname
	is "$OUT" "$(head -c 12 cid)"
	expect 125 ctr exec --cidfile no-such-file true
	expect 125 ctr exec c
	contains "$ERR" "must provide a non-empty command"
}

test_variables_from_files() {
	box -e KEPT=1 -e CHANGED=old
	printf '# a comment\nCHANGED=file\nNEW=file\nFROM_HOST\nNOT_SET\n' >env
	export FROM_HOST=host
	expect 0 ctr exec --env-file env -e NEW=option c sh -c 'echo $KEPT $CHANGED $NEW $FROM_HOST ${NOT_SET-unset}'
	is "$OUT" "1 file option host unset"
	expect 125 ctr exec --env-file no-such-file c true
}

test_a_terminal_without_a_terminal_only_warns() {
	box
	expect 3 ctr exec -it c sh -c 'test -t 0 && exit 3'
	contains "$ERR" "input device is not a TTY"
	expect 0 ctr exec -t c tty
	is "$ERR" ""
	expect 125 ctr exec --detach-keys ctrl-1 c true
	contains "$ERR" "detach keys"
}

test_events_of_a_session() {
	local id
	box
	expect 4 ctr exec c sh -c 'exit 4'
	expect 0 ctr exec -d c sh -c 'exit 5'
	id=$OUT
	wait_for 5 sh -c "ctr-lite events --stream=false --filter event=exec_died --format '{{.Attributes.execID}} {{.ContainerExitCode}}' | grep -qx '$id 5'"
	expect 0 ctr events --stream=false --filter event=exec --format '{{.Status}}'
	is "$OUT" $'exec\nexec'
	expect 0 ctr events --stream=false --filter event=exec_died --format '{{.ContainerExitCode}}'
	is "$OUT" $'4\n5'
}
