# ctr-lite-runtime by hand: the command line of an OCI runtime on plain bundles.
. "$TESTS/cli/runtime-lib.sh"

test_runtime_run_gives_the_exit_code() {
	new_bundle b
	sh_in b 'exit 7'
	is "$STATUS" 7
	sh_in b 'kill -9 $$; kill -KILL 1; exit 3' # the first process of a pid namespace is immune
	is "$STATUS" 3
	is "$(ls state)" "" "states left"
}

test_runtime_first_process_is_alone() {
	new_bundle b
	sh_in b 'echo pid $$; ps | sed 1d | grep -v "ps$" | grep -vc "sed\|grep"; id -u; cat /proc/sys/kernel/hostname'
	is "$STATUS" 0
	is "$(sed -n 1p <<<"$OUT")" "pid 1"
	is "$(sed -n '$p' <<<"$OUT")" "ctr-lite"
}

test_runtime_create_start_state_kill_delete() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "echo started; sleep 1000"] | .annotations = {"k": "v"}'
	"$RT" --root "$T/w/state" create -b "$T/w/b" --pid-file pid c >out
	is "$(rt state c | jq -r .status)" created
	is "$(rt state c | jq -r .annotations.k)" v
	is "$(rt state c | jq -r .bundle)" "$T/w/b"
	is "$(rt state c | jq -r .pid)" "$(cat pid)"
	is "$(cat out)" ""
	expect 1 rt create -b b c
	contains "$ERR" exists
	rt start c
	is "$(rt state c | jq -r .status)" running
	wait_for 5 grep -q started out
	expect 1 rt start c
	contains "$ERR" running
	expect 1 rt delete c
	contains "$ERR" running
	rt kill c KILL
	wait_for 5 sh -c "'$RT' --root '$T/w/state' state c | grep -q '\"stopped\"'"
	expect 1 rt kill c TERM
	contains "$ERR" "not running"
	expect 1 rt exec c /bin/true
	is "$(rt list -q)" c
	rt delete c
	expect 1 rt state c
	contains "$ERR" "does not exist"
	is "$(rt list -f json)" "[]"
}

test_runtime_delete_of_created_and_by_force() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt create -b b c1
	rt delete c1
	rt run -d -b b c2
	rt delete --force c2
	rt delete --force c3
	expect 1 rt delete c3
	is "$(ls state)" ""
}

test_runtime_start_tells_why_the_program_does_not_run() {
	new_bundle b '.process.args = ["/script"]'
	printf '#!/no/such/interpreter\n' >b/rootfs/script
	chmod 755 b/rootfs/script
	rt create -b b c
	expect 127 rt start c
	contains "$ERR" "interpreter"
	rt delete --force c
}

test_runtime_errors_of_commands() {
	new_bundle b
	touch b/rootfs/plain
	change b '.process.args = ["nope"]'
	for how in "create" "run" "run -d"; do
		expect 127 rt $how -b b c
		contains "$ERR" 'executable file "nope" not found in $PATH: No such file or directory'
	done
	change b '.process.args = ["/plain"]'
	expect 126 rt run -b b c
	contains "$ERR" "Permission denied"
	change b '.process.args = ["/bin"]'
	expect 126 rt run -b b c
	contains "$ERR" "Permission denied"
	change b '.process.args = ["/no/such"]'
	expect 127 rt run -b b c
	contains "$ERR" "No such file or directory"
	is "$(ls state)" ""
}

test_runtime_err_fd_and_log() {
	new_bundle b '.process.args = ["nope"]'
	expect 127 rt --log log --log-format json --err-fd 7 run -b b c 7>err
	is "$(jq -r .level log)" error
	contains "$(jq -r .msg log)" 'executable file "nope"'
	is "$(stat -c %s err)" 504 "size of struct err"
	expect 1 rt --err-fd 9 run -b b c
	contains "$ERR" "err-fd"
}

test_runtime_refuses_what_it_cannot_do() {
	new_bundle b
	expect 1 rt --cgroup-manager nothing run -b b c
	contains "$ERR" "systemd or disabled"
	expect 1 rt --log-format xml run -b b c
	expect 1 rt frobnicate
	expect 1 rt run --frobnicate -b b c
	expect 1 rt run -b b
	expect 1 rt run -b b ../c
	expect 1 rt run -b b c d
	expect 1 rt run -b /no/such c
	change b '.linux.resources = {"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": -1}, "pids": {"limit": 0}}'
	expect 0 rt run -b b c
	change b '.linux.resources.memory.limit = 1000000'
	expect 1 rt run -b b c
	contains "$ERR" "memory.limit"
	expect 1 rt --cgroup-manager disabled run -b b c
	contains "$ERR" "memory.limit: cgroups are switched off"
	change b '.linux.resources = {"unified": {"pids.max": "3"}}'
	expect 1 rt run -b b c
	contains "$ERR" "unified"
}

test_runtime_exec() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	expect 5 rt exec c /bin/sh -c 'exit 5'
	expect 143 rt exec c /bin/sh -c 'kill -TERM $$'
	expect 127 rt exec c nope
	contains "$ERR" 'executable file "nope" not found'
	expect 126 rt exec c /bin
	expect 0 rt exec -e A=b --cwd /bin c /bin/sh -c 'echo $A $PWD'
	is "$OUT" "b /bin"
	expect 1 rt exec --cwd /nowhere c /bin/true
	contains "$ERR" "/nowhere"
	jq '.process | .args = ["/bin/sh", "-c", "cat; exit 4"] | .env = ["X=1"]' b/config.json >p.json
	expect 4 rt exec --process p.json c
	STATUS=0
	jq '.args = ["/bin/true"]' p.json | rt exec --process - c || STATUS=$?
	is "$STATUS" 0
	rt exec -d --pid-file pid c /bin/sleep 500
	kill -0 "$(cat pid)"
	contains "$(rt exec c /bin/ps)" "sleep 500"
	rt kill --all c KILL
	wait_for 5 sh -c "! kill -0 $(cat pid) 2>/dev/null"
	rt delete --force c
}

test_runtime_exec_is_in_all_namespaces() {
	local ns
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d --pid-file pid -b b c
	for ns in user pid mnt net ipc uts cgroup; do
		is "$(rt exec c /bin/readlink /proc/self/ns/$ns)" "$(readlink "/proc/$(cat pid)/ns/$ns")" "$ns"
	done
	rt delete --force c
}

test_runtime_signals_reach_the_container() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "trap \"exit 9\" TERM; echo up; while :; do sleep 0.1; done"]'
	rt run -b b c >out &
	local pid=$!
	wait_for 5 grep -q up out
	# The function is a shell around the program: signal the program.
	kill -TERM "$(pgrep -P $pid || echo $pid)"
	STATUS=0
	wait $pid || STATUS=$?
	is "$STATUS" 9
}

test_runtime_terminal_in_the_foreground() {
	new_bundle b '.process.terminal = true | .process.args = ["/bin/sh", "-c",
		"test -t 0 && test -t 1 && test -t 2 && test -c /dev/console && stty size; exit 3"]'
	ln -s busybox b/rootfs/bin/stty
	tty_start "'$RT' --root '$T/w/state' run -b '$T/w/b' c; echo status \$?; sleep 100"
	tty_wait '24 80'
	tty_wait 'status 3'
}

test_runtime_terminal_by_console_socket() {
	new_bundle b '.process.terminal = true | .process.args = ["/bin/sh", "-c", "test -t 0 && echo on a tty"]'
	expect 1 rt create -b b c
	contains "$ERR" "--console-socket"
	python3 - "$RT" "$T/w" <<'END'
import array, os, socket, subprocess, sys
rt, work = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(work + "/sock"); s.listen(1)
base = [rt, "--root", work + "/state"]
subprocess.check_call(base + ["create", "-b", work + "/b", "--console-socket", work + "/sock", "c"])
c, _ = s.accept()
data, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
assert data, data
fd = array.array("i"); fd.frombytes(anc[0][2])
subprocess.check_call(base + ["start", "c"])
got = b""
while b"tty" not in got:
    got += os.read(fd[0], 1000)
subprocess.check_call(base + ["delete", "--force", "c"])
END
}

test_runtime_terminal_has_its_size_before_the_program_starts() {
	new_bundle b '.process.terminal = true | .process.args = ["/bin/stty", "size"]'
	ln -s busybox b/rootfs/bin/stty
	python3 - "$RT" "$T/w" <<'END'
import array, fcntl, os, socket, struct, subprocess, sys, termios, time
rt, work = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(work + "/sock"); s.listen(1)
for how in (["run", "-d"], ["create"]):
    p = subprocess.Popen([rt, "--root", work + "/state"] + how + ["-b", work + "/b", "--console-socket", work + "/sock", "c"])
    c, _ = s.accept()
    anc = c.recvmsg(4096, socket.CMSG_SPACE(4))[1]
    fd = array.array("i"); fd.frombytes(anc[0][2])
    time.sleep(0.05) # slower than the program would be
    fcntl.ioctl(fd[0], termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    c.close()
    assert p.wait() == 0
    if how == ["create"]:
        subprocess.check_call([rt, "--root", work + "/state", "start", "c"])
    got = os.read(fd[0], 1000)
    assert b"33 77" in got, got
    subprocess.check_call([rt, "--root", work + "/state", "delete", "--force", "c"])
END
}

test_runtime_user_umask_groups() {
	new_bundle b '.process.user.umask = 63'
	sh_in b 'umask'
	is "$OUT" 0077
	sh_in b 'cat /proc/self/status'
	matches "$OUT" 'Uid:.0.0.0.0'
	change b '.process.user = {"uid": 5, "gid": 0}'
	sh_in b 'true'
	is "$STATUS" 1
	contains "$ERR" "uid 5 has no mapping"
}

root_test_runtime_user_and_groups_exactly() {
	new_bundle b '.process.user = {"uid": 1234, "gid": 4321, "additionalGids": [7, 4294967294]}'
	sh_in b 'sed -n "s/^\(Uid\|Gid\|Groups\)://p" /proc/self/status'
	is "$(tr -s '\t\n ' ' ' <<<"$OUT")" " 1234 1234 1234 1234 4321 4321 4321 4321 7 4294967294 "
	change b '.process.user = {"uid": 0, "gid": 0}'
	sh_in b 'sed -n "s/^Groups://p" /proc/self/status'
	is "$(tr -d '\t ' <<<"$OUT")" ""
}

test_runtime_rlimits_and_oom_score() {
	new_bundle b '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}] | .process.oomScoreAdj = 500'
	sh_in b 'ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj'
	is "$(tr '\n' ' ' <<<"$OUT")" "77 99 500 "
}

test_runtime_mounts() {
	mkdir src
	echo data >src/f
	new_bundle b
	change b '.mounts += [
		{"destination": "/m/dir", "type": "bind", "source": $s, "options": ["rbind", "ro"]},
		{"destination": "/m/file", "type": "bind", "source": ($s + "/f"), "options": ["bind", "nosuid"]},
		{"destination": "/m/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "noexec", "mode=700"]},
		{"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "ro"]}]' \
		--arg s "$T/w/src"
	mkdir b/rootfs/etc/d
	echo etc >b/rootfs/etc/d/file
	ln -s d/file b/rootfs/etc/link
	sh_in b 'cat /m/dir/f /m/file /etc/link; echo x >/m/dir/f; echo y >/m/file; echo z >/etc/new; grep " /m/tmp " /proc/mounts'
	is "$(sed -n 1,3p <<<"$OUT" | tr '\n' ' ')" "data data etc "
	matches "$OUT" 'tmpfs /m/tmp tmpfs rw,noexec,relatime,size=64k,mode=700'
	is "$(cat src/f)" y
	[ ! -e b/rootfs/etc/new ]
}

test_runtime_masked_and_readonly_paths() {
	new_bundle b '.linux.maskedPaths += ["/secret", "/secret.d", "/not/there"] | .linux.readonlyPaths += ["/fixed", "/not/there"]'
	echo s >b/rootfs/secret
	mkdir b/rootfs/secret.d b/rootfs/fixed
	echo s >b/rootfs/secret.d/f
	sh_in b 'cat /secret; ls /secret.d; cat /proc/keys; touch /fixed/x || echo refused; touch /secret.d/x || echo refused
		echo 1 >/proc/sys/kernel/domainname || echo refused'
	is "$OUT" "$(printf 'refused\nrefused\nrefused')"
}

test_runtime_readonly_root() {
	new_bundle b '.root.readonly = true'
	sh_in b 'touch /x || echo refused'
	is "$OUT" refused
}

test_runtime_sysctls() {
	new_bundle b '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242"}'
	sh_in b 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
	is "$OUT" "$(printf '1\n4242')"
	change b '.linux.sysctl = {"kernel.core_pattern": "|/bin/evil"}'
	sh_in b true
	is "$STATUS" 1
	contains "$ERR" core_pattern
}

test_runtime_namespaces_by_path() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d --pid-file pid -b b c
	local pid
	pid=$(cat pid)
	new_bundle b2
	change b2 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(if .type == "mount" or .type == "uts" then . else
		.path = "/proc/\($p)/ns/" + ({"network": "net"}[.type] // .type) end)' --arg p "$pid"
	[ "$(id -u)" != 0 ] || change b2 'del(.linux.namespaces[] | select(.type == "user"))'
	sh_in b2 'for n in user net ipc pid cgroup uts; do readlink /proc/self/ns/$n; done; ps'
	is "$STATUS" 0
	is "$(sed -n 1,5p <<<"$OUT")" "$(for n in user net ipc pid cgroup; do readlink /proc/$pid/ns/$n; done)"
	[ "$(sed -n 6p <<<"$OUT")" != "$(readlink /proc/$pid/ns/uts)" ]
	contains "$OUT" "sleep 1000"
	rt delete --force c
}

test_runtime_hooks() {
	new_bundle b
	cat >hook <<'END'
#!/bin/sh
echo "$1 $(grep -o '"status": "[a-z]*"' | cut -d'"' -f4)" >>"$HOOK_OUT"
END
	chmod 755 hook
	change b '.hooks = ([("prestart", "createRuntime", "createContainer", "poststart", "poststop") as $k
		| {($k): [{"path": $h, "args": ["hook", $k], "env": ["HOOK_OUT=" + $o, "PATH=/usr/bin:/bin"]}]}] | add)' \
		--arg h "$T/w/hook" --arg o "$T/w/hooks.out"
	expect 0 rt run -b b c
	is "$(cat hooks.out)" "$(printf '%s\n' 'prestart creating' 'createRuntime creating' 'createContainer creating' \
		'poststart running' 'poststop stopped')"
	change b '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 6"]}]}'
	expect 1 rt run -b b c
	contains "$ERR" "createRuntime hook 0: /bin/sh failed with exit code 6"
	change b '.hooks = {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "100"], "timeout": 1}]}'
	expect 1 rt run -b b c
	contains "$ERR" "did not end within 1 seconds"
	is "$(ls state)" ""
}

test_runtime_start_container_hook_runs_inside() {
	new_bundle b '.hooks = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >/hooked"]}]}
		| .process.args = ["/bin/cat", "/hooked"]'
	expect 0 rt run -b b c
	is "$(jq -r .status <<<"$OUT")" created
}

test_runtime_pdeathsig() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	# A parent that lives until its input ends.
	mkfifo go
	sh -c '"$1" --root "$2" --pdeathsig run -d --pid-file pid -b b c; read x <go' sh "$RT" "$T/w/state" &
	wait_for 5 test -s pid
	kill -0 "$(cat pid)"
	echo >go
	wait_for 5 sh -c "! kill -0 $(cat pid) 2>/dev/null"
	wait
	rt delete c
}

test_runtime_detached_belongs_to_the_caller() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "exit 42"]'
	python3 - "$RT" "$T/w" <<'END'
import os, subprocess, sys
rt, work = sys.argv[1:]
for how in (["run", "-d"], ["create"]):
    subprocess.check_call([rt, "--root", work + "/state"] + how + ["--pid-file", work + "/pid", "-b", work + "/b", "c"])
    if how == ["create"]:
        subprocess.check_call([rt, "--root", work + "/state", "start", "c"])
    pid, status = os.waitpid(int(open(work + "/pid").read()), 0)
    assert os.WEXITSTATUS(status) == 42, status
    subprocess.check_call([rt, "--root", work + "/state", "delete", "c"])
END
}

test_runtime_preserve_fds() {
	new_bundle b
	change b '.process.args = ["/bin/sh", "-c", "cat <&3; cat <&4"]'
	echo three >f3
	echo four >f4
	expect 0 rt run --preserve-fds 2 -b b c 3<f3 4<f4
	is "$OUT" "$(printf 'three\nfour')"
	exec 3<&- 4<&-
	expect 1 rt run --preserve-fds 2 -b b c
	contains "$ERR" "descriptor 3 is not open"
}

test_runtime_socket_activation() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; cat <&3"]'
	echo three >f3
	expect 0 env LISTEN_FDS=1 "$RT" --root "$T/w/state" run -b b c 3<f3
	is "$OUT" "$(printf '1 1\nthree')"
	# Inherited by accident: there is no such descriptor.
	exec 3<&-
	change b '.process.args = ["/bin/sh", "-c", "echo ${LISTEN_FDS-none}"]'
	expect 0 env LISTEN_FDS=1 "$RT" --root "$T/w/state" run -b b c
	is "$OUT" none
}

test_runtime_no_pivot() {
	new_bundle b '.process.args = ["/bin/sh", "-c", "ls -d /bin /../bin; ls /work /home 2>/dev/null; cd ..; cat /proc/self/mounts | grep -c \" / \""]'
	expect 0 rt run --no-pivot -b b c
	is "$(sed -n 1,2p <<<"$OUT")" "$(printf '/../bin\n/bin')"
}

test_runtime_hook_sees_the_hosts_pid() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	change b '.hooks = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >" + $o]}]}' --arg o "$T/w/out"
	rt run -d --pid-file pid -b b c
	is "$(jq .pid out)" "$(cat pid)"
	rt delete --force c
}

test_runtime_spec_features_list() {
	mkdir s
	rt spec -b s
	expect 1 rt spec -b s
	contains "$ERR" exists
	is "$(rt features | jq -r '.linux.seccomp.enabled')" true
	rt features | jq -e '.linux.namespaces | index("time")' >/dev/null
	is "$(rt list -q)" ""
}

root_test_runtime_time_offsets() {
	new_bundle b '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000}}'
	sh_in b 'cat /proc/uptime'
	[ "${OUT%%.*}" -ge 1000000 ] || fail "uptime is $OUT"
}

# A container in a container: /proc of the outer one is masked, and old filters bar the mount API.
#: noasan
test_runtime_nested() {
	local code caps
	new_bundle outer
	caps=$(rt features | jq -c .linux.capabilities)
	change outer '.process.capabilities = {"bounding": $c, "effective": $c, "permitted": $c} | .process.noNewPrivileges = false' \
		--argjson c "$caps"
	mkdir -p outer/rootfs/inner/rootfs
	cp -a outer/rootfs/bin outer/rootfs/inner/rootfs/
	cp "$RT" outer/rootfs/bin/rt
	jq 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
		| .process.args = ["/bin/sh", "-c", "echo pid $$; cat /proc/keys; echo x >/proc/sys/kernel/domainname || echo refused"]' \
		outer/config.json >outer/rootfs/inner/config.json
	for code in 0 38 1; do
		change outer 'if $e > 0 then .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["fsopen",
			"fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr"], "action": "SCMP_ACT_ERRNO", "errnoRet": $e}]}
			else . end' --argjson e $code
		sh_in outer 'rt --root /tmp/st run -b /inner x'
		is "$STATUS" 0 "status with errno $code"
		is "$OUT" "$(printf 'pid 1\nrefused')"
	done
}
