# Unpacking and importing that are killed at any moment: the next command leaves no trace of them.
#: timeout=300 serial

mktar() { python3 "$TESTS/hostile/mktar.py" "$@"; }
transfer() { "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
none=sha256:$(printf %064d 0)

# Any command collects; this one does nothing else.
collect() { expect 125 transfer unpack "$none"; }
check_store() { # WHAT
	local found
	found=$(python3 "$TESTS/harness/storecheck.py" "$GRAPHROOT" "$RUNROOT") || fail "$1: $found"
}
# A killed worker is seen until its last system call ends.
no_workers() { ! pgrep -f -- "--root $GRAPHROOT "; }

# Run in the background and kill with SIGKILL after so many milliseconds.
kill_after() { # MS COMMAND...
	local ms=$1 pid
	shift
	"$@" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '0.%03d' "$ms")"
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

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

killed_unpack() { # TIMES
	local m i took start
	mkdir -p "$GRAPHROOT"
	make_layers
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/k:1 0.tar.gz 1.tar.gz 2.tar.gz)
	start=$(date +%s%N)
	expect 0 transfer unpack "$m"
	took=$((($(date +%s%N) - start) / 1000000))
	for ((i = 0; i < $1; i++)); do
		transfer_forget
		kill_after $((RANDOM % (took + 20) % 1000)) exec_transfer unpack "$m"
		collect
		wait_for 5 no_workers
		# A worker that was only just forked held for a moment what its maker held.
		[ -z "$(ls -A "$GRAPHROOT/tmp")" ] || collect
		is "$(ls -A "$GRAPHROOT/tmp")" "" "tmp/ after kill $i"
		check_store "kill $i"
	done
	expect 0 transfer unpack "$m"
	is "$(find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3
	is "$(find "$GRAPHROOT/layers" -name new | wc -l)" 0
	check_store "the end"
}
exec_transfer() { exec "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
# The image is in the layout and not unpacked.
transfer_forget() {
	rm -f "$GRAPHROOT"/meta/*
	mkdir -p "$GRAPHROOT/tmp/forgotten"
	[ -z "$(ls -A "$GRAPHROOT/layers")" ] || mv "$GRAPHROOT"/layers/* "$GRAPHROOT/tmp/forgotten/"
	collect
}
test_killed_unpack_leaves_nothing() { killed_unpack 50; }
root_test_killed_unpack_leaves_nothing() { killed_unpack 15; }

test_killed_import_leaves_nothing() {
	local i start took
	make_layers
	start=$(date +%s%N)
	expect 0 transfer import 0.tar.gz first
	took=$((($(date +%s%N) - start) / 1000000))
	for i in {1..50}; do
		kill_after $((RANDOM % (took + 20) % 1000)) exec_transfer import "$((i % 3)).tar.gz" "again:$i"
		collect
		wait_for 5 no_workers
		check_store "kill $i"
	done
	expect 0 transfer import 2.tar.gz last
	check_store "the end"
}

# A worker that dies is an error of the command, which cleans up.
test_killed_worker_is_an_error() {
	local i pid child
	make_layers
	mkfifo in
	exec_transfer import in x >out 2>err &
	pid=$!
	exec 7>in
	head -c 20000 0.tar.gz >&7
	for i in {1..100}; do
		child=$(pgrep -P "$pid" | head -n 1) && [ -n "$child" ] && break
		sleep 0.02
	done
	kill -9 "$child"
	cat 0.tar.gz >&7 2>/dev/null || true
	exec 7>&-
	i=0
	wait "$pid" || i=$?
	is "$i" 125
	contains "$(cat err)" "SIGKILL"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	check_store "after the worker was killed"
}

# Ctrl-C: nothing stays, and the shell sees the signal.
test_interrupt_leaves_nothing() {
	local pid r=0
	make_layers
	mkfifo in
	exec_transfer import in x >out 2>err &
	pid=$!
	exec 7>in
	head -c 20000 0.tar.gz >&7
	wait_for 5 pgrep -P "$pid"
	kill -TERM "$pid"
	wait "$pid" || r=$?
	exec 7>&-
	is "$r" 143
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	check_store "after SIGTERM"
}

# Many at once, of the same layers and of others, while each collects what dead ones left.
test_many_at_once() {
	local i pids=() r=0
	make_layers
	for i in {1..6}; do
		transfer import "$((i % 3)).tar.gz" "p:$i" >"out$i" 2>"err$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || r=1
	done
	is "$r" 0 "$(cat err*)"
	is "$(jq -r '.manifests | length' "$GRAPHROOT/images/index.json")" 6
	is "$(find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3
	check_store "after six at once"
}

# A file system that fills up: an error that says so, nothing left, and what fits still goes in.
root_test_full_disk() {
	mkdir -p "$GRAPHROOT"
	export -f transfer mktar expect run fail is contains lacks check_store make_layers
	unshare -m bash -eu <<-'END'
	mount -t tmpfs -o size=12m,mode=700 none "$GRAPHROOT"
	python3 - <<-'PY'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	pack(file("big", os.urandom(9 << 20)) + END, "big.tar")
	pack(b"".join(file(f"f{i}", b"x" * 5000) for i in range(4000)) + END, "many.tar.gz")
	pack(file("small", "x") + END, "small.tar")
	PY
	for t in big.tar many.tar.gz; do
		expect 125 transfer import $t x
		case $ERR in
		*"No space left"*|*"almost full"*) ;;
		*) fail "what does that tell? $ERR" ;;
		esac
		is "$(ls -A "$GRAPHROOT/tmp")" ""
		check_store "$t did not fit"
	done
	expect 0 transfer import small.tar x
	check_store "what fits"
	END
}

# Few descriptors: an error or success, but nothing left.
test_few_descriptors() {
	local m i n list=()
	mkdir -p "$GRAPHROOT"
	for i in {1..20}; do
		mktar tar "n$i.tar.gz" "f:n$i:$i"
		list+=("n$i.tar.gz")
	done
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/r:3 "${list[@]}")
	for n in 20 30 40 60; do
		run bash -c "ulimit -n $n; exec \"\$@\"" - "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" \
			--runroot "$RUNROOT" unpack "$m"
		[ "$STATUS" != 125 ] || contains "$ERR" "Too many open files"
		is "$(ls -A "$GRAPHROOT/tmp")" ""
		check_store "with $n descriptors"
	done
	expect 0 transfer unpack "$m"
}
