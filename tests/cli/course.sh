# The demonstrations of a container course, as they are typed, with the name of the engine replaced.
# What needs real cgroups is in tests/vm/course.sh.

docker() { ctr "$@"; }
podman() { ctr "$@"; }

# Refused by the kernel, with its words.
refused() {
	run "$@"
	[ "$STATUS" != 0 ] || fail "not refused: $*"
	matches "$ERR$OUT" '([Pp]ermission denied|Operation not permitted|must be root)'
}

test_namespaces_inside_and_outside() {
	local inside outside ns
	pull alpine
	inside=$(docker run --rm alpine ls -l /proc/self/ns)
	outside=$(ls -l /proc/self/ns)
	for ns in cgroup ipc mnt net pid user uts; do
		matches "$inside" "$ns:\[[0-9]+\]"
		lacks "$outside" "$(grep -oE " $ns:\[[0-9]+\]" <<<"$inside")"
	done
	# The eighth is shared unless the clock is to be shifted, as with docker.
	contains "$outside" "$(grep -oE -m 1 " time:\[[0-9]+\]" <<<"$inside")"
}

test_namespaces_seen_from_the_host() {
	local pid ns
	pull alpine
	docker run -d --name web alpine sleep 1000 >/dev/null
	pid=$(docker inspect --format '{{.State.Pid}}' web)
	for ns in cgroup ipc mnt net pid user uts; do
		[ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] || fail "$ns is the host's"
		is "$(docker exec web readlink "/proc/1/ns/$ns")" "$(readlink "/proc/$pid/ns/$ns")"
	done
	is "$(lsns -rn -p "$pid" -o TYPE | sort | tr '\n' ' ')" "cgroup ipc mnt net pid time user uts "
	contains "$(lsns -n -t pid -o PID,COMMAND)" "$pid sleep 1000"
}

test_two_containers_share_a_namespace_on_request() {
	local ns
	pull alpine
	docker run -d --name one alpine sleep 1000 >/dev/null
	for ns in pid ipc net uts; do
		is "$(docker run --rm "--$ns=container:one" alpine readlink "/proc/self/ns/$ns")" \
			"$(docker exec one readlink "/proc/self/ns/$ns")" "$ns"
	done
	contains "$(docker run --rm --pid=container:one alpine ps)" "sleep 1000"
}

test_processes() {
	local pid
	pull alpine
	docker run -d --name web alpine sleep 1000 >/dev/null
	matches "$(docker exec web ps)" '( |^)1 .*sleep 1000'
	is "$(docker exec web ps -o pid= -o args= | grep -c sleep)" 1
	pid=$(docker inspect --format '{{.State.Pid}}' web)
	is "$(ps -o args= -p "$pid")" "sleep 1000"
	is "$(ps -o user:32= -p "$pid")" "$(id -un)"
	is "$(docker exec web id -un)" root
	contains "$(docker run --rm --pid=host alpine ps)" "$pid"
}

# CLI -> monitor -> container
test_process_tree() {
	local pid monitor
	pull alpine
	docker run --name fg alpine sleep 1000 &
	wait_for 10 docker exec fg true
	pid=$(docker inspect --format '{{.State.Pid}}' fg)
	is "$(ps -o comm= -p "$pid")" sleep
	monitor=$(ps -o ppid= -p "$pid" | tr -d ' ')
	matches "$(ps -o args= -p "$monitor")" ctr-lite-monitor
	is "$(ps -o comm= -p "$(ps -o ppid= -p "$monitor" | tr -d ' ')")" ctr-lite
	docker kill fg >/dev/null
	wait || true
}

test_uid_map() {
	local first
	pull alpine
	first=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	is "$(docker run --rm alpine awk '{ print $1, $2, $3 }' /proc/self/uid_map)" "0 $(id -u) 1
1 $first 65536"
	docker run -d --name c --user 1000 alpine sleep 1000 >/dev/null
	is "$(ps -o uid= -p "$(docker inspect --format '{{.State.Pid}}' c)" | tr -d ' ')" "$((first + 999))"
	mkdir data
	docker run --rm -v "$PWD/data:/data" alpine sh -c 'touch /data/root; touch /data/other; chown 1000 /data/other'
	is "$(stat -c %u data/root)" "$(id -u)"
	is "$(stat -c %u data/other)" "$((first + 999))"
	docker run --rm -v "$PWD/data:/data" alpine rm /data/other
}

# --- capabilities

# Debian's capsh beside Debian's libc.
capsh() { # OPTIONS OF RUN..., then capsh --print
	docker run --rm --network=none -v "$(type -P capsh || echo /sbin/capsh):/capsh:ro" \
		-v "$(readlink -f /lib/x86_64-linux-gnu/libcap.so.2):/lib/x86_64-linux-gnu/libcap.so.2:ro" \
		"$@" debian /capsh --print
}
current() { sed -n 's/^Current: *//p' <<<"$1"; }
bounding() { sed -n 's/^Bounding set *=* *//p' <<<"$1"; }

test_capsh_print() {
	local all cap
	pull debian
	all=$(capsh)
	is "$(current "$all")" "cap_chown,cap_dac_override,cap_fowner,cap_fsetid,cap_kill,cap_setgid,cap_setuid,cap_setpcap,cap_net_bind_service,cap_sys_chroot,cap_setfcap=ep"
	all=$(capsh --cap-drop=ALL)
	is "$(current "$all")" "="
	is "$(bounding "$all")" ""
	for cap in chown net_admin sys_admin sys_time; do
		all=$(capsh --cap-drop=ALL --cap-add="$cap")
		is "$(current "$all")" "cap_$cap=ep"
		is "$(bounding "$all")" "cap_$cap"
	done
	all=$(capsh --cap-drop=CHOWN --cap-drop=setuid)
	is "$(bounding "$all")" "cap_dac_override,cap_fowner,cap_fsetid,cap_kill,cap_setgid,cap_setpcap,cap_net_bind_service,cap_sys_chroot,cap_setfcap"
	is "$(current "$(capsh --privileged)")" "=ep"
}

test_what_capabilities_are_for() {
	pull alpine
	refused docker run --rm --cap-drop=CHOWN alpine chown nobody /etc
	expect 0 docker run --rm alpine chown nobody /etc
	refused docker run --rm alpine ip link set lo mtu 1400
	expect 0 docker run --rm --cap-add NET_ADMIN alpine ip link set lo mtu 1400
	refused docker run --rm alpine mount -t tmpfs none /mnt
	expect 0 docker run --rm --cap-add SYS_ADMIN alpine mount -t tmpfs none /mnt
	expect 0 docker run --rm --privileged alpine mount -t tmpfs none /mnt
	refused docker run --rm alpine mknod /dev/sda b 8 0
	run docker run --rm alpine date -s 2001-01-01
	contains "$ERR" "Operation not permitted"
	refused docker run --rm --cap-drop NET_BIND_SERVICE alpine nc -l -p 80
	refused docker run --rm --cap-drop DAC_OVERRIDE alpine sh -c 'mkdir -m 0 /d; chown 1 /d; ls /d'
}

test_hostname_needs_a_capability() {
	pull debian
	refused docker run --rm debian hostname other
	is "$(docker run --rm --cap-add SYS_ADMIN debian sh -c 'hostname other; hostname')" other
	is "$(docker run --rm --hostname web1 debian hostname)" web1
	refused docker run --rm --uts=host --cap-add SYS_ADMIN debian hostname other
}

# --- seccomp and the like

test_seccomp() {
	pull alpine debian
	is "$(docker run --rm alpine grep Seccomp: /proc/1/status)" $'Seccomp:\t2'
	is "$(docker run --rm --security-opt seccomp=unconfined alpine grep Seccomp: /proc/1/status)" $'Seccomp:\t0'
	# Docker refuses another user namespace; podman and we do not, what the host forbids excepted.
	is "$(docker run --rm debian unshare --map-root-user --user whoami)" root
	printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod", "fchmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO"}]}' >deny-chmod.json
	refused docker run --rm --security-opt seccomp=deny-chmod.json alpine chmod 400 /etc/hosts
	expect 0 docker run --rm --security-opt seccomp=deny-chmod.json alpine ls /
}

test_no_new_privileges() {
	pull debian
	is "$(docker run --rm --security-opt no-new-privileges debian grep NoNewPrivs /proc/self/status)" $'NoNewPrivs:\t1'
	# A set-uid program makes its user root, unless that is forbidden.
	is "$(docker run --rm --user 1000 debian sh -c '/bin/su -c id 2>&1; grep -c . /proc/1/status' | head -n 1)" "Password: su: Authentication failure"
	expect 0 docker run -d --name c debian sleep 1000
	expect 0 docker exec c sh -c 'cp /bin/cat /bin/suidcat; chmod 4755 /bin/suidcat'
	is "$(docker exec --user 1000 c suidcat /etc/shadow | head -n 1 | cut -d: -f1)" root
	expect 0 docker run -d --name d --security-opt no-new-privileges debian sleep 1000
	expect 0 docker exec d sh -c 'cp /bin/cat /bin/suidcat; chmod 4755 /bin/suidcat'
	refused docker exec --user 1000 d suidcat /etc/shadow
}

test_ulimits_sysctls_and_read_only() {
	pull alpine
	is "$(docker run --rm --ulimit nofile=64:128 alpine sh -c 'ulimit -n; ulimit -Hn')" $'64\n128'
	is "$(docker run --rm --sysctl net.ipv4.ip_forward=1 alpine cat /proc/sys/net/ipv4/ip_forward)" 1
	run docker run --rm --read-only alpine touch /file
	contains "$ERR" "Read-only file system"
	expect 0 docker run --rm --read-only --tmpfs /data alpine touch /data/file
	run docker run --rm alpine sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	contains "$ERR" "Read-only file system"
	run docker run --rm alpine sh -c 'echo 0 >/proc/sys/vm/drop_caches'
	[ "$STATUS" != 0 ] || fail "the host's caches can be dropped"
}

# --- the file system

test_overlay() {
	local upper lower
	pull alpine
	docker run -d --name web alpine sleep 1000 >/dev/null
	docker exec web sh -c 'echo hello >/new; rm /etc/profile'
	matches "$(docker exec web mount)" 'overlay on / type overlay'
	is "$(docker inspect --format '{{.GraphDriver.Name}}' web)" overlay
	upper=$(docker inspect --format '{{.GraphDriver.Data.UpperDir}}' web)
	lower=$(docker inspect --format '{{.GraphDriver.Data.LowerDir}}' web)
	is "$(cat "$upper/new")" hello
	is "$(stat -c %F "$upper/etc/profile")" "character special file"
	[ -e "${lower%%:*}/bin/busybox" ] || fail "no layer at $lower"
	docker stop -t 0 web >/dev/null
	docker start web >/dev/null
	is "$(docker exec web cat /new)" hello
	docker rm -f -t 0 web >/dev/null
	[ ! -e "$upper" ] || fail "the container's layer is left"
}

# --- joining by hand

root_test_nsenter() {
	local pid
	pull alpine
	docker run -d --name web --hostname web1 --network=none alpine sleep 1000 >/dev/null
	pid=$(docker inspect --format '{{.State.Pid}}' web)
	is "$(nsenter --target "$pid" --uts uname -n)" web1
	is "$(nsenter -t "$pid" -n ip -o link | wc -l)" 1
	matches "$(nsenter -t "$pid" -m -p ps)" '( |^)1 .*sleep 1000'
}

test_nsenter_by_the_user() {
	local pid
	pull alpine
	docker run -d --name web --hostname web1 --network=none alpine sleep 1000 >/dev/null
	pid=$(docker inspect --format '{{.State.Pid}}' web)
	is "$(nsenter -t "$pid" -U --preserve-credentials -u -n sh -c 'uname -n; ip -o link | wc -l')" $'web1\n1'
	is "$(nsenter -t "$pid" -U --preserve-credentials -m -p id -u)" 0
}

# --- exit codes, signals, terminal

test_exit_codes() {
	pull alpine
	expect 3 docker run --rm alpine sh -c 'exit 3'
	expect 125 docker run --no-such-option alpine
	expect 126 docker run --rm alpine /etc
	expect 127 docker run --rm alpine no-such-command
	docker run -d --name c alpine sleep 1000 >/dev/null
	docker kill c >/dev/null
	is "$(docker wait c)" 137
	is "$(docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Status}}' c)" "137 false exited"
	expect 143 docker run --rm alpine sh -c 'sh -c "kill -TERM \$\$"; exit $?'
}

test_interactive() {
	pull alpine
	tty_start ctr-lite run --rm -it --network=none alpine sh
	tty_wait '/ #'
	tty_type 'echo $$ $(tty)'
	tty_key Enter
	tty_wait '^1 /dev/pts/0'
	tty_type exit
	tty_key Enter
	wait_for 10 sh -c '! ctr-lite ps -q | grep -q .'
}
