# What tests in a guest have besides the framework of the command line tests (cli/lib.sh); sourced by the
# guest, never executed by itself.
#
# A test is a function test_WHAT_IT_SHOWS in a file tests/vm/*.sh; it runs as the user `user`, who
# lingers and has every cgroup controller, in a session as a login makes it.  root_test_* runs as root.
# Tests run one after another and share the user's own store, which has the image alpine (busybox);
# what a test leaves (a container, a process, a cgroup) is an error.  $T is its directory, $T/w where
# it starts.  Directives, before the first function for all of a file:
#	#: timeout=SECONDS	instead of 120: everything is five to ten times slower than outside
#	#: guest=NAME		only in this guest
#	#: engine=NAME		only under qemu, or uml
#	#: reboot		the guest reboots after the function, then after_reboot_NAME runs, with the
#				same $T; what the first part leaves is not looked at
#
# Besides `user` there is the user `other`, who does not linger and has the controllers that systemd gives
# by default, for root's tests: login, bare.
#	$LAB_GUEST $LAB_ENGINE	bookworm or trixie; qemu or uml

. /lab/settings
GRAPHROOT=$HOME/.local/share/ctr-lite
RUNROOT=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/ctr-lite
. /lab/tests/cli/lib.sh
CTR_GLOBAL=()

# Images do not come from a registry here.
pull() { :; }

# For root: a command line in a session of the user's, as after a login.  By a unit, since who is in a
# session already is not given another.
login() { systemd-run --quiet --wait --pipe --collect su -l "$1" -c "$2" </dev/null; }

# For root: a command as the service of a unit with User=: in no session either.  Options of
# systemd-run before it.
unit() { systemd-run --quiet --wait --pipe --collect "$@" </dev/null; }

# For root: a command as the user, but in no session and with next to no environment, as a cron job has it.
bare() { # USER COMMAND...
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="/home/$user" \
		PATH=/usr/bin:/bin SHELL=/bin/sh LOGNAME="$user" "$@" </dev/null
}

# For root: the user `other` starts with an empty store.
give_image() {
	bare "$1" ctr-lite image exists alpine ||
		bare "$1" ctr-lite import /lab/alpine.tar docker.io/library/alpine:latest >/dev/null
}

# The cgroup of a running container's first process, below /sys/fs/cgroup.
cgroup_of() {
	local pid
	pid=$(ctr inspect -f '{{.State.Pid}}' "$1")
	sed -n 's/^0:://p' "/proc/$pid/cgroup"
}

# A key of a flat keyed file, as memory.events: keyed FILE KEY.
keyed() { awk -v k="$2" '$1 == k { print $2 }' "$1"; }
