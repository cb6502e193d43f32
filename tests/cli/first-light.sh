# The main job: an image by its short name, run as an ordinary user, and gone afterwards.

#: fast
test_run_alpine_ps_aux_shows_pid_1_only() {
	expect 0 ctr run --rm alpine ps aux
	is "$(wc -l <<<"$OUT")" 2 "lines of ps"
	contains "$(sed -n 1p <<<"$OUT")" PID
	matches "$(sed -n 2p <<<"$OUT")" '^ *1 +root .*ps aux$'
	is "$(ctr ps -aq)" "" "containers after --rm"
}

#: fast
test_root_inside_is_the_user_outside() {
	local uid
	pull alpine
	expect 0 ctr run --rm --network=none alpine id
	contains "$OUT" "uid=0(root) gid=0(root)"
	lacks "$OUT" nogroup
	expect 0 ctr run -d --name c --network=none alpine sleep 100
	uid=$(ctr inspect -f '{{.State.Pid}}' c)
	is "$(stat -c %u "/proc/$uid")" "$(id -u)" "owner of PID 1"
	expect 0 ctr rm -f -t 0 c
}

test_nothing_of_the_host_shines_through() {
	pull alpine
	HOST_SECRET=x expect 0 ctr run --rm --network=none --hostname inside alpine sh -c '
		env; hostname; echo "cwd $(pwd)"; ls /proc | grep -c "^[0-9]"; echo "fds $(ls /proc/1/fd | tr "\n" " ")"
		readlink /proc/1/exe; grep -E "^(CapInh|CapAmb|CapEff|CapBnd|NoNewPrivs|Seccomp|Groups):" /proc/1/status'
	lacks "$OUT" HOST_SECRET
	lacks "$OUT" "$T"
	contains "$OUT" $'inside\ncwd /'
	matches "$OUT" 'CapInh:[[:space:]]0000000000000000'
	matches "$OUT" 'CapAmb:[[:space:]]0000000000000000'
	matches "$OUT" 'CapEff:[[:space:]]00000000800405fb' "the default capabilities"
	matches "$OUT" 'CapBnd:[[:space:]]00000000800405fb'
	matches "$OUT" 'Seccomp:[[:space:]]2'
	# The image's groups of root, and none of the caller's.
	matches "$OUT" 'Groups:[[:space:]]*(0 )?2 10[[:space:]]' "supplementary groups"
}

test_descriptors_inside_are_the_declared_ones() {
	pull alpine
	exec 7</etc/passwd 8>"$T/w/open-file"
	expect 0 ctr run --rm --network=none alpine sh -c 'ls -l /proc/1/fd'
	exec 7<&- 8>&-
	# ls itself holds none of PID 1's; a shell may keep one of its own from 10 on.
	lacks "$OUT" passwd
	lacks "$OUT" open-file
	is "$(grep -cE ' [3-9] -> ' <<<"$OUT" || true)" 0 "descriptors 3 to 9"
}

test_default_isolation() {
	pull alpine
	expect 0 ctr run --rm --network=none alpine sh -c '
		for n in user mnt pid net ipc uts cgroup; do echo "$n $(readlink /proc/self/ns/$n)"; done
		mkdir /x && echo wrote; umount /proc 2>&1; mount -t tmpfs none /x 2>&1
		cat /proc/kcore 2>&1 | head -c 10; cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l
		echo 1 > /proc/sys/kernel/printk; echo c > /proc/sysrq-trigger; true'
	local n
	for n in user mnt pid net ipc uts cgroup; do
		contains "$OUT" "$n $n:["
		lacks "$OUT" "$(readlink /proc/self/ns/$n)" "namespaces inside"
	done
	contains "$OUT" wrote
	matches "$OUT$ERR" "umount: can't unmount /proc: Operation not permitted"
	matches "$OUT$ERR" "mount: permission denied|mount: mounting .* failed: (Operation not permitted|Permission denied)"
	contains "$ERR" "/proc/sys/kernel/printk"
	contains "$ERR" "/proc/sysrq-trigger"
}

test_root_file_system_is_the_containers_own() {
	pull alpine
	expect 0 ctr run --name a --network=none alpine sh -c 'echo changed >/etc/os-release; rm /bin/ls; echo new >/new'
	expect 0 ctr run --rm --network=none alpine sh -c 'cat /etc/os-release; ls -d /bin/ls; ls -d /new || true'
	lacks "$OUT" changed
	contains "$OUT" /bin/ls
	# The same container again keeps what it wrote.
	expect 0 ctr start -a a
	expect 0 ctr rm a
}

test_read_only_root() {
	pull alpine
	expect 0 ctr run --rm --network=none --read-only alpine sh -c 'touch /x; touch /tmp/y && echo tmp works'
	contains "$ERR" "Read-only file system"
	contains "$OUT" "tmp works"
}

test_thousand_descriptors_and_closed_stdio() {
	pull alpine
	STATUS=0
	ctr run --rm --network=none alpine true <&- >&- 2>&- || STATUS=$?
	is "$STATUS" 0 "status with stdin, stdout and stderr closed"
}

root_test_runs_as_root_too() {
	expect 0 ctr run --rm --network=none alpine sh -c 'id -u; cat /proc/self/uid_map; ps aux | wc -l'
	is "$(sed -n 1p <<<"$OUT")" 0
	matches "$(sed -n 2p <<<"$OUT")" '^ +0 +0 +4294967295'
}

test_storage_moves() {
	pull alpine
	expect 0 ctr run --name c --network=none alpine sh -c 'echo kept >/kept'
	mv "$GRAPHROOT" "$HOME/elsewhere"
	expect 0 ctr --root "$HOME/elsewhere" start -a c
	expect 0 ctr --root "$HOME/elsewhere" rm c
	expect 0 ctr --root "$HOME/elsewhere" run --rm --network=none alpine true
	mv "$HOME/elsewhere" "$GRAPHROOT"
}
