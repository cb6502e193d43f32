# Images of podman's own store: read in place, and used without being asked for.

need() { command -v skopeo >/dev/null || skip "no skopeo"; }
# A small image of two layers in the layout $T/w/layout: what archives can hold, and a whiteout.
make_layout() {
	make_image
	ctr run -q --name maker --network none bb sh -c '/bin/busybox mkdir -m 700 /d && cd /d &&
		/bin/busybox dd if=/dev/zero of=big bs=1000 count=200 2>/dev/null && echo hello >f && /bin/busybox ln f g &&
		/bin/busybox ln -s f s && /bin/busybox chmod 0 f && /bin/busybox rm /bin/sleep' || fail "no container"
	expect 0 ctr commit -q maker two
	expect 0 ctr rm maker
	expect 0 ctr push -q two "oci:$T/w/layout:two"
	ID=$(skopeo inspect --raw "oci:$T/w/layout:two" |
		python3 -c 'import json,sys; print(json.load(sys.stdin)["config"]["digest"][7:])')
	expect 0 ctr rmi two bb
}
# Put it into a store of podman's: DRIVER ROOT NAME.  77: that driver does not work here.
into_podman() {
	local r=0
	skopeo copy -q "oci:$T/w/layout:two" "containers-storage:[$1@$2+$T/podman-run]$3" >"$T/skopeo.out" 2>&1 || r=$?
	[ "$(id -u)" != 0 ] || ! mountpoint -q "$2/overlay" || umount "$2/overlay"
	[ "$r" != 0 ] || return 0
	if grep -q 'not supported' "$T/skopeo.out"; then return 77; fi
	fail "skopeo: $(cat "$T/skopeo.out")"
}
# Podman's own file of that kind in the store.
tar_splits() { ls "$1"/*-layers/*.tar-split.gz; }

pull_and_compare() { # DRIVER
	local root=$T/podman-$1 r=0
	need
	make_layout
	into_podman "$1" "$root" docker.io/library/three:1 || r=$?
	[ "$r" != 77 ] || skip "the driver $1 does not work for skopeo here"
	expect 0 ctr pull "containers-storage:[$1@$root]docker.io/library/three:1"
	is "$OUT" "$ID" "the ID"
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}'
	is "$OUT" "docker.io/library/three:1"
	# by ID, by a short name, and without the driver
	expect 0 ctr rmi three:1
	expect 0 ctr pull "containers-storage:[$root]$ID"
	expect 0 ctr rmi "$ID"
	expect 0 ctr pull "containers-storage:[$root]three:1"
	expect 0 ctr run --rm --network none three:1 /bin/busybox stat -c '%n %a %u:%g %h %s %F' /d /d/big /d/f /d/g /d/s
	is "$OUT" "/d 700 0:0 2 4096 directory
/d/big 644 0:0 1 200000 regular file
/d/f 0 0:0 2 6 regular file
/d/g 0 0:0 2 6 regular file
/d/s 777 0:0 1 1 symbolic link" "the files"
	expect 127 ctr run --rm --network none three:1 sleep 1
	expect 0 ctr inspect --format '{{.Architecture}} {{len .Layers}}' "containers-storage:[$root]three:1"
	expect 125 ctr pull "containers-storage:[$root]three:2"
	contains "$ERR" "no image of podman's store $root"
}

test_overlay() {
	pull_and_compare overlay
}

test_vfs() {
	pull_and_compare vfs
}

root_test_overlay_of_root() {
	pull_and_compare overlay
}

# Nothing is fetched again by a user who comes from podman.
test_run_takes_what_podman_has() {
	need
	make_layout
	into_podman vfs "$HOME/.local/share/containers/storage" docker.io/library/only-podman:latest
	CTR_LITE_PODMAN_STORE=no expect 125 ctr run --rm --network none only-podman true
	expect 125 ctr run --rm --network none --pull never only-podman true
	expect 125 ctr run --rm --network none --pull always only-podman true
	contains "$ERR" "manifest unknown"
	expect 125 command ctr-lite --root "$T/w/other" run --rm --network none only-podman true
	expect 0 ctr run --rm --network none only-podman /bin/busybox echo hello
	is "$OUT" hello
	lacks "$ERR" "Trying to pull"
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}'
	is "$OUT" "docker.io/library/only-podman:latest"
	# what podman does not have comes from the registry
	expect 0 ctr run --rm --network none alpine true
	contains "$ERR" "Trying to pull docker.io/library/alpine"
}

test_where_podmans_store_is() {
	need
	make_layout
	into_podman vfs "$HOME/big" docker.io/library/only-podman:latest
	mkdir -p ~/.config/containers
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/big"\n' "$HOME" >~/.config/containers/storage.conf
	expect 0 ctr create --network none only-podman true
	is "$(ctr info --format '{{.Store.GraphRoot}}')" "$HOME/big/ctr-lite"
}

damaged() { # WHAT-IS-SAID
	expect 125 ctr pull "containers-storage:[$T/podman]three"
	contains "$ERR" "$1"
	is "$(ctr images -aq)" "" "images after it"
}

test_damaged_stores() {
	need
	make_layout
	into_podman vfs "$T/podman" docker.io/library/three:latest
	local list file
	list=$(tar_splits "$T/podman")
	list=${list##*$'\n'}
	cp "$list" "$T/list"
	head -c 100 "$T/list" >"$list"
	damaged "podman's store"
	echo '{"type":2,"payload":"!"}' | gzip >"$list"
	damaged "damaged"
	# a name that leads out of the layer
	printf '%s\n' '{"type":1,"name":"../../../../../../../../etc/passwd","size":5}' | gzip >"$list"
	damaged "podman's store"
	rm "$list"
	damaged "tar-split.gz"
	cp "$T/list" "$list"
	for file in "$T"/podman/vfs/dir/*/d/big; do
		printf 'x' | dd of="$file" bs=1 conv=notrunc status=none
	done
	damaged "sha256:"
	echo '[{' >"$T/podman/vfs-layers/layers.json"
	damaged "layers.json"
	expect 125 ctr pull "containers-storage:[$T/nosuch]three"
	contains "$ERR" "$T/nosuch"
}
