# Beside podman: the same command lines, and what a process inside sees, property by property.  The
# lines and the differences with their reasons are tables in tests/compare.
#: timeout=240 noasan serial

compare_as() { # USER
	command -v podman >/dev/null || skip "podman is not installed"
	case $(podman --version) in
	"podman version 4.3."*) ;;
	*) skip "differences.tsv is about podman 4.3, this is $(podman --version)" ;;
	esac
	chmod 755 "$T" "$T/w"
	mkdir "$T/w/c"
	cp "$TEST_BUILD_ROOT/tests/helpers/isolation-probe" "$T/w/"
	# crun 1.8 gives the null device to the container's user: not the host's.
	mknod -m 666 "$T/w/null" c 1 3
	unshare -m sh -euc 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
		mount --bind "$T/w/null" /dev/null; exec "$@"' x \
		"$TESTS/compare/compare" --user "$1" --work "$T/w/c" --probe "$T/w/isolation-probe" --layout "$LAYOUT" ||
		fail "differences that tests/compare/differences.tsv does not explain"
	rm -rf "$T/w/c"
}

root_test_beside_podman_as_a_user() { compare_as "$CTR_TEST_USER"; }
root_test_beside_podman_as_root() { compare_as root; }
