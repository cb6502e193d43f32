# podman, buildah and conmon with ctr-lite-runtime in the place of theirs.
#: noasan timeout=180

RT=$CTR_LITE_LIBEXEC/ctr-lite-runtime

# They insist on a pure cgroup v2, which root can show them in a mount namespace of its own.  A
# user's session is a mount namespace beside that, kept by the user's first podman.
engine_test() { # USER FUNCTION
	local user=$1 what=$2
	chmod 755 "$T" "$T/w"
	mkdir -p "$T/w/e/run" "$T/w/e/img/bin"
	cp "$(command -v busybox)" "$T/w/e/img/bin/"
	for c in sh cat echo id sleep true stty ps test env; do
		ln -s busybox "$T/w/e/img/bin/$c"
	done
	cat >"$T/w/e/containers.conf" <<END2
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "ours"
[engine.runtimes]
ours = ["$RT"]
[containers]
default_ulimits = ["nofile=512:512", "nproc=200:200"]
pids_limit = 0
netns = "none"
log_driver = "k8s-file"
END2
	[ "$user" = root ] || chown -R "$user": "$T/w/e"
	cat >"$T/w/e/storage.conf" <<END2
[storage]
driver = "vfs"
graphroot = "$T/w/e/g"
runroot = "$T/w/e/run/r"
END2
	unshare -m sh -euc 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"' x \
		setpriv --reuid "$user" --regid "$user" --init-groups env -i PATH="$PATH" HOME="$T/w/e" T="$T" RT="$RT" TERM=xterm \
		XDG_RUNTIME_DIR="$T/w/e/run" CONTAINERS_CONF="$T/w/e/containers.conf" CONTAINERS_STORAGE_CONF="$T/w/e/storage.conf" \
		bash -euc "$(declare -f "$what" fail is contains wait_for); cd; $what" ||
		fail "$what as $user"
	rm -rf "$T/w/e"
}

with_podman() {
	local s=0 out
	tar -C img -c . | podman import -q - localhost/bb >/dev/null
	is "$(podman info --format '{{.Host.OCIRuntime.Path}}')" "$RT" "podman's runtime"
	podman run --rm localhost/bb sh -c 'exit 3' || s=$?
	is $s 3 "status of run"
	s=0
	out=$(podman run --rm localhost/bb nosuch 2>&1) || s=$?
	is $s 127 "status of a missing program"
	contains "$out" "nosuch"
	s=0
	podman run --rm localhost/bb /bin 2>/dev/null || s=$?
	is $s 126 "status of a directory"
	podman run -d --name c -e A=b --hostname here -w /bin localhost/bb sleep 1000 >/dev/null
	is "$(podman exec c sh -c 'echo $A $PWD; cat /proc/sys/kernel/hostname; id -u')" "$(printf 'b /bin\nhere\n0')"
	is "$(echo through | podman exec -i c cat)" through
	s=0
	podman exec c sh -c 'exit 4' || s=$?
	is $s 4 "status of exec"
	is "$(podman exec --user 7:8 --env B=c c sh -c 'id -u; id -g; echo $B' 2>&1)" "$(printf '7\n8\nc')"
	is "$(podman exec -it c sh -c 'test -t 0 && test -t 1 && echo tty' </dev/null | tr -d '\r')" tty
	contains "$(podman inspect c --format '{{.OCIRuntime}}')" ours
	podman exec -d c sleep 777
	wait_for 5 sh -c "podman exec c ps | grep -q 'sleep 777'"
	podman kill -s USR1 c >/dev/null
	is "$(podman inspect c --format '{{.State.Status}}')" running # the first process ignores it
	podman stop -t 0 c >/dev/null 2>&1
	is "$(podman wait c)" 137
	podman start c >/dev/null
	is "$(podman inspect c --format '{{.State.Status}}')" running
	podman kill c >/dev/null
	wait_for 10 sh -c "[ \$(podman inspect c --format '{{.State.Status}}') = exited ]"
	podman rm c >/dev/null
	podman create --name d --tmpfs /t:size=64k -v "$HOME/img:/img:ro" --read-only localhost/bb \
		sh -c 'echo x >/t/x && ! echo y >/img/y 2>/dev/null && ! echo z >/z 2>/dev/null && echo right' >/dev/null
	is "$(podman start -a d)" right
	is "$(podman run --rm -it localhost/bb sh -c 'test -t 1 && echo tty' </dev/null | tr -d '\r')" tty
	podman rm -a -f >/dev/null
	podman rmi -a -f >/dev/null
	# What podman keeps of a user's namespaces.
	[ ! -e "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid" ] || kill "$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")"
}
root_test_podman_with_our_runtime_as_root() { command -v podman >/dev/null || skip "no podman"; engine_test root with_podman; }
root_test_podman_with_our_runtime_as_a_user() { command -v podman >/dev/null || skip "no podman"; engine_test "$CTR_TEST_USER" with_podman; }

with_buildah() {
	local c out
	printf 'FROM scratch\nCOPY img /\nRUN ["/bin/sh", "-c", "echo built >/made"]\nRUN ["/bin/cat", "/made"]\n' >Containerfile
	out=$(buildah bud --pull=false --runtime "$RT" --isolation oci --network none -t localhost/made -f Containerfile . 2>&1) || fail "bud: $out"
	contains "$out" built
	c=$(buildah from --pull=false localhost/made)
	is "$(buildah run --runtime "$RT" --isolation oci --network none "$c" -- sh -c 'cat /made; id -u')" "$(printf 'built\n0')"
	! buildah run --runtime "$RT" --isolation oci --network none "$c" -- sh -c 'exit 5' 2>/dev/null || fail "exit 5 is success"
	buildah rm -a >/dev/null
	buildah rmi -a -f >/dev/null
}
root_test_buildah_with_our_runtime_as_root() { command -v buildah >/dev/null || skip "no buildah"; engine_test root with_buildah; }
root_test_buildah_with_our_runtime_as_a_user() { command -v buildah >/dev/null || skip "no buildah"; engine_test "$CTR_TEST_USER" with_buildah; }

# conmon as podman calls it, without podman: create by it, start by us, its log and exit file.
with_conmon() {
	local pid
	mkdir -p b/rootfs exits
	cp -a img/bin b/rootfs/
	(cd b && "$RT" spec && jq '.process.terminal = false | .process.rlimits = [] | .process.args = ["/bin/sh", "-c", "echo to the log; exit 6"]' \
		config.json >c && mv c config.json)
	conmon -c one -u one -n one -r "$RT" --runtime-arg --root --runtime-arg "$HOME/st" -b "$HOME/b" -p "$HOME/pid" -l k8s-file:"$HOME/log" \
		--exit-dir "$HOME/exits" --full-attach --socket-dir-path "$HOME" --log-level warn
	wait_for 10 sh -c "\"$RT\" --root \"$HOME/st\" state one | grep -q created"
	pid=$(cat pid)
	is "$("$RT" --root "$HOME/st" state one | jq -r .pid)" "$pid"
	"$RT" --root "$HOME/st" start one
	wait_for 10 test -s exits/one
	is "$(cat exits/one)" 6
	contains "$(cat log)" "stdout F to the log"
	"$RT" --root "$HOME/st" delete one
}
root_test_conmon_with_our_runtime() { command -v conmon >/dev/null || skip "no conmon"; engine_test root with_conmon; }
