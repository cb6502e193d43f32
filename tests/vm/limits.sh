# Resource limits where they are real: set, felt, shown, changed and gone with the container.
#: timeout=240

RUNTIMES="ctr-lite-runtime crun runc"

# What the container's cgroup says, or the one above it where the runtime made a second: FILE.
in_cgroup() { # CONTAINER FILE
	local cg
	cg=/sys/fs/cgroup$(cgroup_of "$1")
	case $cg in
	*/container) echo "$(cat "$cg/$2") $(cat "${cg%/container}/$2")" ;;
	*) cat "$cg/$2" ;;
	esac
}

limits_are_set() { # GLOBAL OPTIONS...
	expect 0 ctr "$@" run -d --name lim -m 64m --memory-reservation 32m --memory-swap 96m --cpus 0.5 \
		--cpu-shares 2048 --pids-limit 20 --network=none alpine sleep 1000
	contains "$(in_cgroup lim memory.max)" 67108864
	contains "$(in_cgroup lim memory.low)" 33554432
	contains "$(in_cgroup lim memory.swap.max)" 33554432
	contains "$(in_cgroup lim cpu.max)" "50000 100000"
	contains "$(in_cgroup lim cpu.weight)" 79
	contains "$(in_cgroup lim pids.max)" 20
	expect 0 ctr inspect lim --format '{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.MemoryReservation}} {{.NanoCpus}} {{.CpuPeriod}} {{.CpuQuota}} {{.CpuShares}} {{.PidsLimit}} {{.CgroupManager}}{{end}}'
	contains "$OUT" "67108864 100663296 33554432 500000000 100000 50000 2048 20"
	expect 0 ctr rm -f -t 0 lim
}

test_limits_by_ours() { limits_are_set; contains "$OUT$(ctr info -f '{{.Host.CgroupManager}}')" systemd; }
test_limits_by_crun() { limits_are_set --runtime crun; }
test_limits_by_runc() { limits_are_set --runtime runc; }
root_test_limits() { limits_are_set; limits_are_set --cgroup-manager cgroupfs; }

# At the end of a session or of the host systemd stops the scope as `stop` would.
scope_stops() { # GLOBAL OPTIONS...
	local id
	id=$(ctr "$@" run -d --network=none --stop-signal INT --stop-timeout 7 alpine sleep 1000)
	run systemctl --user show "ctr-lite-$id.scope" -p KillSignal -p TimeoutStopUSec
	contains "$OUT" "KillSignal=2"
	contains "$OUT" "TimeoutStopUSec=7s"
	expect 0 ctr rm -f -t 0 "$id"
}
test_scope_stops_as_asked() {
	local rt
	for rt in $RUNTIMES; do scope_stops --runtime "$rt"; done
}

is_killed_for_memory() { # GLOBAL OPTIONS...
	expect 137 ctr "$@" run --name hog -m 40m --memory-swap 40m --network=none alpine \
		dd if=/dev/zero of=/dev/null bs=200M count=1
	expect 0 ctr inspect hog --format '{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.CgroupPath}}.'
	is "$OUT" "true 137 ."
	expect 0 ctr rm hog
	expect 0 ctr "$@" run --name lean -m 40m --network=none alpine true
	is "$(ctr inspect lean --format '{{.State.OOMKilled}}')" false
	expect 0 ctr rm lean
}

test_oom_by_ours() { is_killed_for_memory; }
#: guest=bookworm
test_oom_by_crun() { is_killed_for_memory --runtime crun; }
#: guest=bookworm
test_oom_by_runc() { is_killed_for_memory --runtime runc; }
root_test_oom() { is_killed_for_memory; }

# Hundredths of a processor that the container has used in four seconds.
cpu_use() { # CONTAINER
	local f=/sys/fs/cgroup$(cgroup_of "$1")/cpu.stat u t
	u=$(keyed "$f" usage_usec) t=$(date +%s%N)
	sleep 4
	echo $((($(keyed "$f" usage_usec) - u) * 100000 / ($(date +%s%N) - t)))
}

cpu_is_limited() { # GLOBAL OPTIONS...
	local n
	ctr "$@" run -d --name burn --cpus 0.3 --network=none alpine sh -c 'while :; do :; done' >/dev/null
	sleep 1
	n=$(cpu_use burn)
	[ "$n" -ge 20 ] && [ "$n" -le 36 ] || fail "0.3 processors are $n hundredths"
	expect 0 ctr update --cpus 0.8 burn
	n=$(cpu_use burn)
	[ "$n" -ge 50 ] && [ "$n" -le 90 ] || fail "0.8 processors are $n hundredths"
	expect 0 ctr rm -f -t 0 burn
}

test_cpus_by_ours() { cpu_is_limited; }
#: guest=bookworm
test_cpus_by_crun() { cpu_is_limited --runtime crun; }
#: guest=bookworm
test_cpus_by_runc() { cpu_is_limited --runtime runc; }

test_processes_are_limited() {
	for rt in $RUNTIMES; do
		run ctr --runtime $rt run --rm --pids-limit 8 --network=none alpine \
			sh -c 'i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo all'
		contains "$ERR" "can't fork"
		[ "$OUT" != all ] || fail "$rt: 20 processes where 8 are allowed"
		ctr --runtime $rt run -d --name def --network=none alpine sleep 1000 >/dev/null
		contains "$(in_cgroup def pids.max)" 2048
		is "$(ctr inspect def -f '{{.HostConfig.PidsLimit}}')" 2048
		ctr rm -f -t 0 def >/dev/null
		ctr --runtime $rt run -d --name def --pids-limit -1 --network=none alpine sleep 1000 >/dev/null
		contains "$(in_cgroup def pids.max)" max
		ctr rm -f -t 0 def >/dev/null
	done
}

test_cpuset() {
	for rt in $RUNTIMES; do
		expect 0 ctr --runtime $rt run --rm --cpuset-cpus 0 --network=none alpine \
			grep Cpus_allowed_list /proc/self/status
		is "${OUT##*[[:space:]]}" 0
	done
}

test_conf_files() {
	ctr run -d --name conf --cgroup-conf memory.high=50331648 --network=none alpine sleep 1000 >/dev/null
	contains "$(in_cgroup conf memory.high)" 50331648
	ctr rm -f -t 0 conf >/dev/null
	expect 125 ctr run --rm --cgroup-conf memory.nonsense=1 --network=none alpine true
	contains "$ERR" memory.nonsense
}

test_update() {
	for rt in $RUNTIMES; do
		ctr --runtime $rt run -d --name up -m 64m --network=none alpine sleep 1000 >/dev/null
		expect 0 ctr --runtime $rt update -m 96m --pids-limit 33 up
		is "$OUT" "$(ctr inspect up -f '{{.Id}}')"
		contains "$(in_cgroup up memory.max)" 100663296
		contains "$(in_cgroup up pids.max)" 33
		is "$(ctr inspect up -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" "100663296 33"
		ctr stop -t 0 up >/dev/null
		expect 0 ctr --runtime $rt update --cpus 0.7 up
		ctr --runtime $rt start up >/dev/null
		contains "$(in_cgroup up memory.max)" 100663296
		contains "$(in_cgroup up cpu.max)" "70000 100000"
		ctr rm -f -t 0 up >/dev/null
	done
	expect 125 ctr update -m 5m nobody
}

test_pause() {
	for rt in $RUNTIMES; do
		ctr --runtime $rt run -d --name p --network=none alpine \
			sh -c 'while :; do date +%s >/tmp/t; sleep 0.2; done' >/dev/null
		expect 0 ctr pause p
		is "$(ctr inspect p -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}')" "paused true false"
		is "$(ctr ps -a --filter status=paused --format '{{.Names}} {{.Status}}')" "p Paused"
		expect 255 ctr exec p true
		expect 125 ctr stop p
		expect 2 ctr rm p
		expect 0 ctr unpause p
		expect 0 ctr exec p true
		expect 0 ctr pause --all
		expect 0 ctr rm -f p
	done
}

test_stats() {
	ctr run -d --name s -m 64m --network=none alpine sh -c 'while :; do :; done' >/dev/null
	sleep 1
	expect 0 ctr stats --no-stream --format '{{.Name}} {{.PIDS}} {{.MemUsage}} {{.CPU}}' s
	case $OUT in "s 1 "*" / 67.11MB "*) ;; *) fail "stats: $OUT" ;; esac
	[ "${OUT##* }" != 0 ] || fail "no CPU time"
	expect 0 ctr stats --no-stream --format json
	contains "$OUT" '"name": "s"'
	ctr rm -f -t 0 s >/dev/null
}

test_exec_is_in_the_cgroup() {
	for rt in $RUNTIMES; do
		ctr --runtime $rt run -d --name e --cgroupns host --network=none alpine sleep 1000 >/dev/null
		expect 0 ctr --runtime $rt exec e grep -c "ctr-lite-" /proc/self/cgroup
		is "$OUT" 1
		ctr rm -f -t 0 e >/dev/null
	done
}

# su, cron: neither a session nor its variables.
root_test_without_a_session() {
	expect 0 bare user ctr-lite run -d --name bare -m 64m --network=none alpine sleep 1000
	is "$(cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$(bare user ctr-lite inspect -f '{{.State.Pid}}' bare)/cgroup)/memory.max)" 67108864
	expect 0 bare user ctr-lite rm -f -t 0 bare
}

test_in_a_delegated_unit() {
	cat >u.sh <<-'X'
		set -e
		CTR="ctr-lite --cgroup-manager cgroupfs $RT"
		$CTR run -d --name d -m 64m --network=none alpine sleep 1000 >/dev/null
		cg=$(sed -n 's/^0:://p' /proc/$(ctr-lite inspect -f '{{.State.Pid}}' d)/cgroup)
		echo "$cg $(cat /sys/fs/cgroup$cg/memory.max /sys/fs/cgroup$cg/pids.max)"
		$CTR update -m 80m d >/dev/null
		cat /sys/fs/cgroup$cg/memory.max
		$CTR exec d true
		$CTR run --rm --network=none alpine echo second
		$CTR rm -f -t 0 d >/dev/null
		[ ! -e /sys/fs/cgroup$cg ] || echo left
		cat /proc/self/cgroup
	X
	for rt in $RUNTIMES; do
		expect 0 systemd-run --user -q --pipe --wait -p Delegate=yes -E RT="--runtime $rt" sh "$PWD/u.sh"
		contains "$OUT" "67108864"
		contains "$OUT" "83886080"
		contains "$OUT" "second"
		contains "$OUT" "/supervisor"
		case $OUT in *left*) fail "the cgroup is left" ;; esac
	done
}

test_split_and_disabled() {
	expect 0 systemd-run --user -q --pipe --wait -p Delegate=yes ctr-lite run --rm --cgroups split \
		--cgroupns host --network=none alpine cat /proc/self/cgroup
	case $OUT in 0::/*/run-*.service/ctr-lite-*) ;; *) fail "split: $OUT" ;; esac
	expect 125 ctr run --rm --cgroups disabled -m 64m --network=none alpine true
	contains "$ERR" "--memory needs the controller memory"
	expect 0 ctr run --rm --cgroups disabled --cgroupns host --network=none alpine cat /proc/self/cgroup
	is "$OUT" "$(cat /proc/self/cgroup)"
}

# By default systemd delegates neither cpuset nor io.
root_test_what_is_not_delegated() {
	give_image other
	loginctl enable-linger other
	for _ in $(seq 100); do [ -S /run/user/$(id -u other)/bus ] && break; sleep 0.2; done
	expect 125 bare other ctr-lite run --rm --cpuset-cpus 0 --network=none alpine true
	contains "$ERR" "--cpuset-cpus: the cgroup controller cpuset is not delegated to this user"
	contains "$ERR" "Delegate=cpu cpuset io memory pids"
	loginctl disable-linger other
	for _ in $(seq 100); do [ -S /run/user/$(id -u other)/bus ] || break; sleep 0.2; done
	expect 125 bare other ctr-lite run --rm -m 64m --network=none alpine true
	contains "$ERR" "loginctl enable-linger"
	expect 0 bare other ctr-lite run --rm --network=none alpine true
	expect 0 systemd-run -q --pipe --wait -p User=other -p Delegate=yes \
		ctr-lite run --rm -m 64m --network=none alpine cat /sys/fs/cgroup/memory.max
	is "$OUT" 67108864
}

test_killed_monitor() {
	local cg pid
	ctr run -d --name km --network=none alpine sleep 1000 >/dev/null
	cg=/sys/fs/cgroup$(cgroup_of km)
	kill -KILL "$(ctr inspect -f '{{.State.ConmonPid}}' km)"
	for _ in $(seq 50); do [ "$(ctr inspect -f '{{.State.Status}}' km)" != running ] && break; sleep 0.2; done
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' km)" "exited 137"
	for _ in $(seq 50); do [ -e "$cg" ] || break; sleep 0.2; done
	[ ! -e "$cg" ] || fail "$cg is left"
	ctr rm km >/dev/null
}

root_test_io() {
	local dev
	dev=$(findmnt -no SOURCE -T /var/lib | sed 's/\[.*//')
	[ -b "$dev" ] || skip "the guest's store is on no block device ($dev)"
	dev=/dev/$(lsblk -no PKNAME "$dev" | grep . || basename "$dev")
	ctr run -d --name io --device-write-bps "$dev:1mb" \
		--network=none alpine sleep 1000 >/dev/null
	contains "$(in_cgroup io io.max)" "wbps=1048576"
	ctr rm -f -t 0 io >/dev/null
	expect 125 ctr run --rm --device-write-bps /dev/null:1mb --network=none alpine true
	contains "$ERR" "is no block device"
	# Past the page cache, so that the pace is the program's own: 3 MB at 1 MB in a second.
	mkdir io
	is_slow 2500 --device-write-bps "$dev:1mb" -- if=/dev/zero of=/io/f bs=64k count=48 oflag=direct
	is_slow 2500 --device-read-bps "$dev:1mb" -- if=/io/f of=/dev/null bs=64k iflag=direct
}
is_slow() { # MILLISECONDS OPTION... -- DD-ARGUMENT...
	local least=$1 opts=() t
	shift
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	shift
	t=$(date +%s%N)
	expect 0 ctr run --rm "${opts[@]}" --network=none -v "$PWD/io:/io" alpine dd "$@"
	t=$((($(date +%s%N) - t) / 1000000))
	[ "$t" -ge "$least" ] || fail "${opts[*]}: took $t ms, want $least"
}
