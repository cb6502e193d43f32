# Cgroups of the runtime, on the cgroup2 that every host has, though here mostly without controllers
# (tests/vm has them): root shows it to the runtime alone, in a mount namespace of its own.
#: serial
. "$TESTS/cli/runtime-lib.sh"
. "$TESTS/cli/cgroup-lib.sh"

lifecycle_body() {
	local pid
	new_bundle b ".process.args = [\"/bin/sleep\", \"1000\"] | .linux.cgroupsPath = \"/$TOP/a\" | $cg_mount"
	rt run -d -b b c
	pid=$(rt state c | jq .pid)
	is "$(cat $CG/$TOP/a/cgroup.procs)" "$pid"
	is "$(grep 0:: /proc/$pid/cgroup)" "0::/$TOP/a"
	# its namespace's root is its own cgroup, also for who joins
	is "$(rt exec c /bin/grep 0:: /proc/self/cgroup)" "0::/"
	is "$(rt exec c /bin/cat /sys/fs/cgroup/cgroup.procs | sed -n 1p)" 1
	expect 1 rt exec c /bin/mkdir /sys/fs/cgroup/x
	contains "$ERR" "Read-only"
	rt exec -d c /bin/sleep 999
	is "$(wc -l <$CG/$TOP/a/cgroup.procs)" 2

	is "$(rt ps -f json c | jq length)" 2
	expect 0 rt ps c
	contains "$OUT" "PID"
	contains "$OUT" "sleep 999"
	is "$(wc -l <<<"$OUT")" 3
	expect 0 rt ps c -o pid,comm
	is "$(wc -l <<<"$OUT")" 3
	expect 1 rt ps c -o comm
	contains "$ERR" "no column PID"

	rt pause c
	is "$(cat $CG/$TOP/a/cgroup.freeze)" 1
	is "$(rt state c | jq -r .status)" paused
	contains "$(rt list)" paused
	expect 1 rt pause c
	contains "$ERR" "paused already"
	expect 1 rt exec c /bin/true
	contains "$ERR" "paused"
	expect 1 rt delete c
	contains "$ERR" paused
	rt resume c
	is "$(rt state c | jq -r .status)" running
	expect 1 rt resume c
	contains "$ERR" "running"

	is "$(rt events --stats c | jq -r '.type, .id, (.data.cpu.usage.total > 0)')" $'stats\nc\ntrue'
	rt events --interval 100ms c >events &
	pid=$!
	wait_for 5 sh -c '[ "$(wc -l <events)" -ge 2 ]'
	rt pause c
	rt delete --force c
	wait $pid
	[ ! -e $CG/$TOP/a ] || fail "the cgroup is left"
	is "$(ls state)" ""
}
root_test_cgroup_lifecycle() { pure lifecycle_body; }

is_stopped() { [ "$(rt state c | jq -r .status)" = stopped ]; }
leftovers_body() {
	new_bundle b "del(.linux.namespaces[] | select(.type == \"pid\")) | .linux.cgroupsPath = \"$TOP/a\"
		| .process.args = [\"/bin/sh\", \"-c\", \"sleep 997 & sleep 998 & sleep 0.3\"]"
	rt run -d -b b c
	wait_for 5 is_stopped
	is "$(wc -l <$CG/$TOP/a/cgroup.procs)" 2
	rt kill --all c TERM
	wait_for 5 sh -c "! grep -q . $CG/$TOP/a/cgroup.procs"
	rt delete c
	[ ! -e $CG/$TOP/a ] || fail "the cgroup is left"

	rt run -d -b b c
	wait_for 5 is_stopped
	rt delete c
	[ ! -e $CG/$TOP/a ] || fail "the cgroup is left"
	[ -z "$(pgrep -f 'sleep 99[78]')" ] || fail "processes are left"
	# in the foreground as well
	expect 0 rt run -b b c
	[ ! -e $CG/$TOP/a ] || fail "the cgroup is left"
	[ -z "$(pgrep -f 'sleep 99[78]')" ] || fail "processes are left"
}
root_test_cgroup_leftovers_without_a_pid_namespace() { pure leftovers_body; }

refusals_body() {
	local path
	new_bundle b
	for path in /$TOP/../x ../x / ./; do
		change b '.linux.cgroupsPath = $p' --arg p "$path"
		expect 1 rt run -b b c
		contains "$ERR" cgroupsPath
	done
	mkdir -p $CG/$TOP/used
	sleep 100 &
	echo $! >$CG/$TOP/used/cgroup.procs
	change b '.linux.cgroupsPath = $p' --arg p "/$TOP/used"
	expect 1 rt run -b b c
	contains "$ERR" "not empty"
	kill $!
	wait $! || :
	expect 0 rt run -b b c # one that was left behind
	[ ! -e $CG/$TOP/used ]
	# what cannot be applied is named, with why, and leaves nothing
	change b '.linux.cgroupsPath = $p | .linux.resources.memory.limit = 10000000' --arg p "/$TOP/m"
	case " $(cat $CG/cgroup.controllers) " in
	*" memory "*) ;;
	*)
		expect 1 rt run -b b c
		contains "$ERR" "memory.limit"
		contains "$ERR" "no controller memory"
		[ ! -e $CG/$TOP/m ] || fail "a cgroup is left"
		;;
	esac
	# nor does a program that is not there
	change b 'del(.linux.resources) | .process.args = ["nope"]'
	expect 127 rt run -b b c
	[ ! -e $CG/$TOP/m ] || fail "a cgroup is left"
	is "$(ls state)" ""
	# no cgroup was asked for
	change b 'del(.linux.cgroupsPath) | .process.args = ["/bin/sleep", "100"]'
	rt run -d -b b c
	for path in "pause c" "update --memory 1g c" "events --stats c"; do
		expect 1 rt $path
		contains "$ERR" "no cgroup of its own"
	done
	is "$(rt ps -f json c | jq length)" 1
	rt delete --force c
	change b '.linux.cgroupsPath = "system.slice:ctr-lite:x"'
	expect 1 rt --systemd-cgroup run -b b c
	matches "$ERR" "systemd does not answer|ctr-lite-systemd"
	change b '.linux.cgroupsPath = "/not/slice:prefix:name"'
	expect 1 rt --systemd-cgroup run -b b c
	contains "$ERR" "slice"
}
root_test_cgroup_refusals() { pure refusals_body; }

# hugetlb is a controller that version 2 has even where version 1 has all others.
hugetlb_body() {
	case " $(cat $CG/cgroup.controllers) " in
	*" hugetlb "*) ;;
	*) skip "no controller in cgroup v2 here" ;;
	esac
	new_bundle b ".process.args = [\"/bin/sleep\", \"1000\"] | .linux.cgroupsPath = \"/$TOP/h\"
		| .linux.resources = {hugepageLimits: [{pageSize: \"2MB\", limit: 4194304}], unified: {\"cgroup.max.depth\": \"3\"}}"
	rt run -d -b b c
	is "$(cat $CG/$TOP/h/hugetlb.2MB.max)" 4194304
	is "$(cat $CG/$TOP/h/hugetlb.2MB.rsvd.max)" 4194304
	is "$(cat $CG/$TOP/h/cgroup.max.depth)" 3
	echo '{"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]}' >r.json
	rt update -r r.json c
	is "$(cat $CG/$TOP/h/hugetlb.2MB.max)" 2097152
	echo '{"unified": {"hugetlb.2MB.max": "max"}}' | "$RT" --root "$T/w/state" update -r - c
	is "$(cat $CG/$TOP/h/hugetlb.2MB.max)" max
	echo '{"unified": {"hugetlb.2MB.max": "nonsense"}}' >r.json
	expect 1 rt update -r r.json c
	contains "$ERR" 'unified.hugetlb.2MB.max: write "nonsense"'
	echo '{"unified": {"cgroup.procs": "1"}}' >r.json
	expect 1 rt update -r r.json c
	contains "$ERR" "no setting"
	expect 1 rt update --memory 1x c
	contains "$ERR" "not a size"
	expect 1 rt update --kernel-memory 1m c
	contains "$ERR" "memory.kernel: cgroup v2 has no such limit"
	expect 1 rt update --l3-cache-schema x c
	rt delete --force c
}
root_test_cgroup_limits_and_update() { pure hugetlb_body; }

# A container that manages cgroups itself: root of it may, when it is mounted writable; then no
# process may be in its own cgroup any more, and who joins goes where its first process is.
delegated_body() {
	new_bundle b "$cg_mount | .mounts[-1].options = [\"nosuid\"] | .linux.cgroupsPath = \"/$TOP/d\"
		| .linux.namespaces += [{type: \"user\"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings
		| .process.args = [\"/bin/sh\", \"-c\", \"cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +hugetlb >cgroup.subtree_control; touch /tmp/ready; sleep 1000\"]"
	chmod 777 b/rootfs b/rootfs/tmp
	chmod 755 "$T" "$T/w" b
	rt run -d -b b c
	wait_for 5 test -e b/rootfs/tmp/ready
	is "$(stat -c %u $CG/$TOP/d $CG/$TOP/d/cgroup.procs $CG/$TOP/d/cgroup.max.depth | tr '\n' ' ')" "100000 100000 0 "
	is "$(rt exec c /bin/grep 0:: /proc/self/cgroup)" "0::/init"
	rt pause c
	is "$(rt state c | jq -r .status)" paused
	rt resume c
	is "$(rt ps -f json c | jq length)" "$(wc -l <$CG/$TOP/d/init/cgroup.procs)"
	rt delete --force c
	[ ! -e $CG/$TOP/d ] || fail "the cgroup is left"
}
root_test_cgroup_of_a_container_that_manages_its_own() { pure delegated_body; }

devices_body() {
	[ -c /dev/fuse ] && : </dev/fuse || skip "no /dev/fuse"
	new_bundle b ".linux.cgroupsPath = \"/$TOP/dev\"
		| .linux.devices = [{path: \"/dev/fuse\", type: \"c\", major: 10, minor: 229}, {path: \"/dev/x\", type: \"c\", major: 1, minor: 5}]
		| .linux.resources.devices = [{allow: false, access: \"rwm\"}]"
	sh_in b 'cat /dev/null && : </dev/zero && : </dev/x'
	is "$STATUS" 0
	sh_in b ': </dev/fuse'
	contains "$ERR" "not permitted"
	change b '.linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "r"}]'
	sh_in b ': </dev/fuse'
	is "$STATUS" 0
	sh_in b 'echo x >/dev/fuse'
	contains "$ERR" "not permitted"
	# the last that speaks of it decides
	change b '.linux.resources.devices += [{allow: true, access: "rwm"}, {allow: false, type: "c", major: 10, access: "r"}]'
	sh_in b ': </dev/fuse'
	contains "$ERR" "not permitted"
	sh_in b 'exec 3>/dev/fuse'
	is "$STATUS" 0
	change b '.linux.resources.devices = [{allow: true, type: "x"}]'
	expect 1 rt run -b b c
	contains "$ERR" "devices[0].type"
	change b '.linux.resources.devices = [{allow: true, access: "rx"}]'
	expect 1 rt run -b b c
	contains "$ERR" "devices[0].access"
}
root_test_cgroup_device_filter() { pure devices_body; }

# The same commands, the same answers as crun's.
crun_body() {
	local rt1 out1 out2
	command -v crun >/dev/null || skip "no crun"
	new_bundle b ".ociVersion = \"1.0.2\" | .process.args = [\"/bin/sleep\", \"1000\"] | .linux.cgroupsPath = \"/$TOP/x\" | $cg_mount
		| .linux.resources.unified = {\"cgroup.max.descendants\": \"7\"}"
	for rt1 in "$RT --root $T/w/s1" "crun --root $T/w/s2"; do
		$rt1 run -d -b b c >/dev/null </dev/null
		out1=$($rt1 exec c /bin/grep 0:: /proc/self/cgroup; $rt1 exec c /bin/cat /sys/fs/cgroup/cgroup.max.descendants
			$rt1 pause c; $rt1 state c | jq -r .status; $rt1 resume c; $rt1 state c | jq -r .status
			$rt1 ps -f json c | jq length; cat $CG/$TOP/x/cgroup.max.descendants)
		$rt1 delete -f c
		[ ! -e $CG/$TOP/x ] || fail "the cgroup is left by $rt1"
		is "${out2:-$out1}" "$out1" "crun's answers"
		out2=$out1
	done
}
root_test_cgroup_as_crun() { pure crun_body; }

# Without anything to write to, an ordinary user has none, and is told so when he needs one.
test_cgroup_that_cannot_be_had() {
	new_bundle b ".process.args = [\"/bin/true\"] | .linux.cgroupsPath = \"/ctr-lite-none/x\""
	expect 0 rt run -b b c
	change b '.linux.resources.pids.limit = 20'
	expect 1 rt run -b b c
	matches "$ERR" 'pids.limit: (controller pids: )?(this host has no cgroup v2.*unified_cgroup_hierarchy|.*may not)'
	change b '.linux.resources.pids.limit = -1'
	expect 0 rt run -b b c
	change b '.linux.resources.memory.swappiness = 0'
	expect 1 rt run -b b c
	contains "$ERR" "memory.swappiness"
	is "$(ls state)" ""
}

# exec into a cgroup below the container's, and into a paused container.
exec_options_body() {
	new_bundle b ".process.args = [\"/bin/sleep\", \"1000\"] | .linux.cgroupsPath = \"/$TOP/a\""
	rt run -d -b b c
	mkdir -p $CG/$TOP/a/sub/deep
	is "$(rt exec --cgroup sub/deep c /bin/grep 0:: /proc/self/cgroup)" "0::/sub/deep"
	is "$(rt exec --cgroup /sub c /bin/grep 0:: /proc/self/cgroup)" "0::/sub"
	is "$(rt exec --cgroup ../../../sub c /bin/grep 0:: /proc/self/cgroup)" "0::/sub" # not above the container's
	expect 1 rt exec --cgroup none c /bin/true
	contains "$ERR" "--cgroup: open /$TOP/a/none"
	expect 1 rt exec --cgroup cpu:sub c /bin/true
	contains "$ERR" "version 1"
	rt pause c
	expect 1 rt exec c /bin/true
	contains "$ERR" "--ignore-paused"
	rt exec --ignore-paused c /bin/sh -c 'echo ran' >out &
	local exec=$!
	sleep 0.3
	is "$(cat out)" "" "what runs in a paused container"
	rt resume c
	wait $exec
	is "$(cat out)" ran
	rt delete --force c
}
root_test_rt_exec_into_a_sub_cgroup_or_a_paused_container() { pure exec_options_body; }
