# How blobs are fetched: each once, whoever wants it; what came is kept; large ones over several
# connections.  The registry is images/paced-registry.py.
#: timeout=120

paced_start() { # IMAGES-JSON OPTIONS OF THE SERVER
	mkdir -p "$T/paced"
	printf '%s' "$1" >"$T/paced/images.json"
	shift
	rm -f "$T/paced/env" "$T/paced/stdin"
	mkfifo "$T/paced/stdin"
	python3 "$TESTS/images/paced-registry.py" "$T/paced" "$@" <"$T/paced/stdin" >"$T/paced/out" 2>&1 &
	exec 8>"$T/paced/stdin" # it ends when this shell does
	wait_for 20 test -e "$T/paced/env"
	. "$T/paced/env"
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$PACED" >"$T/paced/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/paced/registries.conf
}
blob_requests() { jq -r 'select(.path | contains("/blobs/")) | .path' "$T/paced/log"; }
ranges() { jq -r 'select(.range) | .range' "$T/paced/log"; }
sent() { jq -s '[.[] | select(.path | contains("/blobs/")) | .sent] | add' "$T/paced/log"; }
partials() { find "$GRAPHROOT/partial" -mindepth 1 -name '[0-9a-f]*' 2>/dev/null; }
partial_kib() { du -sk "$GRAPHROOT/partial" 2>/dev/null | cut -f1; }
has_kib() { [ "$(partial_kib)" -ge "$1" ]; }
nothing_partial() { is "$(find "$GRAPHROOT/partial" -mindepth 1)" "" "what is left of fetching"; }
# The file in layer SEED is what the server made.
whole() { # SEED SIZE
	local want
	want=$(python3 -c "import random, hashlib; print(hashlib.sha256(random.Random($1).randbytes($2)).hexdigest())")
	is "$(sha256sum <"$(find "$GRAPHROOT"/layers/*/diff/data -name "noise-$1")" | cut -d' ' -f1)" "$want" "the file of layer $1"
}

test_ten_pulls_of_one_image_fetch_each_blob_once() {
	local i pids=
	paced_start '{"one": [[1, 2000000], [2, 500000], [3, 1000]]}' --gate 300000
	for i in 0 1 2 3 4 5 6 7 8 9; do
		command ctr-lite pull "$PACED/one" >"$T/id.$i" 2>"$T/err.$i" 8>&- &
		pids="$pids $!"
	done
	nine_wait() { [ "$(cat "$T"/err.* | grep -c 'Waiting for another pull')" = 9 ]; }
	wait_for 20 nine_wait
	wait_for 20 test -e "$T/paced/gated"
	touch "$T/paced/open"
	for i in $pids; do wait "$i" || fail "a pull failed: $(cat "$T"/err.*)"; done
	is "$(cat "$T"/id.* | sort -u | wc -l)" 1 "different images"
	is "$(cat "$T"/id.* | wc -l)" 10 "images"
	is "$(blob_requests | sort | uniq -d)" "" "blobs that were fetched twice"
	is "$(blob_requests | wc -l)" 4 "blobs"
	whole 1 2000000
	nothing_partial
}

test_a_shared_layer_of_two_images_is_fetched_once() {
	local first second
	paced_start '{"one": [[1, 2000000], [2, 1000]], "two": [[1, 2000000], [3, 1000]]}' --gate 300000
	command ctr-lite pull -q "$PACED/one" >"$T/one" 2>&1 8>&- &
	first=$!
	wait_for 20 test -e "$T/paced/gated"
	command ctr-lite pull -q "$PACED/two" >"$T/two" 2>&1 8>&- &
	second=$!
	# its own small layer is there, and the large one is waited for
	small_ones() { [ "$(blob_requests | sort -u | wc -l)" = 4 ]; }
	wait_for 20 small_ones
	touch "$T/paced/open"
	wait $first || fail "$(cat "$T/one")"
	wait $second || fail "$(cat "$T/two")"
	is "$(blob_requests | sort | uniq -d)" "" "blobs that were fetched twice"
	is "$(find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3 "layers"
	is "$(find "$GRAPHROOT/layers" -maxdepth 2 -name new)" "" "layers that are marked as new"
	nothing_partial
	# the one's end is not the other's
	expect 0 ctr rmi "$PACED/one"
	expect 0 ctr rmi "$PACED/two"
}

test_when_the_fetching_pull_is_killed_another_goes_on() {
	local first second
	paced_start '{"one": [[1, 3000000]]}' --gate 1500000
	command ctr-lite pull -q "$PACED/one" >"$T/one" 2>&1 8>&- &
	first=$!
	wait_for 20 test -e "$T/paced/gated"
	wait_for 20 has_kib 1000
	command ctr-lite pull "$PACED/one" >"$T/two" 2>&1 8>&- &
	second=$!
	wait_for 20 grep -q 'Waiting for another pull' "$T/two"
	kill -KILL "$(pgrep -P $first -f ctr-lite-transfer)"
	wait $first && fail "the pull whose worker was killed claims success"
	touch "$T/paced/open"
	wait $second || fail "$(cat "$T/two")"
	matches "$(ranges)" '^bytes=[1-9][0-9]{5,}-$' "the range that was asked for"
	whole 1 3000000
	nothing_partial
	expect 0 ctr images # it removes what the killed one staged
}

test_a_killed_pull_is_resumed_by_the_next_command() {
	local pid
	paced_start '{"one": [[1, 3000000], [2, 1000]]}' --gate 1500000
	command ctr-lite pull -q "$PACED/one" >"$T/one" 2>&1 8>&- &
	pid=$!
	wait_for 20 test -e "$T/paced/gated"
	wait_for 20 has_kib 1000
	kill -KILL "$(pgrep -P $pid -f ctr-lite-transfer)"
	wait $pid && fail "the pull whose worker was killed claims success"
	is "$(partials | wc -l)" 3 "blobs that are kept"
	touch "$T/paced/open"
	expect 0 ctr pull -q "$PACED/one"
	is "$(ranges | wc -l)" 1 "requests for the rest of a blob"
	is "$(jq -c 'select(.range == null)' "$T/paced/log" | grep /blobs/ | sort | uniq -d)" "" "blobs that were fetched twice"
	matches "$(ranges)" '^bytes=1[0-9]{6}-$' "the range that was asked for"
	whole 1 3000000
	nothing_partial
}

test_an_interrupted_pull_is_resumed_too() {
	local pid
	paced_start '{"one": [[1, 3000000]]}' --gate 1500000
	setsid ctr-lite pull -q "$PACED/one" >"$T/one" 2>&1 8>&- &
	pid=$!
	wait_for 20 test -e "$T/paced/gated"
	wait_for 20 has_kib 1000
	kill -INT -$pid # all of its processes, as a terminal does
	wait $pid && fail "an interrupted pull claims success"
	is "$(ls "$GRAPHROOT/tmp")" "" "what is staged after an interrupt"
	touch "$T/paced/open"
	expect 0 ctr pull -q "$PACED/one"
	matches "$(ranges)" '^bytes=1[0-9]{6}-$' "the range that was asked for"
	whole 1 3000000
}

test_wrong_bytes_of_an_earlier_pull_are_fetched_again() {
	local pid f
	paced_start '{"one": [[1, 3000000]]}' --gate 1500000
	command ctr-lite pull -q "$PACED/one" >"$T/one" 2>&1 8>&- &
	pid=$!
	wait_for 20 test -e "$T/paced/gated"
	wait_for 20 has_kib 1000
	kill -KILL "$(pgrep -P $pid -f ctr-lite-transfer)"
	wait $pid && fail "the pull whose worker was killed claims success"
	touch "$T/paced/open"
	f=$(find "$GRAPHROOT/partial" -type f -size +1000k)
	printf 'XXXX' | dd of="$f" bs=1 seek=500000 conv=notrunc status=none
	expect 0 ctr pull -q "$PACED/one"
	whole 1 3000000
	nothing_partial
	# a note that makes no sense, and one of another length
	expect 0 ctr rmi "$PACED/one"
	head -c 5000000 /dev/urandom >"$f"
	expect 0 ctr pull -q "$PACED/one"
	whole 1 3000000
	nothing_partial
}

test_a_large_blob_comes_over_several_connections() {
	paced_start '{"one": [[1, 16000000]]}' --rate 3000000
	expect 0 ctr pull -q "$PACED/one"
	whole 1 16000000
	[ "$(ranges | wc -l)" -ge 2 ] || fail "one connection for all: $(cat "$T/paced/log")"
	# little came twice
	[ "$(sent)" -lt 20000000 ] || fail "$(sent) bytes were sent"
	nothing_partial
}

test_a_registry_without_ranges_sends_all() {
	paced_start '{"one": [[1, 9000000]]}' --rate 3000000 --no-ranges
	expect 0 ctr pull -q "$PACED/one"
	whole 1 9000000
	nothing_partial
}

test_what_nobody_goes_on_with_is_removed() {
	local old new
	paced_start '{"one": [[1, 1000]]}'
	mkdir -p "$GRAPHROOT/partial"
	old=$GRAPHROOT/partial/$(printf %064d 1) new=$GRAPHROOT/partial/$(printf %064d 2)
	echo old >"$old"
	echo new >"$new"
	touch -d '2 days ago' "$old"
	expect 0 ctr pull -q "$PACED/one"
	[ ! -e "$old" ] || fail "a partial blob of two days ago is kept"
	[ -e "$new" ] || fail "a partial blob of now is gone"
	expect 0 ctr image prune -f --filter until=1h
	[ -e "$new" ] || fail "a filter does not choose partial blobs"
	expect 0 ctr image prune -f
	[ ! -e "$new" ] || fail "image prune leaves a partial blob"
}

test_several_images_at_once() {
	local pid
	paced_start '{"one": [[1, 1000000]], "two": [[2, 1000]], "three": [[3, 1000]]}' --gate 300000
	command ctr-lite pull "$PACED/one" "$PACED/none" "$PACED/two" "$PACED/three" >"$T/out" 2>"$T/err" 8>&- &
	pid=$!
	two_are_here() { [ "$(ctr images -q | wc -l)" = 2 ]; }
	wait_for 20 two_are_here # while the first is still on its way
	is "$(cat "$T/out")" "" "what is printed before the first is there"
	touch "$T/paced/open"
	wait $pid && fail "an image that does not exist was pulled"
	is "$(grep -c '^Error: ' "$T/err")" 1 "errors"
	contains "$(grep '^Error: ' "$T/err")" "$PACED/none"
	is "$(cat "$T/out")" "$(ctr inspect --type image -f '{{.Id}}' "$PACED/one" "$PACED/two" "$PACED/three")" "the IDs in order"
	# one after the other, when that is asked for
	expect 0 ctr rmi -a
	rm "$T/paced/open" "$T/paced/gated"
	command ctr-lite pull --jobs 1 "$PACED/one" "$PACED/two" >"$T/out" 2>"$T/err" 8>&- &
	pid=$!
	wait_for 20 test -e "$T/paced/gated"
	lacks "$(cat "$T/err")" "$PACED/two"
	touch "$T/paced/open"
	wait $pid || fail "$(cat "$T/err")"
	is "$(wc -l <"$T/out")" 2 "images"
	expect 125 ctr pull --jobs 0 "$PACED/one"
	contains "$ERR" "--jobs 0"
	expect 125 ctr pull --jobs 65 "$PACED/one" "$PACED/two"
	contains "$ERR" "from 1 to 64"
}

test_several_images_end_with_the_command() {
	local pid
	paced_start '{"one": [[1, 1000000]], "two": [[2, 1000000]]}' --gate 300000
	setsid ctr-lite pull "$PACED/one" "$PACED/two" >"$T/out" 2>"$T/err" 8>&- &
	pid=$!
	both_began() { [ "$(grep -c 'Copying blob' "$T/err")" = 2 ]; }
	wait_for 20 both_began
	kill -TERM $pid
	wait $pid && fail "a pull that was ended claims success"
	nothing_staged() { [ -z "$(ls "$GRAPHROOT/tmp")" ]; }
	wait_for 10 nothing_staged
	touch "$T/paced/open"
	expect 0 ctr images -q
	is "$OUT" ""
}

# The most anonymous memory that a command and all it starts have together, in KiB.
peak_memory() { # COMMAND...
	python3 - "$@" <<-'END'
	import os, subprocess, sys, time
	def family(pid):
	    yield pid
	    try:
	        for task in os.listdir(f"/proc/{pid}/task"):
	            with open(f"/proc/{pid}/task/{task}/children") as f:
	                for kid in f.read().split():
	                    yield from family(int(kid))
	    except OSError:
	        pass
	def anonymous(pid):
	    try:
	        with open(f"/proc/{pid}/smaps_rollup") as f:
	            return sum(int(line.split()[1]) for line in f if line.startswith("Pss_Anon:"))
	    except (FileNotFoundError, ProcessLookupError):
	        return 0
	p, peak, looks = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL), 0, 0
	while p.poll() is None:
	    peak = max(peak, sum(anonymous(pid) for pid in family(p.pid)))
	    looks += 1
	    time.sleep(0.01)
	sys.exit(f"status {p.returncode}, looked {looks} times") if p.returncode or looks < 5 else print(peak)
	END
}

# Root may look into the workers.
#: noasan
root_test_memory_is_bounded_whatever_the_image() {
	local peak conf=$CONTAINERS_REGISTRIES_CONF
	paced_start '{"long": [[1, 40000000, "long"], [2, 40000000, "long"], [3, 40000000, "long"], [4, 40000000, "long"]]}' --rate 300000
	peak=$(peak_memory ctr-lite "${CTR_GLOBAL[@]}" pull -q "$PACED/long")
	echo "peak of large windows: $peak KiB"
	[ "$peak" -gt 1000 ] || fail "a peak of $peak KiB was hardly measured"
	[ "$peak" -le 65536 ] || fail "$peak KiB of memory for zstd windows of 128 MiB"
	expect 0 ctr rmi -a
	peak=$(peak_memory env CONTAINERS_REGISTRIES_CONF="$conf" ctr-lite "${CTR_GLOBAL[@]}" pull -q --jobs 4 three three:zstd nginx python)
	echo "peak of four images: $peak KiB"
	[ "$peak" -le 65536 ] || fail "$peak KiB of memory for four images at once"
}

# Its files go when nobody waits for it any more: stopped in the middle, it is in nobody's way.
test_removing_a_large_image_blocks_nobody() {
	local pid
	pull three alpine
	command ctr-lite rmi three >"$T/out" 2>&1 8>&- &
	pid=$!
	deletes() { ls "$GRAPHROOT"/tmp/*/gone-l-* && flock -n "$GRAPHROOT/images" true; }
	wait_for 20 deletes
	kill -STOP $pid $(pgrep -P $pid) || fail "it had ended before it was stopped"
	[ -n "$(ls -A "$GRAPHROOT/tmp")" ] || fail "it had removed all before it was stopped"
	expect 0 timeout 10 ctr-lite images -q three
	is "$OUT" ""
	expect 0 timeout 10 ctr-lite tag alpine other
	expect 0 timeout 10 ctr-lite rmi other
	expect 0 timeout 20 ctr-lite pull -q busybox
	expect 0 timeout 10 ctr-lite run --rm --network=none alpine true
	kill -CONT $pid $(pgrep -P $pid)
	wait $pid || fail "$(cat "$T/out")"
}

# 60 files each, of which 12 differ.
test_files_of_a_zstd_chunked_layer_that_are_here_are_not_fetched() {
	local all
	paced_start '{"one": [[7, 6000000, "chunked", 12]], "two": [[8, 6000000, "chunked", 12]]}'
	expect 0 ctr pull -q "$PACED/one"
	all=$(sent)
	[ "$all" -gt 6000000 ] || fail "$all bytes are no whole image"
	: >"$T/paced/log"
	expect 0 ctr --log-level info pull "$PACED/two"
	contains "$ERR" "are here in other blobs"
	[ "$(sent)" -lt 2500000 ] || fail "$(sent) of $all bytes were fetched again: $(cat "$T/paced/log")"
	nothing_partial
	# all of it is right, and the blob is whole: it can be given away as it is
	for image in one two; do
		expect 0 ctr save -q --format oci-archive -o "$T/w/$image.tar" "$PACED/$image"
	done
	is "$(cat "$GRAPHROOT"/images/blobs/sha256/* | wc -c)" "$(du -bc "$GRAPHROOT"/images/blobs/sha256/* | tail -n 1 | cut -f1)"
	for blob in "$GRAPHROOT"/images/blobs/sha256/*; do
		is "$(sha256sum <"$blob" | cut -d' ' -f1)" "$(basename "$blob")" "the digest of a blob"
	done
	is "$(find "$GRAPHROOT"/layers/*/diff -name 'data-*' | wc -l)" 120 "files"
}

test_a_lying_table_of_contents_costs_only_time() {
	paced_start '{"one": [[7, 6000000, "chunked", 12]], "two": [[8, 6000000, "lies", 12]]}'
	pull "$PACED/one"
	expect 0 ctr --log-level info pull "$PACED/two"
	contains "$ERR" "trying again"
	for blob in "$GRAPHROOT"/images/blobs/sha256/*; do
		is "$(sha256sum <"$blob" | cut -d' ' -f1)" "$(basename "$blob")" "the digest of a blob"
	done
	nothing_partial
}

test_a_registry_without_ranges_sends_all_of_a_zstd_chunked_layer() {
	paced_start '{"one": [[7, 3000000, "chunked", 12]], "two": [[8, 3000000, "chunked", 12]]}' --no-ranges
	pull "$PACED/one" "$PACED/two"
	nothing_partial
}
