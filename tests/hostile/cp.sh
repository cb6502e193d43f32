# cp against containers that move things while it copies, and against archives that want out.

bad_tar() { # NAME TYPE [LINKNAME [SIZE]] ... -> stdout
	python3 - "$@" <<'PY'
import io, sys, tarfile
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.GNU_FORMAT)
args = sys.argv[1:]
while args:
    name, kind, link = args[:3]
    args = args[3:]
    t = tarfile.TarInfo(name)
    t.type = {"f": tarfile.REGTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "d": tarfile.DIRTYPE,
              "c": tarfile.CHRTYPE}[kind]
    t.linkname = link
    t.mode = 0o755
    t.devmajor, t.devminor = 1, 3
    data = b"evil\n" if kind == "f" else b""
    t.size = len(data)
    out.addfile(t, io.BytesIO(data))
out.close()
PY
}

test_archives_stay_in_the_container() {
	pull alpine
	canary_new
	ctr run -d --name c --network=none -v "$PWD:/host-w" alpine sleep 1000 >/dev/null
	STATUS=0
	bad_tar ../../../../../../../../../../../"$T"/canary/file f "" | ctr cp - c:/srv 2>err || STATUS=$?
	is "$STATUS" 125
	contains "$(cat err)" "outside"
	bad_tar "$T/canary/file" f "" | ctr cp - c:/srv
	is "$(ctr exec c cat "/srv$T/canary/file")" evil
	# links: absolute ones, and those with many .., lead to the container's own root
	bad_tar out l "$T/canary" up l ../../../../../../../../../.."$T/canary" | ctr cp - c:/srv
	STATUS=0
	bad_tar out/file f "" | ctr cp - c:/srv 2>err || STATUS=$?
	is "$STATUS" 125 "a file through a link to nowhere"
	bad_tar link h ../../"$T/canary/file" | ctr cp - c:/srv 2>err && fail "a hard link to outside was made"
	bad_tar link h out/file | ctr cp - c:/srv 2>err && fail "a hard link through a link was made"
	bad_tar dev c "" good f "" | ctr cp - c:/srv
	is "$(ctr exec c sh -c 'cd /srv; ls -d dev link; cat good; readlink out' 2>/dev/null)" "evil"$'\n'"$T/canary"
	canary_check
}

# Sizes that nobody has: an end with a word, and nothing left.
test_archives_that_lie() {
	pull alpine
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	python3 -c '
import sys, tarfile
t = tarfile.TarInfo("huge"); t.size = 1 << 60
sys.stdout.buffer.write(t.tobuf(tarfile.GNU_FORMAT) + b"x" * 4096)' >lie.tar
	STATUS=0
	ctr cp - c:/srv <lie.tar 2>err || STATUS=$?
	is "$STATUS" 125
	is "$(ctr exec c ls -A /srv)" ""
	head -c 100000 /dev/urandom | ctr cp - c:/srv 2>err && fail "noise was unpacked"
	contains "$(cat err)" "must be a (compressed) tar archive"
}

# The container swaps a directory for links out of it, all the time; whatever cp sees, it stays inside.
#: timeout=90
test_swapped_directories() {
	local i
	pull alpine
	canary_new
	mkdir src dst
	echo evil >src/file
	ctr run -d --name c --network=none alpine sh -c '
		mkdir -p /w/d /w/e; echo in >/w/d/file
		while :; do mv /w/d /w/real; ln -s "'"$T/canary"'" /w/d; rm /w/d; ln -s ../../../../../../../"'"$T/canary"'" /w/d; rm /w/d; mv /w/real /w/d; done' >/dev/null
	wait_for 5 sh -c 'ctr-lite exec c test -e /w'
	for i in $(seq 40); do
		ctr cp src/file c:/w/d/file >/dev/null 2>&1 || :
		ctr cp src c:/w/d >/dev/null 2>&1 || :
		tar -cf - -C src file | ctr cp - c:/w/d >/dev/null 2>&1 || :
		ctr cp c:/w/d "dst/$i" >/dev/null 2>&1 || :
		ctr cp c:/w - >"dst/$i.tar" 2>/dev/null || :
	done
	canary_check
	grep -rl safe dst && fail "the canary was copied"
	return 0
}

# A source with FIFOs, devices and sockets neither blocks nor makes any of them but the FIFO; a
# set-id file belongs to who copies it.
test_sources_that_are_no_files() {
	pull alpine
	ctr run -d --name c --network=none alpine sh -c 'mkdir /w; cd /w; mkfifo p; cp /bin/busybox s; chmod 4755 s
		ln -s /etc/passwd l; ln -s loop loop; nc -l -U sock & sleep 1000' >/dev/null
	wait_for 5 sh -c 'ctr-lite exec c test -L /w/loop'
	expect 0 timeout 20 ctr-lite cp c:/w out
	is "$(stat -c '%F %U' out/p)" "fifo $(id -un)"
	is "$(stat -c '%a %U' out/s)" "4755 $(id -un)"
	is "$(readlink out/l)" /etc/passwd
	[ ! -e out/sock ] || fail "the socket was copied"
	expect 125 ctr cp c:/w/loop .
	contains "$ERR" "Too many levels"
	# an existing link at the destination is replaced, not followed
	canary_new
	mkdir -p into/w
	ln -s "$T/canary/file" into/w/s
	ln -s "$T/canary" into/w/l
	expect 0 ctr cp c:/w into
	canary_check
	is "$(readlink into/w/l)" /etc/passwd
}

# The same for what reads whole containers: nothing of the host gets into archives, images and lists.
#: timeout=90
test_swapped_directories_in_export_commit_and_diff() {
	local i
	pull alpine
	canary_new
	ctr run -d --name c --network=none alpine sh -c '
		mkdir -p /w/d; echo in >/w/d/file
		while :; do mv /w/d /w/real; ln -s "'"$T/canary"'" /w/d; rm /w/d; mkfifo /w/d; rm /w/d; mv /w/real /w/d; done' >/dev/null
	wait_for 5 sh -c 'ctr-lite exec c test -e /w'
	for i in $(seq 10); do
		timeout 20 ctr-lite export c >"$i.tar" 2>/dev/null || [ $? != 124 ] || fail "export hangs"
		timeout 20 ctr-lite diff c >"$i.diff" 2>/dev/null || [ $? != 124 ] || fail "diff hangs"
		timeout 20 ctr-lite commit -q c "img$i" >/dev/null 2>&1 || [ $? != 124 ] || fail "commit hangs"
	done
	canary_check
	grep -l '^safe$' ./*.tar ./*.diff && fail "the canary was read"
	for i in $(ctr images -q | head -n 3); do
		lacks "$(ctr run --rm --network=none "$i" sh -c 'cat /w/d/file /w/real/file' 2>/dev/null || :)" safe
	done
}
