# Images: pulled in each form, listed, tagged, removed; the store is an OCI layout for other tools.
#: timeout=120

manifest_digest() { # REFERENCE IN THE REGISTRY
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1" | sha256sum | cut -d' ' -f1
}

#: fast
test_every_form_of_an_image_runs() {
	local tag
	for tag in latest amd64 zstd plain docker docker-list; do
		expect 0 ctr run --rm --network=none "alpine:$tag" cat /etc/os-release
		contains "$OUT" ID=busybox "alpine:$tag"
	done
	expect 0 ctr run --rm --network=none busybox true
}

test_platform_is_chosen_from_an_index() {
	expect 0 ctr pull -q --platform linux/arm64 alpine
	expect 0 ctr inspect --type image -f '{{.Architecture}}' alpine
	is "$OUT" arm64
	expect 0 ctr pull -q --platform linux/amd64 alpine
	expect 0 ctr inspect --type image -f '{{.Architecture}}' alpine
	is "$OUT" amd64
	expect 125 ctr pull -q --platform linux/s390x alpine
	contains "$ERR" s390x
}

#: fast
test_pull_prints_the_image_id() {
	local id
	expect 0 ctr pull alpine:amd64
	id=$(tail -n 1 <<<"$OUT")
	matches "$id" '^[0-9a-f]{64}$'
	is "$id" "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/library/alpine:amd64" |
		jq -r .config.digest | cut -d: -f2)"
	expect 0 ctr pull -q alpine:amd64
	is "$OUT" "$id"
	is "$ERR" "" "stderr of pull -q"
	expect 0 ctr images -q
	is "$OUT" "${id:0:12}"
}

test_digest_pulled_is_the_digest_pushed() {
	local ref want
	for ref in library/alpine:amd64 library/alpine:zstd library/alpine:docker library/nginx library/busybox; do
		pull "docker.io/$ref"
		want=$(manifest_digest "$ref")
		expect 0 ctr inspect --type image -f '{{.Digest}}' "docker.io/$ref"
		is "$OUT" "sha256:$want" "digest of $ref"
	done
	# By digest, too; and not by a wrong one.
	want=$(manifest_digest library/busybox)
	pull "busybox@sha256:$want"
	expect 125 ctr pull -q "busybox@sha256:$(printf %064d 0)"
}

test_skopeo_copies_out_of_the_store() {
	local want
	pull alpine:amd64 nginx
	want=$(manifest_digest library/nginx)
	expect 0 skopeo --insecure-policy copy "oci:$GRAPHROOT/images:docker.io/library/nginx:latest" "dir:$T/w/out"
	is "$(sha256sum <"$T/w/out/manifest.json" | cut -d' ' -f1)" "$want" "digest of the copy"
	expect 0 umoci ls --layout "$GRAPHROOT/images"
	contains "$OUT" docker.io/library/nginx:latest
	rm -rf "$T/w/out"
}

test_skopeo_copies_into_the_store() {
	pull alpine:amd64
	expect 0 skopeo --insecure-policy copy "oci:$LAYOUT:nginx" "oci:$GRAPHROOT/images:docker.io/library/web:1"
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}'
	contains "$OUT" docker.io/library/web:1
	expect 0 ctr run --rm --network=none docker.io/library/web:1 nginx -v
	contains "$ERR" "nginx version"
	expect 0 ctr rmi docker.io/library/web:1
	lacks "$(ctr images --format '{{.Repository}}:{{.Tag}}')" web
	expect 0 ctr run --rm --network=none alpine:amd64 true
}

test_nginx_image_is_the_same_tree_as_umoci_unpacks() {
	pull nginx
	expect 0 ctr run --rm --network=none --entrypoint '' nginx sh -c \
		'cd / && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf -o -path ./run \) -prune -o -printf "%y %m %U:%G %s %T@ %p -> %l\n" | grep -vE "^d.* \.(/etc)? -> " | sed "s/^\(d [0-9]* [0-9:]*\) [0-9]*/\1 -/" | sort'
	sort "$T/.out" >"$T/w/ours"
	umoci unpack --rootless --image "$LAYOUT:nginx" "$T/w/bundle" >/dev/null 2>&1
	(cd "$T/w/bundle/rootfs" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf -o -path ./run \) -prune -o -printf '%y %m %s %T@ %p -> %l\n') |
		grep -vE '^d.* \.(/etc)? -> ' | sed 's/^\(d [0-9]*\) [0-9]*/\1 -/' | sort >"$T/w/theirs"
	# umoci without root cannot give files to others: compare without owners.
	sed -E 's/^(. [0-9]+) [0-9]+:[0-9]+/\1/' "$T/w/ours" | sort >"$T/w/ours-no-owner"
	diff "$T/w/theirs" "$T/w/ours-no-owner" | head -20 >"$T/w/diff" || true
	is "$(cat "$T/w/diff")" "" "differences from umoci's tree"
	# And owners: from the layers themselves.
	contains "$(grep -E ' \./var/lib/redis ->' "$T/w/ours")" " 10" "owner of /var/lib/redis"
	chmod -R u+rwX "$T/w/bundle" && rm -rf "$T/w/bundle"
}

test_tag_list_and_remove() {
	local id
	pull alpine:amd64
	id=$(ctr images -q)
	expect 0 ctr tag alpine:amd64 localhost/mine:1
	is "$OUT$ERR" ""
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
	contains "$OUT" "localhost/mine:1 $id"
	contains "$OUT" "docker.io/library/alpine:amd64 $id"
	expect 0 ctr run --rm --network=none mine:1 true
	expect 0 ctr rmi alpine:amd64
	contains "$OUT" "Untagged: docker.io/library/alpine:amd64"
	expect 0 ctr run --rm --network=none localhost/mine:1 true
	expect 0 ctr rmi localhost/mine:1
	contains "$OUT" "Untagged: localhost/mine:1"
	contains "$OUT" "Deleted: "
	is "$(ctr images -q)" ""
	is "$(ls "$GRAPHROOT/layers" | wc -l)" 0 "layers left"
	is "$(ls "$GRAPHROOT/images/blobs/sha256" | wc -l)" 0 "blobs left"
	expect 1 ctr rmi localhost/mine:1
}

test_an_image_in_use_is_not_removed() {
	pull alpine:amd64
	expect 0 ctr create --name c --network=none alpine:amd64 echo still works
	expect 2 ctr rmi alpine:amd64
	expect 0 ctr start -a c
	is "$OUT" "still works"
	expect 0 ctr rm c
	expect 0 ctr rmi alpine:amd64
}

test_layers_are_shared_and_kept_while_needed() {
	pull nginx redis python
	is "$(ls "$GRAPHROOT/layers" | wc -l)" 3 "layers of three images on one base"
	expect 0 ctr rmi nginx redis
	is "$(ls "$GRAPHROOT/layers" | wc -l)" 2 "layers after two are gone"
	expect 0 ctr run --rm --network=none python python3 -c 'print("ok")'
}

test_twenty_thousand_files() {
	pull many:zstd
	expect 0 ctr run --rm --network=none many:zstd sh -c 'find /many -type f | wc -l; cat /many/d00/e00/file-00000 | wc -c'
	is "$(head -n 1 <<<"$OUT")" 20000
	expect 0 ctr rmi many:zstd
}

#: fast
test_import_makes_an_image() {
	mkdir -p "$T/w/root/bin" "$T/w/root/etc"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	ln -s busybox "$T/w/root/bin/sh"
	tar -C "$T/w/root" --owner=0 --group=0 -cf "$T/w/root.tar" .
	expect 0 ctr import -c 'CMD ["sh", "-c", "echo imported"]' "$T/w/root.tar" mine:1
	matches "$OUT" '^sha256:[0-9a-f]{64}$'
	expect 0 ctr run --rm --network=none localhost/mine:1
	is "$OUT" imported
	gzip -c "$T/w/root.tar" | ctr import - localhost/piped >/dev/null
	expect 0 ctr run --rm --network=none piped sh -c 'echo piped'
	is "$OUT" piped
}

test_unknown_images_and_registries() {
	expect 125 ctr pull no-such-image-here
	matches "$ERR" 'Error: .*no-such-image-here'
	expect 125 ctr pull 127.0.0.1:1/nothing/there
	contains "$ERR" 127.0.0.1:1
	expect 125 ctr pull 'UPPER/case'
	contains "$ERR" lower
	expect 125 ctr run --rm --pull=never alpine true
	is "$(ctr images -q)" ""
}

test_interrupted_pull_leaves_nothing_and_the_next_one_works() {
	local pid
	# A background process of a shell ignores SIGINT; a foreground one does not.
	env --default-signal=INT ctr-lite pull -q three >/dev/null 2>&1 &
	pid=$!
	sleep 0.3
	kill -INT $pid
	wait $pid || true
	is "$(ctr images -q)" ""
	wait_for 5 sh -c '[ -z "$(ls -A "$GRAPHROOT/tmp")" ]' # what was staged
	expect 0 ctr pull -q three
	expect 0 ctr run --rm --network=none three true
}

test_pulls_of_the_same_image_at_once() {
	local i
	for i in 1 2 3 4; do
		(command ctr-lite pull -q python >"$T/w/$i" 2>&1 || echo "status $?" >>"$T/w/$i") &
	done
	wait
	for i in 2 3 4; do
		is "$(cat "$T/w/$i")" "$(cat "$T/w/1")" "output of pull $i"
	done
	matches "$(cat "$T/w/1")" '^[0-9a-f]{64}$'
	expect 0 ctr run --rm --network=none python python3 -c 'print(1)'
}
