# The demonstrations of a container course that need real limits, as they are typed, with the name of the
# engine replaced.  The rest is in tests/cli/course.sh.

docker() { ctr "$@"; }

# Eats memory until it is stopped.
hog='tail /dev/zero'

test_memory_hog_is_killed_at_100_megabytes() {
	local before=$SECONDS
	expect 137 docker run --name hog --network=none -m 100m --memory-swap 100m alpine sh -c "exec $hog"
	[ $((SECONDS - before)) -lt 60 ] || fail "it took $((SECONDS - before)) s"
	is "$(docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' hog)" "true 137"
	is "$(docker inspect --format '{{.HostConfig.Memory}}' hog)" 104857600
	docker rm hog >/dev/null
	# The limit is the kernel's, and can be read inside.
	is "$(docker run --rm --network=none --memory 100m alpine cat /sys/fs/cgroup/memory.max)" 104857600
}

test_half_a_cpu() {
	local cgroup before after
	docker run -d --name busy --network=none --cpus 0.5 alpine sh -c 'while :; do :; done' >/dev/null
	is "$(docker exec busy cat /sys/fs/cgroup/cpu.max)" "50000 100000"
	cgroup=/sys/fs/cgroup$(cgroup_of busy)
	before=$(keyed "$cgroup/cpu.stat" usage_usec)
	sleep 10
	after=$(keyed "$cgroup/cpu.stat" usage_usec)
	docker rm -f -t 0 busy >/dev/null
	[ $((after - before)) -gt 3000000 ] && [ $((after - before)) -lt 6500000 ] ||
		fail "$((after - before)) microseconds of processor time in 10 s"
}

test_a_hundred_processes() {
	# A shell and 99 children, no more: it gives up.
	expect 2 docker run --rm --network=none --pids-limit 100 alpine sh -c \
		'n=0; while [ $n -lt 120 ]; do sleep 100 & n=$((n + 1)); echo $n; done'
	contains "$ERR" "can't fork"
	is "$(tail -n 1 <<<"$OUT")" 99
	is "$(docker run --rm --network=none --pids-limit 100 alpine cat /sys/fs/cgroup/pids.max)" 100
	docker run -d --name c --network=none --pids-limit 100 alpine sh -c \
		'for i in $(seq 90); do sleep 100 & done; wait' >/dev/null
	wait_for 20 sh -c '[ "$(ctr-lite exec c sh -c "cat /sys/fs/cgroup/pids.current")" -ge 91 ]'
	docker rm -f -t 0 c >/dev/null
}

test_fork_bomb_is_survived() {
	docker run -d --name bomb --network=none --pids-limit 50 alpine sh -c 'b() { b | b & }; b; sleep 1000' >/dev/null
	sleep 3
	is "$(docker ps -q | wc -l)" 1
	docker rm -f -t 0 bomb >/dev/null
	is "$(docker ps -aq)" ""
}

test_files_of_the_cgroup() {
	local pid cgroup
	docker run -d --name web --network=none -m 64m --cpus 1.5 --pids-limit 20 alpine sleep 1000 >/dev/null
	pid=$(docker inspect --format '{{.State.Pid}}' web)
	cgroup=/sys/fs/cgroup$(cgroup_of web)
	is "$(cat "$cgroup/memory.max")" 67108864
	is "$(cat "$cgroup/cpu.max")" "150000 100000"
	is "$(cat "$cgroup/pids.max")" 20
	contains "$(cat "$cgroup/cgroup.procs")" "$pid"
	is "$(docker exec web cat /proc/self/cgroup)" "0::/"
	contains "$(docker stats --no-stream web)" web
	docker update -m 128m web >/dev/null
	is "$(cat "$cgroup/memory.max")" 134217728
	docker pause web >/dev/null
	is "$(cat "$cgroup/cgroup.freeze")" 1
	is "$(docker inspect --format '{{.State.Status}}' web)" paused
	docker unpause web >/dev/null
	docker rm -f -t 0 web >/dev/null
	[ ! -e "$cgroup" ] || fail "$cgroup is left"
}
