# A pure cgroup2 for root's tests of the runtime, on any host; sourced by them, has no test itself.

# pure FUNCTION [ARG...]: run it where /sys/fs/cgroup is a cgroup2, and take down what it has made.
pure() {
	local had
	export -f $(compgen -A function)
	export RT cg_mount OUT= ERR= STATUS=
	export CG=/sys/fs/cgroup TOP="ctr-lite-test-$$"
	had=$(cat /sys/fs/cgroup/unified/cgroup.subtree_control /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || :)
	unshare -m bash -Eeuo pipefail -c '
		trap '\''echo "FAIL: status $? of: $BASH_COMMAND" >&2'\'' ERR
		umount -R $CG; mount -t cgroup2 none $CG
		tidy() {
			[ ! -e $CG/$TOP ] || echo 1 >$CG/$TOP/cgroup.kill
			sleep 0.1
			find $CG/$TOP -depth -type d -exec rmdir {} + 2>/dev/null || :
			case " '"$had"' " in *" hugetlb "*) ;; *) echo -hugetlb >$CG/cgroup.subtree_control 2>/dev/null || : ;; esac
		}
		trap tidy EXIT
		"$@"' x "$@"
}

cg_mount='.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]}]'
