# Layers stored once more for other id maps (`ctr-lite-transfer shift`, which `--userns` uses).
#: timeout=120

transfer() { "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
check_store() { # WHAT
	local found
	found=$(python3 "$TESTS/harness/storecheck.py" "$GRAPHROOT" "$RUNROOT") || fail "$1: $found"
}
KEEP_ID=0:1:1000,1000:0:1,1001:1001:64535
shift_keys() { transfer shift --uidmap "$KEEP_ID" --gidmap "$KEEP_ID" "$@"; }
keys() { ls "$GRAPHROOT/layers"; }
# As root of the default map, where the ids are those that the copies are made of.
inside() {
	if [ "$(id -u)" = 0 ]; then "$@"; else unshare --map-root-user --map-auto "$@"; fi
}

# Everything that a file has but its owner, of which the host shows other numbers.
describe() { # DIRECTORY
	inside python3 - "$1" <<-'END'
	import os, sys
	links = {}
	for top, dirs, files in os.walk(sys.argv[1]):
	    for name in sorted([""] + files + [d for d in dirs if os.path.islink(f"{top}/{d}")]):
	        path = os.path.join(top, name) if name else top
	        st = os.lstat(path)
	        rel = os.path.relpath(path, sys.argv[1])
	        group = links.setdefault(st.st_ino, rel) if st.st_nlink > 1 and name else ""
	        x = {k: os.getxattr(path, k, follow_symlinks=False).hex() for k in os.listxattr(path, follow_symlinks=False)
	             if k.startswith("user.")}
	        data = os.readlink(path) if os.path.islink(path) else open(path, "rb").read() if os.path.isfile(path) else ""
	        print(rel, oct(st.st_mode), st.st_mtime_ns, st.st_nlink, group, st.st_size if name else "", st.st_rdev,
	              x, hash(data) if len(data) > 99 else data)
	END
}
owner() { inside stat -c %u:%g "$1"; }

copy_is_whole() {
	local k
	export PYTHONHASHSEED=1
	pull debian python
	k=$(keys)
	expect 0 shift_keys $k
	is "$ERR" ""
	for k in $k; do
		describe "$GRAPHROOT/layers/$k/diff" >want
		describe "$GRAPHROOT"/layers/$k/shift-*/diff >got
		cmp want got || fail "$(diff want got | head -n 5)"
		[ -s want ] || fail "nothing to compare"
	done
	check_store "with copies"
	# Owners: image's root is id 1 of the default map, its 1000 would be id 0.
	is "$(inside find "$GRAPHROOT"/layers/*/shift-*/diff -uid 0 | wc -l)" 0 "files of the user"
	is "$(inside find "$GRAPHROOT"/layers/*/diff -uid 0 | wc -l)" \
		"$(inside find "$GRAPHROOT"/layers/*/shift-*/diff -uid 1 | wc -l)"
	is "$(inside find "$GRAPHROOT"/layers/*/diff -gid 42 | wc -l)" \
		"$(inside find "$GRAPHROOT"/layers/*/shift-*/diff -gid 43 | wc -l)"
	expect 0 ctr rmi -f debian python
	is "$(keys)" "" "layers after rmi"
	check_store "after rmi"
}
test_a_copy_is_whole_and_goes_with_its_layer() { copy_is_whole; }
root_test_a_copy_is_whole_and_goes_with_its_layer() { copy_is_whole; }

test_the_second_time_nothing_is_copied() {
	local before
	pull alpine
	expect 0 shift_keys $(keys)
	before=$(inside stat -c %i "$GRAPHROOT"/layers/*/shift-*/diff/bin/busybox)
	# The same map, written in another way.
	expect 0 transfer shift --uidmap 1001:1001:64535,500:501:500,1000:0:1,0:1:500 --gidmap "$KEEP_ID" $(keys)
	is "$(inside stat -c %i "$GRAPHROOT"/layers/*/shift-*/diff/bin/busybox)" "$before"
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" "$(keys | wc -l)"
	# Another map is another copy.
	expect 0 transfer shift --uidmap 0:5:65000 --gidmap 0:5:65000 $(keys)
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" $((2 * $(keys | wc -l)))
	expect 0 ctr run --rm --network=none alpine true
}

test_ten_at_once_copy_once() {
	local i pids=() r=0
	pull python
	for i in {1..10}; do
		shift_keys $(keys) >"out$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || r=1
	done
	is "$r" 0 "$(cat out*)"
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" "$(keys | wc -l)"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	check_store "after ten at once"
}

test_an_id_outside_of_the_map_is_named() {
	python3 - <<-'END'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	pack(file("etc/fine", "x") + file("home/it", "x", uid=70, gid=3) + END, "t.tar")
	END
	expect 0 transfer import t.tar x
	expect 125 transfer shift --uidmap 0:1:70 --gidmap 0:1:70 $(keys)
	contains "$ERR" "uid 70 of /home/it"
	contains "$ERR" "keep-id:size=N"
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* 2>/dev/null)" "" "what is left"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	expect 125 transfer shift --uidmap 0:1:71 --gidmap 0:1:3 $(keys)
	contains "$ERR" "gid 3 of /home/it"
	expect 0 transfer shift --uidmap 0:1:71 --gidmap 0:1:4 $(keys)
	is "$(owner "$GRAPHROOT"/layers/*/shift-*/diff/home/it)" 71:4
	is "$(owner "$GRAPHROOT"/layers/*/shift-*/diff/etc/fine)" 1:1
	check_store "after errors"
}

test_bad_arguments() {
	local k
	pull alpine
	k=$(keys | head -n 1)
	expect 125 transfer shift "$k"
	contains "$ERR" "--uidmap"
	expect 125 transfer shift --uidmap 0:0 --gidmap 0:0:1 "$k"
	contains "$ERR" "CONTAINER:ID:COUNT"
	expect 125 transfer shift --uidmap 0:0:9,5:20:9 --gidmap 0:0:1 "$k"
	expect 125 shift_keys ../../images
	expect 125 shift_keys "$(printf %064d 0)"
	contains "$ERR" "not in the store"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
}

# The copies come along; what another boot left unfinished does not count.
test_the_store_can_be_moved_and_the_host_can_crash() {
	local before map
	pull alpine
	expect 0 shift_keys $(keys)
	mv "$GRAPHROOT" "$GRAPHROOT.moved"
	GRAPHROOT=$GRAPHROOT.moved
	before=$(inside stat -c %i "$GRAPHROOT"/layers/*/shift-*/diff)
	expect 0 shift_keys $(keys)
	is "$(inside stat -c %i "$GRAPHROOT"/layers/*/shift-*/diff)" "$before"
	for map in "$GRAPHROOT"/layers/*/shift-*/idmap; do
		contains "$(cat "$map")" "boot "
		sed -i 's/^boot .*/boot 00000000-0000-0000-0000-000000000000/' "$map"
	done
	expect 0 shift_keys $(keys)
	[ "$(inside stat -c %i "$GRAPHROOT"/layers/*/shift-*/diff)" != "$before" ] || fail "it was taken as it was"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	# What is old enough is made sure of, and counts for good.
	touch -d '10 minutes ago' "$GRAPHROOT"/layers/*/shift-*/idmap
	expect 0 shift_keys $(keys)
	lacks "$(cat "$GRAPHROOT"/layers/*/shift-*/idmap)" boot
	check_store "after a crash"
	mv "$GRAPHROOT" "${GRAPHROOT%.moved}"
}
