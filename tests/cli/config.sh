# Configuration files: containers.conf and storage.conf as far as images and the store go, and the
# table that says which keys have a meaning here.

conf() { # TEXT: our containers.conf
	export CONTAINERS_CONF=$T/containers.conf
	cat >"$CONTAINERS_CONF"
}
storage() { # TEXT: our storage.conf
	export CONTAINERS_STORAGE_CONF=$T/storage.conf
	cat >"$CONTAINERS_STORAGE_CONF"
}
where() { command ctr-lite info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'; }

test_where_the_store_is() {
	storage <<-END
	[storage]
	graphroot = "\$HOME/disk"
	runroot = "$T/rr"
	END
	mkdir -m 700 "$T/rr"
	is "$(where)" "$HOME/disk/ctr-lite $T/rr/ctr-lite"
	# an option wins, and a variable of the file's path
	is "$(ctr-lite --root "$T/w/a" --runroot "$T/w/b" info --format '{{.Store.GraphRoot}}')" "$T/w/a"
	echo '[storage]
graphroot = "relative"' >"$T/storage.conf"
	expect 125 ctr-lite info
	contains "$ERR" 'graphroot is "relative", which is no absolute path'
	CONTAINERS_STORAGE_CONF=$T/nosuch expect 125 ctr-lite info
	contains "$ERR" "$T/nosuch"
}

test_the_users_storage_conf() {
	mkdir -p ~/.config/containers
	printf '[storage]\nrootless_storage_path = "%s/of-$UID"\n' "$HOME" >~/.config/containers/storage.conf
	is "$(ctr-lite info --format '{{.Store.GraphRoot}}')" "$HOME/of-$(id -u)/ctr-lite"
	# podman's usual place does not move ours
	printf '[storage]\ngraphroot = "%s/.local/share/containers/storage"\n' "$HOME" >~/.config/containers/storage.conf
	is "$(ctr-lite info --format '{{.Store.GraphRoot}}')" "$HOME/.local/share/ctr-lite"
}

test_storage_options() {
	STORAGE_DRIVER=vfs expect 0 ctr info --format x
	STORAGE_OPTS=overlay.size=10G expect 125 ctr info
	contains "$ERR" "overlay.size has no meaning here"
	expect 125 ctr --storage-opt overlay.quota=1 info
	expect 125 ctr --storage-opt nonsense info
	contains "$ERR" "KEY=VALUE"
}

test_pull_policy() {
	conf <<<$'[engine]\npull_policy = "never"'
	expect 125 ctr run --rm --network none alpine true
	contains "$ERR" "not known"
	lacks "$ERR" "Trying to pull"
	expect 0 ctr run --rm --network none --pull missing alpine true
	echo $'[engine]\npull_policy = "always"' >"$T/containers.conf"
	expect 0 ctr run --rm --network none alpine true
	contains "$ERR" "Trying to pull"
	echo $'[engine]\npull_policy = "now and then"' >"$T/containers.conf"
	expect 125 ctr ps
	contains "$ERR" 'engine.pull_policy is "now and then", must be one of always'
}

test_retry() {
	local busy
	BUSY=1 python3 "$TESTS/images/auth-registry" "$T/busy" >"$T/busy.out" 2>&1 &
	wait_for 20 test -e "$T/busy"
	busy=$(sed -n 's/^AUTH_REGISTRY=//p' "$T/busy")
	trap 'kill "$(sed -n "s/^AUTH_REGISTRY_PID=//p" "$T/busy")"' EXIT
	attempts() { # COUNT OPTION...
		local n=$1
		shift
		: >"$T/busy.requests"
		expect 125 ctr pull --tls-verify=false "$@" "$busy/x"
		contains "$ERR" 503
		is "$(grep -c GET "$T/busy.requests")" "$n" "attempts"
	}
	conf <<<$'[engine]\nretry = 2\nretry_delay = "10ms"'
	attempts 3
	attempts 2 --retry 1
	echo $'[engine]\nretry = 0' >"$T/containers.conf"
	attempts 1
	attempts 2 --retry 1 --retry-delay 1ms
	echo $'[engine]\nretry = 1000' >"$T/containers.conf"
	expect 125 ctr pull "$busy/x"
	contains "$ERR" "engine.retry"
}

test_image_default_format() {
	make_image
	expect 0 ctr run --name box --network none bb true
	conf <<<$'[engine]\nimage_default_format = "v2s2"'
	expect 0 ctr commit -q box as-docker
	expect 0 ctr commit -q --format oci box as-oci
	unset CONTAINERS_CONF
	expect 0 ctr image inspect --format '{{.ManifestType}}' as-docker as-oci
	is "$OUT" "application/vnd.docker.distribution.manifest.v2+json
application/vnd.oci.image.manifest.v1+json"
}

test_image_default_transport() {
	make_image
	conf <<<$'[engine]\nimage_default_transport = "oci:"'
	expect 0 ctr push -q bb "$T/w/layout:bb"
	[ -e "$T/w/layout/index.json" ] || fail "it did not go into a layout"
}

test_engine_env_and_override() {
	mkdir "$T/w/docker"
	conf <<<"[engine]
env = [\"REGISTRY_AUTH_FILE=$T/w/my-auth.json\"]"
	echo '{"auths": {"x.io": {"auth": "YW5uOm9uZQ=="}}}' >"$T/w/my-auth.json"
	expect 0 ctr login --get-login x.io
	is "$OUT" ann
	# $CONTAINERS_CONF_OVERRIDE comes last
	echo '[engine]
env = ["REGISTRY_AUTH_FILE=/nosuch"]' >"$T/w/over.conf"
	CONTAINERS_CONF_OVERRIDE=$T/w/over.conf expect 125 ctr login --get-login x.io
}

test_helper_binaries_dir() {
	mkdir "$T/w/bin"
	printf '#!/bin/sh\ntouch "%s/ran"\nexit 1\n' "$T/w" >"$T/w/bin/pasta"
	cp "$T/w/bin/pasta" "$T/w/bin/slirp4netns"
	chmod +x "$T/w/bin/"*
	conf <<<"[engine]
helper_binaries_dir = [\"$T/w/bin\"]"
	make_image
	run ctr run --rm bb true
	[ -e "$T/w/ran" ] || fail "the helper of helper_binaries_dir was not used"
}

# contrib/configuration.tsv has each key that there is elsewhere (tests/surface/config.tsv), in the order
# of the files, and what is said to work is read by the program.
test_every_key_is_documented() {
	"$TESTS/surface/config" || fail "contrib/configuration.tsv is not complete"
}
