# Plain OCI bundles for the tests of the runtime; sourced by them, has no test itself.

RT=$CTR_LITE_LIBEXEC/ctr-lite-runtime
rt() { "$RT" --root "$T/w/state" --seccomp-cache "$T/w/filters" "$@"; }

# new_bundle DIR [JQ-FILTER]: a static busybox root, and a config that runs in a user namespace of
# its own with one id (as root: in none), changed by the filter.
new_bundle() {
	local b=$1 filter=${2:-.} extra=--rootless c
	mkdir -p "$b/rootfs/bin" "$b/rootfs/etc" "$b/rootfs/tmp"
	cp "$(command -v busybox)" "$b/rootfs/bin/busybox"
	for c in sh ls cat id ps true sleep echo mount stat readlink env grep sed test touch mkdir kill; do
		ln -sf busybox "$b/rootfs/bin/$c"
	done
	[ "$(id -u)" != 0 ] || extra=
	(cd "$b" && rm -f config.json && "$RT" spec $extra)
	jq '.process.terminal = false | .root.readonly = false | .process.rlimits = []
		| .process.args = ["/bin/true"]' "$b/config.json" >"$b/c"
	mv "$b/c" "$b/config.json"
	change "$b" "$filter"
}

# change DIR JQ-FILTER [JQ-ARG...]
change() {
	local b=$1 filter=$2
	shift 2
	jq "$@" "$filter" "$b/config.json" >"$b/c"
	mv "$b/c" "$b/config.json"
}

# sh_in DIR SCRIPT: run it in the bundle's container as shell script.
sh_in() {
	change "$1" '.process.args = ["/bin/sh", "-c", $s]' --arg s "$2"
	run rt run -b "$1" "c$RANDOM"
}
