# Images from one place to another: what each transport is, what it refuses.
#: timeout=120

TR=$CTR_LITE_LIBEXEC/ctr-lite-transfer
transfer() { "$TR" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
layout_digest() { # LAYOUT NAME
	jq -r --arg n "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n) | .digest' \
		"$1/index.json"
}

test_layout_to_store_and_back_keeps_the_digest() {
	local want
	want=$(layout_digest "$LAYOUT" nginx)
	expect 0 transfer copy "oci:$LAYOUT:nginx" web:1
	contains "$OUT" "$want"
	expect 0 ctr run --rm --network=none web:1 nginx -v
	expect 0 transfer copy web:1 "oci:$T/w/out:docker.io/library/nginx:latest"
	is "$(layout_digest "$T/w/out" docker.io/library/nginx:latest)" "$want"
	expect 0 skopeo --insecure-policy copy "oci:$T/w/out:docker.io/library/nginx:latest" "dir:$T/w/dir"
	# A second image under the name takes it; the first one stays.
	expect 0 transfer copy "oci:$LAYOUT:bb" "oci:$T/w/out:docker.io/library/nginx:latest"
	is "$(layout_digest "$T/w/out" docker.io/library/nginx:latest)" "$(layout_digest "$LAYOUT" bb)"
	is "$(jq '.manifests | length' "$T/w/out/index.json")" 2
	is "$(find "$T/w/out" -name '.partial*')" ""
}

test_whole_indexes_with_all() {
	expect 0 transfer copy --all "oci:$LAYOUT:bb-index" "oci:$T/w/out:both"
	is "$(layout_digest "$T/w/out" both)" "$(layout_digest "$LAYOUT" bb-index)"
	expect 0 skopeo --insecure-policy copy --all "oci:$T/w/out:both" "oci:$T/w/again:both"
	expect 0 transfer copy --platform linux/arm64 "oci:$T/w/out:both" arm
	expect 0 ctr image inspect -f '{{.Architecture}}' arm
	is "$OUT" arm64
	expect 125 transfer copy --platform linux/s390x "oci:$T/w/out:both" mainframe
	contains "$ERR" s390x
}

test_places_that_are_none() {
	expect 125 transfer copy "oci:$T/w/nothing" x
	contains "$ERR" "No such file or directory"
	mkdir "$T/w/empty"
	expect 125 transfer copy "oci:$T/w/empty" x
	contains "$ERR" "no image layout"
	expect 125 transfer copy "oci:$LAYOUT" x
	contains "$ERR" "name one of them"
	expect 125 transfer copy "oci:$LAYOUT:absent" x
	contains "$ERR" "no image of that name"
	expect 125 transfer copy docker-daemon:alpine:latest x
	contains "$ERR" "docker save"
	expect 125 transfer copy oci: x
	contains "$ERR" "no path"
	expect 0 ctr images -q
	is "$OUT" ""
}

test_pull_run_and_create_from_a_layout() {
	local id
	expect 0 ctr pull -q "oci:$LAYOUT:bb"
	id=$OUT
	matches "$id" '^[0-9a-f]{64}$'
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}'
	is "$OUT" localhost/bb:latest
	# A layout's place is no name: without one in it the image has none.
	expect 0 ctr rmi -a
	cp -r "$LAYOUT" "$T/w/one"
	chmod -R u+w "$T/w/one"
	jq '.manifests |= map(select(.annotations["org.opencontainers.image.ref.name"] == "bb-zstd"))' \
		"$LAYOUT/index.json" >"$T/w/one/index.json"
	expect 0 ctr run --rm --network=none "oci:$T/w/one" true
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}'
	is "$OUT" "<none>:<none>"
	expect 0 ctr create --name maker "oci:$LAYOUT:bb" true
	expect 0 ctr inspect -f '{{.ImageName}}' maker
	is "$OUT" localhost/bb:latest
	expect 0 ctr rm maker
	expect 0 ctr run --rm --network=none --pull=never "oci:$LAYOUT:bb" true
	expect 125 ctr run --rm --network=none "oci:$LAYOUT:absent" true
	contains "$ERR" "no image of that name"
	expect 125 ctr run --rm --network=none docker-daemon:alpine true
	contains "$ERR" "docker save"
	expect 0 ctr run --rm --network=none containers-storage:localhost/bb true
}

# What a layout says is a stranger's word.
test_damaged_layouts_leave_nothing() {
	local m l
	cp -r "$LAYOUT" "$T/w/bad"
	chmod -R u+w "$T/w/bad"
	m=$(layout_digest "$T/w/bad" bb)
	l=$(jq -r '.layers[0].digest' "$T/w/bad/blobs/sha256/${m#sha256:}")
	printf X | dd of="$T/w/bad/blobs/sha256/${l#sha256:}" bs=1 seek=1000 conv=notrunc status=none
	expect 125 transfer copy "oci:$T/w/bad:bb" x
	contains "$ERR" "${l:7:12}"
	expect 125 transfer copy "oci:$T/w/bad:bb" "oci:$T/w/out:x"
	contains "$ERR" "has the digest"
	is "$(find "$T/w/out" -name "${l#sha256:}" -o -name '.partial*')" ""
	is "$([ -e "$T/w/out/index.json" ] && echo there)" "" "index.json"
	truncate -s 100 "$T/w/bad/blobs/sha256/${l#sha256:}"
	expect 125 transfer copy "oci:$T/w/bad:bb" x
	contains "$ERR" "its manifest says"
	rm "$T/w/bad/blobs/sha256/${l#sha256:}"
	mkfifo "$T/w/bad/blobs/sha256/${l#sha256:}"
	expect 125 timeout 20 "$TR" --root "$GRAPHROOT" --runroot "$RUNROOT" copy "oci:$T/w/bad:bb" x
	contains "$ERR" "is no file"
	ln -sf /etc/passwd "$T/w/bad/blobs/sha256/${m#sha256:}"
	expect 125 transfer copy "oci:$T/w/bad:bb" x
	is "$(ctr images -q)" ""
}
