# Copying layers for other id maps: their files were made by strangers, and we may be killed.
#: timeout=200

transfer() { "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
exec_transfer() { exec "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
MAP=0:1:1000,1000:0:1,1001:1001:64535
keys() { ls "$GRAPHROOT/layers"; }
check_store() { # WHAT
	local found
	found=$(python3 "$TESTS/harness/storecheck.py" "$GRAPHROOT" "$RUNROOT") || fail "$1: $found"
}
inside() {
	if [ "$(id -u)" = 0 ]; then "$@"; else unshare --map-root-user --map-auto "$@"; fi
}

# Links that lead outside, and what hangs or breaks whoever opens it.
strange_files() {
	local d
	canary_new
	python3 - "$T/canary" <<-'END'
	import os, sys
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	canary = sys.argv[1]
	up = "../" * 30 + canary.lstrip("/")
	def other(name, kind, **kw):
	    return header(name, kind=kind, **kw)
	t = directory("./") + directory("d/") + file("d/f", "x" * 70000)
	for i, target in enumerate([canary, canary + "/file", up, up + "/file", "/proc/self/root" + canary, ".", "l5", "d"]):
	    t += other(f"l{i}", b"2", link=target)
	t += other("d/fifo", b"6", uid=5) + other("d/tty", b"3", major=5, minor=0) + other("d/null", b"3", major=1, minor=3)
	t += other("hard", b"1", link="d/f") + other("hardlink-to-link", b"1", link="l0")
	t += other("hardfifo", b"1", link="d/fifo")
	deep = "/".join(["n"] * 900)
	t += file("d/.wh.gone", "") + directory("opq/") + file("opq/.wh..wh..opq", "")
	t += directory("x" * 99 + "/") + file("d/new\nline\x1b[31m", "x") + file("d/\\", "y")
	t += pax(path=deep + "/end") + file("short", "deep")
	pack(t + END, "strange.tar")
	END
	expect 0 transfer import strange.tar strange
	expect 0 timeout 60 "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" \
		shift --uidmap "$MAP" --gidmap "$MAP" $(keys)
	canary_check
	d=$(echo "$GRAPHROOT"/layers/*/shift-*/diff)
	is "$(inside readlink "$d/l0")" "$T/canary"
	is "$(inside stat -c %F:%u "$d/d/fifo")" fifo:6
	is "$(inside stat -c %h "$d/hardfifo")" 2
	is "$(inside stat -c %h "$d/hard")" 2
	is "$(inside stat -c '%F %t:%T' "$d/d/gone")" "character special file 0:0"
	is "$(inside find "$GRAPHROOT"/layers/*/diff | wc -l)" "$(inside find "$d" | wc -l)" "number of files"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	check_store "with strange files"
}
test_links_devices_and_fifos_are_only_copied() { strange_files; }
root_test_links_devices_and_fifos_are_only_copied() { strange_files; }

make_layers() {
	python3 - <<-'END'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	for n in range(3):
	    t = directory("./")
	    for i in range(1500):
	        if i % 100 == 0:
	            t += directory(f"l{n}/d{i}/", uid=n)
	        t += file(f"l{n}/d{i - i % 100}/f{i}", os.urandom(200) * (1 + i % 40), uid=i % 3)
	    pack(t + END, f"{n}.tar.gz")
	END
}

no_workers() { ! pgrep -f -- "--root $GRAPHROOT "; }
# Any command collects; this one does nothing else.
collect() { expect 125 transfer unpack "sha256:$(printf %064d 0)"; }

# Command line, or the worker alone, killed at any moment.
killed_copy() { # TIMES
	local i n took start pid ms
	make_layers
	for i in 0 1 2; do
		expect 0 transfer import $i.tar.gz "k:$i"
	done
	n=$(find "$GRAPHROOT"/layers/*/diff 2>/dev/null | wc -l)
	start=$(date +%s%N)
	expect 0 transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys)
	took=$((($(date +%s%N) - start) / 1000000))
	for ((i = 0; i < $1; i++)); do
		inside rm -rf "$GRAPHROOT"/layers/*/shift-*
		exec_transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys) >/dev/null 2>&1 &
		pid=$!
		ms=$((RANDOM % (took + 20) % 1000))
		sleep "$(printf '0.%03d' $ms)"
		if [ $((i % 3)) = 2 ]; then
			pkill -9 -P "$pid" || true
		else
			kill -9 "$pid" 2>/dev/null || true
		fi
		wait "$pid" 2>/dev/null || true
		collect
		wait_for 5 no_workers
		is "$(ls -A "$GRAPHROOT/tmp")" "" "tmp/ after kill $i"
		check_store "kill $i"
		if [ $((i % 5)) = 4 ]; then
			expect 0 transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys)
			is "$(inside find "$GRAPHROOT"/layers/*/diff | wc -l)" \
				"$(inside find "$GRAPHROOT"/layers/*/shift-*/diff | wc -l)" "files of the copy"
			is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" 3
		fi
	done
	check_store "the end"
}
#: timeout=300 serial
test_killed_copy_leaves_nothing() { killed_copy 20; }
#: timeout=300 serial
root_test_killed_copy_leaves_nothing() { killed_copy 10; }

test_interrupt_leaves_nothing() {
	local pid r=0
	make_layers
	expect 0 transfer import 0.tar.gz x
	# Somebody else is at it: we wait, and can be told to stop.
	exec 7<"$(echo "$GRAPHROOT"/layers/*/layer.json)"
	flock 7
	exec_transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys) >out 2>&1 &
	pid=$!
	sleep 0.5
	kill -0 "$pid" || fail "it did not wait: $(cat out)"
	kill -TERM "$pid"
	wait "$pid" || r=$?
	exec 7>&-
	is "$r" 143
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	check_store "after SIGTERM"
}

# A file system that fills up: an error that says so, and nothing is left of the copy.
root_test_full_disk() {
	mkdir -p "$GRAPHROOT"
	export MAP
	export -f transfer expect run fail is contains check_store keys
	unshare -m bash -eu <<-'END'
	mount -t tmpfs -o size=30m,mode=700 none "$GRAPHROOT"
	python3 - <<-'PY'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	pack(b"".join(file(f"f{i}", os.urandom(1 << 20)) for i in range(9)) + END, "t.tar")
	PY
	expect 0 transfer import t.tar x
	head -c 8m /dev/zero >"$GRAPHROOT/images/blobs/sha256/ballast"
	expect 125 transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys)
	contains "$ERR" "No space left"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	is "$(ls "$GRAPHROOT"/layers/*)" "$(printf 'diff\nfiles\nlayer.json')"
	rm "$GRAPHROOT/images/blobs/sha256/ballast"
	check_store "no space"
	expect 0 transfer shift --uidmap "$MAP" --gidmap "$MAP" $(keys)
	END
}
