# Commands and options of ctr-lite-runtime that runc and crun have as well, and what they print.
. "$TESTS/cli/runtime-lib.sh"

test_runtime_config_by_another_name() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"] | .process.cwd = "/tmp"'
	mv b/config.json b/other.json
	expect 1 rt run -b b c
	contains "$ERR" config.json
	rt run -d -b b --config other.json c
	# exec reads the same one again.
	expect 0 rt exec c /bin/sh -c 'echo $PWD'
	is "$OUT" /tmp
	rt delete --force c
	cp b/other.json elsewhere.json
	rm b/other.json
	rt run -d -b b -f "$T/w/elsewhere.json" c
	rt delete --force c
	expect 1 rt run -b b -f ../elsewhere.json c
	rt run -d -b b --no-subreaper -f "$T/w/elsewhere.json" c
	rt delete --force c
}

test_runtime_spec_into_a_file() {
	mkdir s
	rt spec -b s -f other.json
	jq -e .ociVersion s/other.json >/dev/null
	expect 1 rt spec -b s -f other.json
	contains "$ERR" "exists"
	expect 1 rt spec -b s -f ../other.json
	contains "$ERR" "not the name of a file"
}

test_runtime_regex() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	local id
	for id in web-1 web-2 db; do
		rt run -d -b b $id
	done
	rt kill --regex '^web-' KILL
	wait_for 5 sh -c "[ \$('$RT' --root '$T/w/state' list -f json | jq -r '[.[] | select(.status == \"stopped\")] | length') = 2 ]"
	is "$(rt state db | jq -r .status)" running
	expect 1 rt kill --regex '^web-' TERM
	contains "$ERR" "is not running"
	rt delete --regex 'web-[0-9]'
	is "$(rt list -q)" db
	expect 1 rt delete --regex '('
	contains "$ERR" "regular expression"
	expect 0 rt delete --regex '^none$'
	rt delete -f -r .
	is "$(rt list -q)" ""
}

test_runtime_checkpoint_is_refused_by_name() {
	expect 1 rt checkpoint --leave-running --image-path /x c
	contains "$ERR" criu
	expect 1 rt restore c
	contains "$ERR" criu
}

test_runtime_exec_options() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	expect 1 rt exec -g nobody c /bin/true
	contains "$ERR" "--additional-gids"
	expect 1 rt exec --cgroup sub c /bin/true
	contains "$ERR" "no cgroup of its own"
	expect 0 rt exec --ignore-paused c /bin/true
	[ -e /sys/module/apparmor/parameters/enabled ] || {
		expect 1 rt exec --apparmor profile c /bin/true
		contains "$ERR" "AppArmor is not enabled"
	}
	[ -e /sys/fs/selinux/enforce ] || {
		expect 1 rt exec --process-label label c /bin/true
		contains "$ERR" "SELinux is not enabled"
	}
	rt delete --force c
}

root_test_runtime_exec_groups() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"] | .process.user.additionalGids = [3]'
	rt run -d -b b c
	expect 0 rt exec -g 5 --additional-gids 6 c /bin/sed -n 's/^Groups:.//p' /proc/self/status
	is "${OUT% }" "3 5 6"
	rt delete --force c
}

test_runtime_exec_passes_listening_sockets() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	echo three >f3
	rt run -d -b b c
	expect 0 env LISTEN_FDS=1 "$RT" --root "$T/w/state" exec c /bin/sh -c '[ $LISTEN_PID = $$ ] && echo $LISTEN_FDS && cat <&3' 3<f3
	is "$OUT" "$(printf '1\nthree')"
	rt delete --force c
}

# "0-1,3" as /proc shows it.
cpus_of() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$1"; }

test_runtime_exec_cpu_affinity() {
	[ "$(nproc)" -gt 1 ] || skip "one CPU only"
	local all
	new_bundle b '.process.args = ["/bin/sleep", "1000"] | .process.execCPUAffinity = {"initial": "0", "final": "1"}'
	all=$(cpus_of /proc/self/status)
	rt run -d --pid-file pid -b b c
	is "$(cpus_of "/proc/$(cat pid)/status")" "$all" "those of the first process"
	expect 0 rt exec c /bin/sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status
	is "$OUT" 1
	jq '.process | .args = ["/bin/sed", "-n", "s/^Cpus_allowed_list:.//p", "/proc/self/status"] | .execCPUAffinity = {"initial": "0"}' \
		b/config.json >p
	expect 0 rt exec --process p c
	is "$OUT" 0 "initial alone: nothing has changed it since"
	jq '.execCPUAffinity = {"final": "0-1"}' p >p2
	expect 0 rt exec --process p2 c
	is "$OUT" 0-1
	jq '.execCPUAffinity = {"final": "900"}' p >p2
	expect 1 rt exec --process p2 c
	contains "$ERR" "execCPUAffinity.final"
	jq '.execCPUAffinity = {"initial": "901"}' p >p2
	expect 1 rt exec --process p2 c
	contains "$ERR" "execCPUAffinity.initial"
	rt delete --force c
}

test_runtime_process_json_without_user() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	echo '{"cwd": "/", "args": ["/bin/id", "-u"]}' >p
	expect 0 rt exec --process p c
	is "$OUT" 0
	rt delete --force c
}

# poststart and poststop hooks warn, and the others run; all others end the container.
test_runtime_hooks_that_fail() {
	local kind
	new_bundle b
	for kind in poststart poststop; do
		change b '.hooks = {($k): [{"path": "/bin/sh", "args": ["sh", "-c", "exit 7"]},
			{"path": "/bin/sh", "args": ["sh", "-c", "echo second >>" + $o]}]}' --arg k $kind --arg o "$T/w/out"
		rm -f out log
		expect 0 rt --log log --log-format json run -b b c
		contains "$ERR" "warning: $kind hook 0: /bin/sh failed with exit code 7"
		is "$(cat out)" second
		is "$(jq -r .level log)" warning
		rm -f out
		rt create -b b c
		expect 0 rt start c
		wait_for 5 sh -c "'$RT' --root '$T/w/state' state c | grep -q stopped"
		expect 0 rt delete c
		is "$(cat out)" second
	done
	for kind in prestart createRuntime createContainer startContainer; do
		change b '.hooks = {($k): [{"path": "/bin/sh", "args": ["sh", "-c", "exit 7"]}], "poststop": [{"path": "/bin/true"}]}' --arg k $kind
		expect 1 rt run -b b c
		contains "$ERR" "$kind hook 0: /bin/sh failed with exit code 7"
		is "$(ls state)" "" "state after a failed $kind hook"
	done
}

test_runtime_hooks_have_only_their_environment() {
	new_bundle b
	export LEAK=leaked
	change b '.hooks = {"createRuntime": [{"path": "/usr/bin/env", "args": ["env", "-u", "PWD", "sh", "-c", "env >" + $o],
		"env": ["ONLY=this", "PATH=/usr/bin:/bin"]}, {"path": "/bin/sh", "args": ["named", "-c", "echo $0 >>" + $o]}]}' --arg o "$T/w/out"
	expect 0 rt run -b b c
	contains "$(cat out)" "ONLY=this"
	lacks "$(cat out)" LEAK
}

# A listener gets the descriptor and the container process state, by run, create with start, and exec.
test_runtime_seccomp_listener() {
	new_bundle b
	change b '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $s, "listenerMetadata": "meta",
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]} | .annotations = {"k": "v"}
		| .process.args = ["/bin/sh", "-c", "mkdir /x; echo $?; exec sleep 1000"]' --arg s "$T/w/listen"
	python3 - "$RT" "$T/w" <<'END2'
import array, fcntl, json, os, socket, struct, subprocess, sys
rt, work = sys.argv[1:]
base = [rt, "--root", work + "/state"]
s = socket.socket(socket.AF_UNIX)
s.bind(work + "/listen"); s.listen(4); s.settimeout(20)
RECV, SEND = 0xc0502100, 0xc0182101
def serve():
    """Take one connection; answer one call with ENOSPC."""
    c, _ = s.accept()
    data, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(16))
    assert c.recv(1) == b"", "the connection ends with the message"
    fds = array.array("i"); fds.frombytes(anc[0][2])
    state = json.loads(data)
    assert len(fds) == 1 and state["fds"] == ["seccompFd"], state
    assert state["metadata"] == "meta" and state["ociVersion"] and state["state"]["id"] == "c", state
    assert state["state"]["annotations"] == {"k": "v"} and state["state"]["bundle"] == work + "/b", state
    os.kill(state["pid"], 0)
    buf = bytearray(80)
    fcntl.ioctl(fds[0], RECV, buf)
    number = struct.unpack_from("=Q", buf)[0]
    fcntl.ioctl(fds[0], SEND, struct.pack("=QqiI", number, 0, -28, 0))
    return state
def out(how, args):
    p = subprocess.Popen(base + how + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p
# run: the state says who it is
p = out(["run"], ["-b", work + "/b", "c"])
state = serve()
assert state["state"]["status"] == "creating" and state["state"]["pid"] == state["pid"], state
assert b"No space left" in p.stdout.readline(), "the answer reaches the program"
assert p.stdout.readline() == b"1\n"
# exec: its own filter, its own connection
q = out(["exec"], ["c", "/bin/mkdir", "/y"])
state = serve()
assert state["state"]["status"] == "running", state
assert b"No space left" in q.stdout.read() and q.wait() == 1
subprocess.check_call(base + ["kill", "c", "KILL"]); p.wait()
# create and start: the runtime is gone by then
log = open(work + "/out", "w+b")
subprocess.check_call(base + ["create", "-b", work + "/b", "c"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
q = out(["start"], ["c"])
serve()
assert q.wait() == 0, q.stdout.read()
subprocess.check_call(base + ["delete", "--force", "c"])
END2
}

# What `features` lists is taken.
test_runtime_features_are_true() {
	local word kind
	need() { [ -n "$2" ] || fail "no $1 in features"; }
	new_bundle b
	rt features >f
	is "$(jq -r '[.ociVersionMin, (.linux.cgroup | keys | join(",")), .linux.mountExtensions.idmap.enabled, .linux.intelRdt.enabled,
		.linux.apparmor.enabled, .linux.selinux.enabled, (.potentiallyUnsafeConfigAnnotations | type)] | join(" ")' f)" \
		"1.0.0 rdma,systemd,systemdUser,v1,v2 true false true true array"
	change b '.ociVersion = $v' --arg v "$(jq -r .ociVersionMax f)"
	change b '.process.capabilities.bounding = $c' --argjson c "$(jq .linux.capabilities f)"
	expect 0 rt run -b b c
	change b '.hooks = ($h | map({(.): []}) | add)' --argjson h "$(jq .hooks f)"
	expect 0 rt run -b b c
	for kind in actions:action operators:op; do
		for word in $(jq -r ".linux.seccomp.${kind%:*}[]" f); do
			jq -n --arg w "$word" --arg k "${kind#*:}" '{defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/such/socket",
				syscalls: [{names: ["acct"], action: (if $k == "action" then $w else "SCMP_ACT_ERRNO" end),
				args: [{index: 0, value: 1, op: (if $k == "op" then $w else "SCMP_CMP_EQ" end)}]}]}' >p
			change b '.linux.seccomp = $p[0]' --slurpfile p p
			run rt run -b b c
			[ "$word" = SCMP_ACT_NOTIFY ] && contains "$ERR" /no/such/socket || is "$STATUS" 0 "status with $word"
		done
	done
	for word in $(jq -r '.linux.seccomp.supportedFlags[]' f); do
		change b '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [$w]}' --arg w "$word"
		expect 0 rt run -b b c
	done
	change b 'del(.linux.seccomp)'
	for word in $(jq -r '.mountOptions[]' f); do
		case $word in bind|rbind|remount) continue ;; esac
		change b '.mounts = [.mounts[] | select(.destination != "/m")] + [{"destination": "/m", "type": "tmpfs", "source": "x", "options": [$w]}]' \
			--arg w "$word"
		run rt run -b b c
		lacks "$ERR" "options" "with $word: stderr"
	done
}
