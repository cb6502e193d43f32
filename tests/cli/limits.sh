# Resource limits where they cannot be had, and containers with cgroups that have no controllers.
# What limits do is shown in tests/vm/limits.sh.

on_v1() { [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || skip "this host has cgroup version 2"; }

# Each limit is refused by its name, with the controller, the reason and what helps; nothing is left.
test_limits_without_cgroup2_are_refused() {
	local row option controller
	on_v1
	pull alpine
	for row in "-m 64m|--memory|memory" "--memory-reservation 64m|--memory-reservation|memory" \
		"--cpus 0.5|--cpus|cpu" "--cpu-shares 512|--cpu-shares|cpu" "--cpu-period 5000|--cpu-period|cpu" \
		"--cpu-quota 5000|--cpu-quota|cpu" "--cpuset-cpus 0|--cpuset-cpus|cpuset" \
		"--cpuset-mems 0|--cpuset-mems|cpuset" "--pids-limit 5|--pids-limit|pids" \
		"--blkio-weight 100|--blkio-weight|io" "--device-read-bps /dev/sda:1mb|--device-read-bps|io" \
		"--device-write-iops /dev/sda:10|--device-write-iops|io" \
		"--cgroup-conf memory.high=1|--cgroup-conf|memory"; do
		IFS='|' read -r args option controller <<<"$row"
		expect 125 ctr run --rm --network=none $args alpine true
		contains "$ERR" "$option needs the controller $controller of a cgroup"
		contains "$ERR" "systemd.unified_cgroup_hierarchy=1"
		expect 125 ctr create --network=none $args alpine true
		contains "$ERR" "$option needs the controller $controller"
	done
	is "$(ctr ps -aq)" ""
	expect 125 ctr run --rm --network=none --cgroups split alpine true
	contains "$ERR" "--cgroups=split"
	expect 125 ctr run --rm --network=none --cgroup-parent /x alpine true
	contains "$ERR" "--cgroup-parent /x"
	for m in systemd cgroupfs; do
		expect 125 ctr --cgroup-manager $m run --rm --network=none alpine true
		contains "$ERR" "--cgroup-manager=$m: this host uses cgroup version 1"
	done
	is "$(ctr info --format '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}')" "disabled v1"
}

# What asks for no limit needs no cgroup.
#: fast
test_no_limit_needs_no_cgroup() {
	pull alpine
	for args in "--pids-limit -1" "--pids-limit 0" "--cpus 0" "-m 0" "--memory-swap -1" "--cgroups disabled" \
		"--cgroups no-conmon" "--kernel-memory 5m" "--memory-swappiness -1" "--oom-kill-disable=false"; do
		expect 0 ctr run --rm --network=none $args alpine true
	done
	expect 0 ctr --cgroup-manager disabled run --rm --network=none alpine true
	expect 125 ctr --cgroup-manager disabled run --rm --network=none -m 64m alpine true
	contains "$ERR" "--cgroup-manager=disabled was given"
	expect 125 ctr run --rm --network=none --cgroups disabled --pids-limit 5 alpine true
	contains "$ERR" "--pids-limit needs the controller pids of a cgroup, which containers cannot have here: --cgroups=disabled was given"
}

#: fast
test_limits_that_make_no_sense() {
	pull alpine
	while IFS='|' read -r args says; do
		expect 125 ctr create --network=none $args alpine true
		contains "$ERR" "$says"
	done <<-'X'
		-m abc|invalid value for memory: invalid size: 'abc'
		-m -1|invalid size: '-1'
		-m 100m --memory-swap 50m|minimum memoryswap limit should be larger than memory limit
		--memory-swap 50m|You should always set the Memory limit when using Memoryswap limit
		-m 10m --memory-reservation 20m|reservation
		--cpus 0.5 --cpu-quota 5000|--cpu-quota and --cpus cannot be set together
		--cpus 0.5 --cpu-period 5000|--cpu-period and --cpus cannot be set together
		--cpus abc|invalid argument "abc" for "--cpus" flag: strconv.ParseFloat
		--cpus -1|--cpus
		--cpu-shares x|invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseUint
		--cpu-period 1|1ms
		--cpuset-cpus 3-1|--cpuset-cpus
		--pids-limit x|invalid argument "x" for "--pids-limit" flag
		--blkio-weight 5|10 to 1000
		--blkio-weight-device dev|bad format: dev
		--device-read-bps null:1mb|bad format for device path: null:1mb
		--device-read-iops /dev/null:x|invalid rate for device: /dev/null:x
		--cgroup-conf foo|--cgroup-conf must be formatted KEY=VALUE
		--cgroups foo|invalid cgroup mode "foo"
		--cgroups split --cgroup-parent /x|cannot specify --cgroup-mode=split with a cgroup-parent
		--oom-kill-disable|--oom-kill-disable is not supported: cgroup version 2
		--memory-swappiness 5|--memory-swappiness is not supported: cgroup version 2
		--cpu-rt-period 5|--cpu-rt-period is not supported: cgroup version 2
		--cpu-rt-runtime 5|--cpu-rt-runtime is not supported: cgroup version 2
		--oom-score-adj 2000|-1000 to 1000
	X
	is "$(ctr ps -aq)" ""
	expect 125 ctr --cgroup-manager foo ps
	contains "$ERR" "choose from systemd, cgroupfs, disabled"
}

test_oom_score_adj() {
	pull alpine
	expect 0 ctr run --rm --network=none --oom-score-adj 700 alpine cat /proc/self/oom_score_adj
	is "$OUT" 700
	[ "$(cat /proc/self/oom_score_adj)" -ge -900 ] || skip "the tests are protected from the OOM killer"
	expect 125 ctr run --rm --network=none --oom-score-adj -1000 alpine true
	contains "$ERR" oom
}

test_without_a_cgroup_there_is_no_pause_update_or_stats() {
	on_v1
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 100
	for cmd in "pause c" "stats --no-stream c"; do
		expect 125 ctr $cmd
		contains "$ERR" "as it did not create a cgroup: this host uses cgroup version 1"
	done
	expect 125 ctr update -m 64m c
	contains "$ERR" "--memory needs the controller memory"
	expect 125 ctr unpause c
	contains "$ERR" "is not paused, can't unpause"
	expect 0 ctr update --pids-limit -1 c
	is "$OUT" "$(ctr inspect -f '{{.Id}}' c)"
	expect 125 ctr update
	contains "$ERR" "accepts 1 arg(s), received 0"
	expect 125 ctr pause
	contains "$ERR" "you must provide at least one name or id"
	expect 0 ctr stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDS}}'
	is "$OUT" "c 0.00% 0B / 0B 0B / 0B 0"
	contains "$ERR" "level=warning"
	expect 0 ctr rm -f -t 0 c
	expect 0 ctr stats --no-stream
	contains "$OUT" "MEM USAGE / LIMIT"
	expect 125 ctr stats --no-stream nobody
	expect 125 ctr stats --all --latest
	contains "$ERR" "--all, --latest and containers cannot be used together"
	expect 125 ctr stats --interval 0 --no-stream
}

# The kernel's cgroup2 without controllers: freezing, killing, naming and removing work.
bare_cgroup2() { # RUNTIME [PREFIX-COMMAND...]
	local rt=$1 cg c
	shift
	go() { local args=("$@"); "${prefix[@]}" ctr-lite $GLOBALS --runtime "$rt" "${args[@]}"; }
	prefix=("$@")
	go run -d --name p --network=none alpine sh -c 'while :; do date +%N >/tmp/t; done' >/dev/null
	cg=/sys/fs/cgroup$(go inspect -f '{{.State.CgroupPath}}' p)
	case $cg in */ctr-lite-*) ;; *) echo "cgroup: $cg"; return 1 ;; esac
	[ "$(go pause p)" = p ]
	grep -q 'frozen 1' "$cg/cgroup.events"
	[ "$(go ps -aq --filter status=paused | wc -l)" = 1 ] && [ -z "$(go ps -q)" ]
	[ "$(go ps -a --format '{{.State}} {{.Status}}')" = "paused Paused" ]
	[ "$(go inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' p)" = "paused true false" ]
	! go pause p 2>/dev/null && ! go stop p 2>/dev/null && ! go start p 2>/dev/null
	go exec p true 2>/dev/null && return 1 || [ $? = 255 ]
	go rm p 2>/dev/null && return 1 || [ $? = 2 ]
	[ "$(go unpause --all)" = "$(go inspect -f '{{.Id}}' p)" ]
	go exec p true
	go stats --no-stream --format '{{.Name}} {{.PIDS}}' | grep -q '^p [12]$'
	go stats --no-stream --format json p | grep -q '"name": "p"'
	! go update -m 64m p 2>/dev/null
	go pause --filter name=p >/dev/null
	go rm -f p >/dev/null
	[ ! -e "$cg" ]
	# It shares its pid namespace: what it leaves behind dies with its cgroup.
	go run -d --name k --pid host --network=none alpine sh -c 'sleep 98765 & exec sleep 98766' >/dev/null
	cg=/sys/fs/cgroup$(go inspect -f '{{.State.CgroupPath}}' k)
	for _ in $(seq 100); do [ "$(wc -l <"$cg/cgroup.procs")" = 2 ] && break; sleep 0.05; done
	go kill k >/dev/null
	go wait k >/dev/null
	for _ in $(seq 100); do [ -e "$cg" ] || break; sleep 0.05; done
	[ ! -e "$cg" ]
	go rm k >/dev/null
	# Neither does a killed monitor leave one.
	go run -d --name m --network=none alpine sleep 98767 >/dev/null
	cg=/sys/fs/cgroup$(go inspect -f '{{.State.CgroupPath}}' m)
	kill -KILL "$(go inspect -f '{{.State.ConmonPid}}' m)"
	for _ in $(seq 100); do
		[ "$(go inspect -f '{{.State.Status}} {{.State.ExitCode}}' m)" = "exited 137" ] && break
		sleep 0.05
	done
	[ ! -e "$cg" ]
	go rm m >/dev/null
	go run --rm --cgroups disabled --network=none alpine true
}

# In a cgroup of its own, so that the host's root has none of them.
in_bare_cgroup2() { # OWNER RUNTIME [PREFIX-COMMAND...]
	local owner=$1 name=ctr-lite-test-$$
	shift
	export -f bare_cgroup2
	export GLOBALS
	unshare -m bash -euc '
		umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
		here=/sys/fs/cgroup/$1 owner=$2; shift 2
		leave() { # the last monitor may still be on its way out
			echo $$ >/sys/fs/cgroup/cgroup.procs
			for _ in $(seq 50); do find "$here" -depth -type d -exec rmdir {} + 2>/dev/null && return; sleep 0.1; done
			echo "left in $here: $(find "$here" -name cgroup.procs -exec cat {} +)"
		}
		mkdir "$here"; trap leave EXIT
		chown "$owner" "$here" "$here/cgroup.procs" "$here/cgroup.subtree_control" "$here/cgroup.threads"
		echo $$ >"$here/cgroup.procs"
		bare_cgroup2 "$@"' x "$name" "$owner" "$@"
}

#: serial timeout=120
root_test_bare_cgroup2() {
	local rt
	pull alpine
	GLOBALS="--root $GRAPHROOT --runroot $RUNROOT"
	for rt in ctr-lite-runtime crun runc; do
		in_bare_cgroup2 root "$rt" || fail "$rt"
	done
}

#: serial timeout=120
root_test_bare_cgroup2_delegated_to_a_user() {
	local rt user=$CTR_TEST_USER
	mkdir -p "$T/w/u/run" "$T/w/u/copy"
	pull alpine
	skopeo copy -q "oci:$GRAPHROOT/images:docker.io/library/alpine:latest" "oci:$T/w/u/copy/images:docker.io/library/alpine:latest"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	GLOBALS="--root $T/w/u/copy --runroot $T/w/u/run"
	for rt in ctr-lite-runtime crun runc; do
		in_bare_cgroup2 "$user" "$rt" setpriv --reuid "$user" --regid "$user" --init-groups \
			env HOME="$T/w/u" XDG_RUNTIME_DIR="$T/w/u/run" || fail "$rt"
	done
	rm -rf "$T/w/u"
}
