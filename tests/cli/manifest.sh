# Lists of images for several platforms, in the local store.

# A list "list" with the image bb in it; $BB is the digest of bb's manifest.
new_list() {
	make_image
	expect 0 ctr image inspect -f '{{.Digest}}' bb
	BB=$OUT
	expect 0 ctr manifest create list
	LIST=$OUT
	matches "$LIST" '^[0-9a-f]{64}$'
	expect 0 ctr manifest add list bb
	is "$OUT" "$LIST"
}

# What jq makes of the list.
shown() { # FILTER [LIST]
	expect 0 ctr manifest inspect "${2:-list}"
	OUT=$(jq -r "$1" <<<"$OUT")
}

#: fast
test_a_list_is_made_and_shown() {
	new_list
	shown '.mediaType, .schemaVersion, (.manifests | length)'
	is "$OUT" $'application/vnd.oci.image.index.v1+json\n2\n1'
	shown '.manifests[0] | .digest, .mediaType, .platform.os, .platform.architecture'
	is "$OUT" "$BB"$'\napplication/vnd.oci.image.manifest.v1+json\nlinux\n'"$(dpkg --print-architecture)"
	expect 0 ctr manifest exists list
	expect 0 ctr manifest exists "${LIST:0:12}"
	expect 1 ctr manifest exists nope
	is "$OUT$ERR" ""
	expect 125 ctr manifest exists bb
	is "$ERR" "Error: localhost/bb:latest: image is not a manifest list"
	# it is an object of its own, with an ID that stays
	expect 0 ctr images --format '{{.Repository}} {{.ID}} {{.IsManifestList}}' -f manifest=true
	is "$OUT" "localhost/list ${LIST:0:12} true"
	expect 0 ctr images -q -f manifest=false
	lacks "$OUT" "${LIST:0:12}"
	# the image of this machine's platform is what runs
	expect 0 ctr run --rm --network none list true
	expect 0 ctr image inspect -f '{{.Os}}' list
	is "$OUT" linux
	# what skopeo sees
	expect 0 skopeo inspect --raw "oci:$GRAPHROOT/images:localhost/list:latest"
	is "$(jq -r '.manifests[0].digest' <<<"$OUT")" "$BB"
}

#: fast
test_create() {
	new_list
	expect 125 ctr manifest create list
	contains "$ERR" 'image name "localhost/list:latest" is already in use'
	expect 125 ctr manifest create bb
	contains "$ERR" 'already in use'
	expect 0 ctr manifest create --amend list bb
	is "$OUT" "$LIST"
	shown '.manifests | length'
	is "$OUT" 1
	expect 0 ctr manifest create -a --annotation a=b --annotation c=d other:v1 bb
	[ "$OUT" != "$LIST" ] || fail "two lists with one ID"
	shown '.annotations | tojson' other:v1
	is "$OUT" '{"a":"b","c":"d"}'
	expect 125 ctr manifest create x@sha256:"${BB#sha256:}"
	expect 125 ctr manifest create BAD
	contains "$ERR" "must be lowercase"
	expect 125 ctr manifest create third --annotation nonsense
	contains "$ERR" 'no value given for annotation "nonsense"'
	expect 1 ctr manifest exists third
	expect 125 ctr manifest create third oci:/no/such/layout
	expect 1 ctr manifest exists third
}

# Two lists with the same bytes are two lists.
#: fast
test_empty_lists_are_two() {
	expect 0 ctr manifest create one
	ONE=$OUT
	expect 0 ctr manifest create two
	[ "$OUT" != "$ONE" ] || fail "one list"
	make_image
	expect 0 ctr manifest add one bb
	shown '.manifests | length' one
	is "$OUT" 1
	shown '.manifests | length' two
	is "$OUT" 0
	expect 0 ctr manifest rm one
	is "$OUT" $'Untagged: localhost/one:latest\nDeleted: '"$ONE"
	expect 0 ctr manifest exists two
	expect 0 ctr image exists bb
}

#: fast
test_add_annotate_remove() {
	local arm
	new_list
	expect 0 ctr manifest add --all list "oci:$LAYOUT:bb-index"
	shown '.manifests | length'
	[ "$OUT" -ge 3 ] || fail "only $OUT instances"
	shown '.manifests[] | select(.platform.architecture == "arm64") | .digest'
	arm=$OUT
	expect 0 ctr manifest annotate --variant v8 --os-version 7 --os-features a,b --features c --annotation k=v list "$arm"
	shown ".manifests[] | select(.digest == \"$arm\") | .platform, .annotations | tojson"
	is "$OUT" $'{"architecture":"arm64","os":"linux","os.version":"7","os.features":["a","b"],"variant":"v8","features":["c"]}\n{"k":"v"}'
	expect 0 ctr manifest annotate --annotation k= list "$arm"
	shown ".manifests[] | select(.digest == \"$arm\") | .annotations"
	is "$OUT" null
	expect 0 ctr manifest annotate --index --annotation mine=yes --subject bb list
	shown '.annotations.mine, .subject.digest'
	is "$OUT" yes$'\n'"$BB"
	expect 125 ctr manifest annotate --index --arch arm list
	expect 125 ctr manifest annotate --arch arm list
	contains "$ERR" "Give its digest"
	expect 125 ctr manifest annotate --arch arm list sha256:"$(printf '0%.0s' {1..64})"
	contains "$ERR" "no image instance matching the digest"
	expect 0 ctr manifest remove list "$arm"
	is "$OUT" "$LIST"
	shown '.manifests[] | select(.platform.architecture == "arm64") | .digest'
	is "$OUT" ""
	expect 125 ctr manifest remove list "$arm"
	contains "$ERR" "no instance matching digest"
	[ ! -e "$GRAPHROOT/images/blobs/sha256/${arm#sha256:}" ] || fail "what is in no list is still there"
	expect 125 ctr manifest remove bb "$BB"
	contains "$ERR" "image is not a manifest list"
	expect 125 ctr manifest add nope bb
	is "$ERR" "Error: nope: image not known"
	expect 125 ctr manifest add list dir:/no/such/dir
	expect 125 ctr manifest add --artifact list x
	contains "$ERR" "--artifact is not supported"
}

# What the user says of an image's platform is noted; from an index it chooses.
test_platform_is_chosen_and_noted() {
	new_list
	expect 0 ctr manifest add --arch arm64 list "oci:$LAYOUT:bb-index"
	shown '[.manifests[].platform.architecture] | sort | join(" ")'
	is "$OUT" "amd64 arm64"
	expect 0 ctr manifest create said
	expect 0 ctr manifest add --arch riscv64 --os linux --variant x --annotation a=b said bb
	shown '.manifests[0] | .platform.architecture, .platform.variant, .annotations.a' said
	is "$OUT" $'riscv64\nx\nb'
	expect 125 ctr manifest add --arch nothing list "oci:$LAYOUT:bb-index"
	contains "$ERR" "no image found in the index for linux/nothing"
}

# Names of a list are names, and its images stay when it goes.
#: fast
test_tag_untag_rm() {
	new_list
	expect 0 ctr tag list again
	expect 0 ctr manifest add --annotation x=y again bb
	shown '.manifests[0].annotations.x' list
	is "$OUT" y "both names are of one list"
	expect 0 ctr untag list list
	expect 1 ctr manifest exists list
	expect 0 ctr manifest exists again
	expect 0 ctr untag again
	expect 0 ctr manifest exists "$LIST"
	expect 0 ctr tag "$LIST" list
	expect 125 ctr manifest rm bb
	contains "$ERR" "image is not a manifest list"
	expect 1 ctr manifest rm nope
	is "$ERR" "Error: nope: image not known"
	expect 0 ctr manifest rm -i nope
	expect 0 ctr rmi list
	is "$OUT" $'Untagged: localhost/list:latest\nDeleted: '"$LIST"
	expect 0 ctr run --rm --network none bb true
	# a list keeps what is in it
	expect 0 ctr manifest create keeper bb
	expect 0 ctr rmi bb
	expect 0 ctr run --rm --network none keeper true
	expect 0 ctr manifest rm keeper
	is "$(ls "$GRAPHROOT/images/blobs/sha256" | wc -l)" 0 "blobs left"
}

# Many at once: no addition is lost.
test_added_at_once() {
	local i
	make_image
	expect 0 ctr manifest create list
	for i in 1 2 3 4 5 6; do
		mkdir "$T/w/l$i"
		echo "$i" >"$T/w/l$i/file"
		tar -C "$T/w/l$i" -c . | ctr import -q - "part:$i" >/dev/null
	done
	for i in 1 2 3 4 5 6; do
		ctr manifest add list "part:$i" >/dev/null &
	done
	wait
	shown '.manifests | length'
	is "$OUT" 6
}

# With all that is in it, and with the digest that it has here.
test_push() {
	local at=$REGISTRY/pushed/list-$$-$RANDOM
	new_list
	expect 0 ctr manifest add --all list "oci:$LAYOUT:bb-index"
	expect 0 ctr manifest push -q --digestfile "$T/w/digest" list "docker://$at:1"
	expect 0 ctr images --digests --format '{{.Digest}}' -f manifest=true
	is "$(cat "$T/w/digest")" "$OUT"
	expect 0 skopeo inspect --tls-verify=false --raw "docker://$at:1"
	is "sha256:$(printf %s "$OUT" | sha256sum | cut -c1-64)" "$(cat "$T/w/digest")"
	is "$(jq -r '.manifests | length' <<<"$OUT")" 3
	expect 0 skopeo copy -q --src-tls-verify=false --all "docker://$at:1" "oci:$T/w/copy:1"
	# under its own name; --rm takes the names, and with the last the list
	expect 0 ctr tag list "$at:2"
	expect 0 ctr manifest push --rm "$at:2"
	is "$OUT" ""
	expect 1 ctr manifest exists list
	expect 0 skopeo inspect --tls-verify=false --raw "docker://$at:2"
	is "$(jq -r '.manifests | length' <<<"$OUT")" 3
	expect 0 ctr image exists bb
	# and back: an image again
	expect 0 ctr pull -q "$at:2"
	expect 125 ctr manifest exists "$at:2"
}

test_push_refused() {
	local at=$REGISTRY/pushed/refused-$$-$RANDOM
	new_list
	expect 125 ctr manifest push bb "docker://$at"
	contains "$ERR" "image is not a manifest list"
	expect 125 ctr manifest push nope "docker://$at"
	is "$ERR" "Error: nope: image not known"
	expect 125 ctr manifest push "$LIST"
	contains "$ERR" "give a DESTINATION"
	# without its images, which the registry does not have, it is refused there
	expect 125 ctr manifest push --rm --all=false list "docker://$at"
	contains "$ERR" "$at"
	expect 0 ctr manifest exists list
	expect 0 ctr manifest push list "docker://$at:images"
	expect 0 ctr manifest push --all=false list "docker://$at:again"
	expect 125 ctr manifest push list docker-archive:"$T/w/x.tar"
	expect 0 ctr manifest push list "oci:$T/w/out:1"
	expect 0 skopeo inspect --raw "oci:$T/w/out:1"
	is "$(jq -r '.manifests[0].digest' <<<"$OUT")" "$BB"
}

# Of what is in a registry only the manifest comes, and the layers when the list is pushed.
test_add_from_a_registry() {
	local at=$REGISTRY/pushed/joined-$$-$RANDOM
	expect 0 ctr manifest create list
	expect 0 ctr manifest add --all list docker://docker.io/library/alpine
	expect 0 ctr manifest inspect list
	is "$(jq -r '[.manifests[].platform.architecture] | sort | join(" ")' <<<"$OUT")" "amd64 arm64"
	is "$(ls "$GRAPHROOT/layers" | wc -l)" 0 "layers were fetched"
	expect 0 ctr manifest push list "docker://$at:1"
	expect 0 skopeo copy -q --all --src-tls-verify=false "docker://$at:1" "oci:$T/w/copy:1"
	expect 0 ctr manifest inspect "docker://$at:1"
	is "$(jq '.manifests | length' <<<"$OUT")" 2
	expect 125 ctr manifest add list docker://docker.io/library/no-such-repository
	contains "$ERR" "no-such-repository"
	expect 125 ctr manifest inspect nope-there-is-none
	contains "$ERR" "nope-there-is-none"
	expect 0 ctr manifest rm list
	is "$(ls "$GRAPHROOT/images/blobs/sha256" | wc -l)" 0 "blobs left"
}
