# Images of other platforms: chosen, warned of, and run where the kernel knows how.
# ($LAYOUT's and the registry's arm64 images hold programs of this machine.)

other() { # an architecture that is not this machine's
	case $(dpkg --print-architecture) in arm64) echo amd64 ;; *) echo arm64 ;; esac
}

#: fast
test_mismatch_is_warned_of() {
	local arch
	arch=$(other)
	expect 0 ctr pull -q --platform "linux/$arch" alpine
	is "$ERR" "" "what was asked for is no surprise"
	expect 0 ctr image inspect -f '{{.Architecture}}' alpine
	is "$OUT" "$arch"
	expect 0 ctr run --rm --network none alpine true
	contains "$ERR" "image platform (linux/$arch) does not match the expected platform (linux/"
	expect 0 ctr create -q --network none alpine true
	contains "$ERR" "level=warning"
	expect 0 ctr run --rm --network none --platform "linux/$arch" alpine true
	is "$ERR" ""
	expect 0 ctr run --rm --network none --arch "$arch" --pull never alpine true
	is "$ERR" ""
}

#: fast
test_platform_that_is_not_here_is_pulled() {
	local arch
	arch=$(other)
	pull alpine
	expect 125 ctr run --rm --network none --pull never --platform "linux/$arch" alpine true
	contains "$ERR" "alpine: the image here is for linux/$(dpkg --print-architecture), not for linux/$arch"
	expect 0 ctr pull -q --policy missing --arch "$arch" alpine
	expect 0 ctr image inspect -f '{{.Architecture}}' alpine
	is "$OUT" "$arch"
	expect 125 ctr pull --platform linux/s390x alpine
	contains "$ERR" "linux/s390x"
	expect 125 ctr run --rm --platform linux/amd64 --arch arm64 alpine true
	contains "$ERR" "--platform"
	expect 125 ctr pull --platform 'linux/a b' alpine
	contains "$ERR" 'platform "linux/a b" is not of the form os/arch[/variant]'
	expect 125 ctr pull --arch '../x' alpine
	contains "$ERR" '"../x" is no part of a platform'
}

# From a list, or an index that another tool put into the store, the platform chooses.
#: fast
test_platform_chooses_from_a_list() {
	local arch
	arch=$(other)
	expect 0 ctr manifest create --all list "oci:$LAYOUT:bb-index"
	expect 0 ctr create --name own --network none --pull never list true
	is "$ERR" ""
	expect 0 ctr create --name foreign --network none --pull never --platform "linux/$arch" list true
	is "$ERR" ""
	expect 0 ctr inspect -f '{{.Image}}' own foreign
	[ "$(sort -u <<<"$OUT" | wc -l)" = 2 ] || fail "one image for both platforms: $OUT"
	expect 125 ctr create --network none --pull never --platform linux/s390x list true
	contains "$ERR" "no image found in the index for linux/s390x"
	expect 0 skopeo copy -q --all "oci:$LAYOUT:bb-index" "oci:$GRAPHROOT/images:localhost/both:1"
	expect 0 ctr run --rm --network none --pull never --platform "linux/$arch" both:1 true
	is "$ERR" ""
}

# pull --all-tags: what the registry lists.
test_all_tags() {
	local at=$REGISTRY/tags/all-$$-$RANDOM i
	for i in 1 2 three; do
		expect 0 skopeo copy -q --dest-tls-verify=false "oci:$LAYOUT:bb" "docker://$at:$i"
	done
	expect 0 ctr pull -q --all-tags "$at"
	is "$(sort -u <<<"$OUT" | wc -l)" 1
	is "$(wc -l <<<"$OUT")" 3
	expect 0 ctr images --format '{{.Tag}}' --sort tag "$at"
	is "$OUT" $'1\n2\nthree'
	expect 125 ctr pull -a "$at:1"
	contains "$ERR" "a tag or a digest cannot be named together with all tags"
	expect 125 ctr pull -a "$REGISTRY/tags/none-$RANDOM"
	contains "$ERR" "tags/none-"
}
