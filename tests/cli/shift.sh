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

# --- the same through --userns

test_first_and_second_container_with_keep_id() {
	pull debian
	expect 0 ctr run --rm --network=none --userns=keep-id debian stat -c '%u:%g %a' / /etc/passwd /etc/shadow /tmp
	is "$OUT" "$(printf '0:0 755\n0:0 644\n0:42 640\n0:0 1777')"
	is "$ERR" ""
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" "$(keys | wc -l)"
	# Container 1000 is the user by one map, by the other the image's 1000 is somebody else.
	expect 0 ctr run --rm --network=none --userns=keep-id --user 0 debian sh -c 'touch /x && stat -c %u:%g /x'
	is "$OUT" 0:0
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" "$(keys | wc -l)"
	check_store "after keep-id"
}

test_an_image_that_does_not_fit_the_map() {
	pull debian
	expect 125 ctr run --rm --network=none --userns=keep-id --uidmap 0:1:30 debian true
	expect 125 ctr run --rm --network=none --uidmap 0:1:40 --gidmap 0:1:40 debian true
	matches "$ERR" "gid (42|50|43|[5-9][0-9]) of /"
	contains "$ERR" "potentially insufficient UIDs or GIDs available in user namespace"
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* 2>/dev/null)" "" "copies"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	expect 0 ctr run --rm --network=none --uidmap 0:1:70 --gidmap 0:1:70 debian true
}

test_rmi_while_it_runs() {
	pull debian
	expect 0 ctr run -d --name k --network=none --userns=keep-id debian sleep 1000
	expect 2 ctr rmi debian
	expect 0 ctr exec k stat -c %u /etc/passwd
	is "$OUT" 0
	expect 0 ctr inspect k --format '{{.GraphDriver.Data.LowerDir}}'
	is "$OUT" "$(echo "$GRAPHROOT"/layers/*/shift-*/diff)" "inspect's layers"
	expect 0 ctr rmi -f debian
	is "$(keys)" "" "layers"
	check_store "after rmi -f"
}

remove_some_image() {
	echo "$RANDOM$RANDOM" >some
	tar cf some.tar some
	expect 0 transfer import some.tar some
	expect 0 ctr rmi some
}

# Any removal of an image takes what nobody has used for long and no container may start with again.
test_unused_copies_go_some_day() {
	local n
	pull debian alpine
	expect 0 ctr run --rm --network=none --userns=keep-id debian true
	expect 0 ctr create --name c --network=none --userns=keep-id alpine true
	expect 0 ctr start c
	expect 0 shift_keys $(keys)
	n=$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)
	remove_some_image
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" "$n" "copies of today"
	# A use counts: the old time is not seen again.
	touch -d '2 days ago' "$GRAPHROOT"/layers/*/shift-*
	expect 0 ctr run --rm --network=none --userns=keep-id debian true
	remove_some_image
	expect 0 ctr run --rm --network=none --userns=keep-id debian true
	touch -d '2 days ago' "$GRAPHROOT"/layers/*/shift-*
	remove_some_image
	contains "$(ls -d "$GRAPHROOT"/layers/*/shift-*)" shift- "the copy that c starts with"
	[ "$(ls -d "$GRAPHROOT"/layers/*/shift-* | wc -l)" -lt "$n" ] || fail "nothing was removed"
	expect 0 ctr start c
	expect 0 ctr rm -f -t 0 c
	touch -d '2 days ago' "$GRAPHROOT"/layers/*/shift-*
	remove_some_image
	is "$(ls -d "$GRAPHROOT"/layers/*/shift-* 2>/dev/null)" "" "copies"
	check_store "after collecting"
}

test_ten_containers_at_once() {
	local i pids=() r=0
	pull debian
	for i in {1..10}; do
		ctr run --rm --network=none --userns=keep-id debian stat -c %u /etc/shadow >"out$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || r=1
	done
	is "$r" 0 "$(cat out*)"
	is "$(sort -u out*)" 0
	check_store "after ten containers"
}

# Capabilities of a file count for the root that they name: the container's.
test_file_capabilities_work_in_the_copy() {
	python3 - <<-'END'
	import sys, os, struct
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	busybox = open("/bin/busybox", "rb").read()
	bind = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
	pack(directory("./") + directory("able/") + directory("plain/") + file("plain/grep", busybox, mode=0o755)
	     + pax_of({"SCHILY.xattr.security.capability": bind}) + file("able/grep", busybox, mode=0o755) + END, "t.tar")
	END
	expect 0 transfer import t.tar x
	expect 0 ctr run --rm --network=none --userns=keep-id x /able/grep CapEff /proc/self/status
	is "$OUT" "CapEff:	0000000000000400" "the able one's"
	expect 0 ctr run --rm --network=none --userns=keep-id x /plain/grep CapEff /proc/self/status
	is "$OUT" "CapEff:	0000000000000000" "the plain one's"
	is "$(inside python3 -c 'import os, struct, sys; print(*struct.unpack("<6I", os.getxattr(sys.argv[1],
		"security.capability")))' "$GRAPHROOT"/layers/*/shift-*/diff/able/grep)" "50331649 1024 0 0 0 1"
}
