# --security-opt, --device, --ulimit, --sysctl, accounts and the other options that shape what a
# process is and may: each as podman has it, shown from inside, and refused where it must be.

in_alpine() { ctr run --rm --network=none "$@"; }

test_security_options_are_spelled_as_podman_and_docker_do() {
	pull alpine
	for o in no-new-privileges no-new-privileges=true no-new-privileges:1; do
		expect 0 in_alpine --security-opt "$o" alpine grep NoNewPrivs /proc/self/status
		matches "$OUT" '1$' "$o"
	done
	expect 0 in_alpine --security-opt no-new-privileges:false alpine grep NoNewPrivs /proc/self/status
	matches "$OUT" '0$'
	for o in bogus bogus=x seccomp no-new-privileges=maybe systempaths=x mask=rel/ative proc-opts=a,,b; do
		expect 125 in_alpine --security-opt "$o" alpine true
		contains "$ERR" "${o%%=*}"
	done
	expect 125 in_alpine --security-opt seccomp=/no/such alpine true
	contains "$ERR" "opening seccomp profile failed"
	is "$(ctr ps -aq)" "" "containers made by refused options"
}

test_masks_can_be_added_and_taken_off() {
	pull alpine
	local mounts='grep -E " /(proc|sys)/" /proc/mounts | cut -d" " -f2'
	expect 0 in_alpine alpine sh -c "$mounts"
	contains "$OUT" /proc/keys
	contains "$OUT" /sys/firmware
	# A pattern stands for one component.
	expect 0 in_alpine --security-opt 'unmask=/proc/*' alpine sh -c "$mounts"
	lacks "$OUT" /proc/
	contains "$OUT" /sys/firmware
	expect 0 in_alpine --security-opt 'unmask=/proc/keys:/sys/firmware' alpine sh -c "$mounts"
	lacks "$OUT" /proc/keys
	lacks "$OUT" /sys/firmware
	contains "$OUT" /proc/timer_list
	for o in unmask=ALL unmask=all systempaths=unconfined; do
		expect 0 in_alpine --security-opt "$o" alpine sh -c "$mounts || true"
		lacks "$OUT" /proc/ "$o"
		lacks "$OUT" /sys/firmware "$o"
	done
	expect 0 in_alpine --security-opt mask=/etc/passwd:/usr alpine sh -c 'wc -c </etc/passwd; ls /usr | wc -l'
	is "$OUT" $'0\n0'
}

test_options_of_proc() {
	pull alpine
	expect 0 in_alpine --security-opt proc-opts=hidepid=2 alpine grep ' /proc ' /proc/mounts
	matches "$OUT" 'nosuid,nodev,noexec.*hidepid=(2|invisible)'
	expect 125 in_alpine --pid=host --security-opt proc-opts=hidepid=2 alpine true
	contains "$ERR" "--pid=host"
	expect 125 in_alpine --security-opt proc-opts=nosuch=1 alpine true
	contains "$ERR" nosuch
}

test_apparmor_and_selinux_where_the_host_has_them() {
	pull alpine
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
		expect 125 in_alpine --security-opt apparmor=foo alpine true
		contains "$ERR" 'apparmor profile "foo" specified, but Apparmor is not enabled on this system'
	fi
	expect 0 in_alpine --security-opt apparmor=unconfined alpine true
	if [ ! -d /sys/fs/selinux/policy ] && [ ! -e /sys/fs/selinux/enforce ]; then
		for o in disable type:foo_t nested nonsense; do
			expect 0 in_alpine --security-opt "label=$o" alpine true
		done
	fi
}

test_devices() {
	pull alpine
	expect 0 in_alpine --device /dev/null:/dev/xx:r alpine ls -l /dev/xx
	matches "$OUT" '^c.* 1, +3 .*/dev/xx'
	expect 1 in_alpine --device /dev/null:/dev/xx:r --entrypoint /bin/sh alpine -c ': >/dev/xx; exit 1'
	# By way of a link, and every device of a directory.
	ln -s /dev/zero "$T/w/link"
	expect 0 in_alpine --device "$T/w/link:/dev/yy" alpine sh -c 'head -c 3 /dev/yy | od -c | head -1'
	matches "$OUT" '\\0 +\\0 +\\0'
	if [ -d /dev/net ]; then
		expect 0 in_alpine --device /dev/net:/dev/others alpine ls /dev/others
		contains "$OUT" tun
	fi
	expect 125 in_alpine --device /no/such alpine true
	contains "$ERR" "stat /no/such: No such file or directory"
	expect 125 in_alpine --device /etc alpine true
	contains "$ERR" "no devices found in /etc"
	expect 125 in_alpine --device /etc/passwd alpine true
	contains "$ERR" "not a device node"
	expect 125 in_alpine --device /dev/null:/dev/x:q alpine true
	contains "$ERR" "invalid device mode: q"
	expect 125 in_alpine --device vendor.com/gpu=all alpine true
	contains "$ERR" CDI
	expect 125 in_alpine --device-cgroup-rule bogus alpine true
	contains "$ERR" "invalid device cgroup rule requires type, major:Minor, and access rules"
	expect 125 in_alpine --device-cgroup-rule 'c 1:3 rwm' alpine true
	contains "$ERR" "not supported in rootless mode or in a user namespace"
	is "$(ctr ps -aq)" "" "containers made by refused options"
}

root_test_devices_are_nodes_of_their_own() {
	pull alpine
	expect 0 in_alpine --device /dev/null:/dev/xx alpine sh -c 'ls -l /dev/xx; grep -c /dev/xx /proc/mounts || true'
	matches "$OUT" '^c.* 1, +3 '
	matches "$OUT" '0$' "mounts on the device"
	expect 0 in_alpine --privileged alpine sh -c 'ls /dev | wc -l; grep CapBnd /proc/self/status'
	[ "$(head -1 <<<"$OUT")" -gt 20 ] || fail "--privileged shows only $OUT devices"
}

root_test_root_gives_what_it_has() {
	local less=(setpriv --bounding-set -setfcap,-kill ctr-lite "${CTR_GLOBAL[@]}" run --rm --network=none)
	pull alpine
	expect 0 "${less[@]}" alpine grep CapBnd /proc/self/status
	matches "$OUT" '[[:space:]]00000000000405db$'
	expect 0 "${less[@]}" --privileged alpine true
	expect 125 "${less[@]}" --cap-add setfcap alpine true
	contains "$ERR" "CAP_SETFCAP cannot be had here"
}

test_privileged() {
	pull alpine
	expect 0 in_alpine --privileged alpine sh -c 'grep -E "^(CapEff|CapBnd|Seccomp):" /proc/self/status
		grep -c -E " /proc/" /proc/mounts || true; grep " /sys " /proc/mounts; ls /dev'
	matches "$OUT" 'CapEff:[[:space:]]0*1ffffffffff'
	matches "$OUT" 'Seccomp:[[:space:]]0'
	matches "$OUT" $'\n0\n' "masks of /proc"
	matches "$OUT" ' /sys sysfs rw'
	[ ! -c /dev/kmsg ] || contains "$OUT" kmsg
	[ ! -e /dev/tty1 ] || lacks "$OUT" tty1 "terminals of the host"
}

test_users_that_the_image_does_not_know_get_an_account() {
	pull alpine
	expect 0 in_alpine --user 1234 alpine sh -c 'tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo "$HOME"; id -un'
	is "$OUT" $'1234:*:1234:0:container user:/:/bin/sh\n1234:x:1234:1234\n/\n1234'
	expect 0 in_alpine --user 1234:999 -w /etc alpine sh -c 'tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo "$HOME"'
	is "$OUT" $'1234:*:1234:999:container user:/etc:/bin/sh\n999:x:999:1234\n/etc'
	# also where the root is read-only, and no mount is in a package manager's way
	expect 0 in_alpine --read-only --user 1234 alpine sh -c 'tail -n 1 /etc/passwd; grep -c passwd /proc/mounts || true'
	matches "$OUT" '^1234:.*'
	matches "$OUT" '0$'
	expect 0 in_alpine --user 1234:999 --passwd-entry 'u:x:$UID:$GID:$NAME:$HOME:/x' --group-entry 'g:x:$GID:$USERLIST' \
		alpine sh -c 'tail -n 1 /etc/passwd; tail -n 1 /etc/group; id -un'
	is "$OUT" $'u:x:1234:999:container user:/:/x\ng:x:999:1234\nu'
	expect 1 in_alpine --passwd=false --user 1234 alpine grep 1234 /etc/passwd /etc/group
	# who is known is left alone, and twice is once
	expect 0 in_alpine alpine sh -c 'grep -c container /etc/passwd || true'
	is "$OUT" 0
	expect 0 ctr run --name c --network=none --user 77 alpine true
	expect 0 ctr start -a c
	is "$(grep -c '^77:' "$GRAPHROOT"/containers/*/upper/etc/passwd)" 1 "lines after two starts"
	expect 0 ctr rm c
	expect 0 in_alpine --hostuser "$(id -un)" alpine tail -n 1 /etc/passwd
	matches "$OUT" "^$(id -un):\*:$(id -u):$(id -g):"
	expect 125 ctr create --passwd-entry $'a\nroot2::0:0::/:/bin/sh' alpine true
	contains "$ERR" "--passwd-entry: control characters"
	expect 125 in_alpine --hostuser no-such-user alpine true
	contains "$ERR" "unknown user no-such-user"
}

test_inspect_says_what_was_asked_for() {
	[ -e /etc/localtime ] || skip "no /etc/localtime here"
	pull alpine
	expect 0 ctr create --name c --security-opt apparmor=unconfined --security-opt label=disable --security-opt proc-opts=hidepid=2 \
		--security-opt no-new-privileges --security-opt mask=/a:/b --domainname d --passwd=false --device /dev/null:/dev/x:r --tz local alpine
	expect 0 ctr inspect c
	is "$(jq -c '.[0].HostConfig.SecurityOpt' <<<"$OUT")" \
		'["no-new-privileges","apparmor=unconfined","label=disable","proc-opts=hidepid=2","mask=/a:/b"]'
	is "$(jq -c '.[0] | [.Config.Passwd, .Config.Domainname, .HostConfig.Devices[0].CgroupPermissions, .Config.Timezone]' <<<"$OUT")" '[false,"d","r","local"]'
	expect 0 ctr rm c
}

test_the_primary_group_is_among_the_supplementary_ones() {
	pull alpine
	expect 0 in_alpine --user 1234:999 alpine grep Groups: /proc/self/status
	matches "$OUT" 'Groups:[[:space:]]*999'
}

test_ulimits() {
	pull alpine
	expect 0 in_alpine --ulimit nofile=10:20 --ulimit core=0 --ulimit NPROC=100 alpine sh -c '
		ulimit -Sn; ulimit -Hn; ulimit -c; grep "Max processes" /proc/self/limits'
	matches "$OUT" $'^10\n20\n0\nMax processes +100 +100 '
	expect 0 in_alpine --ulimit host alpine sh -c 'ulimit -Hn'
	is "$OUT" "$(ulimit -Hn)"
	# the default is podman's, or as much of it as this user may have
	want=$(ulimit -Hn)
	[ "$want" != unlimited ] && [ "$want" -lt 1048576 ] || want=1048576
	expect 0 in_alpine alpine sh -c 'ulimit -Hn'
	is "$OUT" "$want"
	for u in foo=1 nofile nofile=20:10 nofile=x; do
		expect 125 ctr create --network=none --ulimit "$u" alpine true
		contains "$ERR" "$u"
	done
}

test_sysctls() {
	pull alpine
	expect 0 in_alpine --sysctl kernel.shmmax=100000 --sysctl net.ipv4.ip_forward=1 alpine \
		cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_forward
	is "$OUT" $'100000\n1'
	for s in foo.bar=1 kernel.core_pattern=x vm.swappiness=1 net.ipv4.ip_forward; do
		expect 125 ctr create --network=none --sysctl "$s" alpine true
		contains "$ERR" "${s%%=*}"
	done
	expect 125 in_alpine --ipc=host --sysctl kernel.shmmax=1 alpine true
	contains "$ERR" "IPC namespace"
}

test_init_umask_personality_and_domain() {
	pull alpine
	if command -v catatonit >/dev/null; then
		expect 0 in_alpine --init alpine cat /proc/1/comm
		is "$OUT" podman-init
		expect 0 in_alpine --init --init-path "$(command -v catatonit)" alpine cat /proc/1/comm
		is "$OUT" podman-init
	fi
	expect 125 in_alpine --init --init-path /no/such alpine true
	contains "$ERR" /no/such
	expect 0 in_alpine --umask 0027 alpine sh -c umask
	is "$OUT" 0027
	expect 125 in_alpine --umask 78 alpine true
	[ "$(uname -m)" != x86_64 ] || { expect 0 in_alpine --personality LINUX32 alpine uname -m; is "$OUT" i686; }
	expect 125 in_alpine --personality BSD alpine true
	contains "$ERR" BSD
	expect 0 in_alpine --domainname dom.example alpine cat /proc/sys/kernel/domainname
	is "$OUT" dom.example
	expect 125 in_alpine --uts=host --domainname x alpine true
	expect 125 in_alpine --rdt-class x alpine true
	contains "$ERR" RDT
}

test_time_zone() {
	pull alpine
	expect 125 in_alpine --tz No/Where alpine true
	contains "$ERR" /usr/share/zoneinfo/No/Where
	expect 125 in_alpine --tz ../../../etc/passwd alpine true
	contains "$ERR" "no time zone"
	[ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "no tzdata here"
	expect 0 in_alpine --tz Asia/Tokyo alpine date +%z
	is "$OUT" +0900
	expect 125 in_alpine --tz zone.tab alpine true
	contains "$ERR" "holds no time zone"
	[ ! -e /etc/localtime ] || {
		expect 0 in_alpine --tz local alpine date +%z
		is "$OUT" "$(env -u TZ date +%z)"
	}
	is "$(ctr ps -aq)" "" "containers made by refused options"
}

test_shared_memory_and_read_only() {
	pull alpine
	expect 0 in_alpine alpine grep /dev/shm /proc/mounts
	contains "$OUT" size=65536k
	expect 0 in_alpine --shm-size 1m alpine grep /dev/shm /proc/mounts
	contains "$OUT" size=1024k
	expect 0 in_alpine --shm-size 0 alpine sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=80 2>&1 | tail -n 1; ls -l /dev/shm/x'
	contains "$OUT" 83886080 "no limit"
	expect 0 in_alpine --read-only alpine sh -c 'for d in /run /tmp /var/tmp /dev/shm; do touch $d/x && echo $d; done; touch /x || true'
	contains "$OUT" $'/run\n/tmp\n/var/tmp\n/dev/shm'
	expect 1 in_alpine --read-only --read-only-tmpfs=false alpine touch /tmp/x
	contains "$ERR" "Read-only file system"
}

test_tmpfs_options() {
	pull alpine
	expect 0 in_alpine --tmpfs /t:size=2m,mode=700,nr_inodes=50,noexec,uid=5 alpine sh -c 'grep " /t " /proc/mounts; stat -c "%a %u" /t'
	for o in size=2048k mode=700 nr_inodes=50 noexec nosuid nodev; do contains "$OUT" "$o"; done
	matches "$OUT" '700 5$'
	# over a directory of the image it is like that; over nothing it is for everybody
	expect 0 in_alpine --tmpfs /root --tmpfs /t alpine stat -c '%a %u' /root /t
	is "$OUT" $'700 0\n1777 0'
	expect 0 in_alpine --tmpfs /etc alpine sh -c 'wc -l </etc/passwd'
	[ "$OUT" -gt 1 ] || fail "the image's /etc is not copied up"
	expect 0 in_alpine --tmpfs /etc:notmpcopyup alpine sh -c 'ls /etc/passwd 2>&1 || true'
	contains "$OUT" "No such file"
	for o in bogus size=x mode=9 size=1,size=2; do
		expect 125 ctr create --network=none --tmpfs "/t:$o" alpine true
	done
}
