# `system check` finds whatever is done to a file in the store, and --repair mends it from the blobs
# or says what to pull again.
#: timeout=180

. "$TESTS/cli/volumes-lib.sh"

# An image that was made here and some that were pulled, all whole.
whole_store() { # [IMAGES]
	volume_image bb
	pull ${1:-alpine:amd64 alpine:zstd}
	expect 0 ctr system check
	is "$OUT" "" "a whole store"
	no_store_check "the test damages it"
	ALPINE=$(layer_of alpine:amd64)
	DIFF=$GRAPHROOT/layers/$ALPINE/diff
}
layer_of() { ctr image inspect -f '{{index .RootFS.Layers 0}}' "$1" | cut -d: -f2; }
manifest_of() { ctr image inspect -f '{{.Digest}}' "$1" | cut -d: -f2; }
blob() { echo "$GRAPHROOT/images/blobs/sha256/$1"; }
layer_blob_of() { jq -r '.layers[0].digest' "$(blob "$(manifest_of "$1")")" | cut -d: -f2; }

# Damage is found, named, and mended; afterwards the store is whole and the image runs.
found_and_mended() { # REGEX OF WHAT IS SAID [OPTIONS OF THE CHECK...]
	local want=$1
	shift
	expect 125 ctr system check "$@"
	matches "$OUT" "$want"
	contains "$ERR" "damage detected in the store"
	expect 0 ctr system check --repair --max 0s
	matches "$OUT" "$want"
	matches "$OUT" "  (mended|removed)"
	expect 0 ctr system check --max 0s
	is "$OUT" "" "after the repair"
	expect 0 ctr run --rm --network=none alpine:amd64 true
}

# Change a file without a trace but its content.
flip() { # FILE OFFSET
	local t=$T/stamp
	touch -r "$1" "$t"
	printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
	touch -r "$t" "$1"
}

test_a_file_of_a_layer() {
	whole_store
	flip "$DIFF/etc/os-release" 3
	expect 0 ctr system check --quick
	found_and_mended "Damaged layer $ALPINE of .*alpine.*
  etc/os-release: the content has changed"
	: >"$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: the size is 0, not [0-9]+' --quick
	rm "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: is missing'
	rm -r "$DIFF/etc"
	found_and_mended '  etc: is missing' --quick
	echo >"$DIFF/etc/more"
	found_and_mended 'etc/more: is a file that does not belong to the layer'
	mkdir "$DIFF/etc/dir"
	found_and_mended 'etc/dir: is a directory that does not belong to the layer'
	chmod 600 "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: the mode is 0600, not 0644' --quick
	chmod u+s "$DIFF/bin/busybox"
	found_and_mended 'bin/busybox: the mode is 4755, not 0755'
	touch -d 2001-01-01 "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: the time of its last change is another'
	setfattr -n user.added -v x "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: the extended attributes have changed'
	rm "$DIFF/etc/os-release"
	mkdir "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: is a directory, not a file'
	rm "$DIFF/bin/sh"
	ln -s elsewhere "$DIFF/bin/sh"
	found_and_mended 'bin/sh: the link leads elsewhere'
}

test_owners_in_a_layer() {
	whole_store
	ctr unshare chown 7:8 "$DIFF/etc/os-release"
	found_and_mended 'etc/os-release: the owner is 7:8, not 0:0'
}

test_a_layers_own_files() {
	local f
	whole_store
	for f in layer.json files; do
		flip "$GRAPHROOT/layers/$ALPINE/$f" 20
		found_and_mended "  $f: " --quick
		rm "$GRAPHROOT/layers/$ALPINE/$f"
		found_and_mended "  $f: "
		: >"$GRAPHROOT/layers/$ALPINE/$f"
		found_and_mended "  $f: "
	done
	sed -i 's/"entries":/"entries":1/' "$GRAPHROOT/layers/$ALPINE/layer.json"
	found_and_mended 'layer.json: the content has changed'
	rm -r "$DIFF"
	found_and_mended '  diff: No such file'
	echo >"$GRAPHROOT/layers/$ALPINE/stray"
	found_and_mended '  stray: does not belong beside'
	rm -r "$GRAPHROOT/layers/$ALPINE"
	found_and_mended "Damaged layer $ALPINE of .*
  is missing"
	mkdir "$GRAPHROOT/layers/nonsense"
	found_and_mended "Damaged layer nonsense"
}

test_records() {
	local f
	whole_store
	f=$GRAPHROOT/meta/$(manifest_of alpine:amd64).json
	sed -i 's/"root_layer":0/"root_layer":x/' "$f"
	found_and_mended 'Damaged record of image .*alpine'
	sed -i 's/"size":/"size":1/' "$f"
	found_and_mended 'the content has changed'
	sed -i "s/$ALPINE/${ALPINE:1}0/" "$f"
	found_and_mended 'Damaged record of image .*'
	rm "$f"
	found_and_mended 'Damaged record of image .*
  is missing' --max 0s
	cp "$f" 2>/dev/null "$GRAPHROOT/meta/$(printf %064d 0).json"
	found_and_mended 'belongs to no image'
	echo >"$GRAPHROOT/meta/stray"
	found_and_mended 'is no record of an image'
}

test_index_and_layout() {
	local f=$GRAPHROOT/images
	whole_store
	: >"$f/oci-layout"
	found_and_mended 'Damaged file oci-layout'
	rm "$f/oci-layout"
	found_and_mended 'Damaged file oci-layout:
  is missing'
	: >"$f/index.json"
	found_and_mended 'Damaged file index.json'
	rm "$f/index.json"
	found_and_mended 'Damaged file index.json:
  is missing'
	flip "$GRAPHROOT/meta/index.json" 40
	found_and_mended 'Damaged file meta/index.json'
	# What another program does is worth a word, and no damage.
	expect 0 skopeo --insecure-policy copy "oci:$LAYOUT:nginx" "oci:$f:docker.io/library/web:1"
	expect 0 ctr system check
	contains "$OUT" "Note: index.json was changed by another program"
	expect 0 ctr tag bb again
	expect 0 ctr system check
	is "$OUT" ""
}

# A blob cannot be made of anything: it is removed, and the next pull gets it again.
test_blobs() {
	local kind b how
	whole_store
	for kind in layer config manifest; do
		for how in flip cut remove; do
			case $kind in
			layer) b=$(layer_blob_of alpine:amd64) ;;
			config) b=$(ctr image inspect -f '{{.Id}}' alpine:amd64) ;;
			manifest) b=$(manifest_of alpine:amd64) ;;
			esac
			chmod u+w "$(blob "$b")"
			case $how in
			flip) flip "$(blob "$b")" 30 ;;
			cut) truncate -s -1 "$(blob "$b")" ;;
			remove) rm "$(blob "$b")" ;;
			esac
			expect 125 ctr system check
			matches "$OUT" "Damaged blob $b of docker.io/library/alpine:amd64"
			expect 125 ctr system check --repair
			contains "$OUT" "get it again: ctr-lite pull docker.io/library/alpine:amd64"
			contains "$ERR" "has not been repaired"
			# what is needed to run it may still be there; in any case a pull mends it
			expect 0 ctr pull -q alpine:amd64
			expect 0 ctr system check --max 0s
			is "$OUT" "" "after the pull ($kind, $how)"
		done
	done
	echo x >"$(blob stray)"
	found_and_mended 'Damaged blob stray'
	head -c 100 /dev/zero >"$T/orphan"
	b=$(sha256sum <"$T/orphan" | cut -d' ' -f1)
	cp "$T/orphan" "$(blob "$b")"
	expect 0 ctr system check
	is "$OUT" "" "it may be somebody's work"
	found_and_mended "Damaged unused blob $b" --max 0s
	[ ! -e "$(blob "$b")" ] || fail "the orphan is still there"
}

# Neither the layer nor its blob is good.
test_nothing_to_mend_from() {
	local b
	whole_store alpine:amd64
	b=$(layer_blob_of alpine:amd64)
	chmod u+w "$(blob "$b")"
	flip "$(blob "$b")" 30
	flip "$DIFF/etc/os-release" 3
	expect 125 ctr system check --repair
	matches "$OUT" "Damaged layer $ALPINE.*
  etc/os-release: the content has changed
  cannot be mended here"
	expect 0 ctr pull -q alpine:amd64
	expect 0 ctr system check
	expect 0 ctr run --rm --network=none alpine:amd64 cat /etc/os-release
	contains "$OUT" ID=busybox
	# or it goes, on demand
	flip "$(blob "$b")" 30
	flip "$DIFF/etc/os-release" 3
	expect 0 ctr system check --force --max 0s
	expect 1 ctr image exists alpine:amd64
	expect 0 ctr image exists bb
	expect 0 ctr system check --max 0s
}

test_in_use() {
	whole_store
	expect 0 ctr run -d --name runs --network=none alpine:amd64 sleep 1000
	flip "$DIFF/etc/os-release" 3
	expect 125 ctr system check --repair
	contains "$OUT" "a running container uses it"
	expect 0 ctr rm -f -t 0 runs
	found_and_mended 'etc/os-release'
}

test_containers_and_names() {
	local id
	whole_store
	expect 0 ctr create --name kept --network=none bb true
	id=$OUT
	expect 0 ctr system check
	rm "$GRAPHROOT/names/kept"
	found_and_mended "Damaged container $id:
  its name kept is not claimed"
	expect 0 ctr start -a kept
	ln -s "$(printf %064d 7)" "$GRAPHROOT/names/nobody"
	found_and_mended "Damaged name nobody:
  it belongs to no container"
	echo >"$GRAPHROOT/names/file"
	found_and_mended "Damaged name file"
	: >"$GRAPHROOT/containers/$id/container.json"
	expect 125 ctr system check
	matches "$OUT" "Damaged container $id:
  container.json: "
	expect 125 ctr system check --repair
	contains "$OUT" "cannot be mended (--force removes it)"
	expect 0 ctr system check --force
	expect 0 ctr system check
	expect 0 ctr ps -aq
	is "$OUT" ""
}

test_volumes_and_secrets() {
	whole_store
	expect 0 ctr volume create v
	echo hidden >secret
	expect 0 ctr secret create s secret
	local id=$OUT
	expect 0 ctr system check
	cp "$GRAPHROOT/volumes/v/volume.json" saved
	: >"$GRAPHROOT/volumes/v/volume.json"
	expect 125 ctr system check --repair
	contains "$OUT" "Damaged volume v:
  volume.json: "
	cp saved "$GRAPHROOT/volumes/v/volume.json"
	rmdir "$GRAPHROOT/volumes/v/_data"
	expect 125 ctr system check
	contains "$OUT" "_data: No such file"
	mkdir "$GRAPHROOT/volumes/v/_data"
	rm "$GRAPHROOT/secrets/$id/data"
	expect 125 ctr system check
	contains "$OUT" "Damaged secret $id"
	: >"$GRAPHROOT/secrets/$id/secret.json"
	expect 125 ctr system check
	contains "$OUT" "Damaged secret $id"
}

test_bad_options() {
	expect 125 ctr system check --max soon
	contains "$ERR" "--max soon: not a duration"
	expect 125 ctr system check image
}
