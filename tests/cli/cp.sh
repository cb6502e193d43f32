# cp: both ways, between containers, as archives; of containers that run, ran, and never did.

tree() {
	mkdir -p d/sub
	echo one >d/a
	chmod 640 d/a
	ln d/a d/sub/b
	ln -s a d/l
	truncate -s 8M d/sparse
	touch -d '2001-02-03 04:05:06' d/a d/sub
}

#: fast
test_cp_into_and_out_of_a_running_container() {
	pull alpine
	tree
	ctr run -d --name c --network=none --tmpfs /t --user 1000 alpine sleep 1000 >/dev/null
	expect 0 ctr cp d c:/srv
	is "$OUT$ERR" ""
	is "$(ctr exec c sh -c 'cd /srv/d; stat -c "%n %u:%g %a %h %Y" a sub; readlink l; cat sub/b; stat -c %b sparse')" \
		$'a 1000:0 640 2 981173106\nsub 1000:0 755 2 981173106\na\none\n0'
	expect 0 ctr cp d/. c:/t
	is "$(ctr exec c ls /t)" $'a\nl\nsparse\nsub'
	expect 0 ctr cp c:/srv/d out
	is "$(stat -c '%u %a %h %Y' out/a)" "$(id -u) 640 2 981173106"
	is "$(readlink out/l) $(cat out/sub/b) $(stat -c %b out/sparse)" "a one 0"
	expect 0 ctr cp c:/t/. out2
	is "$(ls out2)" $'a\nl\nsparse\nsub'
	expect 0 ctr cp c:/srv/d/a .
	is "$(cat a)" one
	ctr exec c sh -c 'ln -s ../srv/d/a /tmp/link'
	expect 0 ctr cp c:/tmp/link d/../d
	is "$(cat d/a)" one
}

test_cp_where_no_process_is() {
	pull alpine
	tree
	mkdir bound
	ctr create --name c --network=none -v /vol -v "$PWD/bound:/mnt/b" -v "$PWD/d:/ro:ro" --tmpfs /t alpine sh -c 'cat /vol/a /etc/new' >/dev/null
	expect 0 ctr cp d/a c:/vol
	expect 0 ctr cp d/a c:/etc/new
	expect 0 ctr cp d/a c:/mnt/b/x
	is "$(cat bound/x)" one
	expect 0 ctr cp c:/ro/sub/b out
	is "$(cat out)" one
	expect 125 ctr cp out c:/ro/new
	contains "$ERR" "Read-only file system"
	is "$(ctr inspect -f '{{.State.Status}}' c)" created
	is "$(ctr start -a c)" $'one\none'
	expect 0 ctr cp d c:/opt/
	expect 0 ctr cp c:/opt/d/sub out3
	is "$(cat out3/b)" one
	grep -q "$GRAPHROOT" /proc/self/mounts && fail "a mount is left"
	is "$(cat d/a)" one
}

test_cp_between_containers() {
	pull alpine
	tree
	ctr run -d --name a --network=none alpine sleep 1000 >/dev/null
	ctr create --name b --network=none --user 7:8 alpine ls >/dev/null
	ctr create --name k --network=none --userns=keep-id alpine ls >/dev/null
	expect 0 ctr cp d a:/srv
	expect 0 ctr cp a:/srv/d b:/srv/new
	expect 0 ctr cp b:/srv/new k:/srv
	expect 0 ctr cp b:/srv/new/a b:/srv/again
	is "$(ctr cp b:/srv - | tar -tv --numeric-owner | awk '{print $1, $2, $6}' | sort)" \
		$'-rw-r----- 7/8 srv/again\n-rw-r----- 7/8 srv/new/a\n-rw-r--r-- 7/8 srv/new/sparse\ndrwxr-xr-x 0/0 srv/\ndrwxr-xr-x 7/8 srv/new/\ndrwxr-xr-x 7/8 srv/new/sub/\nhrw-r----- 7/8 srv/new/sub/b\nlrwxrwxrwx 7/8 srv/new/l'
	is "$(ctr cp k:/srv/new/a - | tar -tv --numeric-owner | awk '{print $2}')" "$(id -u)/$(id -g)"
	expect 0 ctr cp -a=false b:/srv/new/a a:/kept
	is "$(ctr exec a stat -c %u:%g /kept)" 7:8
}

test_cp_archives() {
	local z
	pull alpine
	tree
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	for z in cat gzip bzip2 xz zstd; do
		tar -cf - d | $z | ctr cp - c:/srv || fail "cp of what $z makes"
		is "$(ctr exec c sh -c 'cat /srv/d/sub/b; stat -c "%u %h %Y" /srv/d/a; rm -r /srv/d')" $'one\n0 2 981173106'
	done
	tar --owner=5 --group=6 -cf - d/a | ctr cp --archive=false - c:/srv
	is "$(ctr exec c stat -c %u:%g /srv/d/a)" 5:6
	is "$(ctr cp c:/srv/d - | tar -tf -)" $'d/\nd/a'
	is "$(ctr cp c:/srv/. - | tar -xOf - d/a)" one
	is "$(ctr cp c:/proc/version - | tar -xOf - | head -c 5)" Linux
	expect 125 ctr cp - c:/srv
	contains "$ERR" "source must be a (compressed) tar archive when copying from stdin"
	STATUS=0
	tar -cf - d | ctr cp - c:/srv/d/a 2>err || STATUS=$?
	is "$STATUS" 125
	contains "$(cat err)" "destination must be a directory when copying from stdin"
}

color() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.color").decode())' "$1"; }

# Names that no plain header holds, large ids, times before 1970, attributes and an empty file.
test_cp_archives_of_odd_files() {
	local long
	long=$(printf 'n%.0s' $(seq 120))
	pull alpine
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	mkdir -p "o/$long/$long"
	echo deep >"o/$long/$long/f"
	ln -s "$long/$long/f" o/link
	echo x >o/$'new\nline'
	printf x >o/$'\xff\xe4'
	: >o/empty
	touch -d '1969-01-01 00:00:00 UTC' o/old
	python3 -c 'import os; os.setxattr("o/old", "user.color", b"blue")'
	tar --xattrs -cf - o | ctr cp - c:/srv
	ctr exec c chown 60000:60001 /srv/o/empty
	ctr cp c:/srv/o - | tar --xattrs -C "$T" -xf -
	(cd o && find . | LC_ALL=C sort) >a
	(cd "$T/o" && find . | LC_ALL=C sort) >b
	cmp a b
	is "$(cat "$T/o/link") $(stat -c %Y "$T/o/old") $(color "$T/o/old")" "deep -31536000 blue"
	is "$(ctr cp c:/srv/o/empty - | tar -tv --numeric-owner -f - | awk '{print $2, $3}')" "60000/60001 0"
	ctr cp c:/srv/o "$T/direct"
	is "$(cat "$T/direct/link") $(stat -c %Y "$T/direct/old") $(color "$T/direct/old")" "deep -31536000 blue"
}

test_cp_refuses() {
	pull alpine
	tree
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	expect 125 ctr cp nope c:/
	contains "$ERR" '"nope" could not be found on the host'
	expect 125 ctr cp c:/nope .
	contains "$ERR" '"/nope" could not be found on container c'
	expect 125 ctr cp d c:/no/parent
	contains "$ERR" '"/no/parent" could not be found on container c'
	expect 125 ctr cp d/a c:/new/
	contains "$ERR" '"/new/" could not be found'
	expect 125 ctr cp d c:/etc/passwd
	contains "$ERR" "destination must be a directory when copying a directory"
	expect 125 ctr cp d d2
	contains "$ERR" "at least one container"
	expect 125 ctr cp d nobody:/x
	contains "$ERR" "no such container"
	expect 125 ctr cp d
	contains "$ERR" "received 1"
	# what is in the way of another kind stays, but for --overwrite
	ctr exec c mkdir -p /srv/d/a/deep
	expect 125 ctr cp d c:/srv
	contains "$ERR" "d/a is a directory"
	expect 0 ctr cp --overwrite d c:/srv
	is "$(ctr exec c cat /srv/d/a)" one
	ctr exec c sh -c 'rm -r /srv/d; echo file >/srv/d'
	expect 125 ctr cp d c:/srv
	contains "$ERR" "d is no directory"
	is "$(ctr exec c cat /srv/d)" file
	expect 0 ctr cp --overwrite d c:/srv
	# what is mounted is written, not unmounted
	expect 0 ctr cp d/a c:/etc/hosts
	is "$(ctr exec c sh -c 'grep -c " /etc/hosts " /proc/mounts; cat /etc/hosts')" $'1\none'
}

# The line that says how far it is goes away again; with --quiet there is none.
test_cp_shows_progress() {
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	tty_start "ctr-lite cp -q c:/bin - | sleep 1.3; echo ended; ctr-lite cp c:/bin - | sleep 1.6; echo again; sleep 100"
	tty_wait ended
	lacks "$(tty_screen)" Copying
	tty_wait 'Copying: [0-9.]+k?M?B, [0-9]+ files?'
	tty_wait again
	lacks "$(tty_screen)" Copying
}

# Nothing half is left when it is interrupted, and the status is the signal's.
test_cp_interrupted() {
	local p
	pull alpine
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	mkfifo never
	ctr cp - c:/srv <never &
	p=$!
	exec 9>never
	head -c 100000000 /dev/zero >zeros
	tar -cf zeros.tar zeros
	head -c 50000000 zeros.tar >&9
	wait_for 5 sh -c 'ctr-lite exec c sh -c "ls -A /srv | grep -q ."'
	kill -TERM "$p"
	STATUS=0
	wait "$p" || STATUS=$?
	exec 9>&-
	is "$STATUS" 143
	is "$(ctr exec c ls -A /srv)" ""
}

# The container's id map is its own also in what is copied as real root.
root_test_cp_as_root() {
	pull alpine
	tree
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	ctr create --name m --network=none --uidmap 0:200000:1000 --gidmap 0:200000:1000 --user 5 alpine ls >/dev/null
	expect 0 ctr cp d c:/srv
	expect 0 ctr cp c:/srv/d m:/srv
	is "$(ctr cp m:/srv/d/a - | tar -tv --numeric-owner | awk '{print $2}')" 5/0
	expect 0 ctr cp m:/srv/d out
	is "$(stat -c %u:%g out/a)" 0:0
	ctr rm -f -a -t 0 >/dev/null
}
