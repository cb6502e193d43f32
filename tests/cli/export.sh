# export: a container's files as an archive, whether it runs or not, without what is mounted.

#: fast
test_export_running_and_not() {
	local how
	pull alpine
	mkdir bound
	echo no >bound/mounted
	ctr create --name c --network=none -v /vol -v "$PWD/bound:/mnt/b" --tmpfs /t alpine sh -c 'echo x >/vol/mounted
		echo x >/t/mounted; mkdir -p /srv/d; echo yes >/srv/d/f; ln /srv/d/f /srv/l; ln -s d /srv/s; chmod 4711 /srv/d/f
		touch -d "2001-02-03 04:05:06" /srv/d/f; echo up; sleep 1000' >/dev/null
	expect 0 ctr export -o 0.tar c
	tar -tf 0.tar >list
	grep -qx bin/busybox list || fail "a created one's archive lacks bin/busybox"
	ctr start c >/dev/null
	wait_for 5 sh -c 'ctr-lite logs c | grep -q up'
	expect 0 ctr export -o 1.tar c
	is "$OUT$ERR" ""
	ctr stop -t 0 c >/dev/null
	ctr export c >2.tar
	cmp 1.tar 2.tar
	is "$(tar -tf 1.tar | grep -c mounted || :)" 0
	is "$(TZ=UTC tar -tvf 1.tar srv/d/f srv/l srv/s t vol mnt/b dev | awk '{print $1, $6, $7, $8, $9}' | sort)" \
		$'-rws--x--x srv/d/f   \ndrwxr-xr-x dev/   \ndrwxr-xr-x mnt/b/   \ndrwxr-xr-x t/   \ndrwxr-xr-x vol/   \nhrws--x--x srv/l link to srv/d/f\nlrwxrwxrwx srv/s -> d '
	is "$(TZ=UTC tar -tvf 1.tar srv/d/f | awk '{print $2, $4, $5}')" "0/0 2001-02-03 04:05"
	# it makes an image
	expect 0 ctr import -q 1.tar flat
	is "$(ctr run --rm --network=none flat cat /srv/l)" yes
}

test_export_owners_are_the_containers() {
	pull alpine
	ctr run --name k --network=none --userns=keep-id alpine sh -c 'touch /tmp/mine' 
	is "$(ctr export k | tar -tv --numeric-owner -f - tmp/mine bin/busybox | awk '{print $2, $6}' | sort)" \
		$'0/0 bin/busybox\n'"$(id -u)/$(id -g) tmp/mine"
}

test_export_refuses() {
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	expect 125 ctr export nope
	contains "$ERR" "no such container"
	expect 125 ctr export -o none/x c
	contains "$ERR" 'creating file "none/x"'
	tty_start "ctr-lite export c; echo status \$?; sleep 100"
	tty_wait "refusing to export to terminal"
	tty_wait "status 125"
	# a reader that goes, and a file that cannot be whole, leave an error and no file
	(ulimit -f 100; trap '' XFSZ; ctr export -o small.tar c 2>err) && fail "a cut archive is no error"
	contains "$(cat err)" "File too large"
	is "$(ls)" err
}

test_export_shows_progress() {
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	tty_start "ctr-lite export c | sleep 100"
	tty_wait 'Exporting: [0-9.]+k?M?B, [0-9]+ files?'
}
