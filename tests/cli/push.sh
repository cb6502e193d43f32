# push to a real registry (docker-registry), with skopeo as the witness of what is there.
#: timeout=120

digest_at() { skopeo inspect --tls-verify=false --raw "docker://$1" | sha256sum | sed 's/ .*//; s/^/sha256:/'; }
requests() { grep -oE 'msg="(GET|HEAD|POST|PUT|PATCH) [^"]*' <<<"$ERR" | sed 's/msg="//; s|http://[^/]*||'; }
sent() { grep -E '^(PATCH|PUT) .*/blobs/' <<<"$(requests)" || :; }
# What is under NAME there is byte for byte what is in LAYOUT under TAG.
same_as_layout() { # NAME TAG
	local want
	want=$(jq -r --arg t "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t)
		| .digest' "$LAYOUT/index.json")
	is "$(digest_at "$1")" "$want" "the manifest of $1"
	# skopeo hashes each blob as it copies it
	skopeo copy -q --src-tls-verify=false --preserve-digests "docker://$1" "dir:$T/w/got"
	rm -rf "$T/w/got"
}

# A registry of this test alone, empty: the one of all tests ($FROM) keeps what was pushed earlier.
own_registry() {
	FROM=$REGISTRY
	"$TESTS/images/registry" start "$T/storage" "$T/registry.env" 9>&-
	. "$T/registry.env"
	"$TESTS/images/registry" conf "$T/registry.env" >"$T/registries.conf"
	printf '\n[[registry]]\nlocation = "%s"\ninsecure = true\n' "$FROM" >>"$T/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	trap '"$TESTS/images/registry" stop "$T/registry.env"' EXIT
}
# It dies; it comes back on its port.
kill_registry() {
	kill -KILL "$REGISTRY_PID"
	wait_for 5 eval "! curl -s -o /dev/null http://$REGISTRY/v2/"
}
restart_registry() {
	setsid docker-registry serve "$T/registry.env.yml" >"$T/registry.log" 2>&1 </dev/null 9>&- &
	REGISTRY_PID=$!
	wait_for 10 curl -s -o /dev/null "http://$REGISTRY/v2/"
	printf 'REGISTRY=%s\nREGISTRY_PID=%s\nREGISTRY_START=%s\n' "$REGISTRY" "$REGISTRY_PID" \
		"$(awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$REGISTRY_PID/stat")" >"$T/registry.env"
}

media_types() { skopeo inspect --tls-verify=false --raw "docker://$1" | jq -r '[.mediaType, .config.mediaType, .layers[].mediaType] | unique | .[]'; }

#: fast
test_push_is_byte_exact() {
	own_registry
	local tag
	pull "$FROM/library/busybox" "$FROM/library/alpine:zstd" "$FROM/library/alpine:docker" \
		"$FROM/library/alpine:plain"
	for tag in busybox alpine:zstd alpine:docker; do
		expect 0 ctr push --digestfile "$T/w/digest" "$FROM/library/$tag" "$REGISTRY/exact/$tag"
		is "$OUT" "" "what push prints"
		contains "$ERR" "Writing manifest to image destination"
		is "$(cat "$T/w/digest")" "$(digest_at "$FROM/library/$tag")" "the digest of $tag in the file"
		is "$(digest_at "$REGISTRY/exact/$tag")" "$(cat "$T/w/digest")" "the digest of $tag there"
	done
	same_as_layout "$REGISTRY/exact/alpine:zstd" bb-zstd
	expect 0 ctr push -q "$FROM/library/busybox" "docker://$REGISTRY/exact/quiet"
	is "$OUT$ERR" ""
	expect 0 ctr image push "$FROM/library/busybox" "$REGISTRY/exact/as-image-push:2"
	is "$(digest_at "$REGISTRY/exact/as-image-push:2")" "$(digest_at "$FROM/library/busybox")"
	# what is not compressed is compressed on the way
	expect 0 ctr push -q "$FROM/library/alpine:plain" "$REGISTRY/exact/plain"
	contains "$(media_types "$REGISTRY/exact/plain")" "tar+gzip"
}

test_push_sends_nothing_twice() {
	own_registry
	pull "$FROM/library/three"
	expect 0 ctr --log-level debug push "$FROM/library/three" "$REGISTRY/once/three"
	[ -n "$(sent)" ] || fail "nothing was sent at all"
	expect 0 ctr --log-level debug push "$FROM/library/three" "$REGISTRY/once/three:2"
	is "$(sent)" "" "what was sent again"
	contains "$ERR" "skipped: already exists"
	expect 0 ctr rmi -f "$FROM/library/three"
	pull "$REGISTRY/once/three:2"
}

test_push_mounts_across_repositories() {
	own_registry
	pull "$FROM/library/nginx"
	expect 0 ctr push -q "$FROM/library/nginx" "$REGISTRY/library/nginx"
	expect 0 ctr rmi "$FROM/library/nginx"
	pull "$REGISTRY/library/nginx"
	expect 0 ctr --log-level debug push "$REGISTRY/library/nginx" "$REGISTRY/mounted/nginx"
	is "$(sent)" "" "what was sent in spite of the mount"
	same_as_layout "$REGISTRY/mounted/nginx" nginx
	# what a push put there can be mounted from there
	local line
	line=$(grep -m 1 "$REGISTRY/mounted/nginx" "$GRAPHROOT/meta/blob-locations")
	[ -n "$line" ] || fail "the push is not remembered"
	grep -v "/library/" "$GRAPHROOT/meta/blob-locations" >"$T/w/locations"
	cp "$T/w/locations" "$GRAPHROOT/meta/blob-locations"
	expect 0 ctr --log-level debug push "$REGISTRY/library/nginx" "$REGISTRY/mounted/again"
	is "$(sent)" "" "what was sent in spite of the second mount"
	# a location that is not true, and lines that are none, cost an upload and nothing else
	sed -i 's,/mounted/,/nowhere/,; s,/again,/nowhere-either,' "$GRAPHROOT/meta/blob-locations"
	printf 'junk\n\n%064d\n%064d \n' 0 0 >>"$GRAPHROOT/meta/blob-locations"
	expect 0 ctr --log-level debug push "$REGISTRY/library/nginx" "$REGISTRY/mounted/third"
	[ -n "$(sent)" ] || fail "nothing was sent"
	same_as_layout "$REGISTRY/mounted/third" nginx
}

test_push_of_what_was_made_here() {
	own_registry
	make_image
	expect 0 ctr run --network none --name maker bb sh -c 'echo made >/made'
	expect 0 ctr commit -q maker "$REGISTRY/made/here:1"
	expect 0 ctr rm maker
	expect 0 ctr push "$REGISTRY/made/here:1"
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/made/here:1" "oci:$T/w/made:1"
	local id
	id=$(ctr image inspect --format '{{.Id}}' "$REGISTRY/made/here:1")
	is "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/made/here:1" | jq -r .config.digest)" "sha256:$id"
	expect 0 ctr rmi -a -f
	expect 0 ctr run --rm --network none "$REGISTRY/made/here:1" busybox cat /made
	is "$OUT" made
}

test_push_names() {
	own_registry
	make_image
	local id
	id=$(ctr images -q --no-trunc | sed 's/sha256://')
	# registries.conf maps docker.io to the registry here
	expect 0 ctr push bb "$REGISTRY/names/bb"
	expect 0 ctr push "$id" "docker://$REGISTRY/names/by-id:3"
	is "$(digest_at "$REGISTRY/names/by-id:3")" "$(digest_at "$REGISTRY/names/bb:latest")"
	expect 0 ctr tag bb docker.io/names/hub:1
	expect 0 ctr push docker.io/names/hub:1
	is "$(digest_at "$REGISTRY/names/hub:1")" "$(digest_at "$REGISTRY/names/bb:latest")"
	expect 0 ctr push bb names/short
	is "$(digest_at "$REGISTRY/names/short:latest")" "$(digest_at "$REGISTRY/names/bb:latest")"
	expect 0 ctr push bb "oci:$T/w/layout:x"
	is "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$T/w/layout/index.json")" x
	expect 125 ctr push "$id"
	contains "$ERR" "give a DESTINATION"
	expect 125 ctr push no-such-image "$REGISTRY/names/none"
	contains "$ERR" "no-such-image"
	expect 125 ctr push bb "$REGISTRY/Names/upper"
	contains "$ERR" "invalid reference format"
	expect 125 ctr push bb docker-daemon:bb:1
	contains "$ERR" "docker-daemon"
	local digest wrong
	digest=$(digest_at "$REGISTRY/names/bb:latest")
	wrong=sha256:$(printf '1%.0s' $(seq 64))
	expect 0 ctr push bb "$REGISTRY/names/digested@$digest"
	is "$(digest_at "$REGISTRY/names/digested@$digest")" "$digest"
	expect 125 ctr push bb "$REGISTRY/names/digested@$wrong"
	contains "$ERR" "the image has the digest $digest"
}

test_push_all_tags() {
	own_registry
	make_image
	local tag
	for tag in one two; do expect 0 ctr tag bb "$REGISTRY/tags/app:$tag"; done
	expect 0 ctr tag bb "$REGISTRY/tags/app-other:three" "$REGISTRY/tags/app/below:four"
	expect 0 ctr push -a -q "$REGISTRY/tags/app"
	is "$(skopeo list-tags --tls-verify=false "docker://$REGISTRY/tags/app" | jq -c '.Tags | sort')" '["one","two"]'
	expect 22 curl -fs -o /dev/null "http://$REGISTRY/v2/tags/app-other/tags/list"
	expect 125 ctr push -a "$REGISTRY/tags/app:one"
	contains "$ERR" "a tag cannot be named together with all tags"
	expect 125 ctr push -a "$REGISTRY/tags/app" "$REGISTRY/elsewhere"
	contains "$ERR" "leave out the DESTINATION"
	expect 125 ctr push -a "$REGISTRY/tags/nothing"
	contains "$ERR" "no image here has a tag"
}

test_push_options_refused() {
	own_registry
	make_image
	expect 125 ctr push --format v2s1 bb "$REGISTRY/refused/bb"
	contains "$ERR" "v2s1"
	expect 125 ctr push --compress bb "$REGISTRY/refused/bb"
	contains "$ERR" "dir:"
	expect 125 ctr push --compression-format xz bb "$REGISTRY/refused/bb"
	contains "$ERR" "xz"
	expect 125 ctr push --creds nobody bb "$REGISTRY/refused/bb"
	contains "$ERR" "USER:PASSWORD"
	expect 125 ctr push --encrypt-layer 0 bb "$REGISTRY/refused/bb"
	contains "$ERR" "encrypted"
	expect 125 ctr push
	expect 125 ctr push bb "$REGISTRY/refused/bb" third
	expect 125 ctr push --digestfile /nowhere/digest bb "$REGISTRY/refused/bb"
	contains "$ERR" "/nowhere/digest"
}

test_push_blocked_and_unreachable() {
	own_registry
	make_image
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$REGISTRY" >"$CONTAINERS_REGISTRIES_CONF"
	expect 125 ctr push bb "$REGISTRY/blocked/bb"
	contains "$ERR" "blocked"
	is "$(wc -l <"$T/.err")" 1
	expect 125 ctr push -q --retry 0 bb "127.0.0.1:$(free_port)/a/b"
	is "$(wc -l <"$T/.err")" 1
	# a mirror is for pulling: what is pushed goes to the place itself
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\n' \
		"$REGISTRY" >"$CONTAINERS_REGISTRIES_CONF"
	expect 0 ctr push bb "$REGISTRY/mirrored/bb"
	digest_at "$REGISTRY/mirrored/bb" >/dev/null
	# without the word that it is insecure, plain http is not spoken
	echo >"$CONTAINERS_REGISTRIES_CONF"
	expect 125 ctr push -q --retry 0 bb "$REGISTRY/secure/bb"
	expect 0 ctr push -q --tls-verify=false bb "$REGISTRY/secure/bb"
}

test_push_event() {
	own_registry
	make_image
	local id
	id=$(ctr images -q --no-trunc | sed 's/sha256://')
	expect 0 ctr push bb "$REGISTRY/event/bb"
	expect 0 ctr events --stream=false --filter event=push --format '{{.ID}} {{.Name}}'
	is "$OUT" "$id $REGISTRY/event/bb"
}

# The file of locations does not grow without end.
test_push_locations_are_bounded() {
	own_registry
	make_image
	expect 0 ctr push bb "$REGISTRY/bounded/bb"
	awk 'BEGIN { for (i = 0; i < 13000; i++) printf "%064x registry.example.com/a/b%d\n", i, i }' \
		>>"$GRAPHROOT/meta/blob-locations"
	expect 0 ctr push bb "$REGISTRY/bounded/bb2"
	[ "$(stat -c %s "$GRAPHROOT/meta/blob-locations")" -lt 600000 ] || fail "it was not cut down"
	grep -q "$REGISTRY/bounded/bb2" "$GRAPHROOT/meta/blob-locations" || fail "the new ones are not there"
	grep -q "b12999$" "$GRAPHROOT/meta/blob-locations" || fail "the newer half is not there"
}

# From a registry to itself: nothing comes and nothing goes.
test_copy_within_a_registry_is_a_mount() {
	own_registry
	expect 0 ctr image copy "docker://$FROM/library/three" "docker://$REGISTRY/first/three"
	expect 0 ctr --log-level debug image copy "docker://$REGISTRY/first/three" "docker://$REGISTRY/within/three"
	is "$(sent)" "" "what was sent"
	is "$(grep -E '^GET .*/blobs/sha256' <<<"$(requests)" || :)" "" "what was fetched"
	is "$(digest_at "$REGISTRY/within/three")" "$(digest_at "$FROM/library/three")"
	expect 0 ctr image copy --all "oci:$LAYOUT:bb-index" "docker://$REGISTRY/within/index"
	is "$(digest_at "$REGISTRY/within/index")" "$(jq -r '.manifests[]
		| select(.annotations["org.opencontainers.image.ref.name"] == "bb-index") | .digest' "$LAYOUT/index.json")"
	expect 0 ctr --log-level debug image copy --all "docker://$REGISTRY/within/index" "docker://$REGISTRY/within/index2"
	is "$(sent)" "" "what was sent of the index"
	expect 0 skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/within/index2" "dir:$T/w/index"
}

test_push_in_another_form() {
	own_registry
	pull "$FROM/library/alpine:amd64"
	local id
	id=$(ctr image inspect --format '{{.Id}}' "$FROM/library/alpine:amd64")
	expect 0 ctr push -q --format v2s2 --digestfile "$T/digest" "$FROM/library/alpine:amd64" "$REGISTRY/form/bb:docker"
	is "$(cat "$T/digest")" "$(digest_at "$REGISTRY/form/bb:docker")" "the digest of what was made"
	lacks "$(media_types "$REGISTRY/form/bb:docker")" vnd.oci
	expect 0 ctr push -q --compression-format zstd "$FROM/library/alpine:amd64" "$REGISTRY/form/bb:zstd"
	contains "$(media_types "$REGISTRY/form/bb:zstd")" "layer.v1.tar+zstd"
	lacks "$(media_types "$REGISTRY/form/bb:zstd")" gzip
	# gzip it has already: the same bytes
	expect 0 ctr push -q --compression-format gzip "$FROM/library/alpine:amd64" "$REGISTRY/form/bb:same"
	is "$(digest_at "$REGISTRY/form/bb:same")" "$(digest_at "$FROM/library/alpine:amd64")" "gzip again"
	expect 0 ctr push -q --compression-format zstd --force-compression=false "$FROM/library/alpine:amd64" "$REGISTRY/form/bb:kept"
	is "$(digest_at "$REGISTRY/form/bb:kept")" "$(digest_at "$FROM/library/alpine:amd64")" "zstd if it must be"
	local tag
	for tag in zstd docker; do
		expect 0 ctr rmi -a -f
		pull "$REGISTRY/form/bb:$tag"
		is "$(ctr image inspect --format '{{.Id}}' "$REGISTRY/form/bb:$tag")" "$id" "the image ID of $tag"
	done
	expect 125 ctr push -q --format v2s2 --compression-format zstd "$REGISTRY/form/bb:docker" "$REGISTRY/form/bb:no"
	contains "$ERR" "zstd"
	expect 125 ctr push -q --force-compression "$REGISTRY/form/bb:docker" "$REGISTRY/form/bb:no"
	contains "$ERR" "--compression-format"
}

test_push_to_other_places() {
	own_registry
	make_image
	local id
	id=$(ctr images -q --no-trunc bb | sed 's/sha256://')
	expect 0 ctr push -q bb "dir:$T/w/dir"
	expect 0 ctr push -q bb "oci:$T/w/oci:tag"
	expect 0 ctr push -q bb "oci-archive:$T/w/oci.tar:tag"
	expect 0 ctr push -q bb "docker-archive:$T/w/docker.tar:example.com/bb:1"
	local place
	for place in "dir:$T/w/dir" "oci:$T/w/oci:tag" "oci-archive:$T/w/oci.tar:tag" "docker-archive:$T/w/docker.tar"; do
		expect 0 skopeo inspect --config --raw "$place"
		is "$(printf %s "$OUT" | jq -r '.rootfs.diff_ids[0]')" "sha256:$(sha256sum <"$T/w/bb.tar" | cut -d' ' -f1)" "the layer in $place"
	done
	expect 0 ctr push -q --compress bb "dir:$T/w/compressed"
	contains "$(cat "$T/w/compressed/manifest.json")" gzip
}

test_push_with_a_password() {
	own_registry
	make_image
	python3 -W ignore -c 'import crypt; print("ann:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
		>"$T/users"
	kill_registry
	printf 'auth: { htpasswd: { realm: test, path: "%s" } }\n' "$T/users" >>"$T/registry.env.yml"
	restart_registry
	unset REGISTRY_AUTH_FILE
	expect 125 ctr push -q bb "$REGISTRY/private/bb"
	contains "$ERR" "no credentials"
	is "$(wc -l <"$T/.err")" 1
	expect 125 ctr push -q --creds ann:wrong bb "$REGISTRY/private/bb"
	contains "$ERR" "not accepted"
	expect 0 ctr push -q --creds ann:secret bb "$REGISTRY/private/bb"
	expect 0 skopeo inspect --tls-verify=false --creds ann:secret "docker://$REGISTRY/private/bb"
	printf secret | ctr login -u ann --password-stdin "$REGISTRY" >/dev/null
	expect 0 ctr --log-level debug push bb "$REGISTRY/private/again"
	is "$(sent)" "" "what was sent in spite of the mount"
	expect 0 ctr rmi -f bb
	pull "$REGISTRY/private/again"
}

# The registry goes away in the middle, and comes back.
test_push_outlives_a_registry_that_restarts() {
	own_registry
	head -c 80000000 /dev/urandom >"$T/w/big"
	tar -C "$T/w" -cf "$T/w/big.tar" big
	expect 0 ctr import -q "$T/w/big.tar" big
	ctr push -q --digestfile "$T/digest" big "$REGISTRY/restarted/big" >"$T/push.out" 2>&1 &
	local push=$!
	wait_for 20 eval "find '$T/storage' -path '*/_uploads/*/data' -size +100k | grep -q ."
	kill_registry
	restart_registry
	wait "$push" || fail "the push failed: $(cat "$T/push.out")"
	is "$(digest_at "$REGISTRY/restarted/big")" "$(cat "$T/digest")"
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/restarted/big" "dir:$T/w/got"
}
