# -v, --mount, --tmpfs and --rootfs: what is mounted where and how, and what is refused.
. "$TESTS/cli/volumes-lib.sh"

test_binds_and_their_options() {
	volume_image bb
	mkdir -p host/sub
	echo one >host/file
	expect 0 in_bb -v "$PWD/host:/h" bb sh -c 'cat /h/file; echo two >/h/new'
	is "$OUT" one
	is "$(cat host/new)" two
	expect 1 in_bb -v "$PWD/host:/h:ro" bb touch /h/x
	contains "$ERR" "Read-only"
	expect 1 in_bb --mount "type=bind,src=host,dst=/h,readonly" bb touch /h/x
	expect 0 in_bb --mount "type=bind,src=./host,target=/h,ro=false" bb touch /h/x
	expect 0 in_bb -v ./host/file:/etc/one -v host:/v bb cat /etc/one
	is "$OUT" one
	expect 0 in_bb -v ./host:/h:nosuid,nodev,noexec,z bb sh -c 'mount | busybox grep " /h "'
	matches "$OUT" 'rw,nosuid,nodev,noexec'
	expect 0 in_bb -v ./host:/h:rslave,bind bb sh -c 'busybox grep " /h " /proc/self/mountinfo'
	contains "$OUT" "$PWD/host /h"
	expect 0 in_bb --mount type=bind,src=./host,dst=/h,bind-propagation=rprivate,bind-nonrecursive,consistency=cached bb true
	expect 0 in_bb --mount type=bind,dst="$PWD/host" bb cat "$PWD/host/file"
	is "$OUT" one "the source is the destination"
}

test_what_is_refused() {
	volume_image bb
	expect 125 in_bb -v /nope:/x bb true
	contains "$ERR" "statfs /nope: No such file or directory"
	expect 125 in_bb --mount type=bind,src=/nope,dst=/x bb true
	contains "$ERR" "statfs /nope"
	expect 125 in_bb -v a:/x -v b:/x/ bb true
	contains "$ERR" "/x: duplicate mount destination"
	expect 125 in_bb -v a:/x --tmpfs /x bb true
	contains "$ERR" "/x: duplicate mount destination"
	expect 125 in_bb -v x:y bb true
	contains "$ERR" 'invalid container path "y", must be an absolute path'
	expect 125 in_bb -v a:/x:foo bb true
	contains "$ERR" 'invalid option type "foo"'
	expect 125 in_bb -v a:/x:ro,rw bb true
	contains "$ERR" 'invalid options "ro, rw", can only specify 1'
	expect 125 in_bb --mount type=foo,dst=/x bb true
	contains "$ERR" 'invalid filesystem type "foo"'
	expect 125 in_bb --mount type=tmpfs,dst=/x,foo bb true
	contains "$ERR" 'foo: invalid mount option'
	expect 125 in_bb --mount type=image,src=nope,dst=/x bb true
	contains "$ERR" "nope: image not known"
	expect 125 in_bb --mount "type=glob,src=/nope*,dst=/x" bb true
	contains "$ERR" 'no file paths matching glob "/nope*"'
	expect 125 in_bb -v /etc/passwd:/x:O bb true
	contains "$ERR" "needs a directory"
	expect 125 in_bb -v /tmp:/x:idmap bb true
	contains "$ERR" "need root"
	expect 0 ctr volume ls
	is "$OUT" "" "nothing was made for what was refused"
}

test_tmpfs() {
	volume_image bb
	expect 0 in_bb --tmpfs /data:size=1m,mode=1770,noexec bb sh -c 'mount | busybox grep " /data "; cat /data/file'
	matches "$OUT" 'nosuid,nodev,noexec.*size=1024k'
	contains "$OUT" from-the-image
	expect 0 in_bb --mount type=tmpfs,dst=/data,notmpcopyup,tmpfs-mode=700 bb sh -c 'ls /data; stat -c %a /data'
	is "$OUT" 700
	expect 0 in_bb -u 5:6 --mount type=tmpfs,dst=/t,U=true,notmpcopyup bb stat -c %u:%g /t
	is "$OUT" 5:6
	expect 0 in_bb --mount type=ramfs,dst=/r --mount type=devpts,dst=/p bb sh -c 'mount | busybox grep -E " /(r|p) "'
	contains "$OUT" "type ramfs"
	contains "$OUT" "type devpts"
	expect 1 in_bb --tmpfs /t:ro bb touch /t/x
}

test_overlays_keep_the_source() {
	volume_image bb
	mkdir -p host up work
	chmod 750 host
	echo one >host/file
	expect 0 ctr run --name c --network=none -v ./host:/h:O bb sh -c 'ls /h; echo two >/h/file; touch /h/new; stat -c %a /h'
	is "$OUT" $'file\n750'
	is "$(cat host/file)$(ls host)" onefile
	# what was written is gone at the next start, and goes with the container
	expect 0 ctr start -a c
	is "$OUT" $'file\n750'
	expect 0 ctr rm c
	expect 0 in_bb -v "./host:/h:O,upperdir=$PWD/up,workdir=$PWD/work" bb touch /h/new
	[ -e up/new ] || fail "the upper directory is another"
	expect 0 in_bb -v "./host:/h:O,upperdir=$PWD/up,workdir=$PWD/work" bb ls /h
	is "$OUT" $'file\nnew'
	expect 0 ctr volume create v
	expect 0 in_bb -v v:/data bb true
	expect 0 in_bb -v v:/data:O bb sh -c 'touch /data/x; ls /data'
	contains "$OUT" x
	expect 0 in_bb -v v:/data bb ls /data
	is "$OUT" $'file\nsub'
	expect 125 in_bb -v ./host:/h:O,upperdir=/u bb true
	contains "$ERR" "must specify both upperdir and workdir"
}

test_U_gives_the_files_to_the_user() {
	volume_image bb
	mkdir -p host/sub
	ln -s /etc/passwd host/link
	expect 0 in_bb -u 3:4 -v ./host:/h:U bb sh -c 'stat -c %u:%g /h /h/sub /h/link'
	is "$OUT" $'3:4\n3:4\n3:4'
	expect 0 in_bb -v v:/v bb touch /v/x
	expect 0 in_bb -u 3:4 --mount type=volume,src=v,dst=/v,U bb stat -c %u:%g /v/x
	is "$OUT" 3:4
	expect 0 in_bb -v ./host:/h:U bb true # so that they can be removed
	expect 125 in_bb -u 3 -v /etc/hostname:/h:U bb true
	contains "$ERR" "failed to chown recursively host path /etc/hostname"
}

test_images_as_mounts() {
	volume_image bb
	volume_image other
	expect 0 in_bb --mount type=image,src=other,dst=/i bb cat /i/data/file
	is "$OUT" from-the-image
	expect 1 in_bb --mount type=image,src=other,dst=/i bb touch /i/x
	expect 0 ctr run --name c --network=none --mount type=image,src=other,dst=/i,rw=true bb sh -c 'ls /i/tmp; touch /i/tmp/x'
	is "$OUT" ""
	expect 0 ctr start -a c
	is "$OUT" "" "what was written is forgotten"
	expect 0 in_bb --mount type=image,src=other,dst=/i,subpath=/data/sub/.. bb cat /i/file
	is "$OUT" from-the-image
	expect 0 in_bb --mount type=image,src=other,dst=/i,subpath=data/file bb cat /i
	is "$OUT" from-the-image
	expect 125 in_bb --mount type=image,src=other,dst=/i,subpath=nope bb true
	contains "$ERR" "subpath /nope"
	# its layers stay as long as a container wants them
	expect 2 ctr rmi other
	expect 0 ctr rm c
	expect 0 ctr rmi other
}

test_subpath_of_a_volume() {
	volume_image bb
	expect 0 in_bb -v v:/data bb mkdir -p /data/a/b
	expect 0 in_bb --mount type=volume,src=v,dst=/s,subpath=a bb ls /s
	is "$OUT" b
	expect 0 in_bb --mount type=volume,src=v,dst=/s,volume-subpath=file,ro bb cat /s
	is "$OUT" from-the-image
	expect 125 in_bb --mount type=volume,src=v,dst=/s,subpath=nope bb true
	contains "$ERR" "subpath /nope"
}

test_glob() {
	volume_image bb
	mkdir -p g1 g2 h
	echo 1 >g1/file
	expect 0 ctr run --name c --network=none --mount "type=glob,src=./g*,dst=/glob,ro" bb sh -c 'ls /glob; cat /glob/g1/file; touch /glob/g1/x || echo no'
	is "$OUT" $'g1\ng2\n1\nno'
	expect 0 ctr inspect c -f '{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{end}}'
	is "$OUT" "bind $PWD/g1 /glob/g1 bind $PWD/g2 /glob/g2 "
	rmdir g2
	expect 125 ctr start c
	contains "$ERR" "statfs $PWD/g2"
}

test_user_mounts_win() {
	volume_image bb
	echo mine >file
	mkdir dev
	expect 0 in_bb -v ./file:/etc/hosts -v ./file:/etc/hostname -v ./file:/etc/resolv.conf bb cat /etc/hosts /etc/hostname /etc/resolv.conf
	is "$OUT" $'mine\nmine\nmine'
	expect 0 in_bb --tmpfs /dev/shm:size=1m bb sh -c 'mount | busybox grep -c " /dev/shm "; mount | busybox grep " /dev/shm "'
	matches "$OUT" '^1
.*size=1024k'
	expect 0 in_bb --tmpfs /run bb ls -A /run
	is "$OUT" ""
	expect 0 in_bb -v a:/a -v b:/a/b bb sh -c 'touch /a/b/x; busybox grep -cE " /a(/b)? " /proc/self/mountinfo'
	is "$OUT" 2
}

test_rootfs() {
	mkdir -p root/bin root/etc
	cp "$(command -v busybox)" root/bin/busybox
	ln -s busybox root/bin/sh
	expect 0 in_bb --rootfs root:O sh -c 'busybox touch /new; busybox ls -d /new; busybox id -u'
	is "$OUT" $'/new\n0'
	is "$(ls root)" $'bin\netc' "the directory"
	expect 0 ctr run --name c --network=none --rootfs "$PWD/root" sh -c 'busybox touch /new; busybox cat /etc/hostname'
	is "$OUT" "$(ctr inspect c -f '{{.Config.Hostname}}')"
	[ -e root/new ] || fail "it is not in the directory"
	expect 0 ctr inspect c -f '{{.Rootfs}}'
	is "$OUT" "$PWD/root"
	expect 0 ctr start -a c
	expect 0 ctr rm c
	[ -e root/bin/busybox ] || fail "rm removed the directory"
	expect 125 in_bb --rootfs nope sh
	contains "$ERR" "nope"
	expect 125 in_bb --rootfs root:idmap sh
	contains "$ERR" "id-mapped root filesystems are not supported"
	expect 127 in_bb --rootfs root:O nope
}

# Mounts in containers whose ids are others.
test_volumes_with_keep_id() {
	volume_image bb
	expect 0 in_bb --userns=keep-id -v v:/v bb sh -c 'touch /v/x; stat -c %u /v /v/x'
	is "$OUT" "$(id -u)"$'\n'"$(id -u)"
	is "$(stat -c %u "$GRAPHROOT/volumes/v/_data/x")" "$(id -u)"
	expect 0 in_bb --userns=keep-id -u 0 -v w:/data bb cat /data/file
	is "$OUT" from-the-image
	mkdir host
	expect 0 in_bb --userns=keep-id -u 0 -v ./host:/h:U bb stat -c %u /h
	is "$OUT" 0
	expect 0 in_bb -v ./host:/h:U bb true
	expect 0 in_bb --userns=keep-id -v ./host:/h:O bb touch /h/x
	is "$(ls host)" ""
}
