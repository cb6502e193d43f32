# Additional read-only image stores: shared by many users, of whatever owner, wherever mounted.
#: timeout=120

# A store that somebody else made, at a place that it was moved to, without the right to write.
shared_store() {
	SHARED=$T/shared
	no_store_check "what is made of a shared store belongs to its images"
	expect 0 ctr --root "$T/made" --runroot "$T/madeRun" pull -q alpine:amd64
	expect 0 ctr --root "$T/made" --runroot "$T/madeRun" pull -q busybox
	ctr --root "$T/made" --runroot "$T/madeRun" unshare sh -c \
		'rm -rf "$1/layers" && mkdir "$1/layers" && mv "$1" "$2" && chmod -R a-w "$2"' - "$T/made" "$SHARED"
	grep -r "$T/made" "$SHARED" && fail "an absolute path" || true
	trap 'chmod -R u+w "$SHARED"' EXIT
	mkdir -p "$HOME/.config/containers"
	printf '[storage]\ndriver = "overlay"\n[storage.options]\nadditionalimagestores = ["%s"]\n' "$SHARED" \
		>"$HOME/.config/containers/storage.conf"
}
state() { find "$SHARED" -printf '%p %m %s %T@\n' | sort; }

test_images_are_used_and_never_written() {
	local before
	shared_store
	before=$(state)
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'
	is "$(sort <<<"$OUT")" "docker.io/library/alpine:amd64 true
docker.io/library/busybox:latest true"
	# without the registry
	export CONTAINERS_REGISTRIES_CONF=/dev/null
	expect 0 ctr run --rm --network=none --pull=never alpine:amd64 cat /etc/os-release
	contains "$OUT" ID=busybox
	expect 0 ctr run --rm --network=none docker.io/library/busybox true
	is "$(ls "$GRAPHROOT/layers" | wc -l)" 1 "layers of our own ids (both images have the same)"
	is "$(find "$GRAPHROOT/images/blobs" -size +64k)" "" "blobs that are there already"
	expect 0 ctr save -q -o out.tar busybox
	expect 0 ctr system check --max 0s
	is "$OUT" ""
	# they are not ours to remove
	expect 125 ctr rmi alpine:amd64
	contains "$ERR" "belongs to the additional image store $SHARED, which is only read"
	expect 125 ctr untag busybox
	expect 0 ctr image prune -af
	expect 0 ctr rmi -a
	expect 0 ctr image exists alpine:amd64
	# a name of ours for one of theirs
	expect 0 ctr tag alpine:amd64 mine
	expect 0 ctr run --rm --network=none mine true
	expect 0 ctr rmi mine
	expect 1 ctr image exists mine
	is "$(state)" "$before" "the shared store"
	# what is kept for it goes with it
	rm "$HOME/.config/containers/storage.conf"
	expect 1 ctr image exists alpine:amd64
	expect 0 ctr image prune -af
	expect 0 ctr system check --repair --max 0s
	is "$(ls "$GRAPHROOT/layers" "$GRAPHROOT/images/blobs/sha256" | grep -c '^[0-9a-f]')" 0
}

test_digests_are_checked() {
	local m c b
	shared_store
	m=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] | test("alpine")) | .digest' \
		"$SHARED/images/index.json" | cut -d: -f2)
	c=$(jq -r .config.digest "$SHARED/images/blobs/sha256/$m" | cut -d: -f2)
	for b in "$c" "$(jq -r '.layers[0].digest' "$SHARED/images/blobs/sha256/$m" | cut -d: -f2)"; do
		chmod u+w "$SHARED/images/blobs/sha256/$b" "$SHARED/images/blobs/sha256"
		cp "$SHARED/images/blobs/sha256/$b" good
		sed -i 's/"Env"/"Emv"/; s/a/b/' "$SHARED/images/blobs/sha256/$b"
		expect 125 ctr run --rm --network=none --pull=never alpine:amd64 true
		contains "$ERR" digest
		cp good "$SHARED/images/blobs/sha256/$b"
	done
	expect 0 ctr run --rm --network=none --pull=never alpine:amd64 true
	expect 0 ctr system check --max 0s
}

test_what_is_no_store_is_told() {
	pull alpine:amd64
	expect 0 ctr --storage-opt overlay.imagestore=/nowhere images -q
	contains "$ERR" "open the additional image store /nowhere"
	mkdir empty
	expect 0 ctr --storage-opt "overlay.imagestore=$PWD/empty" run --rm --network=none alpine:amd64 true
	contains "$ERR" "neither a store"
	# an image layout of another program will do
	expect 0 ctr --storage-opt "overlay.imagestore=$LAYOUT" run --rm --network=none --pull=never bb true
	is "$ERR" ""
	expect 0 ctr system check --repair --max 0s
}
