# Containers that do with their cgroup what they can, to outlive it or to be in the way.
#: serial
. "$TESTS/cli/runtime-lib.sh"
. "$TESTS/cli/cgroup-lib.sh"

# manager NAME SCRIPT: a container that may manage what is below its cgroup, as another user.
manager() {
	new_bundle b "$cg_mount | .mounts[-1].options = [\"nosuid\"] | .linux.namespaces += [{type: \"user\"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings"
	change b '.linux.cgroupsPath = $p | .process.args = ["/bin/sh", "-c", $s]' --arg p "/$TOP/$1" --arg s "$2"
	chmod 777 b/rootfs b/rootfs/tmp
	chmod 755 "$T" "$T/w" b
	rt run -d -b b c
	wait_for 20 test -e b/rootfs/tmp/ready
}

gone() {
	[ ! -e "$CG/$TOP/$1" ] || fail "the cgroup is left"
	is "$(ls state)" ""
}

# They never stop having children, and there is no pid namespace whose end would end them.
respawn_body() {
	local i
	new_bundle b "del(.linux.namespaces[] | select(.type == \"pid\")) | .linux.cgroupsPath = \"/$TOP/r\"
		| .process.args = [\"/bin/sh\", \"-c\", \"f() { sleep 0.0197; f & }; f & f & f & f & sleep 1000\"]"
	for i in 1 2 3; do
		rt run -d -b b c
		sleep 0.5
		case $i in
		1) rt delete --force c ;;
		2)
			rt pause c
			rt kill --all c KILL
			wait_for 10 sh -c "! grep -q . $CG/$TOP/r/cgroup.procs"
			rt delete c
			;;
		3)
			rt kill --all c TERM
			wait_for 10 sh -c "! grep -q . $CG/$TOP/r/cgroup.procs"
			rt delete c
			;;
		esac
		gone r
		[ -z "$(pgrep -f 'sleep 0.0197')" ] || fail "processes are left"
	done
}
#: timeout=120
root_test_rt_cgroup_endless_children() { pure respawn_body; }

deep_body() {
	manager d 'cd /sys/fs/cgroup; i=0; while [ $i -lt 200 ]; do mkdir d e && cd d || break; i=$((i+1)); done
		: >/tmp/ready; sleep 1000'
	expect 1 rt ps c
	contains "$ERR" "Too many levels"
	rt pause c
	rt resume c
	rt delete --force c
	gone d
}
#: timeout=120
root_test_rt_cgroup_deep_tree() { pure deep_body; }

# Frozen by itself, where thawing the container does not thaw it.
frozen_body() {
	manager f 'cd /sys/fs/cgroup; mkdir f; sleep 1000 & echo $! >f/cgroup.procs; echo 1 >f/cgroup.freeze; : >/tmp/ready; sleep 1000'
	is "$(rt state c | jq -r .status)" running
	rt delete --force c
	gone f
}
root_test_rt_cgroup_frozen_by_itself() { pure frozen_body; }

# What is below its cgroup it may write to, what limits the cgroup itself it may not.
limits_body() {
	manager l 'cd /sys/fs/cgroup; for f in cgroup.max.depth cgroup.max.descendants cgroup.freeze cgroup.kill ../cgroup.procs ../../cgroup.procs; do
			echo 1 2>/dev/null >$f && echo "wrote $f"; done >/tmp/wrote
		mkdir sub && echo 1 >sub/cgroup.max.depth && echo ok >>/tmp/wrote; : >/tmp/ready; sleep 1000'
	is "$(cat b/rootfs/tmp/wrote)" ok
	is "$(cat $CG/$TOP/l/cgroup.max.depth)" max
	rt delete --force c
	gone l
}
root_test_rt_cgroup_limits_are_ours() { pure limits_body; }
