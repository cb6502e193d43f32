# Shows that the guest is what the other tests rely on, and that a container runs in it.

test_session_is_a_login() {
	is "$XDG_RUNTIME_DIR" "/run/user/$(id -u)"
	is "${DBUS_SESSION_BUS_ADDRESS:-}" "unix:path=$XDG_RUNTIME_DIR/bus"
	is "$(loginctl show-user user -p Linger --value)" yes
	is "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
}

test_run() {
	expect 0 ctr run --rm --network=none alpine id -u
	is "$OUT" 0
}

test_run_with_a_network() {
	expect 0 ctr run --rm alpine ip -o -4 addr show
	contains "$OUT" "scope global"
}

test_crun_and_runc() {
	expect 0 ctr run --rm --runtime crun --network=none alpine echo by crun
	is "$OUT" "by crun"
	expect 0 ctr run --rm --runtime runc --network=none alpine echo by runc
	is "$OUT" "by runc"
}

root_test_run() {
	expect 0 ctr run --rm --network=none alpine id -u
	is "$OUT" 0
}
