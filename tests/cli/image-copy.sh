# `image copy`: between any two places, as they are or converted; witnesses are skopeo and umoci.
#: timeout=120

TR=$CTR_LITE_LIBEXEC/ctr-lite-transfer
layout_digest() { # LAYOUT NAME
	jq -r --arg n "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n) | .digest' \
		"$1/index.json"
}
blob() { echo "$1/blobs/sha256/${2#sha256:}"; }
manifest() { cat "$(blob "$1" "$(layout_digest "$1" "$2")")"; } # LAYOUT NAME
raw_digest() { # what skopeo finds
	echo "sha256:$(skopeo inspect --tls-verify=false --raw "$1" | sha256sum | cut -d' ' -f1)"
}
# The diffIDs that the layers of an image in a layout really have.
diff_ids() { # LAYOUT NAME
	local d
	for d in $(manifest "$1" "$2" | jq -r '.layers[].digest'); do
		case $(head -c 4 "$(blob "$1" "$d")" | od -An -tx1 | tr -d ' ') in
		1f8b*) gzip -dc <"$(blob "$1" "$d")" ;;
		28b52ffd) zstd -dcq <"$(blob "$1" "$d")" ;;
		*) cat "$(blob "$1" "$d")" ;;
		esac | sha256sum | cut -d' ' -f1
	done
}

test_from_a_registry_to_each_place() {
	local want
	want=$(raw_digest "docker://$REGISTRY/library/three")
	expect 0 ctr image copy --src-tls-verify=false "docker://$REGISTRY/library/three" "oci:$T/w/out:three"
	is "$(layout_digest "$T/w/out" three)" "$want"
	expect 0 ctr image copy -q --digestfile "$T/w/digest" "docker://three" "dir:$T/w/dir"
	is "$ERR" ""
	is "$(cat "$T/w/digest")" "$want"
	is "sha256:$(sha256sum <"$T/w/dir/manifest.json" | cut -d' ' -f1)" "$want"
	is "$(raw_digest "dir:$T/w/dir")" "$want"
	# On to the store, and it runs; nothing has changed on the way back.
	expect 0 ctr image copy "dir:$T/w/dir" there
	expect 0 ctr run --rm --network=none there true
	expect 0 ctr image copy there "oci:$T/w/back:x"
	is "$(layout_digest "$T/w/back" x)" "$want"
}

test_registry_refusals() {
	expect 125 ctr image copy docker://absent "oci:$T/w/out:absent"
	contains "$ERR" absent
	is "$([ -e "$T/w/out/index.json" ] && echo there)" ""
	expect 125 ctr image copy docker://Three "oci:$T/w/out:x"
	contains "$ERR" "must be lowercase"
	expect 125 ctr image copy "docker://three@sha256:$(printf %064d 0)" "oci:$T/w/out:x"
	expect 125 ctr image copy --src-creds onlyname docker://three "oci:$T/w/out:x"
	contains "$ERR" "USER:PASSWORD"
}

test_directories_of_images() {
	local want f
	want=$(raw_digest "oci:$LAYOUT:bb-index")
	expect 0 ctr image copy --all "oci:$LAYOUT:bb-index" "dir:$T/w/all"
	is "$(raw_digest "dir:$T/w/all")" "$want"
	expect 0 skopeo --insecure-policy copy --all "dir:$T/w/all" "oci:$T/w/again:i"
	is "$(layout_digest "$T/w/again" i)" "$want"
	# Made by skopeo; another image in the same place leaves nothing of the first.
	rm -rf "$T/w/all"
	expect 0 skopeo --insecure-policy copy --all "oci:$LAYOUT:bb-index" "dir:$T/w/all"
	expect 0 ctr image copy --multi-arch all "dir:$T/w/all" "oci:$T/w/ours:i"
	is "$(layout_digest "$T/w/ours" i)" "$want"
	expect 0 ctr image copy "oci:$LAYOUT:bb-zstd" "dir:$T/w/all"
	is "$(raw_digest "dir:$T/w/all")" "$(layout_digest "$LAYOUT" bb-zstd)"
	is "$(find "$T/w/all" -name '*.manifest.json')" ""
	is "$(find "$T/w/all" -type f | wc -l)" $((3 + $(manifest "$LAYOUT" bb-zstd | jq '.layers | length')))
	# Somebody's files are not an image's, and stay.
	mkdir "$T/w/mine"
	echo precious >"$T/w/mine/thesis"
	expect 125 ctr image copy "oci:$LAYOUT:bb" "dir:$T/w/mine"
	contains "$ERR" "no image"
	is "$(ls "$T/w/mine")" thesis
	for f in manifest.json version "$(manifest "$LAYOUT" bb-zstd | jq -r '.layers[0].digest' | cut -d: -f2)"; do
		cp -r "$T/w/all" "$T/w/bad"
		echo damaged >"$T/w/bad/$f"
		expect 125 ctr image copy "dir:$T/w/bad" x
		rm -rf "$T/w/bad"
	done
}

test_formats() {
	local want
	expect 0 ctr image copy --format v2s2 "oci:$LAYOUT:bb" "dir:$T/w/docker"
	is "$(jq -r .mediaType "$T/w/docker/manifest.json")" application/vnd.docker.distribution.manifest.v2+json
	is "$(jq -r '.layers[0].mediaType' "$T/w/docker/manifest.json")" application/vnd.docker.image.rootfs.diff.tar.gzip
	is "$(jq -r '.config.mediaType' "$T/w/docker/manifest.json")" application/vnd.docker.container.image.v1+json
	expect 0 skopeo --insecure-policy copy "dir:$T/w/docker" "docker-archive:$T/w/x.tar:bb:latest"
	# A layout holds OCI images: docker's become such, and the blobs stay what they are.
	expect 0 ctr image copy "dir:$T/w/docker" "oci:$T/w/out:bb"
	is "$(manifest "$T/w/out" bb | jq -c '[.mediaType, .layers[].digest]')" \
		"$(manifest "$LAYOUT" bb | jq -c '["application/vnd.oci.image.manifest.v1+json", .layers[].digest]')"
	# zstd does not exist in docker's format.
	expect 0 ctr image copy --format v2s2 "oci:$LAYOUT:bb-zstd" "dir:$T/w/docker"
	is "$(jq -r '.layers[0].mediaType' "$T/w/docker/manifest.json")" application/vnd.docker.image.rootfs.diff.tar.gzip
	expect 0 ctr image copy "dir:$T/w/docker" back
	expect 0 ctr run --rm --network=none back true
	expect 0 ctr image copy --all --format v2s2 "oci:$LAYOUT:bb-index" "dir:$T/w/list"
	is "$(jq -r .mediaType "$T/w/list/manifest.json")" application/vnd.docker.distribution.manifest.list.v2+json
	expect 0 skopeo --insecure-policy copy --all "dir:$T/w/list" "dir:$T/w/list2"
	# Refused
	expect 125 ctr image copy --format v2s1 "oci:$LAYOUT:bb" "dir:$T/w/x"
	contains "$ERR" "schema 1"
	expect 125 ctr image copy --format tar "oci:$LAYOUT:bb" "dir:$T/w/x"
	contains "$ERR" "expected oci or v2s2"
	expect 125 ctr image copy --format v2s2 "oci:$LAYOUT:bb" "oci:$T/w/x"
	contains "$ERR" "v2s2"
	is "$([ -e "$T/w/x" ] && echo there)" "" "a directory of nothing"
	expect 125 ctr image copy --preserve-digests --format v2s2 "oci:$LAYOUT:bb" "dir:$T/w/x"
	contains "$ERR" "digest cannot be preserved"
	expect 0 ctr image copy --preserve-digests "oci:$LAYOUT:bb" "dir:$T/w/x"
}

test_compression() {
	local want f
	want=$(diff_ids "$LAYOUT" bb)
	for f in zstd gzip; do
		expect 0 ctr image copy --dest-compress-format "$f" --dest-compress-level 5 \
			"oci:$LAYOUT:bb$([ "$f" = zstd ] || echo -zstd)" "oci:$T/w/$f:x"
		is "$(manifest "$T/w/$f" x | jq -r '[.layers[].mediaType] | unique[]')" \
			"application/vnd.oci.image.layer.v1.tar+$f"
		is "$(diff_ids "$T/w/$f" x)" "$want" "layers by $f"
		expect 0 skopeo --insecure-policy copy "oci:$T/w/$f:x" "dir:$T/w/skopeo-$f"
		expect 0 ctr image copy "oci:$T/w/$f:x" "by-$f"
		expect 0 ctr run --rm --network=none "by-$f" true
	done
	expect 0 ctr image copy --dest-decompress "oci:$LAYOUT:bb" "dir:$T/w/plain"
	is "$(jq -r '[.layers[].mediaType] | unique[]' "$T/w/plain/manifest.json")" application/vnd.oci.image.layer.v1.tar
	is "$(jq -r '.layers[].digest' "$T/w/plain/manifest.json" | cut -d: -f2)" "$want"
	# A layout's layers are compressed, unless it is told to take them as they are.
	expect 0 ctr image copy "dir:$T/w/plain" "oci:$T/w/out:packed"
	is "$(manifest "$T/w/out" packed | jq -r '[.layers[].mediaType] | unique[]')" \
		application/vnd.oci.image.layer.v1.tar+gzip
	expect 0 ctr image copy --dest-oci-accept-uncompressed-layers "dir:$T/w/plain" "oci:$T/w/out:plain"
	is "$(layout_digest "$T/w/out" plain)" "$(raw_digest "dir:$T/w/plain")"
	# What has the format is not touched; what has another only if it shall.
	expect 0 ctr image copy --dest-compress-format gzip "oci:$LAYOUT:bb" "oci:$T/w/out:same"
	is "$(layout_digest "$T/w/out" same)" "$(layout_digest "$LAYOUT" bb)"
	expect 0 ctr image copy --dest-compress-format zstd --dest-force-compress-format=false \
		"oci:$LAYOUT:bb" "oci:$T/w/out:same"
	is "$(layout_digest "$T/w/out" same)" "$(layout_digest "$LAYOUT" bb)"
	# The usual format is that of containers.conf.
	mkdir -p "$HOME/.config/containers"
	printf '[engine]\ncompression_format = "zstd"\ncompression_level = 7\n' >"$HOME/.config/containers/containers.conf"
	expect 0 ctr image copy "dir:$T/w/plain" "oci:$T/w/out:usual"
	is "$(manifest "$T/w/out" usual | jq -r '[.layers[].mediaType] | unique[]')" \
		application/vnd.oci.image.layer.v1.tar+zstd
	rm "$HOME/.config/containers/containers.conf"
	# Refused
	for f in "--dest-compress-format lz4" "--dest-compress-format zstd --dest-compress-level 23" \
		"--dest-compress-format gzip --dest-compress-level 10" \
		"--dest-compress --dest-decompress" "--format v2s2 --dest-compress-format zstd"; do
		# shellcheck disable=SC2086
		expect 125 ctr image copy $f "oci:$LAYOUT:bb" "dir:$T/w/x"
	done
	expect 125 ctr image copy --preserve-digests --dest-compress-format zstd "oci:$LAYOUT:bb" "dir:$T/w/x"
	contains "$ERR" "compressed otherwise"
}

# Beside the images of an index there may be what is none: attestations, signatures.
test_artifacts_are_moved_but_not_run() {
	local l=$T/w/att d m i
	cp -r "$LAYOUT" "$l"
	chmod -R u+w "$l"
	put() { # FILE: into the layout; prints its digest
		local hex
		hex=$(sha256sum <"$1" | cut -d' ' -f1)
		cp "$1" "$l/blobs/sha256/$hex"
		echo "sha256:$hex"
	}
	echo '{"_type":"https://in-toto.io/Statement/v0.1"}' >"$T/w/statement"
	echo '{}' >"$T/w/config"
	d=$(put "$T/w/statement")
	jq -nc --arg l "$d" --argjson ls "$(stat -c %s "$T/w/statement")" --arg c "$(put "$T/w/config")" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		  config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: 3},
		  layers: [{mediaType: "application/vnd.in-toto+json", digest: $l, size: $ls}]}' >"$T/w/manifest"
	m=$(put "$T/w/manifest")
	jq -c --arg m "$m" --argjson n "$(stat -c %s "$T/w/manifest")" '.manifests += [{
		mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $m, size: $n,
		platform: {os: "unknown", architecture: "unknown"}}]' \
		"$(blob "$l" "$(layout_digest "$l" bb-index)")" >"$T/w/index"
	i=$(put "$T/w/index")
	jq -c --arg i "$i" --argjson n "$(stat -c %s "$T/w/index")" '.manifests += [{
		mediaType: "application/vnd.oci.image.index.v1+json", digest: $i, size: $n,
		annotations: {"org.opencontainers.image.ref.name": "attested"}}]' "$LAYOUT/index.json" >"$l/index.json"
	expect 0 ctr image copy --all "oci:$l:attested" "oci:$T/w/out:x"
	is "$(layout_digest "$T/w/out" x)" "$i"
	cmp "$(blob "$T/w/out" "$d")" "$T/w/statement"
	# its layer is not compressed, whatever the images' are
	expect 0 ctr image copy --all --dest-compress-format zstd "oci:$l:attested" "oci:$T/w/zstd:x"
	cmp "$(blob "$T/w/zstd" "$m")" "$T/w/manifest"
	expect 0 ctr pull -q "oci:$l:attested"
	expect 0 ctr run --rm --network=none attested true
	expect 125 ctr pull "oci:$l:@$(jq '.manifests | length - 1' "$l/index.json")" --platform unknown/unknown
	contains "$ERR" artifact
}

test_copies_at_once_into_one_layout() {
	local i pids=()
	for i in one two three four; do
		ctr image copy -q "oci:$LAYOUT:bb" "oci:$T/w/out:$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || fail "a copy failed"; done
	is "$(jq -r '.manifests[].annotations[]' "$T/w/out/index.json" | sort | tr '\n' ' ')" "four one three two "
	expect 0 skopeo --insecure-policy copy "oci:$T/w/out:two" "dir:$T/w/dir"
	is "$(find "$T/w/out" -name '.partial*')" ""
}

# Ended in the middle: nothing is visible, and the next one finishes.
test_interrupted_copies() {
	local sig pid
	for sig in TERM KILL; do
		"$TR" --quiet --root "$GRAPHROOT" --runroot "$RUNROOT" copy --force-compression \
			--compression zstd --compression-level 19 "oci:$LAYOUT:three" "oci:$T/w/out:x" &
		pid=$!
		wait_for 20 test -d "$T/w/out/blobs/sha256"
		kill -$sig "$pid"
		wait "$pid" && fail "it was not interrupted"
		is "$([ -e "$T/w/out/index.json" ] && echo there)" "" "index.json after SIG$sig"
	done
	expect 0 ctr image copy "oci:$LAYOUT:three" "oci:$T/w/out:x"
	is "$(layout_digest "$T/w/out" x)" "$(layout_digest "$LAYOUT" three)"
}

# What inflates to what its digest does not promise, is cut off, or is a bomb.
test_conversion_of_damaged_layers() {
	local l
	expect 0 ctr image copy "oci:$LAYOUT:bb" "dir:$T/w/good"
	l=$(jq -r '.layers[0].digest' "$T/w/good/manifest.json" | cut -d: -f2)
	truncate -s 5000 "$T/w/good/$l"
	jq -c '.layers[0].size = 5000' "$T/w/good/manifest.json" >"$T/w/m"
	cp "$T/w/m" "$T/w/good/manifest.json"
	expect 125 ctr image copy --dest-compress-format zstd "dir:$T/w/good" "oci:$T/w/out:x"
	contains "$ERR" "has the digest"
	# With the right digest, but an end in the middle
	mv "$T/w/good/$l" "$T/w/part"
	l=$(sha256sum <"$T/w/part" | cut -d' ' -f1)
	mv "$T/w/part" "$T/w/good/$l"
	jq -c --arg l "sha256:$l" '.layers[0].digest = $l' "$T/w/m" >"$T/w/good/manifest.json"
	expect 125 ctr image copy --dest-compress-format zstd "dir:$T/w/good" "oci:$T/w/out:x"
	contains "$ERR" "ends in the middle"
	head -c 20000000 /dev/zero | gzip -9 >"$T/w/bomb"
	l=$(sha256sum <"$T/w/bomb" | cut -d' ' -f1)
	mv "$T/w/bomb" "$T/w/good/$l"
	jq -c --arg l "sha256:$l" --argjson n "$(stat -c %s "$T/w/good/$l")" \
		'.layers[0].digest = $l | .layers[0].size = $n' "$T/w/m" >"$T/w/good/manifest.json"
	expect 125 env CTR_LITE_UNPACK_LIMITS=max_bytes=10m ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" \
		image copy --dest-decompress "dir:$T/w/good" "dir:$T/w/flat"
	contains "$ERR" max_bytes
	is "$([ -e "$T/w/flat/manifest.json" ] && echo there)" ""
	is "$([ -e "$T/w/out/index.json" ] && echo there)" ""
}
