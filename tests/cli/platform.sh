# Images of other platforms: chosen, warned of, and run where the kernel knows how.
# ($LAYOUT's and the registry's arm64 images hold programs of this machine.)

other() { # an architecture that is not this machine's
	case $(dpkg --print-architecture) in arm64) echo amd64 ;; *) echo arm64 ;; esac
}

#: fast
test_mismatch_is_warned_of() {
	local arch
	arch=$(other)
	expect 0 ctr pull -q --platform "linux/$arch" alpine
	is "$ERR" "" "what was asked for is no surprise"
	expect 0 ctr image inspect -f '{{.Architecture}}' alpine
	is "$OUT" "$arch"
	expect 0 ctr run --rm --network none alpine true
	contains "$ERR" "image platform (linux/$arch) does not match the expected platform (linux/"
	expect 0 ctr create -q --network none alpine true
	contains "$ERR" "level=warning"
	expect 0 ctr run --rm --network none --platform "linux/$arch" alpine true
	is "$ERR" ""
	expect 0 ctr run --rm --network none --arch "$arch" --pull never alpine true
	is "$ERR" ""
}

#: fast
test_platform_that_is_not_here_is_pulled() {
	local arch
	arch=$(other)
	pull alpine
	expect 125 ctr run --rm --network none --pull never --platform "linux/$arch" alpine true
	contains "$ERR" "alpine: the image here is for linux/$(dpkg --print-architecture), not for linux/$arch"
	expect 0 ctr pull -q --policy missing --arch "$arch" alpine
	expect 0 ctr image inspect -f '{{.Architecture}}' alpine
	is "$OUT" "$arch"
	expect 125 ctr pull --platform linux/s390x alpine
	contains "$ERR" "linux/s390x"
	expect 125 ctr run --rm --platform linux/amd64 --arch arm64 alpine true
	contains "$ERR" "--platform"
	expect 125 ctr pull --platform 'linux/a b' alpine
	contains "$ERR" 'platform "linux/a b" is not of the form os/arch[/variant]'
	expect 125 ctr pull --arch '../x' alpine
	contains "$ERR" '"../x" is no part of a platform'
}

# From a list, or an index that another tool put into the store, the platform chooses.
#: fast
test_platform_chooses_from_a_list() {
	local arch
	arch=$(other)
	expect 0 ctr manifest create --all list "oci:$LAYOUT:bb-index"
	expect 0 ctr create --name own --network none --pull never list true
	is "$ERR" ""
	expect 0 ctr create --name foreign --network none --pull never --platform "linux/$arch" list true
	is "$ERR" ""
	expect 0 ctr inspect -f '{{.Image}}' own foreign
	[ "$(sort -u <<<"$OUT" | wc -l)" = 2 ] || fail "one image for both platforms: $OUT"
	expect 125 ctr create --network none --pull never --platform linux/s390x list true
	contains "$ERR" "no image found in the index for linux/s390x"
	expect 0 skopeo copy -q --all "oci:$LAYOUT:bb-index" "oci:$GRAPHROOT/images:localhost/both:1"
	expect 0 ctr run --rm --network none --pull never --platform "linux/$arch" both:1 true
	is "$ERR" ""
}

# pull --all-tags: what the registry lists.
test_all_tags() {
	local at=$REGISTRY/tags/all-$$-$RANDOM i
	for i in 1 2 three; do
		expect 0 skopeo copy -q --dest-tls-verify=false "oci:$LAYOUT:bb" "docker://$at:$i"
	done
	expect 0 ctr pull -q --all-tags "$at"
	is "$(sort -u <<<"$OUT" | wc -l)" 1
	is "$(wc -l <<<"$OUT")" 3
	expect 0 ctr images --format '{{.Tag}}' --sort tag "$at"
	is "$OUT" $'1\n2\nthree'
	expect 125 ctr pull -a "$at:1"
	contains "$ERR" "a tag or a digest cannot be named together with all tags"
	expect 125 ctr pull -a "$REGISTRY/tags/none-$RANDOM"
	contains "$ERR" "tags/none-"
}

# A program for another machine runs by the interpreter that binfmt_misc has for it.  The kernel
# keeps one such table for each user namespace, so the host's stays as it is.  The interpreter is busybox as
# echo: it tells what it was called for.
root_test_foreign_programs_run_by_binfmt_misc() {
	local status=0
	mkdir -p "$T/w/root/bin"
	chmod 755 "$T" "$T/w"
	install -m 755 "$(command -v busybox)" "$T/w/echo"
	python3 - "$T/w/root/bin/foreign" <<-'END'
		import os, struct, sys
		machine = 0xb7 if os.uname().machine != "aarch64" else 0x3e
		with open(sys.argv[1], "wb") as f:
		    f.write(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0))
		os.chmod(sys.argv[1], 0o755)
	END
	tar -C "$T/w/root" -cf "$T/w/foreign.tar" .
	cat >"$T/w/inside" <<-'END'
		set -e
		mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null || exit 77
		m='\xb7'
		[ "$(uname -m)" != aarch64 ] || m='\x3e'
		printf ':foreign:M:16:\\x02\\x00%s\\x00::%s:F' "$m" "$T/w/echo" >/proc/sys/fs/binfmt_misc/register
		exec setpriv --reuid "$CTR_TEST_USER" --regid "$(id -g "$CTR_TEST_USER")" --init-groups \
			env HOME="$T/w/home" XDG_RUNTIME_DIR="$T/w/home/r" bash "$T/w/user"
	END
	cat >"$T/w/user" <<-'END'
		set -e
		mkdir "$XDG_RUNTIME_DIR"
		ctr-lite import -q --arch "$OTHER" "$T/w/foreign.tar" foreign
		ctr-lite run --rm --network none --platform "linux/$OTHER" foreign /bin/foreign one two
		ctr-lite rmi foreign >/dev/null
	END
	mkdir "$T/w/home"
	chown "$CTR_TEST_USER" "$T/w/home"
	cat >"$T/w/enter" <<-'END'
		import ctypes, os, sys
		ready, go = os.pipe(), os.pipe()
		pid = os.fork()
		if pid == 0:
		    if ctypes.CDLL(None).unshare(0x10000000 | 0x20000) != 0:    # CLONE_NEWUSER, CLONE_NEWNS
		        sys.exit(77)
		    os.write(ready[1], b"x")
		    os.read(go[0], 1)
		    os.execvp("bash", ["bash", sys.argv[1]])
		os.close(ready[1])
		if os.read(ready[0], 1):
		    for kind in "ug":
		        with open(f"/proc/{pid}/{kind}id_map", "w") as f:
		            f.write("0 0 4294967295")
		    os.write(go[1], b"x")
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	T=$T OTHER=$(other) python3 "$T/w/enter" "$T/w/inside" >"$T/w/out" 2>"$T/w/err" || status=$?
	[ "$status" != 77 ] || skip "binfmt_misc cannot be mounted in a user namespace here"
	is "$status" 0 "status ($(tail -n 2 "$T/w/err"))"
	is "$(tail -n 1 "$T/w/out")" "/bin/foreign one two"
}
