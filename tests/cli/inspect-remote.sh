# inspect of an image that is elsewhere: the same as skopeo shows.

need_skopeo() { command -v skopeo >/dev/null || skip "no skopeo"; }

# Compared but for what newer versions add.
same_as_skopeo() { # OUR-OUTPUT SKOPEO'S-ARGUMENT...
	local ours=$1
	shift
	is "$(python3 -c '
import json, sys
d = json.load(sys.stdin)
for k in ("LayersData", "Variant"):
    d.pop(k, None)
print(json.dumps(d, sort_keys=True))' <<<"$ours")" \
		"$(skopeo inspect "$@" | python3 -c '
import json, sys
d = json.load(sys.stdin)
d.pop("LayersData", None)
print(json.dumps(d, sort_keys=True))')" "skopeo's view"
}

test_a_layout() {
	need_skopeo
	local tag
	for tag in bb bb-index debian; do
		expect 0 ctr inspect "oci:$LAYOUT:$tag"
		same_as_skopeo "$OUT" "oci:$LAYOUT:$tag"
		ctr inspect --raw "oci:$LAYOUT:$tag" >"$T/w/ours"
		skopeo inspect --raw "oci:$LAYOUT:$tag" >"$T/w/theirs"
		cmp "$T/w/ours" "$T/w/theirs"
		ctr image inspect --config --raw "oci:$LAYOUT:$tag" >"$T/w/ours"
		skopeo inspect --config --raw "oci:$LAYOUT:$tag" >"$T/w/theirs"
		cmp "$T/w/ours" "$T/w/theirs"
	done
	expect 0 ctr inspect --format '{{.Architecture}} {{len .Layers}}' "oci:$LAYOUT:bb"
	is "$OUT" "amd64 1"
	is "$(ctr images -q)" "" "nothing was brought here"
}

test_a_registry() {
	need_skopeo
	local name
	for name in alpine busybox three:docker; do
		expect 0 ctr inspect "docker://$REGISTRY/library/$name"
		same_as_skopeo "$OUT" --tls-verify=false "docker://$REGISTRY/library/$name"
		ctr inspect --raw "docker://$REGISTRY/library/$name" >"$T/w/ours"
		skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/library/$name" >"$T/w/theirs"
		cmp "$T/w/ours" "$T/w/theirs"
	done
	# docker.io is where registries.conf says
	expect 0 ctr inspect --format '{{.Name}} {{len .RepoTags}}' --no-tags docker://alpine
	is "$OUT" "docker.io/library/alpine 0"
	expect 0 ctr image inspect --format '{{len .RepoTags}}' docker://alpine
	[ "$OUT" -gt 1 ] || fail "$OUT tags"
	expect 125 ctr inspect docker://alpine:nosuch
	contains "$ERR" "manifest unknown"
	is "$(ctr images -q)" "" "nothing was brought here"
}

test_refused() {
	expect 125 ctr inspect "oci:$LAYOUT:nosuch"
	contains "$ERR" nosuch
	expect 125 ctr inspect "oci:$LAYOUT:bb" "oci:$LAYOUT:debian"
	contains "$ERR" "one by one"
	expect 125 ctr inspect --raw bb
	contains "$ERR" "docker://"
	expect 125 ctr inspect --type container "oci:$LAYOUT:bb"
	expect 125 ctr inspect docker-daemon:bb
	contains "$ERR" "docker-daemon"
	expect 125 ctr inspect --raw --format json "oci:$LAYOUT:bb"
}

# An image of that name is meant before a place that is called so.
test_a_name_that_looks_like_a_place() {
	make_image
	expect 0 ctr tag bb oci:latest
	expect 0 ctr inspect --format '{{index .RepoTags 0}}' oci:latest
	contains "$OUT" "localhost/"
}
