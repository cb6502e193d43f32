# What names mean: short names, aliases, search registries, mirrors, blocked registries, lookups in
# the store.  $REGISTRY is mapped to docker.io by the runner's registries.conf.

conf() { # TEXT: our own registries.conf
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	cat >"$CONTAINERS_REGISTRIES_CONF"
}
names() { ctr images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' '; }

#: fast
test_alpine_means_what_podman_means() {
	expect 0 ctr pull alpine
	contains "$ERR" "Trying to pull docker.io/library/alpine:latest..."
	matches "$OUT" '^[0-9a-f]{64}$'
	local id=$OUT name
	for name in alpine alpine:latest library/alpine docker.io/alpine docker.io/library/alpine:latest \
		"$id" "sha256:$id" "${id:0:12}" "${id:0:5}"; do
		expect 0 ctr inspect --type image --format '{{.Id}}' "$name"
		is "$OUT" "$id" "the image called $name"
	done
	# inspect looks into the registry where it is told to; run takes what is here
	for name in docker://alpine docker://docker.io/library/alpine containers-storage:alpine; do
		expect 0 ctr run --rm --network=none --pull=never "$name" true
	done
	is "$(names)" "docker.io/library/alpine:latest "
}

test_search_registries_in_order() {
	conf <<-END
	unqualified-search-registries = ["127.0.0.1:1", "$REGISTRY"]
	[[registry]]
	location = "$REGISTRY"
	insecure = true
	END
	expect 0 ctr pull library/busybox
	contains "$ERR" "Trying to pull 127.0.0.1:1/library/busybox:latest..."
	contains "$ERR" "Trying to pull $REGISTRY/library/busybox:latest..."
	is "$(names)" "$REGISTRY/library/busybox:latest "
	# Now the stored one is meant: nothing is asked of the registry before it.
	expect 0 ctr pull library/busybox
	lacks "$ERR" "127.0.0.1:1"
	expect 125 ctr pull nosuch:1
	contains "$ERR" "2 errors occurred"
	is "$(grep -c ^Error "$T/.err")" 1
}

test_without_search_registries_the_file_is_named() {
	echo >"$T/empty.conf"
	CONTAINERS_REGISTRIES_CONF=$T/empty.conf expect 125 ctr pull no-alias-for-this
	contains "$ERR" 'short-name "no-alias-for-this" did not resolve to an alias and no unqualified-search registries are defined in'
	contains "$ERR" "$T/empty.conf"
}

test_short_name_modes() {
	conf <<-END
	unqualified-search-registries = ["127.0.0.1:1", "127.0.0.1:2"]
	short-name-mode = "enforcing"
	END
	expect 125 ctr pull no-alias-for-this
	contains "$ERR" "cannot prompt without a terminal"
	lacks "$ERR" "Trying"
}

test_the_choice_is_asked_for_and_remembered() {
	conf <<-END
	unqualified-search-registries = ["127.0.0.1:1", "$REGISTRY"]
	[[registry]]
	location = "$REGISTRY"
	insecure = true
	END
	tty_start "ctr-lite --root '$GRAPHROOT' --runroot '$RUNROOT' pull library/busybox"
	tty_wait 'Which one\?'
	tty_type 2
	tty_key Enter
	wait_for 20 test -e "$HOME/.cache/containers/short-name-aliases.conf"
	wait_for 10 eval '! tmux -S "$T/tmux" has-session 2>/dev/null'
	is "$(names)" "$REGISTRY/library/busybox:latest "
	expect 0 ctr rmi -a
	expect 0 ctr pull library/busybox
	contains "$ERR" 'Resolved "library/busybox" as an alias'
	lacks "$ERR" "127.0.0.1:1"
}

test_aliases() {
	conf <<-END
	[[registry]]
	prefix = "some.where/else"
	location = "$REGISTRY/library"
	insecure = true
	[aliases]
	"my/name" = "some.where/else/alpine"
	END
	expect 0 ctr pull my/name:amd64
	contains "$ERR" "Trying to pull some.where/else/alpine:amd64..."
	is "$(names)" "some.where/else/alpine:amd64 "
	expect 0 ctr image exists my/name:amd64
	expect 1 ctr image exists my/name
}

test_mirrors_in_order_then_the_registry() {
	conf <<-END
	[[registry]]
	prefix = "my.registry"
	location = "$REGISTRY/library"
	insecure = true
	[[registry.mirror]]
	location = "127.0.0.1:1/dead"
	[[registry.mirror]]
	location = "$REGISTRY/empty"
	insecure = true
	END
	expect 0 ctr pull my.registry/alpine
	is "$(names)" "my.registry/alpine:latest "
	is "$(grep -c '^Trying' "$T/.err")" 1
	expect 125 ctr pull my.registry/nosuch
	contains "$ERR" "manifest unknown"
}

test_a_mirror_is_used_first() {
	conf <<-END
	[[registry]]
	prefix = "my.registry"
	location = "127.0.0.1:1"
	[[registry.mirror]]
	location = "$REGISTRY/library"
	insecure = true
	pull-from-mirror = "tag-only"
	END
	expect 0 ctr pull -q my.registry/alpine
	local digest
	digest=$(ctr inspect --type image --format '{{.Digest}}' my.registry/alpine)
	expect 125 ctr pull -q "my.registry/alpine@$digest"
	contains "$ERR" "127.0.0.1"
}

test_blocked() {
	conf <<-END
	[[registry]]
	location = "$REGISTRY"
	insecure = true
	[[registry]]
	location = "$REGISTRY/library/busybox"
	insecure = true
	blocked = true
	END
	expect 125 ctr pull "$REGISTRY/library/busybox"
	contains "$ERR" "is blocked in $T/registries.conf"
	expect 0 ctr pull -q "$REGISTRY/library/alpine"
}

test_insecure_must_be_said() {
	echo >"$T/empty.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/empty.conf
	expect 125 ctr pull "$REGISTRY/library/alpine"
	is "$(grep -c ^Error "$T/.err")" 1
	expect 0 ctr pull -q --tls-verify=false "$REGISTRY/library/alpine"
}

test_old_and_broken_configuration() {
	conf <<-END
	[registries.search]
	registries = ["docker.io"]
	END
	expect 125 ctr pull alpine
	contains "$ERR" "version 1"
	conf <<-END
	unqualified-search-registries = [
	  "docker.io"
	[[registry]]
	END
	expect 125 ctr pull alpine
	contains "$ERR" "$T/registries.conf: line 3"
}

test_by_digest() {
	pull alpine:amd64
	local digest
	digest=$(ctr inspect --type image --format '{{.Digest}}' alpine:amd64)
	expect 0 ctr rmi alpine:amd64
	expect 0 ctr pull "alpine:any-tag@$digest"
	contains "$ERR" "Trying to pull docker.io/library/alpine@$digest..."
	expect 0 ctr run --rm --network=none "alpine@$digest" true
	expect 0 ctr run --rm --network=none "docker.io/library/alpine@$digest" true
	local zeros=sha256:$(printf '0%.0s' $(seq 64))
	expect 125 ctr pull -q "alpine@$zeros"
	contains "$ERR" "manifest unknown"
	expect 125 ctr pull -q alpine@sha256:1234
	contains "$ERR" "invalid reference format"
}

test_names_refused() {
	local name
	for name in Alpine docker.io/Library/alpine; do
		expect 125 ctr pull "$name"
		contains "$ERR" "must be lowercase"
	done
	for name in 'a b' '../x' 'a:' 'http://x/y' $'a\nb' 'a@sha256:x' '-' "$(printf 'a%.0s' $(seq 300))"; do
		expect 125 ctr pull -- "$name"
		contains "$ERR" "invalid reference format"
	done
	for name in oci:/absent containers-storage:absent 'oci:' 'docker-daemon:alpine' 'sif:x'; do
		expect 125 ctr pull "$name"
		contains "$ERR" "$name"
	done
}

test_ambiguous_names() {
	pull alpine busybox:latest
	expect 0 ctr tag alpine one.io/same:latest
	expect 0 ctr tag busybox two.io/same:latest
	run ctr run --rm --network=none same true
	# both tags may be the same image; then it is not ambiguous
	[ "$STATUS" = 0 ] || contains "$ERR" "is ambiguous"
	pull debian:docker
	expect 0 ctr tag debian:docker three.io/same:latest
	expect 125 ctr run --rm --network=none --pull=never same true
	contains "$ERR" "is ambiguous"
	expect 0 ctr run --rm --network=none --pull=never one.io/same true
}

test_what_is_here_is_not_fetched_again() {
	expect 0 ctr pull alpine
	expect 0 ctr pull alpine
	lacks "$ERR" "Copying"
	# The same layer under another name and in another manifest: only what differs comes.
	expect 0 ctr pull busybox
	is "$(grep '^Copying blob' "$T/.err" | grep -vc skipped || true)" 0 "blobs that were fetched again"
	is "$(names)" "docker.io/library/alpine:latest docker.io/library/busybox:latest "
}

test_platforms() {
	expect 0 ctr pull -q --platform linux/arm64 alpine
	local arm=$OUT
	expect 0 ctr pull -q alpine
	[ "$OUT" != "$arm" ] || fail "the same image for two platforms"
	expect 125 ctr pull -q --platform linux/s390x alpine
	contains "$ERR" "no image found in the index for linux/s390x"
	expect 125 ctr pull -q --platform 'linux/a b' alpine
	contains "$ERR" "os/arch"
	# one image only, of another platform than wanted: taken, with a warning
	expect 0 ctr pull --platform linux/arm64 busybox
	[ "$(ctr inspect --type image --format '{{.Architecture}}' busybox)" = amd64 ]
}

test_policy() {
	mkdir -p "$HOME/.config/containers"
	echo '{"default":[{"type":"reject"}],"transports":{"docker":{"docker.io/library":
		[{"type":"insecureAcceptAnything"}]}}}' >"$HOME/.config/containers/policy.json"
	expect 125 ctr pull "$REGISTRY/library/alpine"
	contains "$ERR" "is rejected by policy"
	expect 0 ctr pull -q alpine
	echo '{"default":[{"type":"signedBy"}]}' >"$HOME/.config/containers/policy.json"
	expect 125 ctr pull busybox
	contains "$ERR" "keyType: missing"
}
