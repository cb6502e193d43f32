# --runtime: other OCI runtimes in the place of ours, and ours by hand.

need_pure_cgroup2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || skip "$1 needs a pure cgroup v2 host; this one is v1 or hybrid"
}

test_crun() {
	need_pure_cgroup2 crun
	pull alpine
	expect 3 ctr run --rm --network=none --runtime crun alpine sh -c 'exit 3'
}

test_runc() {
	need_pure_cgroup2 runc
	pull alpine
	expect 3 ctr run --rm --network=none --runtime runc alpine sh -c 'exit 3'
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
