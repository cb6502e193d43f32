# Namespaces of ctr-lite-runtime: new, by path, in each other, time offsets, and id-mapped mounts.
. "$TESTS/cli/runtime-lib.sh"

# Two processes' namespace of a kind is the same.
same_ns() { [ "$(readlink "/proc/$1/ns/$3")" = "$(readlink "/proc/$2/ns/$3")" ]; }

time_offsets() {
	new_bundle b '.linux.namespaces += [{"type": "time"}]
		| .linux.timeOffsets = {"boottime": {"secs": 1000000, "nanosecs": 5}, "monotonic": {"secs": 2000000}}'
	sh_in b 'cat /proc/uptime /proc/self/timens_offsets; readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children'
	is "$STATUS" 0
	[ "$(head -n 1 <<<"$OUT" | cut -d. -f1)" -ge 1000000 ] || fail "uptime is $OUT"
	matches "$OUT" 'monotonic +2000000 +0'
	matches "$OUT" 'boottime +1000000 +5'
	[ "$(sed -n 4p <<<"$OUT")" != "$(readlink /proc/self/ns/time)" ] || fail "no time namespace of its own"
	is "$(sed -n 5p <<<"$OUT")" "$(sed -n 4p <<<"$OUT")" "the namespace of children"
}
# With a new user namespace (for the user), and without (for root).
test_runtime_ns_time_offsets() { time_offsets; }
root_test_runtime_ns_time_offsets() { time_offsets; }

test_runtime_ns_time_by_path() {
	local pid
	new_bundle b '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 5000000}}
		| .process.args = ["/bin/sleep", "1000"]'
	rt run -d --pid-file pid -b b c
	pid=$(cat pid)
	# exec finds itself there too.
	expect 0 rt exec c /bin/cat /proc/uptime
	[ "${OUT%%.*}" -ge 5000000 ] || fail "exec: uptime is $OUT"
	new_bundle b2
	change b2 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |=
		(map(if .type == "user" then .path = "/proc/\($p)/ns/user" else . end) + [{"type": "time", "path": "/proc/\($p)/ns/time"}])' \
		--arg p "$pid"
	sh_in b2 'cat /proc/uptime'
	is "$STATUS" 0
	[ "${OUT%%.*}" -ge 5000000 ] || fail "uptime is $OUT"
	# Offsets are for new ones.
	change b2 '.linux.timeOffsets = {"boottime": {"secs": 1}}'
	sh_in b2 true
	is "$STATUS" 1
	contains "$ERR" "needs a new time namespace"
	rt delete --force c
}

# A path of each kind joined together with a user namespace by path, with a new one, and without.
by_path() { # FLAGS-OF-UNSHARE... ; the config joins all of $KINDS from that process
	local pid k n
	unshare "$@" --fork --kill-child sleep 1000 &
	local outer=$!
	wait_for 5 sh -c "pgrep -P $outer sleep"
	pid=$(pgrep -P "$outer" sleep)
	change b '.linux.namespaces |= map(. as $n | if $kinds | index($n.type) then
		.path = "/proc/\($p)/ns/" + ({"network": "net", "mount": "mnt"}[.type] // .type) else . end)' \
		--arg p "$pid" --argjson kinds "$KINDS"
	change b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d --pid-file pid2 -b b c
	for k in user net ipc uts cgroup pid; do
		n=${k/net/network}
		if jq -e --arg n "$n" 'index($n)' <<<"$KINDS" >/dev/null; then
			same_ns "$pid" "$(cat pid2)" $k || fail "the $k namespace is not that of the path"
		else
			! same_ns "$pid" "$(cat pid2)" $k || [ $k = user ] || fail "the $k namespace is that of the path"
		fi
	done
	rt delete --force c
	kill -KILL "$outer" # it waits for its child, deaf to others
	wait "$outer" 2>/dev/null || true
}

test_runtime_ns_user_by_path_and_others() {
	new_bundle b
	change b 'del(.linux.uidMappings, .linux.gidMappings)'
	KINDS='["user"]' by_path -Ur
	new_bundle b
	change b 'del(.linux.uidMappings, .linux.gidMappings)'
	KINDS='["user", "network", "ipc", "uts", "cgroup"]' by_path -Ur -n -i -u -C
	new_bundle b
	change b 'del(.linux.uidMappings, .linux.gidMappings)'
	KINDS='["user", "network", "pid"]' by_path -Ur -n -p
}

# A process in a user namespace with the map 0:100000:1000; $MAPPED.
mapped_process() {
	unshare -U sleep 1000 &
	MAPPED=$!
	wait_for 5 sh -c "[ \$(readlink /proc/$MAPPED/ns/user) != \$(readlink /proc/self/ns/user) ]"
	echo "0 100000 1000" >"/proc/$MAPPED/uid_map"
	echo "0 100000 1000" >"/proc/$MAPPED/gid_map"
}

# Of namespaces that belong to the host, with a user namespace that has no rights over them.
root_test_runtime_ns_of_the_host_with_a_new_user_namespace() {
	local maps='.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	new_bundle b
	change b "$maps | del(.hostname, (.mounts[] | select(.type == \"mqueue\" or .type == \"sysfs\")))"
	chmod 755 . b b/rootfs
	mkdir -p b/rootfs/proc b/rootfs/dev b/rootfs/sys
	KINDS='["network", "ipc", "uts"]' by_path -n -i -u
}

root_test_runtime_ns_of_the_host_with_a_user_namespace_by_path() {
	local pid
	new_bundle b '.linux.namespaces += [{"type": "user"}]'
	chmod 755 . b b/rootfs
	mkdir -p b/rootfs/proc b/rootfs/dev b/rootfs/sys
	mapped_process
	pid=$MAPPED
	unshare -n sleep 1000 &
	local net=$!
	wait_for 5 sh -c "[ \$(readlink /proc/$net/ns/net) != \$(readlink /proc/self/ns/net) ]"
	change b '.linux.namespaces |= map(if .type == "user" then .path = "/proc/\($u)/ns/user" elif .type == "network"
		then .path = "/proc/\($n)/ns/net" else . end) | del(.mounts[] | select(.type == "sysfs"))' --arg u $pid --arg n $net
	sh_in b 'readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u'
	is "$STATUS" 0
	is "$OUT" "$(readlink /proc/$pid/ns/user; readlink /proc/$net/ns/net; echo 0)"
	kill $pid $net
}

test_runtime_ns_path_of_another_kind() {
	new_bundle b
	mkfifo fifo
	for path in /proc/self/ns/uts /etc/passwd "$T/w/fifo" /no/such; do
		change b '.linux.namespaces |= map(if .type == "ipc" then .path = $p else . end)' --arg p "$path"
		expect 1 timeout 10 "$RT" --root "$T/w/state" run -b b c
		contains "$ERR" "$path"
	done
}

# Hooks of the runtime's namespaces stay there, whatever the container joins.
test_runtime_ns_hooks_stay_outside() {
	local pid
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d --pid-file pid -b b c
	pid=$(cat pid)
	new_bundle b2
	cat >hook <<'END2'
#!/bin/sh
for n in user net pid mnt; do echo "$1 $n $(readlink /proc/self/ns/$n)"; done >>"$HOOK_OUT"
END2
	chmod 755 hook
	change b2 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(if .type == "mount" or .type == "uts" then . else
		.path = "/proc/\($p)/ns/" + ({"network": "net"}[.type] // .type) end)
		| .hooks = ([("prestart", "createRuntime", "poststart", "poststop") as $k
			| {($k): [{"path": $h, "args": ["hook", $k], "env": ["HOOK_OUT=" + $o, "PATH=/usr/bin:/bin"]}]}] | add)' \
		--arg p "$pid" --arg h "$T/w/hook" --arg o "$T/w/out"
	expect 0 rt run -b b2 c2
	is "$(cat out)" "$(for k in prestart createRuntime poststart poststop; do
		for n in user net pid mnt; do echo "$k $n $(readlink /proc/self/ns/$n)"; done; done)"
	rt delete --force c
}

# A mount namespace by path: the root of those who live there stays theirs.
root_test_runtime_ns_mount_by_path() {
	local pid
	new_bundle b
	unshare -m --propagation private sleep 1000 &
	pid=$!
	wait_for 5 sh -c "[ \$(readlink /proc/$pid/ns/mnt) != \$(readlink /proc/self/ns/mnt) ]"
	change b '.linux.namespaces |= map(if .type == "mount" then .path = "/proc/\($p)/ns/mnt" else . end)' --arg p $pid
	sh_in b 'readlink /proc/self/ns/mnt; ls -d /work /usr 2>/dev/null; echo $(ls /)'
	is "$STATUS" 0
	is "$(sed -n 1p <<<"$OUT")" "$(readlink /proc/$pid/ns/mnt)"
	is "$(sed -n 2p <<<"$OUT")" "bin dev etc proc sys tmp"
	is "$(nsenter -t $pid -m --root=/proc/$pid/root ls -d /usr)" /usr "the root of the process that lives there"
	kill $pid
}

# The runtime as root of a user namespace with a map of its own: the container's maps are in it.
test_runtime_ns_nested_maps() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "cat /proc/self/uid_map; id -u"]'
	unshare -Ur --map-auto true 2>/dev/null || skip "no subordinate ids here"
	change b '.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}, {"containerID": 1, "hostID": 100, "size": 50}]
		| .linux.gidMappings = .linux.uidMappings | .process.user = {"uid": 20, "gid": 21}'
	expect 0 unshare -Urm --map-auto "$RT" --root "$T/w/state" run -b b c
	is "$(tr -s ' ' <<<"$OUT")" "$(printf ' 0 0 1\n 1 100 50\n20')"
	# What is not mapped outside cannot be mapped inside.
	change b '.linux.uidMappings[1].hostID = 4000000000'
	expect 1 unshare -Urm --map-auto "$RT" --root "$T/w/state" run -b b c
	contains "$ERR" "uid"
}

# --- propagation

# A volume with a mount below it: what the container does reaches the host, or not, and back.
root_test_runtime_propagation_of_a_volume() {
	local word out_in in_out rootfs
	mkdir -p vol/sub vol/from-host vol/from-inside vol/sub/deep
	mount --bind vol vol
	mount --make-shared vol
	mount -t tmpfs x vol/sub
	mkdir -p vol/sub/deep
	while read -r word rootfs in_out out_in; do
		new_bundle b
		change b '.mounts += [{"destination": "/vol", "type": "bind", "source": $v, "options": ["rbind", $w]}]
			| .linux.rootfsPropagation = $r | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
			| .process.args = ["/bin/sh", "-c", "mount -t tmpfs i /vol/from-inside; touch /vol/ready; sleep 1000"]' \
			--arg v "$T/w/vol" --arg w "$word" --arg r "$rootfs"
		rm -f vol/ready
		rt run -d -b b c
		wait_for 5 test -e vol/ready
		mount -t tmpfs h vol/from-host
		expect 0 rt exec c /bin/cat /proc/self/mounts
		is "$(grep -c '^i /vol/from-inside ' <<<"$OUT")" 1
		is "$(grep -c '^h /vol/from-host ' <<<"$OUT" || true)" "$out_in" "$word: from the host to the container"
		is "$(grep -c "^i $T/w/vol/from-inside " /proc/self/mounts || true)" "$in_out" "$word: from the container to the host"
		umount vol/from-host
		rt delete --force c
		! grep -q "^i $T/w/vol/from-inside " /proc/self/mounts || umount vol/from-inside
	done <<-END2
		private slave 0 0
		rprivate slave 0 0
		slave slave 0 1
		rslave slave 0 1
		shared shared 1 1
		rshared shared 1 1
	END2
	umount vol/sub vol
}

# On a host whose mounts are all shared, as systemd has them: nothing that the container's start or
# end unmounts is unmounted there.  Alone: mounts of others that go would be missed here.
#: serial
root_test_runtime_no_umount_reaches_the_host() {
	local word
	for word in slave private shared unbindable rslave rprivate rshared runbindable; do
		new_bundle b ".linux.rootfsPropagation = \"$word\""
		mkdir -p m
		RT=$RT unshare -m bash -euc '
			mount -t tmpfs x m
			mount --make-rshared /
			before=$(cut -d" " -f3- /proc/self/mountinfo)
			"$RT" --root "$PWD/state" run -b b c
			"$RT" --root "$PWD/state" run --no-pivot -b b c
			[ "$before" = "$(cut -d" " -f3- /proc/self/mountinfo)" ]
			umount m' || fail "mounts of the host with $word"
	done
}

# --- id-mapped mounts

root_test_runtime_idmap_of_the_hosts_files() {
	mkdir -p src/sub
	touch src/f0 src/f5 src/sub/f7
	chown 5:6 src/f5
	chown 7:8 src/sub/f7
	chmod 755 . src
	new_bundle b
	# Without a user namespace: what is 5 on disk is 1005 here.
	change b '.mounts += [{"destination": "/m", "type": "bind", "source": $s, "options": ["rbind"],
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}],
		"gidMappings": [{"containerID": 0, "hostID": 2000, "size": 100}]}]' --arg s "$T/w/src"
	sh_in b 'stat -c "%u %g" /m/f0 /m/f5 /m/sub/f7'
	is "$STATUS" 0
	is "$OUT" "$(printf '1000 2000\n1005 2006\n1007 2008')"
	# With one, and its own map: the ids are as on disk, and what is made is as outside.
	new_bundle b
	chmod 755 b b/rootfs
	mkdir -p b/rootfs/proc b/rootfs/dev b/rootfs/sys
	change b '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}]
		| .linux.gidMappings = .linux.uidMappings
		| .process.capabilities |= map_values(. + ["CAP_CHOWN"])
		| .mounts += [{"destination": "/tmp", "type": "bind", "source": $s, "options": ["bind", "idmap"]}]' --arg s "$T/w/src"
	ln -s busybox b/rootfs/bin/chown
	sh_in b 'stat -c "%u %g" /tmp/f0 /tmp/f5; touch /tmp/new; chown 3:4 /tmp/new'
	is "$STATUS" 0
	is "$OUT" "$(printf '0 0\n5 6')"
	is "$(stat -c '%u %g' src/new)" "3 4"
	# Without idmap they are nobody's.
	change b '.mounts[-1].options = ["bind"]'
	sh_in b 'stat -c "%u %g" /tmp/f5'
	is "$OUT" "65534 65534"
}

root_test_runtime_idmap_recursive() {
	mkdir -p src/sub
	chmod 755 . src
	mount -t tmpfs -o mode=755 tmpfs src/sub
	touch src/sub/f
	chown 5:5 src/sub/f
	new_bundle b
	local word
	for word in idmap ridmap; do
		change b '.mounts = [.mounts[] | select(.destination != "/tmp")] + [{"destination": "/tmp", "type": "bind", "source": $s,
			"options": ["rbind", $w], "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}],
			"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}]}]' --arg s "$T/w/src" --arg w $word
		sh_in b 'stat -c %u /tmp /tmp/sub/f'
		is "$STATUS" 0
		[ $word = ridmap ] && is "$OUT" "$(printf '1000\n1005')" || is "$OUT" "$(printf '1000\n5')"
	done
	umount src/sub
}

root_test_runtime_idmap_of_a_user_namespace_by_path() {
	mkdir src
	chmod 755 . src
	touch src/f
	chown 5:6 src/f
	mapped_process
	local pid=$MAPPED
	new_bundle b
	chmod 755 b b/rootfs
	mkdir -p b/rootfs/proc b/rootfs/dev b/rootfs/sys
	change b '.linux.namespaces += [{"type": "user", "path": "/proc/\($p)/ns/user"}]
		| .mounts += [{"destination": "/tmp", "type": "bind", "source": $s, "options": ["bind", "idmap"]}]' \
		--arg s "$T/w/src" --arg p $pid
	sh_in b 'stat -c "%u %g" /tmp/f'
	is "$STATUS" 0
	is "$OUT" "5 6"
	kill $pid
}

# As a user: a file system of the container's own can be mapped, the host's cannot.
test_runtime_idmap_as_a_user() {
	local sub
	new_bundle b
	change b '.mounts += [{"destination": "/m", "type": "tmpfs", "source": "tmpfs", "options": ["mode=777", "idmap"]}]'
	sh_in b 'touch /m/f; stat -c "%u %g" /m/f'
	is "$OUT" "0 0"
	mkdir src
	change b '.mounts[-1] = {"destination": "/m", "type": "bind", "source": $s, "options": ["bind", "idmap"]}' --arg s "$T/w/src"
	sh_in b 'true'
	is "$STATUS" 1
	contains "$ERR" "map the ids of /m: not permitted: only root of the user namespace that mounted its file system may"
	# A map of its own beside that of a new user namespace.
	change b '.mounts[-1] = {"destination": "/m", "type": "tmpfs", "source": "x", "uidMappings": $m, "gidMappings": $m}' \
		--argjson m "[{\"containerID\": 0, \"hostID\": $(id -u), \"size\": 1}]"
	change b '.mounts[-1].gidMappings[0].hostID = $g' --argjson g "$(id -g)"
	sh_in b 'true'
	is "$STATUS" 1
	contains "$ERR" "a user namespace beside it"
}

root_test_runtime_idmap_of_what_cannot() {
	new_bundle b
	change b '.mounts += [{"destination": "/tmp", "type": "bind", "source": "/proc", "options": ["bind"],
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}],
		"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}]}]'
	sh_in b true
	is "$STATUS" 1
	contains "$ERR" "has no id-mapped mounts"
	is "$(ls state)" ""
}
