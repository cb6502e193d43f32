# --userns, --uidmap, --gidmap: which ids a container has, and whose its files are.

# The uid map that a container with these options has, on one line: "0:1:1000 1000:0:1".
uid_map() {
	ctr run --rm --network=none "$@" alpine cat /proc/self/uid_map | awk '{ printf "%s%s:%s:%s", s, $1, $2, $3; s = " " }'
}
own_ids() { awk -F: -v u="$(id -un)" '$1 == u { n += $3 } END { print n + 0 }' /etc/subuid; }

#: fast
test_keep_id_is_the_user() {
	local uid n
	uid=$(id -u)
	n=$(own_ids)
	pull alpine
	is "$(uid_map --userns=keep-id)" "0:1:$uid $uid:0:1 $((uid + 1)):$((uid + 1)):$((n - uid))"
	mkdir -m 700 "$T/w/dir"
	echo mine >"$T/w/dir/mine"
	chmod 600 "$T/w/dir/mine"
	expect 0 ctr run --rm --network=none --userns=keep-id -v "$T/w/dir:/dir" alpine sh -c '
		id -u; id -un; stat -c %u /dir/mine; cat /dir/mine; echo new >/dir/new; stat -c %u:%g / /etc /bin/busybox /etc/hosts
		grep -c . /proc/self/gid_map; touch /etc/no 2>/dev/null || echo not root'
	is "$OUT" "$uid
$(id -un)
$uid
mine
0:0
0:0
0:0
0:0
3
not root"
	is "$(stat -c %u "$T/w/dir/new")" "$uid" "owner of what it wrote"
	# Its root is a subordinate id.
	expect 0 ctr run --rm --network=none --userns=keep-id --user 0 -v "$T/w/dir:/dir" alpine sh -c 'id -u; echo r >/dir/r; touch /etc/yes'
	is "$(stat -c %u "$T/w/dir/r")" "$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)"
	rm -f "$T/w/dir/r"
}

test_keep_id_options_and_the_users_of_images() {
	local n
	n=$(own_ids)
	pull alpine
	is "$(uid_map --userns=keep-id:uid=200,gid=210)" "0:1:200 200:0:1 201:201:$((n - 200))"
	is "$(uid_map --userns=keep-id:uid=200,gid=210,size=300)" "0:1:200 200:0:1 201:201:100"
	expect 0 ctr run --rm --network=none --userns=keep-id:uid=200,gid=210 alpine sh -c 'id; tail -n 1 /etc/passwd'
	is "$OUT" "uid=200(200) gid=210(210) groups=210(210)
200:*:200:210:container user:/:/bin/sh"
	expect 0 ctr run --rm --network=none --userns=keep-id --user nobody alpine id -u
	is "$OUT" 65534
	PODMAN_USERNS=keep-id expect 0 ctr run --rm --network=none alpine id -u
	is "$OUT" "$(id -u)"
	PODMAN_USERNS=keep-id expect 0 ctr run --rm --network=none --userns=host alpine id -u
	is "$OUT" 0
}

test_nomap_and_auto() {
	local n
	n=$(own_ids)
	pull alpine
	is "$(uid_map --userns=nomap)" "0:1:$n"
	is "$(uid_map --userns=auto)" "0:1:1024"
	is "$(uid_map --userns=auto:size=500)" "0:1:500"
	is "$(uid_map --userns=auto:uidmapping=5:0:1,gidmapping=5:0:1)" "0:1:5 6:6:1018 5:0:1"
	is "$(uid_map --userns=auto --user 5000)" "0:1:5001"
	# The store is closed to others, and the user is nobody inside: it works all the same.
	chmod 700 "$HOME"
	expect 0 ctr run --rm --network=none --userns=nomap -v /vol alpine sh -c 'stat -c %u:%g / /vol /etc/hosts /dev /dev/shm; echo x >/vol/x; echo y >/y; cat /vol/x /y'
	is "$OUT" $'0:0\n0:0\n0:0\n0:0\n0:0\nx\ny'
}

test_auto_gives_each_its_own_and_remembers() {
	local i pids="" starts first
	pull alpine
	for i in 1 2 3 4 5 6; do
		ctr run -d --name "a$i" --network=none --userns=auto alpine sleep 100 >/dev/null &
		pids+=" $!"
	done
	for i in $pids; do wait "$i"; done
	starts=$(for i in 1 2 3 4 5 6; do ctr exec "a$i" cat /proc/self/uid_map; done | awk '{ print $2 }' | sort -nu | tr '\n' ' ')
	is "$starts" "1 1025 2049 3073 4097 5121 " "first ids"
	i=$(ctr exec a4 cat /proc/self/uid_map)
	ctr exec a4 sh -c 'echo kept >/kept'
	expect 0 ctr stop -t 0 a4
	first=$(ctr exec a1 cat /proc/self/uid_map | awk '{ print $2 }')
	expect 0 ctr rm -f -t 0 a1
	is "$(uid_map --userns=auto)" "0:$first:1024" "the range of one that is gone"
	expect 0 ctr start a4
	is "$(ctr exec a4 cat /proc/self/uid_map)" "$i" "map after a restart"
	is "$(ctr exec a4 sh -c 'cat /kept; stat -c %u /kept')" $'kept\n0'
	expect 125 ctr run --rm --network=none --userns=auto:size="$(own_ids)" alpine true
	contains "$ERR" "could not find enough available IDs"
	expect 0 ctr rm -f -a -t 0
}

test_maps_by_hand() {
	pull alpine
	is "$(uid_map --uidmap 0:1:100 --uidmap 500:0:1)" "0:1:100 500:0:1"
	is "$(uid_map --uidmap 0:0:1,1:100:10 --gidmap 0:5:50)" "0:0:1 1:100:10"
	is "$(uid_map --uidmap 0:0:200)" "0:0:1 1:1:199" # cut where the user's own id ends
	is "$(uid_map --uidmap "0:@$(id -u):1")" "0:0:1"
	is "$(uid_map --subuidname "$(id -un)")" "0:1:$(own_ids)"
	run ctr run --rm --network=none --uidmap 0:1:5 alpine id -G
	is "$OUT" "0 2"
	contains "$ERR" "Additional gid=10 is not present in the user namespace"
}

test_what_cannot_be_is_refused() {
	local o
	pull alpine
	refused() { # TEXT OPTION...
		local text=$1
		shift
		expect 125 ctr run --network=none "$@" alpine true
		contains "$ERR" "$text"
	}
	refused "mutually exclusive" --userns=keep-id --uidmap 0:1:10
	refused "mutually exclusive" --userns=auto --subuidname "$(id -un)"
	refused "unrecognized namespace mode foo" --userns=foo
	refused 'unknown option specified: "foo"' --userns=keep-id:foo=1
	refused "invalid syntax" --userns=keep-id:uid=x
	refused "malformed" --uidmap 0
	refused "doesn't map UID 0" --uidmap 5:0:5
	refused "insufficient UIDs" --uidmap 0:0:100000
	refused "overlap" --uidmap 0:1:5,3:10:5
	refused "no subuid ranges found for user \"no-such-name\"" --subuidname no-such-name
	refused "at least one UID or GID mapping" --userns=private
	refused "no container with name or ID \"nosuch\" found" --userns=container:nosuch
	refused "cannot find specified user namespace path" --userns=ns:/nosuch
	refused "is no user namespace" --userns=ns:/proc/self/ns/net
	refused "is no user namespace" --userns=ns:/dev/null
	refused "keep-groups' option is not allowed" --group-add keep-groups --group-add 5
	is "$(ctr ps -aq)" "" "containers that a refusal left"
}

test_a_network_in_it_is_its_own() {
	pull alpine
	expect 0 ctr run --rm --network=none --userns=keep-id --user 0 --cap-add NET_ADMIN,NET_RAW alpine sh -c '
		ping -c 1 -W 2 127.0.0.1 >/dev/null && echo pings; nc -l -p 80 </dev/null & sleep 0.1; nc 127.0.0.1 80 </dev/null && echo port 80
		ip link set lo down && echo link; mount | grep -c "sysfs on /sys"'
	is "$OUT" $'pings\nport 80\nlink\n1'
	expect 0 ctr run --rm --userns=keep-id alpine sh -c 'cat /proc/net/route | wc -l; test -s /etc/resolv.conf && echo resolv'
	matches "$OUT" '^[2-9][0-9]*
resolv$'
}

test_inspect_shows_the_map() {
	local uid n
	uid=$(id -u)
	n=$(own_ids)
	pull alpine
	expect 0 ctr create --name k --userns=keep-id --network=none alpine true
	expect 0 ctr create --name d --network=none alpine true
	expect 0 ctr inspect -f '{{.HostConfig.UsernsMode}} {{json .HostConfig.IDMappings}} {{.Config.User}}' k d
	is "$OUT" "private {\"UidMap\":[\"0:1:$uid\",\"$uid:0:1\",\"$((uid + 1)):$((uid + 1)):$((n - uid))\"],\"GidMap\":[\"0:1:$(id -g)\",\"$(id -g):0:1\",\"$(($(id -g) + 1)):$(($(id -g) + 1)):$((n - $(id -g)))\"]} $uid:$(id -g)
 null "
	expect 0 ctr rm k d
}

test_files_of_a_stopped_container_are_seen_and_removed() {
	pull alpine
	expect 0 ctr run --name k --userns=keep-id --network=none --user 0 alpine sh -c 'mkdir -m 700 /d; head -c 100000 /dev/zero >/d/f; chown 4321 /d'
	expect 0 ctr inspect --size -f '{{.SizeRw}}' k
	[ "$OUT" -ge 100000 ] || fail "size $OUT"
	expect 0 ctr start -a k
	expect 0 ctr rm k
	is "$(ls -A "$GRAPHROOT/containers")" ""
}

# Beside podman, in a mount namespace where it finds a pure cgroup v2.
beside_podman() {
	local how o i
	for o in "" --userns=keep-id --userns=keep-id:uid=77,gid=88 --userns=nomap --userns=auto:size=300 \
		"--uidmap 0:1:100 --uidmap 500:0:1" "--uidmap 0:0:1 --uidmap 1:100:10 --gidmap 0:5:50" "--userns=keep-id --user root"; do
		for how in "podman" "ctr-lite $GLOBALS"; do
			for i in 1 2 3; do # podman may lose what a short container writes
				$how run --rm --network=none $o alpine sh -c \
					'cat /proc/self/uid_map /proc/self/gid_map; id; tail -n 1 /etc/passwd; stat -c %u:%g / /etc /etc/hosts' \
					2>"$HOME/err" >"$HOME/${how%% *}" || { cat "$HOME/err"; echo "$how $o"; return 1; }
				[ ! -s "$HOME/${how%% *}" ] || break
			done
		done
		cmp "$HOME/podman" "$HOME/ctr-lite" || { echo "with $o:"; diff "$HOME/podman" "$HOME/ctr-lite"; return 1; }
	done
}
podman_and_us() {
	local r=0
	cd "$HOME"
	podman load -q -i alpine.tar >"$HOME/err" 2>&1 && beside_podman || r=1
	[ $r = 0 ] || cat "$HOME/err" >&2
	podman unshare rm -rf "$HOME/.local" 2>/dev/null || true
	kill "$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")"
	return $r
}

#: noasan timeout=120
root_test_maps_are_those_of_podman() {
	local user=$CTR_TEST_USER
	command -v podman >/dev/null || skip "podman is not installed"
	mkdir -p "$T/w/u/run" "$T/w/u/copy"
	pull alpine
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci-archive:$T/w/u/alpine.tar:alpine"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	export -f beside_podman podman_and_us
	export GLOBALS="--root $T/w/u/copy --runroot $T/w/u/run"
	unshare -m bash -euc 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
		exec setpriv --reuid "$1" --regid "$1" --init-groups env HOME="$2" TMPDIR="$2" XDG_RUNTIME_DIR="$2/run" bash -uc podman_and_us' \
		x "$user" "$T/w/u" >"$T/w/said" 2>&1 || fail "podman differs: $(cat "$T/w/said")"
	rm -rf "$T/w/u"
}

root_test_real_root() {
	pull alpine
	is "$(uid_map --uidmap 0:100000:1000)" "0:100000:1000"
	expect 0 ctr run --rm --network=none --uidmap 0:100000:1000 -v "$T/w:/w" alpine sh -c 'id -u; stat -c %u / /bin/busybox; echo x >/x; ip link set lo down; cat /sys/class/net/lo/mtu'
	is "$OUT" $'0\n0\n0\n65536'
	expect 125 ctr run --rm --network=none --userns=keep-id alpine true
	contains "$ERR" "keep-id is only supported in rootless mode"
	expect 125 ctr run --rm --network=none --userns=nomap alpine true
	contains "$ERR" "only supported in rootless mode"
	is "$(uid_map --userns=host)" "0:0:4294967295"
	expect 125 ctr --runtime crun run --rm --network=none --uidmap 0:100000:1000 alpine true
	contains "$ERR" "cannot reach the store from a user namespace that this user has no id in"
}

in_subids() { # FILE-TEXT COMMAND...: with that as /etc/subuid and /etc/subgid
	echo "$1" >"$T/w/subids"
	shift
	unshare -m bash -euc 'for f in subuid subgid; do mount --bind "$1" "/etc/$f"; done; shift; "$@"' x "$T/w/subids" "$@"
}

root_test_auto_of_root_is_from_the_ids_of_containers() {
	pull alpine
	export -f uid_map ctr
	expect 0 in_subids containers:200000:3000 bash -euc 'for i in 1 2; do
		ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" run -d --name "a$i" --network=none --userns=auto alpine sleep 100 >/dev/null
		ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" exec "a$i" cat /proc/self/uid_map; done'
	is "$(tr -s ' ' <<<"$OUT")" $' 0 200000 1024\n 0 201024 1024'
	expect 125 in_subids containers:200000:3000 ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" run --rm --network=none --userns=auto alpine true
	contains "$ERR" "could not find enough available IDs"
	expect 125 in_subids nobody:1:1 ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" run --rm --network=none --userns=auto alpine true
	contains "$ERR" 'no subuid ranges found for user "containers"'
	expect 0 ctr rm -f -a -t 0
}

# A user without subordinate ids has one: it can be his own, and nothing else.
root_test_single_id() {
	local user=$CTR_TEST_USER
	mkdir -p "$T/w/u/run" "$T/w/u/copy"
	pull alpine
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	one() {
		in_subids nobody:1:1 setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$T/w/u" XDG_RUNTIME_DIR="$T/w/u/run" \
			ctr-lite --root "$T/w/u/copy" --runroot "$T/w/u/run" run --rm --network=none "$@"
	}
	expect 0 one alpine id -u
	is "$OUT" 0
	expect 0 one --userns=keep-id alpine sh -c 'id -u; cat /proc/self/uid_map | tr -s " "; stat -c %u / /bin/busybox; echo x >/x'
	is "$OUT" "$(id -u "$user")
 $(id -u "$user") 0 1
$(id -u "$user")
$(id -u "$user")"
	expect 125 one --userns=nomap alpine true
	contains "$ERR" "needs subordinate ids, and this user has none"
	expect 125 one --userns=auto alpine true
	contains "$ERR" "could not find enough available IDs"
	expect 125 one --uidmap 0:1:5 alpine true
	contains "$ERR" "insufficient UIDs"
	rm -rf "$T/w/u"
}
