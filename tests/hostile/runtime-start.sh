# What hostile bundles try on the runtime: HOSTILE.md, "Starting a container".
. "$TESTS/cli/runtime-lib.sh"

test_rt_links_at_mount_targets_stay_inside() {
	canary_new
	new_bundle b
	echo bound >src
	ln -s "$T/canary/file" b/rootfs/abs
	ln -s ../../../../../../../../../../..$T/canary/file b/rootfs/up
	ln -s "$T/canary" b/rootfs/dir
	ln -s ../run/resolv b/rootfs/etc/resolv.conf # dangling, benign
	change b '.mounts += ([("/abs", "/up", "/dir/new", "/etc/resolv.conf") as $d
		| {"destination": $d, "type": "bind", "source": $s, "options": ["bind"]}])' --arg s "$T/w/src"
	sh_in b 'cat /etc/resolv.conf /abs /up /dir/new'
	is "$STATUS" 0
	is "$OUT" "$(printf 'bound\nbound\nbound\nbound')"
	canary_check
}

test_rt_fifo_at_a_mount_target_does_not_hang() {
	new_bundle b
	mkfifo b/rootfs/fifo
	echo bound >src
	change b '.mounts += [{"destination": "/fifo", "type": "bind", "source": $s}]' --arg s "$T/w/src"
	change b '.process.args = ["/bin/cat", "/fifo"]'
	expect 0 timeout 10 "$RT" --root "$T/w/state" run -b b c
	is "$OUT" bound
}

test_rt_a_file_where_a_directory_must_be() {
	new_bundle b '.mounts += [{"destination": "/etc/f", "type": "tmpfs", "source": "tmpfs"}]'
	touch b/rootfs/etc/f
	sh_in b true
	is "$STATUS" 1
	contains "$ERR" "/etc/f"
	rm -r b/rootfs/etc/f
	sh_in b true
	is "$STATUS" 0
}

test_rt_proc_and_sys_are_links() {
	canary_new
	local d
	for d in proc sys; do
		new_bundle "b-$d"
		ln -s "$T/canary" "b-$d/rootfs/$d"
		sh_in "b-$d" true
		is "$STATUS" 1
		contains "$ERR" "symbolic link"
	done
	new_bundle b
	mkdir b/rootfs/elsewhere
	ln -s elsewhere b/rootfs/proc
	sh_in b true
	is "$STATUS" 1
	canary_check
}

test_rt_links_into_proc_are_no_mount_targets() {
	new_bundle b
	echo bound >src
	ln -s /proc/self/attr b/rootfs/attr
	ln -s /proc/sys/kernel/core_pattern b/rootfs/etc/hosts
	for target in /attr/exec /etc/hosts; do
		change b '.mounts |= map(select(.source != $s)) + [{"destination": $d, "type": "bind", "source": $s}]' \
			--arg s "$T/w/src" --arg d $target
		sh_in b true
		is "$STATUS" 1
		contains "$ERR" "$target"
	done
}

test_rt_dev_and_its_files_are_links() {
	canary_new
	new_bundle b 'del(.mounts[] | select(.destination | startswith("/dev")))'
	mkdir b/rootfs/dev
	ln -s "$T/canary/file" b/rootfs/dev/null
	sh_in b 'echo overwritten >/dev/null'
	is "$STATUS" 1
	contains "$ERR" "/dev/null"
	rm b/rootfs/dev/null
	ln -s "$T/canary/file" b/rootfs/dev/fd
	ln -s "$T/canary/file" b/rootfs/dev/stdout
	sh_in b 'readlink /dev/fd; readlink /dev/stdout'
	is "$OUT" "$(printf '/proc/self/fd\n/proc/self/fd/1')"
	canary_check
	rm -r b/rootfs/dev
	ln -s "$T/canary" b/rootfs/dev
	sh_in b 'echo x >/dev/null; ls /dev/'
	is "$STATUS" 0
	canary_check
}

test_rt_masked_paths_are_links() {
	canary_new
	new_bundle b '.linux.maskedPaths += ["/l1", "/l2"] | .linux.readonlyPaths += ["/l3"]'
	ln -s "$T/canary/file" b/rootfs/l1
	ln -s ../../../../../../..$T/canary b/rootfs/l2
	ln -s "$T/canary" b/rootfs/l3
	sh_in b true
	is "$STATUS" 0
	canary_check
}

test_rt_cwd_outside() {
	canary_new
	local fd
	for fd in 3 4 5 6 7 8 9 10 11 12 13 14; do
		new_bundle b
		change b '.process.cwd = "/proc/self/fd/\($n)"' --argjson n $fd
		sh_in b 'pwd; ls'
		is "$STATUS" 1 "status with cwd on descriptor $fd"
	done
	new_bundle b '.process.cwd = "/link/deep"'
	ln -s "$T/canary" b/rootfs/link
	sh_in b 'pwd'
	is "$STATUS" 0
	canary_check
	# exec the same, whatever the image has there.
	new_bundle b2 '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b2 c
	for fd in 3 4 5 6 7 8 9 10 11 12 13 14; do
		run rt exec --cwd /proc/self/fd/$fd c /bin/ls
		[ "$STATUS" != 0 ] || fail "exec with cwd on descriptor $fd: $OUT"
	done
	expect 0 rt exec --cwd /proc/self/cwd c /bin/true # where it already is
	rt delete --force c
}

test_rt_no_descriptor_leaks() {
	new_bundle b
	exec 20</etc/passwd 21</etc 777</etc/hostname
	sh_in b 'for f in /proc/self/fd/*; do echo ${f##*/}; done; for f in /proc/1/fd/*; do echo ${f##*/}; done'
	exec 20<&- 21<&- 777<&-
	is "$STATUS" 0
	is "$(sort -nu <<<"$OUT" | grep -vx 3 | tr '\n' ' ')" "0 1 2 " "descriptors" # 3: the directory read
	change b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	exec 20</etc/passwd
	expect 0 rt exec c /bin/sh -c 'for f in /proc/$$/fd/*; do echo ${f##*/}; done'
	exec 20<&-
	is "$(sort -nu <<<"$OUT" | grep -vx 3 | tr '\n' ' ')" "0 1 2 " "descriptors of exec"
	rt delete --force c
}

test_rt_environment_is_not_ours() {
	new_bundle b '.process.env = ["PATH=/bin"]'
	export LEAK=leaked
	sh_in b 'env'
	lacks "$OUT" leaked
	change b '.process.env = ["PATH=/bin", "NOEQUALS"]'
	sh_in b true
	is "$STATUS" 1
	contains "$ERR" NOEQUALS
}

test_rt_capabilities_exactly() {
	new_bundle b '.process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}'
	sh_in b 'sed -n s/^Cap//p /proc/self/status'
	is "$(tr -s '\t\n' ' ' <<<"$OUT")" "Inh: 0000000000000000 Prm: 0000000000000020 Eff: 0000000000000020 Bnd: 0000000000000021 Amb: 0000000000000000 "
	change b 'del(.process.capabilities)'
	sh_in b 'grep -c "^Cap.*0000000000000000$" /proc/self/status'
	is "$OUT" 5 "empty sets without any asked for"
	change b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	jq '.process | .args = ["/bin/sed", "-n", "s/^Cap//p", "/proc/self/status"]
		| .capabilities = {"bounding": ["CAP_CHOWN"], "inheritable": [], "ambient": []}' b/config.json >p
	expect 0 rt exec --process p c
	is "$(tr -s '\t\n' ' ' <<<"$OUT")" "Inh: 0000000000000000 Prm: 0000000000000000 Eff: 0000000000000000 Bnd: 0000000000000001 Amb: 0000000000000000 "
	# The runtime-spec: what is unknown, or cannot be granted, is left away with a warning.
	change b '.process.capabilities = {"bounding": ["CAP_EVERYTHING"], "permitted": ["CAP_EVERYTHING"], "effective": ["CAP_KILL"],
		"ambient": ["CAP_KILL"]}'
	sh_in b 'sed -n s/^Cap//p /proc/self/status'
	is "$STATUS" 0
	is "$(tr -s '\t\n' ' ' <<<"$OUT")" "Inh: 0000000000000000 Prm: 0000000000000000 Eff: 0000000000000000 Bnd: 0000000000000000 Amb: 0000000000000000 "
	contains "$ERR" 'warning: capabilities left away, not known: "CAP_EVERYTHING"'
	contains "$ERR" "ambient but not permitted and inheritable: CAP_KILL"
	rt delete --force c
}

root_test_rt_capabilities_of_another_user() {
	new_bundle b '.process.user = {"uid": 1000, "gid": 1000}
		| .process.capabilities = {"bounding": ["CAP_KILL"], "effective": [], "permitted": [], "ambient": []}'
	sh_in b 'sed -n s/^Cap//p /proc/self/status'
	is "$(tr -s '\t\n' ' ' <<<"$OUT")" "Inh: 0000000000000000 Prm: 0000000000000000 Eff: 0000000000000000 Bnd: 0000000000000020 Amb: 0000000000000000 "
	change b '.process.capabilities |= (.permitted = ["CAP_KILL"] | .inheritable = .permitted | .ambient = .permitted | .effective = .permitted)'
	sh_in b 'sed -n s/^Cap//p /proc/self/status'
	is "$(tr -s '\t\n' ' ' <<<"$OUT")" "Inh: 0000000000000020 Prm: 0000000000000020 Eff: 0000000000000020 Bnd: 0000000000000020 Amb: 0000000000000020 "
}

root_test_rt_no_groups_of_the_caller() {
	new_bundle b '.process.args = ["/bin/sed", "-n", "s/^Groups://p", "/proc/self/status"]'
	expect 0 setpriv --groups 4,20,27 "$RT" --root "$T/w/state" run -b b c
	is "$(tr -d '\t ' <<<"$OUT")" ""
}

test_rt_sysctl_names() {
	new_bundle b
	local name
	for name in ../kernel/core_pattern net/../kernel/core_pattern net..x 'net.ipv4\nx' kernel.core_pattern \
		vm.swappiness fs.suid_dumpable net. '' "$(printf 'n%.0s' $(seq 5000))"; do
		change b '.linux.sysctl = {($n): "1"}' --arg n "$name"
		sh_in b true
		is "$STATUS" 1 "status with sysctl ${name:0:40}"
		contains "$ERR" sysctl
	done
	change b '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	sh_in b true
	is "$STATUS" 0
	change b 'del(.linux.namespaces[] | select(.type == "network"))'
	sh_in b true
	is "$STATUS" 1
	contains "$ERR" "network namespace"
}

test_rt_names_with_control_bytes() {
	new_bundle b
	local id
	for id in $'a\nb' $'a\033[31m' 'a/b' '..' '.' '' 'a b' "$(printf 'i%.0s' $(seq 300))"; do
		expect 1 rt run -b b "$id"
		lacks "$ERR" $'\033'
	done
	change b '.hostname = $h' --arg h "$(printf 'h%.0s' $(seq 100))"
	expect 1 rt run -b b c
	contains "$ERR" hostname
}

test_rt_users_out_of_range() {
	new_bundle b
	local uid
	for uid in -1 4294967295 4294967296 18446744073709551616 2147483648 '"0"' 0.5 null; do
		sed "s/\"uid\": 0/\"uid\": $uid/" b/config.json >b/c
		cp b/config.json saved
		mv b/c b/config.json
		expect 1 rt run -b b c
		mv saved b/config.json
	done
	expect 0 rt run -b b c
}

with_profile() { # FILE: put it into the bundle b
	change b '.linux.seccomp = $p[0]' --slurpfile p "$1"
}

test_rt_seccomp_profiles_fail_closed() {
	new_bundle b
	local p
	for p in '{}' '{"defaultAction": "SCMP_ACT_PARDON"}' '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"]}]}' '{"defaultAction": 1}'; do
		echo "$p" >p
		with_profile p
		expect 1 rt run -b b c
		contains "$ERR" '$.linux.seccomp'
	done
	python3 -c 'import json; print(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"],
		"action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": i * 3, "op": "SCMP_CMP_EQ"}]} for i in range(6000)]}))' >p
	with_profile p
	expect 1 rt run -b b c
	contains "$ERR" instructions
	is "$(ls state filters 2>/dev/null | grep -v :)" "" "left over"
}

test_rt_seccomp_is_in_force_also_for_exec() {
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}' >p
	with_profile p
	rt run -d -b b c
	expect 1 rt exec c /bin/mkdir /d
	contains "$ERR" "not implemented"
	expect 0 rt exec c /bin/grep -q '^Seccomp:.2$' /proc/self/status
	# Without the filter nothing is executed.
	: >state/c/seccomp.bpf
	expect 1 rt exec c /bin/true
	contains "$ERR" "seccomp filter"
	rm state/c/seccomp.bpf
	expect 1 rt exec c /bin/true
	rt delete --force c
}

# One byte at an offset (negative: from the end) is another.
flip() { # FROM OFFSET TO
	python3 -c '
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 0xff
open(sys.argv[3], "wb").write(data)' "$@"
	chmod 600 "$3"
}

# Of another user, who could change it after it was looked at: it is made anew.
root_test_rt_filter_cache_of_another_owner() {
	new_bundle b '.process.args = ["/bin/mkdir", "/d"]'
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' >p
	with_profile p
	expect 1 rt run -b b c
	local f before
	f=$(ls filters/*.bpf)
	before=$(stat -c %i "$f")
	expect 1 rt run -b b c
	is "$(stat -c %i "$f")" "$before" "the file of a cache that is used"
	chown 12345 "$f"
	expect 1 rt run -b b c
	contains "$ERR" "not permitted"
	is "$(stat -c %u "$f")" 0 "owner of the file that took its place"
	# A directory of somebody else's is none of ours.
	chown 12345 "$f" filters
	expect 1 rt run -b b c
	contains "$ERR" "not permitted"
	is "$(stat -c %u "$f")" 12345
}

test_rt_planted_filter_cache() {
	new_bundle b '.process.args = ["/bin/mkdir", "/d"]'
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' >p
	with_profile p
	expect 1 rt run -b b c
	local f good
	f=$(ls filters/*.bpf)
	cp "$f" good
	# One that allows everything, under the name of ours: its key is another.
	echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >p2
	with_profile p2
	change b '.process.args = ["/bin/true"]'
	expect 0 rt run -b b c
	cp "$(ls filters/*.bpf | grep -vx "$f")" evil
	with_profile p
	change b '.process.args = ["/bin/mkdir", "/d"]'
	for damage in evil empty half link mode flip-head flip-filter longer; do
		rm -f "$f"
		case $damage in
		evil) cp evil "$f"; chmod 600 "$f" ;;
		empty) : >"$f" ;;
		half) head -c 200 good >"$f" ;;
		link) ln -s "$T/w/evil" "$f" ;;
		mode) cp good "$f"; chmod 666 "$f" ;;
		flip-head) flip good 12 "$f" ;;
		flip-filter) flip good -3 "$f" ;;
		longer) cat good good >"$f" ;;
		esac
		expect 1 rt run -b b c
		contains "$ERR" "not permitted" "with cache file $damage: stderr"
		[ ! -d b/rootfs/d ]
	done
	chmod 777 filters
	expect 1 rt run -b b c
	# A directory that cannot be written is no cache, not a failure of its own.
	expect 1 "$RT" --root "$T/w/state" --seccomp-cache /proc/nowhere run -b b c
	contains "$ERR" "not permitted"
}

test_rt_i386_and_x32_calls_meet_the_default_profile() {
	[ "$(uname -m)" = x86_64 ] || skip "the calls are those of x86"
	command -v gcc >/dev/null || skip "no compiler"
	[ -f "$TESTS/../contrib/seccomp/profile.json" ] || skip "no default profile"
	cat >call.c <<'END'
#include <stdio.h>
#include <stdlib.h>
/* call ABI NUMBER: the raw result. */
int main(int argc, char **argv)
{
	long r, nr = strtol(argv[2], 0, 0);
	if (argv[1][0] == '3')
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	else
		__asm__ volatile("syscall" : "=a"(r) : "a"(argv[1][0] == 'x' ? nr | 0x40000000 : nr), "D"(0), "S"(0), "d"(0)
				 : "memory", "rcx", "r11");
	return printf("%d\n", (int)r) < 0;
}
END
	new_bundle b
	gcc -static -O1 -o b/rootfs/bin/call call.c || skip "no static libc"
	jq '{defaultAction, defaultErrnoRet, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		syscalls: [.syscalls[] | select((.includes.caps | not) and ((.includes.arches | not) or (.includes.arches | index("amd64"))))]}' \
		"$TESTS/../contrib/seccomp/profile.json" >p
	with_profile p
	# getpid; kexec_load and init_module (EPERM); add_key (ENOSYS).
	sh_in b 'call 6 39; call 6 246; call 6 175; call 6 248
		call 3 20; call 3 283; call 3 128; call 3 286
		call x 39; call x 528; call x 175; call x 248'
	is "$STATUS" 0
	is "$(sed 's/^[1-9][0-9]*$/pid/' <<<"$OUT" | tr '\n' ' ')" \
		"pid -1 -1 -38 pid -1 -1 -38 $(sed -n 9p <<<"$OUT" | sed 's/^[1-9][0-9]*$/pid/') -1 -1 -38 "
}

test_rt_mount_targets_that_change_under_us() {
	# A name in a shared volume keeps changing between directory and link to the outside.
	canary_new
	new_bundle b
	mkdir vol
	echo bound >src
	change b '.mounts += [{"destination": "/vol", "type": "bind", "source": $v, "options": ["rbind"]},
		{"destination": "/vol/t/f", "type": "bind", "source": $s}]' --arg v "$T/w/vol" --arg s "$T/w/src"
	python3 -c '
import os, sys
canary = sys.argv[1]
while os.getppid() != 1:
    try:
        os.symlink(canary, "vol/l"); os.rename("vol/l", "vol/t")
    except OSError: pass
    try:
        os.unlink("vol/t")
    except OSError: pass
    try:
        os.mkdir("vol/t")
        os.rmdir("vol/t")
    except OSError: pass
' "$T/canary" 2>/dev/null &
	local swapper=$! i
	for i in $(seq 100); do
		run timeout 20 "$RT" --root "$T/w/state" run -b b "c$i"
		[ "$STATUS" != 124 ] || fail "start $i hangs"
	done
	kill $swapper
	wait $swapper 2>/dev/null || true
	canary_check
}

# What is masked keeps changing places with something else: it is masked, or the start fails and says so.
test_rt_masked_paths_that_change_under_us() {
	canary_new
	new_bundle b '.linux.maskedPaths += ["/vol/secret", "/vol/d/secret"] | .linux.readonlyPaths += ["/vol/d"]'
	mkdir -p vol/d vol/e
	echo secret | tee vol/secret vol/d/secret >vol/decoy
	echo decoy >vol/e/secret
	change b '.mounts += [{"destination": "/vol", "type": "bind", "source": $v, "options": ["rbind"]}]' --arg v "$T/w/vol"
	python3 -c '
import ctypes, os, sys
swap = lambda a, b: ctypes.CDLL(None).renameat2(-100, a.encode(), -100, b.encode(), 2)
while os.getppid() != 1:
    swap("vol/secret", "vol/decoy")
    swap("vol/d", "vol/e")
' &
	local swapper=$! i masked=0
	for i in $(seq 60); do
		run timeout 20 "$RT" --root "$T/w/state" run -b b "c$i"
		case $STATUS in
		0) masked=$((masked + 1)) ;;
		1) matches "$ERR" "changed while it was being masked|did not become read-only|look at the masked|to mask it" ;;
		*) fail "start $i: status $STATUS, $ERR" ;;
		esac
	done
	kill $swapper
	wait $swapper 2>/dev/null || true
	[ $masked -gt 0 ] || fail "not one start of 60"
	is "$(cat vol/secret)$(cat vol/decoy)" secretsecret
	canary_check
}

# What the container has at /proc is not asked, and not written to: sysctls, labels and scores go to the kernel.
test_rt_proc_is_something_else() {
	new_bundle b '.mounts |= map(if .type == "proc" then .destination = "/real" else . end)
		| .mounts += [{"destination": "/proc", "type": "tmpfs", "source": "x"}]
		| .linux.sysctl = {"kernel.msgmax": "4242"} | .process.oomScoreAdj = 321
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	sh_in b 'cat /real/sys/kernel/msgmax /real/self/oom_score_adj; ls -A /proc'
	is "$STATUS" 0
	is "$OUT" "$(printf '4242\n321')"
	# The gate of create and start as well.
	change b '.process.args = ["/bin/sh", "-c", "echo started >/done"]'
	rt create -b b c
	rt start c
	wait_for 5 test -s b/rootfs/done
	rt delete --force c
}

root_test_rt_our_program_is_out_of_reach() {
	# A container whose program is the runtime itself, while another process in it looks.
	new_bundle b '.process.args = ["/bin/sleep", "1000"]'
	rt run -d -b b c
	local sum
	sum=$(sha256sum <"$RT")
	ln -s /proc/self/exe b/rootfs/bin/self
	# The runtime inside prints its version: it is what runs, and its file must not be writable.
	run rt exec c /bin/self --version
	expect 0 rt exec c /bin/sh -c 'exec 3</proc/self/exe; true'
	(
		for i in $(seq 50); do
			rt exec c /proc/self/exe list >/dev/null 2>&1 || true
		done
	) &
	local execs=$!
	rt exec c /bin/sh -c 'for i in $(busybox seq 200); do for p in /proc/[0-9]*; do
		case $(readlink $p/exe 2>/dev/null) in */sleep|*/busybox|"") ;; *) echo overwritten >$p/exe ;; esac
	done; done' >/dev/null 2>&1 || true
	wait $execs
	is "$(sha256sum <"$RT")" "$sum" "our program"
	rt delete --force c
}

# As above, with every capability in a user namespace whose root owns the program's file.
#: noasan
test_rt_our_program_is_out_of_reach_of_its_owner() {
	command -v gcc >/dev/null || skip "no compiler"
	cat >attack.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* Whatever runs another program than we and busybox: get hold of its file, make its mount
 * writable, and write to it as soon as nobody executes it any more. */
static int held[256], n;
static void free_mount(int fd)
{
	struct mount_attr rw = { .attr_clr = MOUNT_ATTR_RDONLY };
	char path[64];

	syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &rw, sizeof(rw));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
}
static void hold(int pid, const struct stat *me, const struct stat *busybox)
{
	struct stat st;
	char path[64];
	int fd, tree;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = n < 250 ? open(path, O_PATH) : -1;
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || st.st_ino == me->st_ino || st.st_ino == busybox->st_ino) {
		close(fd);
		return;
	}
	tree = syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE);
	if (tree >= 0)
		held[n++] = tree;
	held[n++] = fd;
}
int main(int argc, char **argv)
{
	time_t start = time(NULL);
	struct stat me, busybox;
	int hits = 0, w;

	if (stat(argv[argc - 1], &me) < 0 || stat("/bin/busybox", &busybox) < 0)
		return 1;
	while (time(NULL) < start + 4)
		for (int pid = 2; pid < 3000; pid++)
			hold(pid, &me, &busybox);
	while (time(NULL) < start + 8)
		for (int i = 0; i < n; i++) {
			char path[64];

			free_mount(held[i]);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i]);
			w = open(path, O_WRONLY);
			hits += w >= 0 && write(w, "overwritten", 11) == 11;
			close(w);
		}
	printf("seen %s, hits %d\n", n ? "yes" : "no", hits);
	return 0;
}
END
	new_bundle b '.process.args = ["/bin/sleep", "1000"] | .process.noNewPrivileges = false'
	gcc -static -O1 -o b/rootfs/bin/attack attack.c || skip "no static libc"
	change b '.process.capabilities = {"bounding": $c, "effective": $c, "permitted": $c}' \
		--argjson c "$(rt features | jq -c .linux.capabilities)"
	cp "$RT" own
	chmod 755 own
	ln -s /proc/self/exe b/rootfs/bin/self
	cat >round <<'END'
./own --root state run -d -b b c
./own --root state exec -d --pid-file attacker c /bin/attack /bin/attack >found
end=$((SECONDS + 5))
while [ $SECONDS -lt $end ]; do
	./own --root state exec c /bin/self features >/dev/null
done
while kill -0 $(cat attacker) 2>/dev/null; do
	sleep 0.1
done
./own --root state delete --force c
END
	local sum
	sum=$(sha256sum <own)
	# As the user himself, who may not mount, and as root of a namespace, who may.
	bash round
	is "$(cat found)" "seen yes, hits 0"
	change b 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
	unshare -Urm bash round
	is "$(cat found)" "seen yes, hits 0"
	is "$(sha256sum <own)" "$sum" "our program"
}
