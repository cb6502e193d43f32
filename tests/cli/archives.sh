# Archives of images: docker-archive and oci-archive, load, save.
#: timeout=120

TR=$CTR_LITE_LIBEXEC/ctr-lite-transfer
transfer() { "$TR" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
config_of() { # TAG of $LAYOUT: the image ID
	skopeo inspect --config --raw "oci:$LAYOUT:$1" | sha256sum | cut -d' ' -f1
}

test_docker_archive_there_and_back() {
	local id
	id=$(config_of bb-arm64)
	expect 0 transfer copy "oci:$LAYOUT:bb-arm64" "docker-archive:$T/w/a.tar:two:v1"
	tar -xOf "$T/w/a.tar" manifest.json >"$T/w/m.json"
	is "$(jq -r '.[0].Config' "$T/w/m.json")" "$id.json"
	is "$(jq -c '.[0].RepoTags' "$T/w/m.json")" '["docker.io/library/two:v1"]'
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
	expect 0 transfer copy "docker-archive:$T/w/a.tar:two:v1" named
	expect 0 transfer copy "docker-archive:$T/w/a.tar:@0" numbered
	expect 125 transfer copy "docker-archive:$T/w/a.tar:other:v1" x
	contains "$ERR" "no image of the name other:v1"
	expect 125 transfer copy "docker-archive:$T/w/a.tar:@1" x
	contains "$ERR" "no image @1"
	# A pipe gets the same bytes as a file, though no header can be written later there.
	transfer copy "oci:$LAYOUT:bb-arm64" docker-archive:/dev/stdout:two:v1 2>/dev/null | cat >"$T/w/b.tar"
	cmp -n "$(stat -c %s "$T/w/a.tar")" "$T/w/a.tar" "$T/w/b.tar"
	expect 125 transfer copy "oci:$LAYOUT:bb" "docker-archive:$T/w/a.tar"
	contains "$ERR" "is there already"
}

test_oci_archive_keeps_the_digest() {
	local want
	want=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "bb-arm64").digest' \
		"$LAYOUT/index.json")
	expect 0 transfer copy "oci:$LAYOUT:bb-arm64" "oci-archive:$T/w/a.tar:some:name"
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

# --- save and load

# Three small images: two of them share a layer, one has two names and one none.
make_three() {
	make_image
	expect 0 ctr tag bb other:v2
	mkdir "$T/w/more"
	echo more >"$T/w/more/file"
	expect 0 ctr create --name source bb true
	expect 0 ctr cp "$T/w/more/file" source:/file
	expect 0 ctr commit -q source quay.io/team/more:1
	expect 0 ctr rm source
	echo 1 >"$T/w/root/one"
	tar -C "$T/w/root" -cf "$T/w/nameless.tar" .
	expect 0 ctr import -q "$T/w/nameless.tar"
	NAMELESS=${OUT#sha256:}
}
id_of() {
	ctr image inspect -f '{{.Id}}' "$1"
}

test_save_and_load_of_one_image() {
	local id out
	make_three
	id=$(id_of more:1)
	expect 0 ctr save -q -o "$T/w/a.tar" more:1
	is "$OUT$ERR" ""
	is "$(tar -xOf "$T/w/a.tar" manifest.json | jq -c '.[0].RepoTags')" '["quay.io/team/more:1"]'
	ctr save more:1 2>/dev/null | cmp - "$T/w/a.tar"
	expect 0 ctr rmi more:1
	out=$(ctr load -q <"$T/w/a.tar")
	is "$out" "Loaded image: quay.io/team/more:1"
	is "$(id_of more:1)" "$id"
	is "$(ctr run --rm --network=none more:1 sh -c 'read x </file; echo $x')" more
	# The archive of what was loaded is the same again.
	expect 0 ctr save -q -o "$T/w/b.tar" more:1
	cmp "$T/w/a.tar" "$T/w/b.tar"
	ctr events --stream=false --since 10m --filter type=image --format '{{.Status}} {{.Name}}' >"$T/w/events"
	grep -qx 'save quay.io/team/more:1' "$T/w/events"
	grep -qx 'loadfromarchive quay.io/team/more:1' "$T/w/events"
}

test_save_with_more_tags_and_many_images() {
	make_three
	expect 0 ctr save -q -o "$T/w/a.tar" bb extra other.example/x:y
	is "$(tar -xOf "$T/w/a.tar" manifest.json | jq -c '.[].RepoTags')" \
		'["localhost/extra:latest","other.example/x:y","localhost/bb:latest"]'
	expect 0 ctr load -q -i "$T/w/a.tar"
	is "$(sort <<<"$OUT")" "$(printf 'Loaded image: %s\n' localhost/bb:latest localhost/extra:latest other.example/x:y)"
	is "$(id_of extra)" "$(id_of bb)"
	expect 0 ctr save -q -m -o "$T/w/m.tar" bb more:1 other:v2 "$NAMELESS"
	is "$(tar -xOf "$T/w/m.tar" manifest.json | jq -c '[.[].RepoTags]')" \
		'[["localhost/bb:latest","localhost/other:v2"],["quay.io/team/more:1"],[]]'
	# What they share is in it once.
	is "$(tar -tf "$T/w/m.tar" | sort | uniq -d)" ""
	expect 0 ctr rmi -f bb extra other.example/x:y other:v2 more:1 "$NAMELESS"
	is "$(ctr images -q)" ""
	expect 0 ctr load -q -i "$T/w/m.tar"
	is "$OUT" "$(printf 'Loaded image: %s\n' localhost/bb:latest localhost/other:v2 quay.io/team/more:1 "sha256:$NAMELESS")"
	expect 0 ctr run --rm --network=none "$NAMELESS" sh -c 'read x </one; echo $x'
	is "$OUT" 1
}

test_save_in_every_format() {
	local id f
	make_three
	id=$(id_of more:1)
	for f in oci-archive oci-dir docker-dir docker-archive; do
		expect 0 ctr save -q --format "$f" -o "$T/w/$f" more:1
	done
	expect 0 ctr rmi more:1
	for f in oci-archive docker-archive; do
		expect 0 ctr load -q -i "$T/w/$f"
		is "$OUT" "Loaded image: quay.io/team/more:1" "$f"
		is "$(id_of more:1)" "$id" "$f"
		expect 0 ctr rmi more:1
	done
	expect 0 ctr load -q -i "$T/w/docker-dir"
	is "$OUT" "Loaded image: sha256:$id"
	is "$(jq -r .mediaType "$T/w/docker-dir/manifest.json")" application/vnd.docker.distribution.manifest.v2+json
	cd "$T/w"
	expect 0 ctr load -q -i oci-dir
	is "$OUT" "Loaded image: localhost/oci-dir:latest"
	is "$(id_of oci-dir)" "$id"
	is "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' oci-dir/index.json)" \
		quay.io/team/more:1
}

test_save_says_no() {
	make_image
	cd "$T/w"
	expect 125 ctr save -o x.tar absent
	contains "$ERR" "absent: image not known"
	expect 125 ctr save -m -o x.tar bb absent
	contains "$ERR" "absent: image not known"
	expect 125 ctr save --format zip -o x bb
	contains "$ERR" "format value must be one of"
	expect 125 ctr save --compress -o x bb
	contains "$ERR" "--compress can only be set when"
	expect 125 ctr save --uncompressed -o x bb
	contains "$ERR" "--uncompressed can only be set when"
	expect 125 ctr save --format oci-archive -m -o x bb bb
	contains "$ERR" "only docker-archive"
	expect 125 ctr save --format oci-dir bb
	contains "$ERR" "name it with --output"
	expect 125 ctr save -o "$T/w" bb
	contains "$ERR" "is a directory"
	expect 125 ctr save -o "$T/w/none/x.tar" bb
	contains "$ERR" "No such file or directory"
	expect 125 ctr save -o x.tar bb Bad/Name
	contains "$ERR" "invalid reference format"
	expect 125 ctr save
	is "$(ls | sort | tr '\n' ' ')" "bb.tar root "
	tty_start "$(command -v ctr-lite) save bb; echo status \$?; sleep 100"
	tty_wait "status 125"
	tty_shows "refusing to save to terminal"
	tty_end
	# A pipe that nobody reads is an error, not silence.
	run bash -c "'$(command -v ctr-lite)' save -q bb | head -c 10 >/dev/null; exit \${PIPESTATUS[0]}"
	is "$STATUS" 125
	contains "$ERR" "Broken pipe"
}

test_load_says_no() {
	make_image
	cd "$T/w"
	expect 125 ctr load -i absent.tar
	contains "$ERR" "absent.tar: No such file or directory"
	expect 125 ctr load -i bb.tar
	contains "$ERR" "it holds no images"
	contains "$ERR" "import"
	expect 125 ctr load -q
	contains "$ERR" "the archive is empty"
	expect 125 ctr load -i root
	expect 125 ctr load what
	tty_start "$(command -v ctr-lite) load; echo status \$?; sleep 100"
	tty_wait "status 125"
	tty_shows "cannot read from terminal"
	tty_end
	is "$(ctr images --format '{{.Repository}}')" localhost/bb
}

# A file is replaced when the new one is whole, and not before.
test_save_replaces_a_file() {
	make_three
	cd "$T/w"
	expect 0 ctr save -q -o x.tar bb
	cp x.tar old.tar
	expect 0 ctr save -q -o x.tar more:1
	contains "$(tar -xOf x.tar manifest.json)" quay.io/team/more:1
	cp old.tar x.tar
	m=$(ctr image inspect -f '{{.Digest}}' more:1)
	l=$(jq -r '.layers[1].digest' "$GRAPHROOT/images/blobs/sha256/${m#sha256:}")
	chmod u+w "$GRAPHROOT/images/blobs/sha256/${l#sha256:}"
	truncate -s -10 "$GRAPHROOT/images/blobs/sha256/${l#sha256:}"
	no_store_check "a blob was cut off"
	expect 125 ctr save -q -o x.tar more:1
	contains "$ERR" "pull the image again"
	cmp x.tar old.tar
	is "$(ls | grep -c tmp)" 0
}

# Whoever loads is told of a name that another image had, and that one is still there.
test_load_tells_of_names_that_move() {
	local old
	make_three
	expect 0 ctr save -q -o "$T/w/a.tar" more:1 bb
	old=$(id_of bb)
	expect 0 ctr load -q -i "$T/w/a.tar"
	contains "$ERR" "localhost/bb:latest was the name of image ${old:0:12}"
	is "$(id_of bb)" "$(id_of more:1)"
	is "$(id_of "$old")" "$old"
	expect 0 ctr load -q -i "$T/w/a.tar"
	is "$ERR" "" "once it has the name"
}

# What the store has is not brought in again, also where it is compressed there and plain in the
# archive; what it has not is compressed on its way.
blob_list() { find "$GRAPHROOT/images/blobs" -type f | sort; }
test_load_of_what_is_here() {
	local before digest
	make_three
	expect 0 ctr save -q -m -o "$T/w/a.tar" bb more:1
	before=$(blob_list)
	digest=$(ctr image inspect -f '{{.Digest}}' more:1)
	expect 0 ctr load -q -i "$T/w/a.tar"
	is "$(blob_list)" "$before"
	is "$(ctr image inspect -f '{{.Digest}}' more:1)" "$digest"
	# Its lower layer is here with bb, the other one is not.
	expect 0 ctr rmi more:1
	expect 0 ctr load "-i$T/w/a.tar"
	contains "$ERR" "skipped: already exists"
	m=$(ctr image inspect -f '{{.Digest}}' more:1)
	b=$(ctr image inspect -f '{{.Digest}}' bb)
	m=$GRAPHROOT/images/blobs/sha256/${m#sha256:}
	is "$(jq -r '.layers[0].digest' "$m")" "$(jq -r '.layers[0].digest' "$GRAPHROOT/images/blobs/sha256/${b#sha256:}")"
	is "$(jq -r '.layers[].mediaType' "$m" | uniq)" application/vnd.docker.image.rootfs.diff.tar.gzip
	is "$(ctr run --rm --network=none more:1 sh -c 'read x </file; echo $x')" more
	# An image of which a blob is gone is brought in from the archive.
	rm "$GRAPHROOT/images/blobs/sha256/$(jq -r '.layers[1].digest' "$m" | cut -d: -f2)"
	expect 125 ctr save -q -o "$T/w/b.tar" more:1
	expect 0 ctr load -q -i "$T/w/a.tar"
	expect 0 ctr save -q -o "$T/w/b.tar" more:1
}

test_load_from_pipes_and_compressed() {
	local c
	make_image
	expect 0 ctr save -q -o "$T/w/a.tar" bb
	for c in cat gzip bzip2 xz zstd; do
		$c <"$T/w/a.tar" >"$T/w/a.$c"
		expect 0 ctr rmi bb
		expect 0 ctr load -q -i "$T/w/a.$c"
		is "$OUT" "Loaded image: localhost/bb:latest"
		expect 0 ctr rmi bb
		cat "$T/w/a.$c" | ctr load -q >"$T/w/out"
		is "$(cat "$T/w/out")" "Loaded image: localhost/bb:latest"
	done
	is "$(ls "$GRAPHROOT/tmp")" ""
}

test_load_asks_the_policy() {
	make_image
	expect 0 ctr save -q -o "$T/w/d.tar" bb
	expect 0 ctr save -q --format oci-archive -o "$T/w/o.tar" bb
	expect 0 ctr rmi bb
	echo '{"default":[{"type":"reject"}],"transports":{"docker-archive":{"":[{"type":"insecureAcceptAnything"}]}}}' \
		>"$T/w/policy.json"
	expect 125 ctr load -q --signature-policy "$T/w/policy.json" -i "$T/w/o.tar"
	contains "$ERR" "is rejected by policy"
	is "$(find "$GRAPHROOT/images/blobs" "$GRAPHROOT/layers" -type f)" ""
	expect 0 ctr load -q --signature-policy "$T/w/policy.json" -i "$T/w/d.tar"
	is "$OUT" "Loaded image: localhost/bb:latest"
}

# --- import

test_import_from_a_url() {
	local port pid
	make_image
	xz -k "$T/w/bb.tar"
	port=$(free_port)
	(cd "$T/w" && exec python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1) &
	pid=$!
	wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	expect 0 ctr import "http://127.0.0.1:$port/bb.tar.xz" fetched
	contains "$ERR" "Downloading from \"http://127.0.0.1:$port/bb.tar.xz\""
	expect 0 ctr run --rm --network=none fetched true
	expect 125 ctr import "http://127.0.0.1:$port/none.tar" x
	contains "$ERR" "status 404"
	expect 0 ctr save -q -o "$T/w/a.tar" fetched
	expect 0 ctr rmi fetched
	expect 0 ctr load -q -i "http://127.0.0.1:$port/a.tar"
	is "$OUT" "Loaded image: localhost/fetched:latest"
	kill "$pid"
	wait "$pid" || true
	expect 125 ctr import "http://127.0.0.1:$port/bb.tar.xz" x
	contains "$ERR" "127.0.0.1"
	is "$(ls "$GRAPHROOT/tmp")" ""
}

test_import_for_another_platform() {
	make_image
	expect 0 ctr import -q --os linux --arch arm --variant v7 "$T/w/bb.tar" foreign
	expect 0 ctr image inspect -f '{{.Os}}/{{.Architecture}}' foreign
	is "$OUT" linux/arm
	expect 125 ctr import --platform linux/arm64 "$T/w/bb.tar" x
	contains "$ERR" "--arch"
}
