# The runtime's cgroups where they are real: every controller, and systemd to make scopes.

RT=/usr/libexec/ctr-lite/ctr-lite-runtime
rt() { "$RT" --root "$T/w/state" --seccomp-cache "$T/w/filters" "$@"; }
CG=/sys/fs/cgroup

# bundle DIR ARGS-AS-JSON MEMBERS-OF-LINUX [ANNOTATIONS]
bundle() {
	local ns='{"type": "pid"}, {"type": "ipc"}, {"type": "mount"}, {"type": "cgroup"}' maps= app
	mkdir -p "$1/rootfs/bin" "$1/rootfs/sys/fs/cgroup" "$1/rootfs/tmp"
	[ -e "$1/rootfs/bin/sh" ] || {
		cp /bin/busybox "$1/rootfs/bin/"
		for app in sh sleep grep dd cat true; do ln -s busybox "$1/rootfs/bin/$app"; done
	}
	if [ "$(id -u)" != 0 ]; then
		ns="$ns, {\"type\": \"user\"}"
		maps="\"uidMappings\": [{\"containerID\": 0, \"hostID\": $(id -u), \"size\": 1}],
			\"gidMappings\": [{\"containerID\": 0, \"hostID\": $(id -g), \"size\": 1}],"
	fi
	cat >"$1/config.json" <<-X
		{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "annotations": {${4:-}},
		"process": {"user": {"uid": 0, "gid": 0}, "args": $2, "env": ["PATH=/bin"], "cwd": "/"},
		"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]}],
		"linux": {"namespaces": [$ns], $maps $3}}
	X
}
sleeper='["/bin/sleep", "1000"]'

cpuset=', "cpus": "0", "mems": "0"'
grep -qw cpuset $CG/cgroup.controllers || cpuset= # user-mode-linux
limits='"resources": {"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432},
	"cpu": {"shares": 512, "quota": 50000, "period": 100000'$cpuset'}, "pids": {"limit": 50}}'
files="memory.max memory.swap.max memory.low cpu.weight cpu.max cpuset.cpus cpuset.mems pids.max"
show() { (cd "$CG/$1" && for f in $files; do [ ! -e $f ] || echo "$f $(cat $f)"; done); }

cg_of() { sed -n 's/^0:://p' "/proc/$(rt state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')/cgroup"; }

root_test_rt_limits_are_those_of_crun_and_runc() {
	local r got first=
	bundle b "$sleeper" "\"cgroupsPath\": \"/lab-ctr-lite/x\", $limits"
	for r in "$RT" crun runc; do
		$r --root "$T/w/s" run -d -b b c </dev/null >/dev/null 2>&1
		got=$(show lab-ctr-lite/x)
		$r --root "$T/w/s" delete -f c
		[ ! -e $CG/lab-ctr-lite/x ] || fail "$r leaves its cgroup"
		echo "$r"
		echo "$got"
		is "$got" "${first:-$got}" "what $r writes"
		first=$got
	done
	contains "$got" "memory.swap.max 67108864"
	contains "$got" "cpu.max 50000 100000"
	rmdir $CG/lab-ctr-lite
}

root_test_rt_memory_and_oom() {
	bundle b '["/bin/sh", "-c", "sleep 3; dd if=/dev/zero of=/dev/null bs=60M count=1; echo dd $?; sleep 1000"]' \
		'"cgroupsPath": "/ctr-lite-oom", "resources": {"memory": {"limit": 20971520, "swap": 20971520}}'
	rt run -d -b b c >out 2>&1
	rt events --interval 100ms c >events &
	wait_for 60 grep -q "dd 137" out
	wait_for 20 grep -q '"type":"oom","id":"c"\|"type": "oom", "id": "c"' events
	grep -q '"limit": *20971520' events
	rt delete --force c
	wait
	# what cannot even be set up says so
	bundle b "$sleeper" '"cgroupsPath": "/ctr-lite-oom", "resources": {"memory": {"limit": 4096, "swap": 4096}}'
	expect 1 rt create -b b c
	contains "$ERR" "memory.limit is too low"
	[ ! -e $CG/ctr-lite-oom ] || fail "the cgroup is left"
}

root_test_rt_pids_and_cpu() {
	local before after
	bundle b '["/bin/sh", "-c", "i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done; wait"]' \
		'"cgroupsPath": "/ctr-lite-pids", "resources": {"pids": {"limit": 10}}'
	rt run -d -b b c >out 2>&1
	wait_for 30 grep -qi "can't fork\|resource temporarily" out
	[ "$(cat $CG/ctr-lite-pids/pids.current)" -le 10 ]
	rt exec c /bin/true || [ "$(cat $CG/ctr-lite-pids/pids.max)" = 10 ] # who joins is moved, if need be
	rt delete --force c
	bundle b '["/bin/sh", "-c", "while :; do :; done"]' \
		'"cgroupsPath": "/ctr-lite-cpu", "resources": {"cpu": {"quota": 20000, "period": 100000}}'
	rt run -d -b b c
	before=$(keyed $CG/ctr-lite-cpu/cpu.stat usage_usec)
	sleep 5
	after=$(keyed $CG/ctr-lite-cpu/cpu.stat usage_usec)
	[ $((after - before)) -lt 2000000 ] || fail "$((after - before)) us in 5 s with a limit of 20 percent"
	[ "$(keyed $CG/ctr-lite-cpu/cpu.stat nr_throttled)" -gt 0 ]
	rt delete --force c
}

root_test_rt_update() {
	local d=$CG/ctr-lite-up
	bundle b "$sleeper" "\"cgroupsPath\": \"/ctr-lite-up\", $limits"
	rt run -d -b b c
	rt update --memory 100m --memory-swap 300m --pids-limit 7 --cpu-quota 30000 --cpu-share 2048 c
	is "$(cat $d/memory.max) $(cat $d/memory.swap.max) $(cat $d/pids.max)" "104857600 209715200 7"
	is "$(cat $d/cpu.max) $(cat $d/cpu.weight)" "30000 100000 79"
	rt update --cpu-period 50000 c
	is "$(cat $d/cpu.max)" "30000 50000"
	rt update --memory-swap 200m c
	is "$(cat $d/memory.swap.max)" 104857600
	rt update --cpu-quota -1 --pids-limit -1 --memory -1 c
	is "$(cat $d/memory.max) $(cat $d/memory.swap.max) $(cat $d/pids.max)" "max max max"
	is "$(cut -d' ' -f1 $d/cpu.max)" max
	expect 1 rt update --memory-swap 100m c
	contains "$ERR" "memory.swap"
	expect 1 rt update --cpuset-cpus 4000 c
	contains "$ERR" "cpu.cpus"
	[ -z "$cpuset" ] || rt update --cpuset-cpus 0 c
	rt update --cpu-idle 1 c
	is "$(cat $d/cpu.idle)" 1
	rt update --cpu-idle 0 --cpu-share 512 c
	is "$(cat $d/cpu.idle) $(cat $d/cpu.weight)" "0 20"
	rt update --cpu-quota 20000 --cpu-period 100000 --cpu-burst 10000 c
	is "$(cat $d/cpu.max.burst)" 10000
	rt update --cpu-quota 5000 --cpu-burst 1000 c
	is "$(cat $d/cpu.max) $(cat $d/cpu.max.burst)" "5000 100000 1000"
	rt update --blkio-weight 100 c || is "$(ls $d | grep -c 'io.*weight')" 0
	rt delete --force c
}

unit_show() { $CTL show "$1" -p Slice,Delegate,MemoryMax,MemorySwapMax,TasksMax,CPUWeight,CPUQuotaPerSecUSec,TimeoutStopUSec; }

# $CTL: systemctl of the manager; $SLICE
scope_body() {
	local d now
	bundle b "$sleeper" "\"cgroupsPath\": \"$SLICE:ctr-lite:rt1\", $limits" '"org.systemd.property.TimeoutStopSec": "uint64 7"'
	rt --systemd-cgroup run -d -b b c
	d=$CG$(cg_of c)
	is "${d##*/}" ctr-lite-rt1.scope
	contains "$d" "/$SLICE/"
	now=$(unit_show ctr-lite-rt1.scope)
	echo "$now"
	contains "$now" "Slice=$SLICE"
	contains "$now" "Delegate=yes"
	contains "$now" "MemoryMax=67108864"
	contains "$now" "TasksMax=50"
	contains "$now" "CPUWeight=20"
	contains "$now" "CPUQuotaPerSecUSec=500ms"
	contains "$now" "TimeoutStopUSec=7s"
	is "$(show "${d#$CG/}" | grep -v cpuset)" "memory.max 67108864
memory.swap.max 67108864
memory.low 33554432
cpu.weight 20
cpu.max 50000 100000
pids.max 50"
	is "$(rt exec c /bin/grep 0:: /proc/self/cgroup)" 0::/
	rt exec -d c /bin/sleep 998
	is "$(wc -l <$d/cgroup.procs)" 2
	rt pause c
	contains "$(rt state c)" paused
	rt resume c

	rt update --memory 80m --memory-swap 160m --pids-limit 40 c
	$CTL daemon-reload
	contains "$(unit_show ctr-lite-rt1.scope)" "MemoryMax=83886080"
	is "$(cat $d/memory.max) $(cat $d/pids.max) $(cat $d/cpu.max)" "83886080 40 50000 100000"

	rt kill c KILL
	wait_for 10 sh -c "'$RT' --root '$T/w/state' state c | grep -q stopped"
	rt delete c
	[ ! -e "$d" ] || fail "the scope is left"
	contains "$($CTL is-active ctr-lite-rt1.scope || :)" inactive
	# the same name again, at once, also by force
	for _ in 1 2 3; do
		rt --systemd-cgroup run -d -b b c
		rt delete --force c
	done
	[ ! -e "$d" ] || fail "the scope is left"
	# and what fails leaves nothing
	bundle b "$sleeper" "\"cgroupsPath\": \"$SLICE:ctr-lite:rt1\"" '"org.systemd.property.NoSuchThing": "true"'
	expect 1 rt --systemd-cgroup run -d -b b c
	contains "$ERR" "NoSuchThing"
	bundle b "$sleeper" "\"cgroupsPath\": \"$SLICE:ctr-lite:rt1\"" '"org.systemd.property.TimeoutStopSec": "uint64 x"'
	expect 1 rt --systemd-cgroup run -d -b b c
	contains "$ERR" "GVariant"
	bundle b '["nope"]' "\"cgroupsPath\": \"$SLICE:ctr-lite:rt1\""
	expect 127 rt --systemd-cgroup run -d -b b c
	bundle b '["/bin/true"]' "\"cgroupsPath\": \"/nope\""
	expect 1 rt --systemd-cgroup run -d -b b c
	contains "$ERR" "slice:prefix:name"
	wait_for 10 sh -c "[ ! -e '$d' ]"
	is "$(ls "$T/w/state")" ""
}

#: timeout=300
root_test_rt_systemd_scope() {
	CTL=systemctl SLICE=system.slice
	scope_body
}

#: timeout=300
test_rt_systemd_scope_of_a_user() {
	CTL="systemctl --user" SLICE=user.slice
	scope_body
}

# Out of every session, as a cron job: nothing in the environment tells where the user's manager is.
root_test_rt_systemd_scope_without_environment() {
	chmod 777 "$T/w"
	declare -f bundle >"$T/w/body"
	cat >>"$T/w/body" <<-X
		set -eu
		cd "$T/w"
		bundle b '$sleeper' '"cgroupsPath": "user.slice:ctr-lite:cron", $limits'
		$RT --systemd-cgroup --root "$T/w/s" run -d -b b c </dev/null >/dev/null
		$RT --root "$T/w/s" exec c /bin/grep 0:: /proc/self/cgroup
		grep memory.max /dev/null || cat /sys/fs/cgroup/user.slice/user-*.slice/user@*.service/user.slice/ctr-lite-cron.scope/memory.max
		$RT --root "$T/w/s" delete --force c
	X
	is "$(bare user bash "$T/w/body")" "0::/
67108864"
	# nor where it tells of somebody else's
	is "$(bare user env XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus bash "$T/w/body")" \
		"0::/
67108864"
}

# A subtree that was delegated, without asking systemd further.
test_rt_cgroupfs_in_a_delegated_cgroup() {
	bundle b "$sleeper" "\"cgroupsPath\": \"@OWN@/ctr-lite-x\", $limits"
	mv b/config.json b/config
	cat >body <<-X
		set -eu
		own=\$(sed -n 's/^0:://p' /proc/self/cgroup)
		mkdir $CG\$own/leaf
		echo 0 >$CG\$own/leaf/cgroup.procs
		sed "s#@OWN@#\$own#" b/config >b/config.json
		$RT --root s run -d -b b c </dev/null >/dev/null
		cat $CG\$own/ctr-lite-x/memory.max
		$RT --root s exec c /bin/grep 0:: /proc/self/cgroup
		$RT --root s pause c
		$RT --root s resume c
		$RT --root s delete --force c
		[ ! -e $CG\$own/ctr-lite-x ] && echo gone
	X
	expect 0 systemd-run --user --scope -q -p Delegate=yes bash body
	is "$OUT" "67108864
0::/
gone"
}

# Who may not is told what to do.
test_rt_cgroupfs_outside() {
	bundle b '["/bin/true"]' "\"cgroupsPath\": \"/ctr-lite-no\", $limits"
	expect 1 rt run -b b c
	contains "$ERR" "memory.limit"
	contains "$ERR" "--systemd-cgroup"
	bundle b '["/bin/true"]' "\"cgroupsPath\": \"/ctr-lite-no\""
	expect 0 rt run -b b c
}

root_test_rt_controller_that_is_not_delegated() {
	chmod 777 "$T/w"
	declare -f bundle >"$T/w/body"
	cat >>"$T/w/body" <<-X
		cd "$T/w"
		bundle b '$sleeper' '"cgroupsPath": "user.slice:ctr-lite:no", "resources": {"cpu": {"cpus": "0"}}'
		$RT --systemd-cgroup --root "$T/w/s" run -d -b b c </dev/null 2>&1
		echo status \$?
	X
	loginctl enable-linger other
	wait_for 30 test -S "/run/user/$(id -u other)/systemd/private"
	run login other "bash $T/w/body"
	loginctl disable-linger other
	contains "$OUT" "status 1"
	contains "$OUT" "cpu.cpus"
	contains "$OUT" "controller cpuset"
	[ -z "$cpuset" ] || contains "$OUT" "Delegate=cpu cpuset io memory pids"
	[ -n "$cpuset" ] || contains "$OUT" "kernel"
}
