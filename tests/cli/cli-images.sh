# The commands about local images: what they print, refuse, and end with.

# A root filesystem of the static busybox, imported under the given names.
import_bb() { # NAME [OPTION...]
	local name=$1
	shift
	if [ ! -e "$T/w/bb.tar" ]; then
		mkdir -p "$T/w/root/bin"
		cp "$(command -v busybox)" "$T/w/root/bin/busybox"
		ln -sf busybox "$T/w/root/bin/sh"
		tar -C "$T/w/root" -cf "$T/w/bb.tar" .
	fi
	expect 0 ctr import -q "$@" "$T/w/bb.tar" "$name"
	ID=${OUT#sha256:}
}

#: fast
test_import_names_and_lists() {
	expect 0 ctr images
	is "$OUT" "REPOSITORY  TAG         IMAGE ID    CREATED     SIZE"
	import_bb one -c 'CMD ["sh"]' -c 'ENV X=y' -c 'LABEL a=b' -m hello
	matches "$ID" '^[0-9a-f]{64}$'
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Id}}'
	is "$OUT" "localhost/one:latest ${ID:0:12} $ID"
	expect 0 ctr images --no-trunc -q
	is "$OUT" "sha256:$ID"
	expect 0 ctr inspect one -f '{{.Config.Cmd}} {{.Config.Env}} {{.Config.Labels.a}} {{.Comment}}'
	is "$OUT" "[sh] [X=y] b hello"
	expect 0 ctr image inspect "${ID:0:6}"
	is "$(jq -r '.[0].RepoTags[0]' <<<"$OUT")" localhost/one:latest
	is "$(jq -r '.[0].Os' <<<"$OUT")" linux
}

#: fast
test_tags() {
	import_bb one
	expect 0 ctr tag one other x/y:1 host:5000/z
	is "$OUT$ERR" ""
	expect 0 ctr images --format '{{.Repository}}:{{.Tag}}' --sort repository
	is "$OUT" $'host:5000/z:latest\nlocalhost/one:latest\nlocalhost/other:latest\nlocalhost/x/y:1'
	expect 0 ctr images -q
	is "$OUT" "${ID:0:12}" "an ID stands once"
	expect 0 ctr untag one x/y:1
	expect 125 ctr untag one x/y:1
	contains "$ERR" "localhost/x/y:1: tag not known"
	expect 125 ctr tag nope x
	is "$ERR" "Error: nope: image not known"
	expect 125 ctr tag one UPPER
	contains "$ERR" "must be lowercase"
	expect 125 ctr tag one "x@sha256:$ID"
	contains "$ERR" "tag by digest not supported"
	expect 0 ctr untag one
	expect 0 ctr images
	contains "$OUT" "<none>"
	expect 0 ctr images -q --filter dangling=true
	is "$OUT" "${ID:0:12}"
	# a name goes over to another image, which leaves the first without one
	expect 0 ctr tag "$ID" moving
	import_bb moving -m again
	expect 0 ctr images -q --filter dangling=true
	lacks "$OUT" "${ID:0:12}"
}

#: fast
test_rmi() {
	import_bb one
	ctr tag one two
	expect 0 ctr rmi one
	is "$OUT" "Untagged: localhost/one:latest"
	expect 0 ctr rmi two
	is "$OUT" "Untagged: localhost/two:latest"$'\n'"Deleted: $ID"
	is "$(ls "$GRAPHROOT/layers" "$GRAPHROOT/images/blobs/sha256" 2>/dev/null | grep -cE '^[0-9a-f]{64}$' || true)" 0 \
		"blobs and layers left"
	expect 1 ctr rmi nope
	is "$ERR" "Error: nope: image not known"
	expect 0 ctr rmi -f nope
	expect 0 ctr rmi -i nope
	expect 125 ctr rmi -a x
	expect 0 ctr rmi -a
	is "$OUT" ""
}

#: fast
test_rmi_of_an_image_in_use() {
	import_bb one
	expect 0 ctr create --name c one sh
	expect 2 ctr rmi one
	contains "$ERR" "image is in use by a container"
	expect 2 ctr rmi nope one
	contains "$ERR" "nope: image not known"
	# one of two names may go
	ctr tag one two
	expect 0 ctr rmi one
	expect 2 ctr rmi two
	expect 0 ctr rmi -f two
	is "$OUT" "Untagged: localhost/two:latest"$'\n'"Deleted: $ID"
	is "$(ctr ps -aq)" ""
}

#: fast
test_by_id_several_names_need_force() {
	import_bb one
	ctr tag one two
	expect 125 ctr rmi "$ID"
	contains "$ERR" "by ID with more than one tag"
	expect 0 ctr rmi -f "${ID:0:12}"
	contains "$OUT" "Deleted: $ID"
}

#: fast
test_exists() {
	import_bb one
	expect 0 ctr image exists one
	expect 0 ctr image exists "$ID"
	expect 1 ctr image exists nope
	is "$OUT$ERR" ""
	expect 1 ctr container exists nope
	is "$OUT$ERR" ""
}

test_filters() {
	local first
	import_bb one -c 'LABEL kind=a'
	first=$ID
	import_bb two -c 'LABEL kind=b' -m other
	expect 0 ctr images -f label=kind=a --format '{{.Repository}}'
	is "$OUT" localhost/one
	expect 0 ctr images -f label!=kind=a --format '{{.Repository}}'
	is "$OUT" localhost/two
	expect 0 ctr images -f reference='t*' --format '{{.Repository}}'
	is "$OUT" localhost/two
	expect 0 ctr images tw --format '{{.Repository}}'
	is "$OUT" ""
	expect 0 ctr images -f since=one -q
	is "$OUT" "${ID:0:12}"
	expect 0 ctr images -f before=two -q
	is "$OUT" "${first:0:12}"
	expect 0 ctr images -f until=1h -q
	is "$OUT" ""
	expect 0 ctr images -f "id=${first:0:8}" -f "id=${ID:0:8}" -q
	is "$(wc -l <<<"$OUT")" 2
	ctr create --name c one sh >/dev/null
	expect 0 ctr images -f containers=true -q
	is "$OUT" "${first:0:12}"
	expect 125 ctr images -f a=b
	contains "$ERR" 'unsupported image filter "a"'
	expect 125 ctr images -f a
	contains "$ERR" 'invalid image filter "a": must be in the format "filter=value or filter!=value"'
	expect 125 ctr images -f dangling=maybe
	expect 125 ctr images --sort nothing
	contains "$ERR" "is not a valid field for sorting"
	expect 125 ctr images -f before=nope
	contains "$ERR" "nope: image not known"
}

#: fast
test_formats() {
	import_bb one
	expect 0 ctr images --format json
	is "$(jq -r '.[0].Names[0]' <<<"$OUT")" localhost/one:latest
	is "$(jq -r '.[0].Id' <<<"$OUT")" "$ID"
	matches "$OUT" $'^\\[\n    \\{\n        "Id"'
	expect 0 ctr images --format 'table {{.ID}} {{.Repository}}'
	is "$OUT" "IMAGE ID      REPOSITORY"$'\n'"${ID:0:12}  localhost/one"
	expect 0 ctr images --noheading --format 'table {{.Tag}}'
	is "$OUT" latest
	expect 125 ctr images --format '{{.Foo}}'
	contains "$ERR" "can't evaluate field Foo"
	expect 125 ctr images --format '{{'
	contains "$ERR" "template: images:1:"
	expect 0 ctr images --format '{{.Repository}}\t{{.Tag}}'
	is "$OUT" $'localhost/one\tlatest'
	expect 0 ctr images -q --format json
	is "$(jq length <<<"$OUT")" 1
	expect 0 ctr images -q --format '{{.Tag}}'
	is "$OUT" "${ID:0:12}"
}

# What an image says of itself goes to a terminal.
#: fast
test_control_bytes_of_an_image_are_not_printed() {
	import_bb one -c $'LABEL evil=\e]0;title\a' -m $'\e[31mred'
	expect 0 ctr inspect one
	lacks "$OUT" $'\e' "inspect"
	expect 0 ctr images --format 'table {{.Labels}}'
	lacks "$OUT" $'\e' "table"
	expect 0 ctr create --name c one sh -c $'\e[31mred'
	expect 0 ctr ps -a
	lacks "$OUT" $'\e' "ps"
}

# Another tool, or an attacker's layout copied in, may have put any name into index.json.
test_foreign_names_do_no_harm() {
	import_bb good
	local index=$GRAPHROOT/images/index.json
	jq --arg n $'evil\e[31m\nname' '.manifests += [.manifests[0] | .annotations["org.opencontainers.image.ref.name"] = $n]' \
		"$index" >"$T/w/index" && cat "$T/w/index" >"$index"
	expect 0 ctr images
	lacks "$OUT" $'\e' images
	contains "$OUT" 'evil\x1b[31m'
	is "$(wc -l <<<"$OUT")" 3 "lines of images"
	expect 0 ctr inspect good
	lacks "$OUT" $'\e' inspect
	expect 0 ctr __complete -- rmi ''
	lacks "$OUT" evil completion
	expect 0 ctr rmi -f good
	expect 0 ctr rmi -a -f
	lacks "$OUT" $'\e' rmi
	is "$(ctr images -q)" ""
}

# One damaged image does not hide the others.
test_a_damaged_image_is_left_out() {
	local config
	import_bb good
	config=$ID
	import_bb bad -m other
	rm "$GRAPHROOT/images/blobs/sha256/$ID"
	expect 0 ctr images -q
	is "$OUT" "${config:0:12}"
	expect 125 ctr inspect bad
	lacks "$ERR" "panic"
	printf '{"config": "text", "history": {}, "created": 7, "rootfs": []}' >"$GRAPHROOT/images/blobs/sha256/$ID"
	expect 0 ctr inspect bad
	expect 0 ctr images
	expect 0 ctr images --format '{{.Labels}} {{.Created}} {{.Arch}}|'
	printf '[' >"$GRAPHROOT/images/blobs/sha256/$ID"
	expect 0 ctr images -q
	expect 0 ctr rmi good
	expect 0 ctr rmi bad
	is "$OUT" "Untagged: localhost/bad:latest"$'\n'"Deleted: $ID"
	# without a manifest nothing but its name is known
	import_bb worse
	expect 0 ctr inspect -f '{{.Digest}}' worse
	rm "$GRAPHROOT/images/blobs/sha256/${OUT#sha256:}" "$GRAPHROOT/meta/${OUT#sha256:}.json"
	expect 0 ctr images -q
	expect 0 ctr rmi worse
	is "$OUT" "Untagged: localhost/worse:latest"
	expect 1 ctr rmi worse
	is "$(ls -A "$GRAPHROOT/layers")" "" "layers left"
	no_store_check "a blob was damaged on purpose"
}

# From "one" the images chain:1 and chain:2, each a step more.
chain() {
	import_bb one
	expect 0 ctr create --network none --name c1 one sh
	expect 0 ctr commit -q -m first c1 chain:1
	FIRST=$OUT
	expect 0 ctr create --network none --name c2 chain:1 sh
	expect 0 ctr commit -q -m second -c 'CMD ["second"]' c2 chain:2
	SECOND=$OUT
	expect 0 ctr rm c1 c2
}

#: fast
test_history() {
	chain
	expect 0 ctr history --format '{{.ID}}|{{.Comment}}|{{.Tags}}' chain:2
	is "$(sed -n 1p <<<"$OUT")" "${SECOND:0:12}|second|[localhost/chain:2]"
	is "$(sed -n 2p <<<"$OUT")" "${FIRST:0:12}|first|[localhost/chain:1]"
	is "$(sed -n 3p <<<"$OUT" | cut -c1-12)" "${ID:0:12}"
	expect 0 ctr history -q --no-trunc chain:2
	is "$OUT" "$SECOND"$'\n'"$FIRST"$'\n'"$ID"
	# a step whose image is gone
	ctr rmi one chain:1 >/dev/null
	expect 0 ctr image history -q chain:2
	is "$OUT" "${SECOND:0:12}"$'\n'"<missing>"$'\n'"<missing>"
	expect 0 ctr history chain:2
	matches "$(sed -n 1p <<<"$OUT")" '^ID +CREATED +CREATED BY +SIZE +COMMENT$'
	expect 0 ctr history --human=false --format '{{.Size}}' chain:2
	[ "$(sed -n 3p <<<"$OUT")" -gt 100000 ] || fail "the base's layer is small: $OUT"
	expect 0 ctr history --format json chain:2
	is "$(jq -r '.[0] | .id + " " + .comment' <<<"$OUT")" "$SECOND second"
	expect 125 ctr history nope
	is "$ERR" "Error: nope: image not known"
	expect 125 ctr history
	# what an image says of itself does not reach the terminal as it is
	import_bb evil -m $'\033[31mred'
	expect 0 ctr history evil
	lacks "$OUT" $'\033'
}

test_tree() {
	local layer
	chain
	expect 0 ctr inspect -f '{{index .RootFS.Layers 0}}' one
	layer=${OUT#sha256:}
	expect 0 ctr image tree chain:2
	is "$(sed -n 1p <<<"$OUT")" "Image ID: ${SECOND:0:12}"
	is "$(sed -n 2p <<<"$OUT")" "Tags:     [localhost/chain:2]"
	contains "$OUT" "├── ID: ${layer:0:12} Size:"
	contains "$OUT" "Top Layer of: [localhost/one:latest]"
	contains "$(tail -n 1 <<<"$OUT")" "└── ID: "
	expect 0 ctr image tree --whatrequires one
	is "$(grep -c 'ID: ' <<<"$OUT")" 4
	contains "$(tail -n 1 <<<"$OUT")" "        └── ID: "
	contains "$(tail -n 1 <<<"$OUT")" "[localhost/chain:2]"
	expect 125 ctr image tree nope
	is "$ERR" "Error: nope: image not known"
}

# What has no name and only serves its children is shown and removed with them.
#: fast
test_parents() {
	chain
	expect 0 ctr image inspect -f '{{.Parent}}' chain:2 chain:1 one
	is "$OUT" "$FIRST"$'\n'"$ID"
	expect 0 ctr rmi chain:1
	is "$OUT" "Untagged: localhost/chain:1" "it goes on in its child"
	expect 0 ctr create --network none --name c1 one sh
	expect 0 ctr commit -q -m first c1 chain:1
	FIRST=$OUT
	expect 0 ctr create --network none --name c2 chain:1 sh
	expect 0 ctr commit -q c2 chain:3
	SECOND=$OUT
	ctr rm c1 c2 >/dev/null
	expect 0 ctr untag chain:1
	expect 0 ctr images -q
	lacks "$OUT" "${FIRST:0:12}"
	expect 0 ctr images -aq
	contains "$OUT" "${FIRST:0:12}"
	expect 0 ctr images -q -f intermediate=true
	is "$OUT" "${FIRST:0:12}"
	expect 0 ctr images -q -f dangling=true
	is "$OUT" ""
	expect 0 ctr image prune -f
	is "$OUT" ""
	expect 0 ctr rmi chain:3
	is "$OUT" "Untagged: localhost/chain:3"$'\n'"Deleted: $SECOND"$'\n'"Deleted: $FIRST"
	expect 0 ctr image exists one
}

test_no_prune_keeps_the_parent() {
	chain
	expect 0 ctr untag chain:1
	expect 0 ctr rmi --no-prune chain:2
	is "$OUT" "Untagged: localhost/chain:2"$'\n'"Deleted: $SECOND"
	expect 0 ctr images -q -f dangling=true
	is "$OUT" "${FIRST:0:12}"
	expect 0 ctr image prune -f --filter dangling=true
	is "$OUT" "$FIRST"
	expect 125 ctr image prune -f --filter dangling=perhaps
	# with dangling=false all that nobody uses
	expect 0 ctr image prune -f --filter dangling=false
	is "$OUT" "$ID"
}

test_parent_in_use_stays() {
	chain
	expect 0 ctr create --network none --name user chain:1 sh
	expect 0 ctr untag chain:1
	expect 0 ctr rmi chain:2
	is "$OUT" "Untagged: localhost/chain:2"$'\n'"Deleted: $SECOND"
	expect 0 ctr image exists "$FIRST"
	expect 0 ctr rm user
	expect 0 ctr image prune -f
	is "$OUT" "$FIRST"
}

# By its digest an image is meant, whatever it is called.
test_rmi_by_digest() {
	local digest
	import_bb one
	ctr tag one two
	expect 0 ctr image inspect -f '{{.Digest}}' one
	digest=$OUT
	expect 125 ctr rmi "one@$digest"
	contains "$ERR" "more than one tag"
	expect 125 ctr rmi "$digest"
	contains "$ERR" "more than one tag"
	expect 0 ctr rmi two
	expect 0 ctr rmi "one@$digest"
	is "$OUT" "Untagged: localhost/one:latest"$'\n'"Deleted: $ID"
	expect 125 ctr images -f digest=nonsense
	contains "$ERR" 'invalid value "nonsense" for digest filter'
}
