# Sessions of every kind: what a container needs of logind, systemd and D-Bus, and what of it ends when
# they do.  `user` lingers; `other` does not, and has systemd's default delegation.
#: timeout=300

memory_max="run --rm -m 50m --network=none alpine cat /sys/fs/cgroup/memory.max"

state_of() { # USER CONTAINER
	bare "$1" ctr-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$2"
}

is_logged_out() { [ ! -e "/run/user/$(id -u "$1")" ]; }

# --- by which cgroup manager

test_a_session_has_a_scope_of_its_own() {
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	matches "$(cgroup_of c)" '^/user.slice/user-1000.slice/user@1000.service/.*ctr-lite-[0-9a-f]{64}\.scope(/|$)'
	expect 0 systemctl --user is-active "ctr-lite-$(ctr inspect -f '{{.Id}}' c).scope"
	expect 0 ctr rm -f -t 0 c
	expect 0 systemctl --user list-units --all --plain --no-legend 'ctr-lite-*'
	is "$OUT" "" "units that are left"
}

# Nobody answers: a container runs, without a cgroup, and a limit is refused.
test_without_a_bus() {
	local env="env XDG_RUNTIME_DIR=$T/r DBUS_SESSION_BUS_ADDRESS=unix:path=$T/r/bus"
	mkdir -m 700 "$T/r"
	expect 0 $env ctr-lite run --rm --network=none alpine id -u
	is "$OUT" 0
	expect 125 $env ctr-lite $memory_max
	contains "$ERR" "--memory needs the controller memory"
	contains "$ERR" "loginctl enable-linger"
}

test_a_delegated_subtree_without_a_bus() {
	expect 0 systemd-run --user --quiet --wait --pipe --collect -p Delegate=yes \
		ctr-lite --cgroup-manager cgroupfs $memory_max
	is "$OUT" 52428800
	expect 0 systemd-run --user --quiet --wait --pipe --collect -p Delegate=yes \
		ctr-lite --cgroup-manager cgroupfs --runtime crun $memory_max
	is "$OUT" 52428800
}

root_test_a_controller_that_is_not_delegated() {
	local out
	grep -qw io "/sys/fs/cgroup/user.slice/cgroup.controllers" || skip "this kernel has no io controller"
	give_image other
	login other 'grep -qw io "/sys/fs/cgroup$(systemctl show --value -p ControlGroup user@$(id -u).service)/cgroup.controllers"' &&
		skip "this systemd delegates io by default"
	if out=$(login other 'ctr-lite run --rm --blkio-weight 100 --network=none alpine true 2>&1'); then
		fail "a limit of io is passed over"
	fi
	contains "$out" "the cgroup controller io is not delegated to this user"
	contains "$out" "Delegate=cpu cpuset io memory pids"
	is "$(login other "ctr-lite $memory_max")" 52428800
}

# --- without a session

# cron: next to no environment.
root_test_cron_of_one_who_lingers() {
	is "$(bare user ctr-lite $memory_max)" 52428800
	bare user ctr-lite run -d --name job --network=none alpine sleep 1000 >/dev/null
	is "$(login user 'ctr-lite ps --format "{{.Names}} {{.State}}"')" "job running"
	is "$(login user 'ctr-lite exec job echo yes')" yes
	bare user ctr-lite rm -f -t 0 job
}

root_test_cron_of_one_who_does_not() {
	local out
	give_image other
	is_logged_out other || wait_for 20 is_logged_out other
	is "$(bare other ctr-lite run --rm --network=none alpine id -u)" 0
	if out=$(bare other ctr-lite $memory_max 2>&1); then fail "a limit is passed over"; fi
	contains "$out" "loginctl enable-linger"
	# The run directory is not the one that a login has; what runs is found all the same.
	bare other ctr-lite run -d --name job --network=none alpine sleep 1000 >/dev/null
	is "$(login other 'ctr-lite ps --format "{{.Names}} {{.State}}"')" "job running"
	is "$(login other 'ctr-lite exec job echo yes')" yes
	login other 'ctr-lite rm -f -t 0 job'
	is "$(bare other ctr-lite ps -aq)" ""
}

# su without -l leaves XDG_RUNTIME_DIR of the one who calls it.
root_test_su() {
	is "$(su user -c "XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus ctr-lite $memory_max")" 52428800
	give_image other
	is "$(su other -c 'XDG_RUNTIME_DIR=/run/user/0 ctr-lite run --rm --network=none alpine id -u')" 0
}

root_test_unit_with_user() {
	give_image other
	is "$(unit --uid=other ctr-lite run --rm --network=none alpine id -u)" 0
	is "$(unit --uid=other -p Delegate=yes ctr-lite $memory_max)" 52428800
	is "$(unit --uid=other -p Delegate=yes ctr-lite --runtime crun $memory_max)" 52428800
	is "$(unit --uid=user ctr-lite $memory_max)" 52428800
}

# A service that is stopped takes its container along, and its end is recorded.
root_test_unit_that_is_stopped() {
	give_image other
	systemd-run --quiet --collect --unit=job --uid=other -p Delegate=yes \
		ctr-lite run --name job --network=none alpine sleep 1000
	wait_for 30 eval '[ "$(state_of other job)" = "running 0" ]'
	systemctl stop job
	wait_for 20 eval '[ "$(state_of other job)" != "running 0" ]'
	matches "$(state_of other job)" '^exited (137|143)$'
	is "$(pgrep -u other -c ctr-lite-mon || true)" 0 "monitors that are left"
	bare other ctr-lite rm job
}

# --- sudo

test_sudo_to_another_user() {
	local keep=--preserve-env=XDG_RUNTIME_DIR,DBUS_SESSION_BUS_ADDRESS
	cd /
	sudo -H -u other ctr-lite image exists alpine ||
		sudo -H -u other ctr-lite import /lab/alpine.tar docker.io/library/alpine:latest >/dev/null
	expect 0 sudo -H -u other "$keep" ctr-lite run --rm --network=none alpine id -u
	is "$OUT" 0
	# With our home directory it is our store, which is not theirs to use.
	expect 125 sudo -u other "$keep,HOME" ctr-lite run --rm --network=none alpine id -u
	contains "$ERR" "/home/user"
	is "$(find "$XDG_RUNTIME_DIR/ctr-lite" ! -user user 2>/dev/null)" "" "files of others"
}

test_sudo_to_root() {
	local mine
	cd /
	mine=$(find "$HOME" ! -user user 2>/dev/null | wc -l)
	expect 0 sudo --preserve-env=HOME,XDG_RUNTIME_DIR,DBUS_SESSION_BUS_ADDRESS \
		ctr-lite run --rm --network=none alpine cat /proc/self/uid_map
	matches "$OUT" '^ *0 +0 +4294967295$'
	is "$(find "$HOME" ! -user user 2>/dev/null | wc -l)" "$mine" "files that root left in our home directory"
	is "$(find "$XDG_RUNTIME_DIR" -path '*/ctr-lite*' -user root 2>/dev/null)" "" "files that root left in our run directory"
}

# --- logout

root_test_logout_with_linger() {
	login user 'ctr-lite run -d --name kept --network=none alpine sleep 1000' >/dev/null
	sleep 5 # UserStopDelaySec is 2
	is "$(state_of user kept)" "running 0"
	is "$(login user 'ctr-lite exec kept echo yes')" yes
	login user 'ctr-lite stop -t 0 kept' >/dev/null
	is "$(state_of user kept)" "exited 137"
	login user 'ctr-lite rm kept' >/dev/null
}

# logind leaves what still runs (KillUserProcesses=no), and the user's manager stays for it.
root_test_logout_without_linger() {
	give_image other
	login other 'ctr-lite run -d --name left --network=none alpine sleep 1000' >/dev/null
	sleep 5
	is "$(state_of other left)" "running 0"
	is "$(login other 'ctr-lite exec left echo yes')" yes
	login other 'ctr-lite rm -f -t 0 left' >/dev/null
	wait_for 30 is_logged_out other
}

# KillUserProcesses=yes, or an administrator: it has ended, and everybody sees that.
root_test_logout_that_ends_processes() {
	give_image other
	login other 'ctr-lite run -d --name ended --stop-timeout 1 --network=none alpine sleep 1000' >/dev/null
	loginctl terminate-user other
	wait_for 60 is_logged_out other
	matches "$(state_of other ended)" '^exited (137|143)$'
	is "$(pgrep -u other -c . || true)" 0 "processes that are left"
	is "$(login other 'ctr-lite start ended >/dev/null; ctr-lite inspect -f "{{.State.Status}}" ended; ctr-lite rm -f -t 0 ended >/dev/null')" running
}
