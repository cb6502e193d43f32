# --runtime: other OCI runtimes in the place of ours, and ours by hand.

# crun and runc insist on a pure cgroup v2, which root can show them in a mount namespace of its own.
foreign_runtime() { # RUNTIME [PREFIX-COMMAND...]
	local rt=$1
	shift
	"$@" ctr-lite $GLOBALS --runtime "$rt" run --rm --network=none alpine sh -c 'exit 3' && return 1 || [ $? = 3 ]
	"$@" ctr-lite $GLOBALS --runtime "$rt" run --rm --network=none alpine no-such-program 2>/dev/null && return 1 ||
		[ $? = 127 ]
	"$@" ctr-lite $GLOBALS --runtime "$rt" run -d --name c --network=none alpine sleep 100
	[ "$("$@" ctr-lite $GLOBALS --runtime "$rt" exec c sh -c 'id -u; echo $PPID; readlink /proc/1/exe')" = \
		$'0\n0\n/bin/busybox' ]
	"$@" ctr-lite $GLOBALS --runtime "$rt" exec c sh -c 'exit 4' && return 1 || [ $? = 4 ]
	echo through | "$@" ctr-lite $GLOBALS --runtime "$rt" exec -i c cat | grep -qx through
	"$@" ctr-lite $GLOBALS --runtime "$rt" exec c no-such-program 2>/dev/null && return 1 || [ $? = 127 ]
	# In the background, with and without a terminal.
	"$@" ctr-lite $GLOBALS --runtime "$rt" exec -d c no-such-program 2>/dev/null && return 1 || [ $? = 127 ]
	"$@" ctr-lite $GLOBALS --runtime "$rt" exec -d c sh -c 'exec sleep 555' | grep -qxE '[0-9a-f]{64}'
	"$@" ctr-lite $GLOBALS --runtime "$rt" exec -d -t c sh -c 'tty >/dev/null && exec sleep 555' | grep -qxE '[0-9a-f]{64}'
	[ "$("$@" ctr-lite $GLOBALS --runtime "$rt" inspect -f '{{len .ExecIDs}}' c)" = 2 ]
	# Made and let go; with descriptors of the caller's; restarted.
	"$@" ctr-lite $GLOBALS --runtime "$rt" create --name i --network=none alpine sh -c 'echo runs; exit 3' >/dev/null
	"$@" ctr-lite $GLOBALS init i >/dev/null
	[ "$("$@" ctr-lite $GLOBALS inspect -f '{{.State.Status}}' i)" = initialized ]
	[ "$("$@" ctr-lite $GLOBALS start -a i || echo $?)" = $'runs\n3' ]
	"$@" ctr-lite $GLOBALS rm i >/dev/null
	[ "$(echo three | "$@" sh -c "exec ctr-lite $GLOBALS --runtime $rt run --rm --network=none \
		--preserve-fds 1 alpine sh -c 'cat <&3' 3<&0 </dev/null")" = three ]
	[ "$("$@" ctr-lite $GLOBALS --runtime "$rt" run --rm --network=none --restart=on-failure:1 alpine \
		sh -c 'echo x >>/f; wc -l </f; exit 6' || echo $?)" = $'1\n2\n6' ]
	# With a terminal: what is typed arrives, its size too, and the exit code comes back.
	tmux -S "$TM" -f /dev/null new-session -d -x 91 -y 33 "$* ctr-lite $GLOBALS --runtime $rt exec -it c sh -c \
		'stty size; test -t 0 && echo on a tty; read x; echo got \$x; exit 7'; echo status \$?; sleep 100"
	for word in '33 91' 'on a tty' hello 'status 7'; do
		[ "$word" != hello ] || tmux -S "$TM" send-keys -l "he"llo
		[ "$word" != hello ] || tmux -S "$TM" send-keys Enter
		for i in $(seq 200); do
			tmux -S "$TM" capture-pane -p | grep -q "$word" && break
			sleep 0.05
		done
		tmux -S "$TM" capture-pane -p | grep -q "$word"
	done
	tmux -S "$TM" capture-pane -p | grep -q 'got hello'
	tmux -S "$TM" kill-server
	[ "$("$@" ctr-lite $GLOBALS --runtime "$rt" exec -it c sh -c 'echo out; exit 4' </dev/null | tr -d '\r'; echo "${PIPESTATUS[0]}")" = $'out\n4' ]
	"$@" ctr-lite $GLOBALS stop -t 0 c
	[ "$("$@" ctr-lite $GLOBALS wait c)" = 137 ]
	"$@" ctr-lite $GLOBALS rm c
}

with_pure_cgroup2() {
	export -f foreign_runtime
	export GLOBALS TM="$T/tmux-foreign"
	unshare -m bash -euc 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; foreign_runtime "$@"' x "$@"
}

root_test_crun_and_runc() {
	local rt
	pull alpine
	GLOBALS="--root $GRAPHROOT --runroot $RUNROOT"
	for rt in crun runc; do
		with_pure_cgroup2 "$rt" || fail "$rt"
	done
}

root_test_crun_and_runc_for_a_user() {
	local rt user=$CTR_TEST_USER
	mkdir -p "$T/w/u/run"
	pull alpine
	mkdir "$T/w/u/copy"
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	GLOBALS="--root $T/w/u/copy --runroot $T/w/u/run"
	for rt in crun runc; do
		with_pure_cgroup2 "$rt" setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$T/w/u" \
			XDG_RUNTIME_DIR="$T/w/u/run" || fail "$rt"
	done
	rm -rf "$T/w/u"
}

test_a_missing_runtime_is_named() {
	pull alpine
	expect 125 ctr run --rm --network=none --runtime /no/such/runtime alpine true
	contains "$ERR" /no/such/runtime
	is "$(ctr ps -aq)" ""
}

test_our_runtime_by_hand() {
	local rt=$CTR_LITE_LIBEXEC/ctr-lite-runtime
	[ -x "$rt" ] || rt=$(command -v ctr-lite-runtime)
	mkdir -p "$T/w/b/rootfs/bin"
	cp "$(command -v busybox)" "$T/w/b/rootfs/bin/busybox"
	ln -s busybox "$T/w/b/rootfs/bin/sh"
	cd "$T/w/b"
	expect 0 "$rt" spec --rootless
	jq '.process.terminal = false | .process.args = ["/bin/sh", "-c", "echo from the runtime; exit 3"]' config.json >c2
	mv c2 config.json
	expect 3 "$rt" --root "$T/w/state" run hand
	is "$OUT" "from the runtime"
	expect 0 "$rt" --version
	matches "$OUT" '^ctr-lite-runtime version [0-9]'
	expect 0 "$rt" features
	jq -e '.ociVersionMax' <<<"$OUT" >/dev/null
}
