# The store's images/ is an OCI image layout: skopeo and umoci read it and write into it, and what
# they write runs here.
#: timeout=120

mktar() { python3 "$TESTS/hostile/mktar.py" "$@"; }
transfer() { "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
small_image() { # NAME
	mktar tar t.tar "d:./" "d:etc/" "f:etc/os:first" "l:link:etc/os" "h:hard:etc/os"
	expect 0 transfer import t.tar "$1" -c 'CMD ["/bin/true"]' -c "ENV A=b"
}

skopeo_both_ways() {
	local want
	small_image one:1
	skopeo --insecure-policy copy -q "oci:$GRAPHROOT/images:localhost/one:1" "oci:$T/w/out:copied"
	want=$(jq -r '.manifests[0].digest' "$GRAPHROOT/images/index.json")
	is "$(jq -r '.manifests[0].digest' out/index.json)" "$want" "digest of the copy"
	skopeo --insecure-policy copy -q "oci:$T/w/out:copied" "oci:$GRAPHROOT/images:localhost/back:1"
	is "$(jq -r '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"]=="localhost/back:1")][0].digest' \
		"$GRAPHROOT/images/index.json")" "$want" "digest of what came back"
	expect 0 transfer unpack "$want"
	skopeo inspect --config "oci:$GRAPHROOT/images:localhost/one:1" | jq -e '.config.Env == ["A=b"]' >/dev/null
}
test_skopeo_both_ways() { skopeo_both_ways; }
root_test_skopeo_both_ways() { skopeo_both_ways; }

umoci_both_ways() { # UMOCI-OPTIONS
	local m d
	small_image one:1
	umoci unpack "$@" --image "$GRAPHROOT/images:localhost/one:1" b >/dev/null
	is "$(cat b/rootfs/etc/os)" first
	is "$(readlink b/rootfs/link)" etc/os
	echo second >b/rootfs/etc/os
	rm b/rootfs/link
	echo new >b/rootfs/new
	umoci repack --image "$GRAPHROOT/images:localhost/two:1" b >/dev/null
	umoci config --image "$GRAPHROOT/images:localhost/two:1" --config.user 7
	m=$(jq -r '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"]=="localhost/two:1")][0].digest' \
		"$GRAPHROOT/images/index.json")
	expect 0 transfer unpack "$m"
	is "$(jq -r '.layers | length' "$GRAPHROOT/meta/${m#sha256:}.json")" 2
	d=$GRAPHROOT/layers/$(jq -r '.layers[1]' "$GRAPHROOT/meta/${m#sha256:}.json")/diff
	is "$(cat "$d/etc/os")" second
	is "$(cat "$d/new")" new
	is "$(stat -c '%F %t:%T' "$d/link")" "character special file 0:0"
	# The first one is as it was.
	m=$(jq -r '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"]=="localhost/one:1")][0].digest' \
		"$GRAPHROOT/images/index.json")
	is "$(jq -r '.layers | length' "$GRAPHROOT/meta/${m#sha256:}.json")" 1
	no_store_check "umoci repacks in two steps and leaves the first one's manifest and config"
}
test_umoci_both_ways() { umoci_both_ways --rootless; }
root_test_umoci_both_ways() { umoci_both_ways; }

# The same image twice, under a new name, and as an untagged one: nothing is stored twice.
test_import_of_the_same_again() {
	local n
	small_image one:1
	n=$(find "$GRAPHROOT/images/blobs" -type f | wc -l)
	expect 0 transfer import t.tar two:1
	# Its own config and manifest (the time of the import is in it), the same layer.
	is "$(find "$GRAPHROOT/images/blobs" -type f | wc -l)" $((n + 2))
	is "$(find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
	expect 0 transfer import t.tar one:1
	is "$(jq -r '[.manifests[] | select(.annotations == null)] | length' "$GRAPHROOT/images/index.json")" 1
}

test_import_refuses_bad_arguments() {
	mktar tar t.tar "d:./"
	expect 125 transfer import t.tar "Bad Name"
	contains "$ERR" "invalid reference format"
	expect 125 transfer import t.tar "x@sha256:$(printf %064d 0)"
	expect 125 transfer import t.tar x -c "NOPE 1"
	contains "$ERR" NOPE
	expect 125 transfer import t.tar x -c "EXPOSE 99999"
	expect 125 transfer import --no-such-option t.tar x
	contains "$ERR" --no-such-option
	expect 125 transfer import
	expect 125 transfer import a b c
	expect 125 transfer import http://127.0.0.1:1/x.tar x
	expect 125 transfer unpack sha256:short
	expect 125 transfer unpack "sha256:$(printf %064d 0)"
	contains "$ERR" "not in the store"
	expect 125 transfer nonsense
	is "$(find "$GRAPHROOT/images/blobs" -type f | wc -l)" 0
}

# A blob that rotted in the layout is found when it is needed and never used again.
test_rotten_blob_is_fetched_again() {
	local m blob
	small_image one:1
	m=$(jq -r '.manifests[0].digest' "$GRAPHROOT/images/index.json")
	blob=$(jq -r '.layers[0].digest' "$GRAPHROOT/images/blobs/sha256/${m#sha256:}")
	cp "$GRAPHROOT/images/blobs/sha256/${blob#sha256:}" good
	printf rot | dd of="$GRAPHROOT/images/blobs/sha256/${blob#sha256:}" bs=1 seek=40 conv=notrunc status=none
	rm -rf "$GRAPHROOT"/layers/* "$GRAPHROOT"/meta/*
	expect 125 transfer unpack "$m"
	[ ! -e "$GRAPHROOT/images/blobs/sha256/${blob#sha256:}" ] || fail "the rotten blob is still there"
	expect 125 transfer unpack "$m"
	contains "$ERR" pull
	cp good "$GRAPHROOT/images/blobs/sha256/${blob#sha256:}"
	expect 0 transfer unpack "$m"
}
