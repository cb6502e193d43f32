# Image archives from strangers: whatever an archive says, nothing outside of the store changes, an
# archive that is refused leaves nothing, and its benign twin is loaded.
#: timeout=180

mkarchive() { python3 "$TESTS/hostile/mkarchive.py" "$@"; }
mktar() { python3 "$TESTS/hostile/mktar.py" "$@"; }
# The limits as they are, but for what would take minutes to reach.
export CTR_LITE_UNPACK_LIMITS=ratio_floor=256m

empty_store() {
	is "$(find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 2>/dev/null)" "" "layers after $1"
	is "$(find "$GRAPHROOT/images/blobs" -type f 2>/dev/null)" "" "blobs after $1"
	is "$(ls -A "$GRAPHROOT/tmp" 2>/dev/null)" "" "tmp/ after $1"
	is "$(ctr images -aq)" "" "images after $1"
}

refused() { # CASE ARCHIVE
	expect 125 ctr load -q -i "$2"
	is "$(wc -l <<<"$ERR")" 1 "lines of the message for $1"
	contains "$ERR" "Error: load $2: " "message for $1"
	lacks "$ERR" "$(printf '\033')" "message for $1"
	lacks "$ERR" "safe" "message for $1"
	empty_store "$1"
}

cases() {
	local c
	canary_new
	cd "$T/w"
	for c in $(mkarchive cases); do
		mkarchive "$c" a.tar "$T/canary"
		case $c in
		benign-*)
			expect 0 ctr load -q -i a.tar
			is "$OUT" "Loaded image: example.org/x:1" "$c"
			expect 0 ctr rmi -f example.org/x:1
			;;
		*)
			refused "$c" a.tar
			;;
		esac
		canary_check
	done
	[ ! -e "$T/canary/new" ] || fail "a file outside"
}
test_refused_archives_leave_nothing() { cases; }
root_test_refused_archives_leave_nothing() { cases; }

# Hostile layers in an archive are unpacked as those of a registry are.
layers_in_archives() {
	local c
	canary_new
	cd "$T/w"
	for c in link-write-abs link-write-up link-chmod-dir link-last hard-up hard-via-link wh-via-link \
		opq-via-link dir-becomes-link name-inner-dotdot; do
		mktar case "$c" l.tar "$T/canary"
		mkarchive layer a.tar "$T/canary" l.tar
		run ctr load -q -i a.tar
		case $STATUS in
		0) expect 0 ctr rmi -f example.org/x:1 ;;
		125) ;;
		*) fail "$c: status $STATUS" ;;
		esac
		canary_check
		empty_store "$c"
	done
}
test_hostile_layers_in_archives() { layers_in_archives; }
root_test_hostile_layers_in_archives() { layers_in_archives; }

# Wherever it is cut off, nothing of it is seen.
test_archives_that_end_early() {
	local n size
	cd "$T/w"
	for c in benign-docker benign-oci; do
		mkarchive "$c" whole.tar
		# The zeros at the end may be missing, and the padding of the last member.
		size=$(python3 -c 'print(len(open("whole.tar", "rb").read().rstrip(b"\0")))')
		for ((n = 0; n < size; n += 509)); do
			head -c "$n" whole.tar >a.tar
			expect 125 ctr load -q -i a.tar
			expect 125 bash -c 'head -c "$1" whole.tar | command ctr-lite load -q' - "$n"
			contains "$ERR" "Error: load the standard input: "
			empty_store "$c cut at $n"
		done
		head -c "$size" whole.tar >a.tar
		expect 0 ctr load -q -i a.tar
		expect 0 ctr rmi example.org/x:1
	done
}

# A name that is here already moves, as docker and podman have it, but not silently.
test_names_that_are_taken_are_told() {
	cd "$T/w"
	make_image
	expect 0 ctr tag bb example.org/x:1
	mkarchive benign-docker a.tar
	expect 0 ctr load -q -i a.tar
	contains "$ERR" "example.org/x:1 was the name of image"
	expect 0 ctr image exists bb
}

# The message for a pipe that is endless is a limit's, not that of a full disk.
test_endless_input_ends_at_a_limit() {
	expect 125 env CTR_LITE_UNPACK_LIMITS=max_bytes=16m bash -c 'yes | command ctr-lite load -q'
	contains "$ERR" "max_bytes"
	empty_store "an endless pipe"
	expect 125 env CTR_LITE_UNPACK_LIMITS=max_bytes=16m bash -c 'yes | gzip -1 | command ctr-lite load -q'
	contains "$ERR" "max_bytes"
	empty_store "an endless compressed pipe"
}
