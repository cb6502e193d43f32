# Namespaces that a container shares: with the host, with another container, by path.

NS='for n in user net ipc uts pid cgroup; do echo "$n $(readlink /proc/self/ns/$n)"; done'
of() { # KIND TEXT
	awk -v k="$1" '$1 == k { print $2 }' <<<"$2"
}
# Two containers X (default map) and K (keep-id) that run.
start_two() {
	pull alpine
	expect 0 ctr run -d --name X --network=none "$@" alpine sleep 1000
	expect 0 ctr run -d --name K --network=none --userns=keep-id alpine sleep 1000
	NSX=$(ctr exec X sh -c "$NS")
	NSK=$(ctr exec K sh -c "$NS")
}
# Of the container that has written $OUT: these kinds are those of $1, and no others.
shares() { # TEXT KIND...
	local text=$1 kind
	shift
	for kind in user net ipc uts pid cgroup; do
		case " $* " in
		*" $kind "*) is "$(of $kind "$OUT")" "$(of $kind "$text")" "$kind namespace" ;;
		*) [ "$(of $kind "$OUT")" != "$(of $kind "$text")" ] || fail "shares the $kind namespace" ;;
		esac
	done
}

#: fast
test_each_kind_is_shared_with_a_container() {
	local kind
	start_two
	# An ordinary user's namespaces can be joined from the user namespace only that they are in.
	expect 0 ctr run --rm --network=container:X alpine sh -c "$NS"
	shares "$NSX" user net
	for kind in ipc uts pid cgroupns; do
		expect 0 ctr run --rm --network=none --$kind=container:X alpine sh -c "$NS"
		shares "$NSX" user "${kind%ns}"
	done
	expect 0 ctr run --rm --network=none --userns=container:X alpine sh -c "$NS"
	shares "$NSX" user
	expect 0 ctr run --rm --network=none --userns=container:K alpine sh -c "$NS; id -u; cat /proc/sys/net/ipv4/ping_group_range"
	shares "$NSK" user
	contains "$OUT" $'\n0\n0\t0'
	expect 0 ctr run --rm --network=container:K --ipc=container:K --uts=container:K --pid=container:K --userns=container:K alpine sh -c "$NS"
	shares "$NSK" user net ipc uts pid
	# Another map in a shared network: the network stays the other's.
	expect 0 ctr run --rm --network=container:X --userns=keep-id alpine sh -c "$NS; id -u; ls /sys/class/net"
	shares "$NSX" net
	contains "$OUT" $'\n'"$(id -u)"$'\nlo'
	expect 0 ctr rm -f -a -t 0
}

test_what_is_in_them_is_shared() {
	start_two --hostname xbox
	ctr exec X sh -c 'echo there >/dev/shm/f'
	expect 0 ctr run --rm --network=none --ipc=container:X alpine sh -c 'cat /dev/shm/f; echo back >/dev/shm/g; ls -d /dev/mqueue'
	is "$OUT" $'there\n/dev/mqueue'
	is "$(ctr exec X cat /dev/shm/g)" back
	expect 0 ctr run --rm --network=none --uts=container:X alpine sh -c 'hostname; cat /etc/hostname; echo $HOSTNAME'
	is "$OUT" $'xbox\nxbox\nxbox'
	expect 0 ctr run --rm --network=none --pid=container:X alpine ps
	matches "$OUT" ' 1 root +sleep 1000'
	ctr exec -d X nc -l -p 8080 2>/dev/null || ctr exec X sh -c 'nc -l -p 8080 </dev/null >/dev/null 2>&1 &'
	expect 0 ctr run --rm --network=container:X alpine sh -c 'for i in 1 2 3 4 5; do nc 127.0.0.1 8080 </dev/null && echo reached && break; sleep 0.1; done; cat /etc/hosts'
	contains "$OUT" reached
	expect 0 ctr exec X cat /etc/hosts
	expect 0 ctr rm -f -a -t 0
}

test_inspect_names_what_is_shared() {
	local x
	start_two
	x=$(ctr inspect -f '{{.Id}}' X)
	expect 0 ctr create --name s --network=container:X --pid=container:X --ipc=container:X --uts=container:X --userns=container:X alpine true
	expect 0 ctr inspect -f '{{with .HostConfig}}{{.NetworkMode}} {{.PidMode}} {{.IpcMode}} {{.UTSMode}} {{.UsernsMode}}{{end}} {{json .Dependencies}}' s
	is "$OUT" "container:$x container:$x container:$x container:$x container:$x [\"$x\"]"
	expect 0 ctr inspect -f '{{with .HostConfig}}{{.NetworkMode}} {{.PidMode}} {{.IpcMode}} {{.UTSMode}}.{{.UsernsMode}}{{end}} {{json .Dependencies}}' X
	is "$OUT" "none private shareable private. []"
	expect 0 ctr rm -f -a -t 0
}

test_paths() {
	local pid
	start_two
	pid=$(ctr inspect -f '{{.State.Pid}}' X)
	expect 0 ctr run --rm --network="ns:/proc/$pid/ns/net" --uts="ns:/proc/$pid/ns/uts" alpine sh -c "$NS"
	shares "$NSX" user net uts
	expect 0 ctr run --rm --network=none --userns="ns:/proc/$pid/ns/user" alpine sh -c "$NS"
	shares "$NSX" user
	pid=$(ctr inspect -f '{{.State.Pid}}' K)
	expect 0 ctr run --rm --network=none --userns="ns:/proc/$pid/ns/user" alpine sh -c "$NS; stat -c %u /"
	shares "$NSK" user
	contains "$OUT" $'\n0'
	# Of the host it is what --network=host is.
	expect 0 ctr run --rm --network=ns:/proc/self/ns/net alpine readlink /proc/self/ns/net
	is "$OUT" "$(readlink /proc/self/ns/net)"
	expect 125 ctr run --rm --network="ns:/proc/$pid/ns/uts" alpine true
	contains "$ERR" "is no network namespace"
	expect 125 ctr run --rm --network=ns:/dev/null alpine true
	contains "$ERR" "is no network namespace"
	mkfifo "$T/w/fifo"
	expect 125 ctr run --rm --network=none --pid="ns:$T/w/fifo" alpine true
	contains "$ERR" "is no PID namespace"
	expect 125 ctr run --rm --network=ns:/nosuch alpine true
	contains "$ERR" "cannot find specified network namespace path: stat /nosuch"
	is "$(ctr ps -aq | wc -l)" 2
	expect 0 ctr rm -f -a -t 0
}

# A path to the namespace that we are in means the host's.
test_paths_of_our_own() {
	local k
	pull alpine
	for k in pid ipc uts; do
		expect 0 ctr run --rm --network=none --$k="ns:/proc/self/ns/$k" alpine readlink /proc/self/ns/$k
		is "$OUT" "$(readlink /proc/self/ns/$k)"
	done
	expect 0 ctr run --rm --network=ns:/proc/self/ns/net alpine readlink /proc/self/ns/net
	is "$OUT" "$(readlink /proc/self/ns/net)"
}

test_ipc_modes() {
	pull alpine
	expect 0 ctr run --rm --network=none --ipc=none alpine sh -c 'test -e /dev/shm || echo none'
	is "$OUT" none
	expect 0 ctr run -d --name P --network=none --ipc=private alpine sleep 100
	expect 125 ctr run --rm --network=none --ipc=container:P alpine true
	contains "$ERR" "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
	expect 0 ctr run -d --name S --network=none --ipc=shareable alpine sleep 100
	expect 0 ctr run --rm --network=none --ipc=container:S alpine true
	expect 0 ctr rm -f -a -t 0
}

test_refusals() {
	start_two
	refused() { # TEXT OPTION...
		local text=$1
		shift
		expect 125 ctr run "$@" alpine true
		contains "$ERR" "$text"
	}
	refused "looking up container to share pid namespace with: no container with name or ID \"nosuch\" found: no such container" \
		--network=none --pid=container:nosuch
	refused "unrecognized namespace mode foo" --network=none --pid=foo
	refused "cannot set hostname when running in the host UTS namespace" --network=none --uts=container:X --hostname y
	refused "conflicting options: dns and the network mode: container" --network=container:X --dns 192.0.2.1
	refused "cannot set extra host entries" --network=container:X --add-host a:192.0.2.1
	refused "cannot set multiple networks" --network=container:X --network=none
	refused "needs the user namespace of that container" --network=none --pid=container:X --userns=keep-id
	refused "needs the user namespace of that container" --network=none --ipc=container:X --uidmap 0:1:5
	refused "in different user namespaces" --network=container:X --uts=container:K
	run ctr run --rm --network=container:X -p 8080:80 alpine true
	is "$STATUS" 0
	contains "$ERR" "Port mappings have been discarded"
	expect 0 ctr rm -f -a -t 0
}

test_a_container_that_does_not_run() {
	start_two
	expect 0 ctr create --name s --network=container:X alpine sh -c "$NS"
	expect 0 ctr start -a s
	shares "$NSX" user net
	expect 0 ctr stop -t 0 X
	expect 125 ctr run --network=none --userns=container:X alpine true
	contains "$ERR" "cannot share the user namespace of container"
	expect 0 ctr start -a s	# starts what it depends on first
	is "$(of net "$OUT")" "$(ctr exec X readlink /proc/self/ns/net)"
	expect 0 ctr rm -f -a -t 0
}

test_keep_groups() {
	pull alpine
	expect 0 ctr run --rm --network=none --group-add keep-groups alpine sh -c 'grep Groups /proc/self/status; id -u'
	# Those of the caller are not mapped: each shows as the overflow id.
	is "$(sed -n 's/^Groups:[[:space:]]*//p' <<<"$OUT" | wc -w)" "$(grep Groups /proc/self/status | cut -d: -f2 | wc -w)"
	expect 0 ctr run -d --name g --network=none --group-add keep-groups --userns=keep-id alpine sleep 100
	expect 0 ctr exec g sh -c 'grep Groups /proc/self/status; id -u'
	contains "$OUT" "$(id -u)"
	expect 0 ctr rm -f -t 0 g
}

# A group of the caller that gives him a file: inside as well, and not without.
root_test_keep_groups_gives_access() {
	local user=$CTR_TEST_USER
	mkdir -p "$T/w/u/run" "$T/w/u/copy" "$T/w/shared"
	pull alpine
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	echo secret >"$T/w/shared/f"
	chgrp -R 4242 "$T/w/shared"
	chmod 750 "$T/w/shared"
	with_group() {
		setpriv --reuid "$user" --regid "$user" --groups "4242,$(id -g "$user")" env HOME="$T/w/u" XDG_RUNTIME_DIR="$T/w/u/run" \
			ctr-lite --root "$T/w/u/copy" --runroot "$T/w/u/run" "$@"
	}
	expect 0 with_group run --rm --network=none -v "$T/w/shared:/s" --group-add keep-groups alpine cat /s/f
	is "$OUT" secret
	expect 0 with_group run --rm --network=none -v "$T/w/shared:/s" --group-add keep-groups --userns=keep-id alpine cat /s/f
	is "$OUT" secret
	expect 1 with_group run --rm --network=none -v "$T/w/shared:/s" alpine cat /s/f
	expect 0 with_group run -d --name g --network=none -v "$T/w/shared:/s" --group-add keep-groups alpine sleep 100
	expect 0 with_group exec g cat /s/f
	is "$OUT" secret
	expect 0 with_group rm -f -t 0 g
	rm -rf "$T/w/u"
}

# Every mode, by another runtime: it needs a pure cgroup v2.
by_runtime() { # RUNTIME
	local x k ctr="ctr-lite $GLOBALS --runtime $1"
	$ctr run -d --name X --network=none alpine sleep 100 >/dev/null
	$ctr run -d --name K --network=none --userns=keep-id alpine sleep 100 >/dev/null
	[ "$($ctr exec K sh -c 'id -u; stat -c %u / /etc/hosts')" = "$(id -u)"$'\n0\n0' ]
	[ "$($ctr exec -u 0 K id -u)" = 0 ]
	x=$($ctr exec X sh -c "$NS")
	k=$($ctr exec K sh -c "$NS")
	same() { # KIND TEXT OPTION...
		local kind=$1 text=$2
		shift 2
		[ "$($ctr run --rm "$@" alpine readlink /proc/self/ns/$kind)" = "$(of $kind "$text")" ] || { echo "$ctr $*"; return 1; }
	}
	same net "$x" --network=container:X
	same net "$x" --network=container:X --userns=keep-id
	same ipc "$x" --network=none --ipc=container:X
	same uts "$x" --network=none --uts=container:X
	same pid "$x" --network=none --pid=container:X
	same cgroup "$x" --network=none --cgroupns=container:X
	same user "$x" --network=none --userns=container:X
	same user "$k" --network=none --userns=container:K
	same net "$k" --network=container:K --userns=container:K
	$ctr run --rm --network=none --userns=nomap alpine true 2>"$HOME/err" && return 1
	grep -q 'cannot reach the store' "$HOME/err"
	[ "$1" != runc ] || { ! $ctr run --rm --network=none --group-add keep-groups alpine true 2>"$HOME/err" && grep -q 'drops the caller' "$HOME/err"; }
	ctr-lite $GLOBALS rm -f -a -t 0 >/dev/null
}

#: noasan timeout=120
root_test_crun_and_runc_share_namespaces() {
	local rt user=$CTR_TEST_USER
	mkdir -p "$T/w/u/run" "$T/w/u/copy"
	pull alpine
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	export -f by_runtime of
	export NS GLOBALS="--root $T/w/u/copy --runroot $T/w/u/run"
	for rt in crun runc; do
		unshare -m bash -euc 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
			exec setpriv --reuid "$1" --regid "$1" --init-groups env HOME="$2" XDG_RUNTIME_DIR="$2/run" bash -euc "by_runtime $3"' \
			x "$user" "$T/w/u" "$rt" || fail "$rt"
	done
	rm -rf "$T/w/u"
}

root_test_shared_by_root() {
	start_two_of_root() {
		pull alpine
		expect 0 ctr run -d --name X --network=none alpine sleep 1000
		expect 0 ctr run -d --name K --network=none --uidmap 0:100000:1000 alpine sleep 1000
	}
	start_two_of_root
	NSK=$(ctr exec K sh -c "$NS")
	expect 0 ctr run --rm --network=container:K alpine sh -c "$NS"
	shares "$NSK" net
	expect 0 ctr run --rm --network=container:K --userns=container:K alpine sh -c "$NS; stat -c %u /"
	shares "$NSK" net user
	contains "$OUT" $'\n0'
	expect 0 ctr run --rm --network=none --pid=container:X --ipc=container:X alpine ps
	contains "$OUT" "sleep 1000"
	expect 0 ctr rm -f -a -t 0
}
