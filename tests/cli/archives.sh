# Archives of images: docker-archive and oci-archive, load, save.
#: timeout=120

TR=$CTR_LITE_LIBEXEC/ctr-lite-transfer
transfer() { "$TR" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
config_of() { # TAG of $LAYOUT: the image ID
	skopeo inspect --config --raw "oci:$LAYOUT:$1" | sha256sum | cut -d' ' -f1
}

test_docker_archive_there_and_back() {
	local id
	id=$(config_of three)
	expect 0 transfer copy "oci:$LAYOUT:three" "docker-archive:$T/w/a.tar:three:v1"
	tar -xOf "$T/w/a.tar" manifest.json >"$T/w/m.json"
	is "$(jq -r '.[0].Config' "$T/w/m.json")" "$id.json"
	is "$(jq -c '.[0].RepoTags' "$T/w/m.json")" '["docker.io/library/three:v1"]'
	# Each layer is the plain tar that the config has the digest of.
	is "$(tar -xOf "$T/w/a.tar" "$id.json" | jq -c '[.rootfs.diff_ids[] | sub("sha256:"; "") + ".tar"]')" \
		"$(jq -c '.[0].Layers' "$T/w/m.json")"
	for l in $(jq -r '.[0].Layers[]' "$T/w/m.json"); do
		is "$(tar -xOf "$T/w/a.tar" "$l" | sha256sum | cut -d' ' -f1).tar" "$l"
	done
	expect 0 transfer copy "docker-archive:$T/w/a.tar" back
	contains "$OUT" "$id"
	expect 0 ctr image inspect -f '{{.Id}}' back
	is "$OUT" "$id"
	expect 0 transfer copy "docker-archive:$T/w/a.tar:three:v1" named
	expect 0 transfer copy "docker-archive:$T/w/a.tar:@0" numbered
	expect 125 transfer copy "docker-archive:$T/w/a.tar:other:v1" x
	contains "$ERR" "no image of the name other:v1"
	expect 125 transfer copy "docker-archive:$T/w/a.tar:@1" x
	contains "$ERR" "no image @1"
	# A pipe gets the same bytes as a file, though no header can be written later there.
	transfer copy "oci:$LAYOUT:three-zstd" docker-archive:/dev/stdout:three:v1 2>/dev/null | cat >"$T/w/b.tar"
	cmp -n "$(stat -c %s "$T/w/a.tar")" "$T/w/a.tar" "$T/w/b.tar"
	expect 125 transfer copy "oci:$LAYOUT:bb" "docker-archive:$T/w/a.tar"
	contains "$ERR" "is there already"
}

test_oci_archive_keeps_the_digest() {
	local want
	want=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "three").digest' \
		"$LAYOUT/index.json")
	expect 0 transfer copy "oci:$LAYOUT:three" "oci-archive:$T/w/a.tar:some:name"
	contains "$OUT" "$want"
	is "$(tar -xOf "$T/w/a.tar" index.json | jq -r '.manifests[0].digest')" "$want"
	expect 0 transfer copy "oci-archive:$T/w/a.tar:some:name" back
	contains "$OUT" "$want"
	expect 0 transfer copy "oci-archive:$T/w/a.tar" back
	expect 125 transfer copy "oci-archive:$T/w/a.tar:none" x
	contains "$ERR" "no image of that name"
	# A whole index.
	expect 0 transfer copy --all "oci:$LAYOUT:bb-index" "oci-archive:$T/w/both.tar"
	expect 0 transfer copy --platform linux/arm64 "oci-archive:$T/w/both.tar" arm
	expect 0 ctr image inspect -f '{{.Architecture}}' arm
	is "$OUT" arm64
}

test_compressed_archives() {
	local c
	expect 0 transfer copy "oci:$LAYOUT:bb" "docker-archive:$T/w/a.tar"
	expect 0 transfer copy "oci:$LAYOUT:bb" "oci-archive:$T/w/o.tar"
	for c in gzip bzip2 xz zstd; do
		$c -c "$T/w/a.tar" >"$T/w/a.$c"
		expect 0 transfer copy "docker-archive:$T/w/a.$c" "a-$c"
		$c -c "$T/w/o.tar" >"$T/w/o.$c"
		expect 0 transfer copy "oci-archive:$T/w/o.$c" "o-$c"
	done
	head -c 100000 "$T/w/a.xz" >"$T/w/cut"
	expect 125 transfer copy "docker-archive:$T/w/cut" x
	contains "$ERR" "damaged or ends in the middle"
	is "$(ls "$GRAPHROOT/tmp")" ""
}

test_what_is_no_archive() {
	echo "hello" >"$T/w/text"
	expect 125 transfer copy "docker-archive:$T/w/text" x
	contains "$ERR" "ends in the middle of a header"
	expect 125 transfer copy "docker-archive:$T/w/none" x
	contains "$ERR" "No such file"
	expect 125 transfer copy "docker-archive:$T/w" x
	contains "$ERR" "is a directory"
	tar -C "$T/w" -cf "$T/w/rootfs.tar" text
	expect 125 transfer copy "docker-archive:$T/w/rootfs.tar" x
	contains "$ERR" 'no file "manifest.json"'
	expect 125 transfer copy "oci-archive:$T/w/rootfs.tar" x
	contains "$ERR" "no image layout"
	# Nothing is left of what could not be written.
	expect 125 transfer copy "docker-archive:$T/w/none" "oci-archive:$T/w/out.tar"
	is "$(ls "$T/w")" "$(printf 'rootfs.tar\ntext')"
}
