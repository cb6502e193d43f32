# mount, unmount and unshare: the files of containers at paths, inside of unshare and as root.

#: fast
test_unshare() {
	expect 0 ctr unshare id -u
	is "$OUT" 0
	expect 5 ctr unshare sh -c 'exit 5'
	expect 143 ctr unshare sh -c 'kill -TERM $$'
	expect 127 ctr unshare no-such-program
	contains "$ERR" 'exec: "no-such-program": executable file not found in $PATH'
	expect 126 ctr unshare /etc/passwd
	contains "$ERR" "ermission denied"
	is "$(SHELL=/bin/echo ctr unshare)" ""
	(unset SHELL; expect 125 ctr unshare; contains "$ERR" "no command specified")
	expect 125 ctr unshare --rootless-netns true
	contains "$ERR" "rootless-netns"
	is "$(ctr unshare cat /proc/self/uid_map | awk 'NR == 1 {print $1, $2}')" "0 $(id -u)"
	# the store is the same one there, and mounts end with it
	pull alpine
	is "$(ctr unshare ctr-lite images -q)" "$(ctr images -q)"
	mkdir m
	ctr unshare mount -t tmpfs none "$PWD/m"
	grep -q "$PWD/m" /proc/self/mountinfo && fail "a mount came out"
	return 0
}

test_mount_in_unshare() {
	pull alpine
	ctr create --name c --network=none alpine cat /srv/made >/dev/null
	ctr run -d --name r --network=none alpine sh -c 'echo run >/srv/f; sleep 1000' >/dev/null
	wait_for 5 sh -c 'ctr-lite exec r test -s /srv/f'
	expect 125 ctr mount
	contains "$ERR" 'cannot run command "ctr-lite mount" in rootless mode, must execute `ctr-lite unshare` first'
	expect 125 ctr mount c
	contains "$ERR" "unshare"
	expect 0 ctr unmount c
	is "$OUT" c
	ctr unshare sh -euc '
		m=$(ctr-lite mount c)
		test -e $m/bin/sh
		echo made >$m/srv/made
		chown 5:6 $m/srv/made
		test "$(ctr-lite mount)" = "$(ctr-lite inspect -f "{{slice .Id 0 12}}" c)  $m"
		test "$(ctr-lite mount --format json | jq -r ".[0].Names[0], .[0].mountpoint")" = "c
$m"
		test "$(ctr-lite mount c)" = $m
		test "$(ctr-lite umount c)" = c
		test ! -e $m/bin/sh
		test -z "$(ctr-lite mount)"
		n=$(ctr-lite mount r)
		test "$(cat $n/srv/f)" = run
		! touch $n/srv/f 2>/dev/null
		test "$(ctr-lite mount --all | wc -l)" = 2
		test "$(ctr-lite unmount --all | wc -l)" = 2
		! ctr-lite mount nothing 2>err
		grep -q "no such container" err
		! ctr-lite mount --format table 2>err
		grep -q "unknown --format argument: table" err' || fail "inside of unshare"
	is "$(ctr start -a c)" made
	is "$(ctr cp c:/srv/made - | tar -tv --numeric-owner -f - | awk '{print $2}')" 5/6
	expect 125 ctr unmount nothing
	contains "$ERR" "no such container"
	expect 125 ctr unmount
	contains "$ERR" "you must provide at least one name or id"
}

test_image_mount() {
	local id
	pull alpine
	id=$(ctr image inspect -f '{{.Id}}' alpine)
	expect 125 ctr image mount alpine
	contains "$ERR" "must execute \`ctr-lite unshare\` first"
	expect 125 ctr image unmount alpine
	contains "$ERR" "is not mounted"
	ctr unshare sh -euc '
		m=$(ctr-lite image mount alpine)
		test -e $m/bin/busybox
		! touch $m/x 2>/dev/null
		test "$(ctr-lite image mount)" = "docker.io/library/alpine:latest  $m"
		test "$(ctr-lite image mount --format json | jq -r ".[0].id, .[0].Repositories[0]")" = "$0
docker.io/library/alpine:latest"
		test "$(ctr-lite image unmount alpine)" = $0
		test ! -e $m
		ctr-lite image mount -a >/dev/null
		test "$(ctr-lite image umount -a)" = $0
		! ctr-lite image mount --format table 2>err
		grep -q "unknown --format argument: table" err' "$id" || fail "inside of unshare"
}

# On the host, by root: a running container's files are the same files.
root_test_mount_on_the_host() {
	local m n
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	ctr run -d --name r --network=none --tmpfs /t alpine sh -c 'echo x >/t/hidden; sleep 1000' >/dev/null
	expect 0 ctr mount r
	m=$OUT
	echo from-host >"$m/srv/f"
	is "$(ctr exec r cat /srv/f)" from-host
	ctr exec r sh -c 'echo from-inside >/srv/g'
	is "$(cat "$m/srv/g")" from-inside
	is "$(ls "$m/t")" ""
	expect 0 ctr mount c
	n=$OUT
	is "$(ctr mount | wc -l)" 2
	expect 125 ctr unshare true
	contains "$ERR" "please use unshare with rootless"
	(cd "$n" && expect 125 ctr unmount c && contains "$ERR" "in use" && expect 0 ctr unmount -f c)
	is "$(ctr mount)" "$(ctr inspect -f '{{slice .Id 0 12}}' r)  $m"
	# removing takes the mount along
	ctr mount c >/dev/null
	expect 0 ctr rm -f -t 0 r c
	grep -q "$GRAPHROOT/containers" /proc/self/mountinfo && fail "a mount is left"
	return 0
}
