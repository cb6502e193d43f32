# `doctor` finds by trying: each probe is shown with the thing there and with the thing really gone.
# What is gone is taken away in a user and mount namespace of the test's own, in which the program runs
# as an ordinary user (number 1) of that namespace.

check() { jq -r ".Checks[] | select(.Name == \"$1\") | .$2" <<<"$OUT"; }

# SETUP [ENV=VALUE...] [-- OPTIONS]: `doctor --format json` after the commands of SETUP.
nested() {
	local setup=$1 e=()
	shift
	while [ $# != 0 ] && [ "$1" != -- ]; do e+=("$1"); shift; done
	[ $# = 0 ] || shift
	mkdir -p "$T/n" && chmod 777 "$T/n" && chmod a+x "$T"
	STATUS=0
	OUT=$(unshare -U --map-root-user --map-auto -m sh -ec "$setup
		exec setpriv --reuid 1 --regid 1 --clear-groups env -u XDG_RUNTIME_DIR HOME=$T/n ${e[*]-} ctr-lite $* doctor --format json" \
		2>"$T/.err") || STATUS=$?
	ERR=$(cat "$T/.err")
	[ -n "$OUT" ] || fail "no answer"
}
lacks_it() { # NAME missing|FAILED PART-OF-FIX
	is "$(check "$1" Status)" "$2" "$1: $(check "$1" Found)"
	contains "$(check "$1" Fix)" "$3" "what helps against $1"
	[ "$2" = missing ] || is "$STATUS" 2 "exit status with $1 FAILED"
}
hide() { printf 'f=$(command -v %s) && chmod 644 %s/empty && mount --bind %s/empty "$f"; ' "$1" "$T" "$T"; }

can_nest() {
	: >"$T/empty"
	unshare -U --map-root-user --map-auto -m true 2>/dev/null || skip "no nested user namespaces here"
}

test_everything_that_runs_here_is_found() {
	local before s
	before=$(find "$HOME" "$XDG_RUNTIME_DIR" | sort; cat /proc/self/mounts)
	run ctr doctor --format json
	s=$STATUS
	[ "$s" = 0 ] || [ "$s" = 1 ] || fail "status $s although containers run here"
	is "$(jq .ExitCode <<<"$OUT")" "$s"
	for n in kernel helpers userns ranges mappers mount-namespace pid-namespace network-namespace proc seccomp overlay store; do
		is "$(check $n Status)" ok "$n"
	done
	is "$(jq -r '[.Checks[] | select(.Status == "missing")] | length > 0' <<<"$OUT")" "$([ "$s" = 1 ] && echo true || echo false)"
	# The table says the same, and nothing has changed.
	run ctr doctor
	is "$STATUS" "$s"
	matches "$OUT" 'ok +user namespaces +yes'
	is "$(find "$HOME" "$XDG_RUNTIME_DIR" | sort; cat /proc/self/mounts)" "$before" "the host"
	expect 125 ctr doctor --format '{{.NoSuch}}'
	expect 125 ctr doctor extra
	run ctr doctor --format '{{range .Checks}}{{.Name}}={{.Status}} {{end}}'
	contains "$OUT" "userns=ok"
}

root_test_root_needs_less() {
	run ctr doctor --format json
	[ "$STATUS" -lt 2 ] || fail "FAILED: $(jq -c '[.Checks[] | select(.Status == "FAILED")]' <<<"$OUT")"
	contains "$(check userns Found)" "not needed by root"
}

test_no_user_namespaces() {
	can_nest
	nested 'echo 0 >/proc/sys/user/max_user_namespaces'
	lacks_it userns FAILED "sysctl -w user.max_user_namespaces"
}

test_no_subordinate_ids_and_no_mappers() {
	can_nest
	nested :
	lacks_it ranges missing "usermod --add-subuids"
	matches "$(check ranges Fix)" '--add-subuids [0-9]+-[0-9]+ --add-subgids [0-9]+-[0-9]+ [a-z1]+$'
	nested "echo 1:10:100 >$T/sub; mount --bind $T/sub /etc/subuid; mount --bind $T/sub /etc/subgid; $(hide newuidmap)"
	lacks_it mappers FAILED uidmap
	lacks_it ranges missing "usermod --add-subuids"
	contains "$(check ranges Found)" "101 uids"
	# One file without the other.
	nested "echo 1:10:100 >$T/sub; mount --bind $T/sub /etc/subuid; mount --bind $T/empty /etc/subgid"
	lacks_it ranges FAILED "--add-subgids"
}

test_no_namespaces_of_a_kind() {
	can_nest
	local n
	for n in mnt:mount pid:pid net:network ipc:ipc uts:uts cgroup:cgroup; do
		nested "echo 0 >/proc/sys/user/max_${n%:*}_namespaces"
		lacks_it "${n#*:}-namespace" FAILED "sysctl -w user.max_${n%:*}_namespaces"
	done
	[ -e /proc/sys/user/max_time_namespaces ] || return 0
	nested 'echo 0 >/proc/sys/user/max_time_namespaces'
	lacks_it time-namespace missing "sysctl -w user.max_time_namespaces"
}

test_masked_proc() {
	can_nest
	nested 'mount -t tmpfs none /proc/sys/fs'
	lacks_it proc missing "unmask=ALL"
}

test_no_network_helper_and_no_tun() {
	can_nest
	nested "$(hide pasta) $(command -v slirp4netns >/dev/null && hide slirp4netns)"
	lacks_it network missing passt
	contains "$(check network Found)" neither
	[ -d /dev/net ] || return 0
	nested 'mount -t tmpfs none /dev/net'
	lacks_it tun missing "modprobe tun"
	nested 'mount -t tmpfs none /dev/net; mkdir /dev/net/tun; chmod 0 /dev/net/tun'
	lacks_it tun missing "chmod"
}

test_stores_that_do_not_do() {
	can_nest
	local m="mkdir -p $T/s; mount -t tmpfs -o mode=777"
	nested "$m,noexec none $T/s" -- --root "$T/s/x"
	lacks_it store FAILED "remount,exec"
	nested "$m,size=10m none $T/s" -- --root "$T/s/x"
	lacks_it store missing "larger disk"
	is "$(check overlay Status)" ok
	# an overlay is no place for the upper directory of another one
	mkdir -p "$T/s" "$T/o/l" "$T/o/u" "$T/o/w"
	chmod 777 "$T/o/u"
	nested "mount -t overlay -o userxattr,lowerdir=$T/o/l,upperdir=$T/o/u,workdir=$T/o/w none $T/s" -- --root "$T/s/x"
	lacks_it overlay FAILED "--root DIRECTORY"
	is "$(ls -A "$T/o/u")" "" "what is left beside the store"
	nested "mkdir -p $T/s; chmod 755 $T/s" -- --root "$T/s/x"
	lacks_it store FAILED "one that is yours"
}

test_no_runtime_directory() {
	can_nest
	nested :
	lacks_it run-dir missing "XDG_RUNTIME_DIR=/run/user/1"
	nested "mkdir -p $T/x; chmod 777 $T/x" "XDG_RUNTIME_DIR=$T/x"
	contains "$(check run-dir Found)" "no directory of this user's own"
}

test_settings_and_limits() {
	can_nest
	mkdir -p "$T/n/.config/containers"
	echo 'unqualified-search-registries = [' >"$T/n/bad.conf"
	nested : "CONTAINERS_REGISTRIES_CONF=$T/n/bad.conf"
	lacks_it registries FAILED "correct the file"
	echo '{"default": [{"type": "reject"}]}' >"$T/n/.config/containers/policy.json"
	nested :
	lacks_it policy missing "policy.json"
	echo '{' >"$T/n/.config/containers/policy.json"
	nested :
	lacks_it policy FAILED "correct the file"
	echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]}' >"$T/n/.config/containers/policy.json"
	nested "$(hide gpg)"
	lacks_it policy missing gpg
	nested 'ulimit -n 500'
	lacks_it files-limit missing "nofile 1048576"
	command -v catatonit >/dev/null || return 0
	nested "$(hide catatonit)"
	lacks_it init missing catatonit
}

test_limits_and_services() {
	if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
		run ctr doctor --format json
		lacks_it cgroups missing unified_cgroup_hierarchy
	fi
	if [ ! -d /run/systemd/system ]; then
		run ctr doctor --format json
		is "$(check systemd Status)" missing
	fi
}

# Inside of a container whose filter forbids them; its /proc is masked, too.
#: noasan
test_calls_that_a_filter_forbids() {
	local bin
	pull alpine
	bin=$(command -v ctr-lite)
	cat >p.json <<-'END'
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "errnoRet": 38,
			"names": ["landlock_create_ruleset", "keyctl", "seccomp"]}]}
	END
	STATUS=0
	OUT=$(ctr run --rm --network=none --user 1 --security-opt "seccomp=$PWD/p.json" -v "$bin:/bin/ctr-lite:ro" -e HOME=/tmp \
		alpine ctr-lite doctor --format json) || STATUS=$?
	is "$STATUS" 2
	lacks_it seccomp FAILED CONFIG_SECCOMP_FILTER
	lacks_it landlock missing lsm=
	is "$(check keyring Status)" missing
	is "$(check proc Status)" missing
	# There are no programs of ours in that image.
	lacks_it helpers FAILED "meson install"
	# the twin: all of it is permitted
	OUT=$(ctr run --rm --network=none --user 1 --security-opt seccomp=unconfined -v "$bin:/bin/ctr-lite:ro" -e HOME=/tmp \
		alpine ctr-lite doctor --format json) || true
	is "$(check seccomp Status)" ok
	is "$(check keyring Status)" ok
}
