# Sharing namespaces with containers that do not play along.

# It dies while it is joined: the other one runs or is refused, and nothing stays.
#: timeout=120
test_a_donor_that_dies_meanwhile() {
	local i ok=0 no=0
	pull alpine
	for i in $(seq 1 25); do
		ctr run -d --rm --name X --network=none alpine sleep 1000 >/dev/null
		{ sleep "0.00$((i % 10))"; ctr kill X >/dev/null 2>&1 || true; } &
		run ctr run --rm --network=container:X --ipc=container:X --uts=container:X --pid=container:X --userns=container:X alpine true
		wait
		case $STATUS in
		0 | 137) ok=$((ok + 1)) ;; # 137: with the pid namespace its processes are gone
		125)
			no=$((no + 1))
			matches "$ERR" 'not running|has ended|no container with name or ID|no such container|Cannot allocate memory|No such file|/dev/shm|killed by' ;;
		*) fail "status $STATUS" ;;
		esac
		wait_for 5 sh -c '! ctr-lite container exists X'
	done
	echo "$ok joined, $no refused"
	is "$(ctr ps -aq)" ""
}

# It has another thing where its shared memory was.
test_a_donor_whose_shm_is_another_thing() {
	canary_new
	pull alpine
	expect 0 ctr run -d --name X --network=none --cap-add SYS_ADMIN --security-opt seccomp=unconfined -v "$T/canary:/canary" alpine sleep 1000
	expect 0 ctr exec X sh -c 'umount /dev/shm && rmdir /dev/shm && ln -s /canary /dev/shm'
	expect 125 ctr run --rm --network=none --ipc=container:X alpine sh -c 'echo bad >/dev/shm/file'
	contains "$ERR" "/dev/shm"
	expect 0 ctr exec X sh -c 'rm /dev/shm && mkdir /dev/shm && mount --bind /canary /dev/shm'
	expect 125 ctr run --rm --network=none --ipc=container:X alpine sh -c 'echo bad >/dev/shm/file'
	contains "$ERR" "no tmpfs"
	canary_check
	expect 0 ctr rm -f -a -t 0
}

# The namespaces of the host are not to be had.
test_the_hosts_namespaces_by_path() {
	local kind
	pull alpine
	for kind in net ipc uts pid cgroup user; do
		case $kind in
		net) run ctr run --rm --network=ns:/proc/1/ns/net alpine true ;;
		user) run ctr run --rm --network=none --userns=ns:/proc/1/ns/user alpine true ;;
		cgroup) run ctr run --rm --network=none --cgroupns=ns:/proc/1/ns/cgroup alpine true ;;
		*) run ctr run --rm --network=none --$kind=ns:/proc/1/ns/$kind alpine true ;;
		esac
		is "$STATUS" 125 "status with $kind"
		matches "$ERR" "Permission denied|cannot find specified|belongs to another user or to the host"
	done
	is "$(ctr ps -aq)" ""
}
