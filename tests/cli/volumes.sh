# Volumes and the commands about them.  The names, words and exit codes are podman's, measured.

. "$TESTS/cli/volumes-lib.sh"

#: fast
test_create_and_ls() {
	expect 0 ctr volume create data --label app=db -l tier
	is "$OUT" data
	expect 125 ctr volume create data
	contains "$ERR" "volume with name data already exists: volume already exists"
	expect 0 ctr volume create --ignore data
	is "$OUT" data
	expect 0 ctr volume create
	matches "$OUT" '^[0-9a-f]{64}$'
	local made_up=$OUT
	expect 0 ctr volume ls
	is "$(head -n 2 <<<"$OUT")" "DRIVER      VOLUME NAME
local       data"
	expect 0 ctr volume list -q
	is "$OUT" "data
$made_up" "names, oldest first"
	expect 0 ctr volume ls -n --filter label=app=db
	is "$OUT" "local       data"
	expect 0 ctr volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}} {{.Anonymous}} {{.UID}}' --filter name=dat
	is "$OUT" "data local local map[app:db tier:] false 0"
	expect 0 ctr volume ls --format json --filter label=tier
	python3 -c 'import json, sys; v, = json.loads(sys.argv[1]); assert v["Name"] == "data" and v["Labels"] == {"app": "db", "tier": ""} and v["Options"] == {}, v' "$OUT"
	expect 125 ctr volume ls --filter bogus=1
	contains "$ERR" '"bogus" is an invalid volume filter'
	expect 125 ctr volume create bad/name
	contains "$ERR" "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"
	expect 0 ctr volume rm -a
	expect 0 ctr volume ls
	is "$OUT" "" "no volumes, no headings"
}

test_filters() {
	expect 0 ctr volume create --label a=1 one
	expect 0 ctr volume create --label a=2 -o type=tmpfs two
	expect 0 ctr volume create three
	expect 0 ctr volume ls -q --filter label=a
	is "$OUT" $'one\ntwo'
	expect 0 ctr volume ls -q --filter label!=a
	is "$OUT" three
	expect 0 ctr volume ls -q --filter opt=type=tmpfs
	is "$OUT" two
	expect 0 ctr volume ls -q --filter since=one --filter driver=local --filter scope=local
	is "$OUT" $'two\nthree'
	expect 0 ctr volume ls -q --filter until=10m
	is "$OUT" ""
	expect 0 ctr volume ls -q --filter after=two
	is "$OUT" three
	expect 125 ctr volume ls -q --filter since=nope
	contains "$ERR" "no such volume nope"
	expect 125 ctr volume ls -q --filter dangling=maybe
}

#: fast
test_inspect_and_exists() {
	expect 0 ctr volume create data
	expect 0 ctr volume inspect data
	python3 - "$OUT" "$GRAPHROOT" <<-'PY'
		import json, sys
		v, = json.loads(sys.argv[1])
		assert list(v)[:7] == ["Name", "Driver", "Mountpoint", "CreatedAt", "Labels", "Scope", "Options"], list(v)
		assert v["Mountpoint"] == sys.argv[2] + "/volumes/data/_data", v
		assert v["NeedsCopyUp"] and v["NeedsChown"] and v["MountCount"] == 0, v
	PY
	expect 0 ctr volume inspect -f '{{.Mountpoint}} {{.Labels}} {{.Options}}' dat
	is "$OUT" "$GRAPHROOT/volumes/data/_data map[] map[]"
	[ -d "$GRAPHROOT/volumes/data/_data" ] || fail "it is not there"
	expect 0 ctr volume create datb
	expect 125 ctr volume inspect dat
	contains "$ERR" "more than one"
	expect 0 ctr volume inspect --all -f '{{.Name}}'
	is "$OUT" $'data\ndatb'
	expect 125 ctr volume inspect nope data
	contains "$ERR" "no such volume nope"
	contains "$OUT" '"Name": "data"'
	expect 125 ctr volume inspect
	contains "$ERR" "provide one or more volume names or use --all"
	expect 0 ctr volume exists data
	expect 1 ctr volume exists nope
	is "$OUT$ERR" ""
	expect 0 ctr volume mount data
	is "$OUT" "$GRAPHROOT/volumes/data/_data"
	expect 0 ctr volume unmount data
	expect 0 ctr volume reload
}

test_rm_and_its_exit_codes() {
	volume_image bb
	expect 0 ctr volume create a
	expect 0 ctr volume create b
	expect 1 ctr volume rm nope a
	is "$OUT" a
	contains "$ERR" 'no volume with name "nope" found: no such volume'
	expect 125 ctr volume rm
	contains "$ERR" "choose either one or more volumes or all"
	expect 0 ctr create --name c -v b:/b bb true
	local id=$OUT
	expect 2 ctr volume rm b
	contains "$ERR" "volume b is being used by the following container(s): $id: volume is being used"
	expect 0 ctr volume exists b
	expect 0 ctr volume rm -f b nope
	is "$OUT" b
	is_gone c
	expect 125 ctr volume rm -t 1 b
	contains "$ERR" "--force option must be specified"
}

test_prune_takes_what_no_container_uses() {
	volume_image bb /data
	expect 0 ctr create --name c -v used:/u bb true
	expect 0 ctr volume create --label keep=no free
	expect 0 ctr volume create free2
	run sh -c 'ctr-lite volume prune </dev/null'
	is "$STATUS" 125
	contains "$OUT" "WARNING! This will remove all volumes not used by at least one container. The following volumes will be removed:
free
free2
Are you sure you want to continue? [y/N]"
	contains "$ERR" "Error: EOF"
	run sh -c 'echo n | ctr-lite volume prune'
	is "$STATUS" 0
	expect 0 ctr volume exists free
	expect 0 ctr volume prune -f --filter label=keep
	is "$OUT" free
	run sh -c 'echo y | ctr-lite volume prune'
	is "$(tail -n 1 <<<"$OUT" | sed 's/.* //')" free2
	run sh -c 'ctr-lite volume prune </dev/null'
	is "$STATUS" 0
	contains "$OUT" "No dangling volumes found"
	expect 0 ctr volume ls -q --filter dangling=false
	contains "$OUT" used
	is "$(wc -l <<<"$OUT")" 2 "volumes in use"
	expect 0 ctr rm c
	# rm keeps the anonymous one, which prune then takes as well
	expect 0 ctr volume prune -f --all
	is "$(wc -l <<<"$OUT")" 2
	expect 0 ctr volume ls
	is "$OUT" ""
}

test_first_use_makes_fills_and_owns_a_volume() {
	volume_image bb
	expect 0 in_bb -v v:/data bb sh -c 'cat /data/file; stat -c "%u:%g %a" /data /data/file; echo mine >/data/mine'
	is "$OUT" "from-the-image
5:6 750
5:6 644"
	expect 0 in_bb -v v:/data bb ls /data
	is "$OUT" $'file\nmine\nsub'
	# elsewhere, and in no directory of the image: the user of the container has it
	expect 0 in_bb -v v:/other:ro bb cat /other/mine
	expect 0 in_bb -u 77:78 -v u:/new bb stat -c '%u:%g %a' /new
	is "$OUT" "77:78 755"
	expect 0 in_bb -u 1:1 -v u:/new bb stat -c '%u:%g' /new
	is "$OUT" "77:78" "the owner stays"
	expect 0 in_bb -v n:/data:nocopy bb ls -a /data
	is "$OUT" $'.\n..'
	expect 0 ctr volume create -o nocopy m
	expect 0 in_bb -v m:/data bb ls /data
	is "$OUT" ""
	# what is there is kept, and an emptied volume stays empty
	expect 0 in_bb -v v:/data bb sh -c 'rm -r /data/*'
	expect 0 in_bb -v v:/data bb ls /data
	is "$OUT" ""
	expect 1 in_bb -v v:/data:ro bb touch /data/x
	expect 0 ctr volume inspect v -f '{{.NeedsCopyUp}} {{.NeedsChown}}'
	is "$OUT" "false false"
}

test_options_of_the_local_driver() {
	volume_image bb
	mkdir host
	echo hosts >host/file
	expect 0 ctr volume create -o type=none -o device="$PWD/host" -o o=bind b
	expect 0 in_bb -v b:/b bb sh -c 'cat /b/file; touch /b/new'
	is "$OUT" hosts
	[ -e host/new ] || fail "it went elsewhere"
	expect 0 ctr volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,mode=700,uid=5 t
	expect 0 in_bb -v t:/t bb sh -c 'mount | busybox grep " /t "; stat -c "%u %a" /t; touch /t/x'
	matches "$OUT" 'tmpfs on /t type tmpfs \(.*size=1024k'
	contains "$OUT" "5 700"
	expect 0 in_bb -v t:/t bb ls /t
	is "$OUT" "" "a tmpfs forgets"
	expect 0 ctr volume inspect t -f '{{.Options}} {{.UID}}'
	is "$OUT" "map[SIZE:1m UID:5 device:tmpfs o:size=1m,mode=700,uid=5 type:tmpfs] 5"
	expect 0 ctr run -d --name holds --network=none -v t:/t bb sleep 1000
	expect 125 in_bb -v t:/t bb true
	contains "$ERR" "it cannot be shared"
	expect 0 ctr volume create -o o=uid=7,gid=8 o
	expect 0 in_bb -u 1 -v o:/o bb stat -c %u:%g /o
	is "$OUT" 7:8
	expect 0 in_bb -v o:/data bb sh -c 'stat -c %u:%g /data; cat /data/file'
	is "$OUT" $'7:8\nfrom-the-image' "an owner that was asked for"
	expect 0 ctr volume create --uid 3 --gid 4 p
	expect 0 in_bb -v p:/p bb stat -c %u:%g /p
	is "$OUT" 3:4
	expect 125 ctr volume create -o o=size=1m x
	contains "$ERR" "volume options size and inodes not supported"
	expect 125 ctr volume create -o foo=bar x
	contains "$ERR" "invalid mount option foo for driver 'local'"
	expect 125 ctr volume create -o type=nfs -o device=h:/x x
	contains "$ERR" 'volume type "nfs" is not supported'
	expect 125 ctr volume create -d image -o image=bb x
	contains "$ERR" "--mount type=image"
	expect 125 ctr volume create -d plugin x
	contains "$ERR" "no volume plugin"
	expect 125 ctr volume create -o type=none -o device=relative -o o=bind x
	expect 125 ctr volume create -o o=uid=4294967295 x
	expect 125 ctr volume create -o device=/x x
	expect 0 ctr volume ls -q --filter name=x
	is "$OUT" "" "nothing was made"
}

test_anonymous_volumes_and_their_end() {
	volume_image bb /data
	expect 0 in_bb -v /anon bb true
	wait_for 5 sh -c '[ -z "$(ctr-lite volume ls -q)" ]'
	expect 0 ctr create --name c -v /anon -v named:/n bb true
	expect 0 ctr volume ls -q --filter anonymous=true
	is "$(wc -l <<<"$OUT")" 2
	expect 0 ctr rm c
	expect 0 ctr volume ls -q
	is "$(wc -l <<<"$OUT")" 3 "rm keeps them"
	expect 0 ctr volume prune -f --filter all=false
	expect 0 ctr volume ls -q
	is "$OUT" named "docker's word for only those without a name"
	expect 0 ctr create --name c -v /anon -v named:/n bb true
	expect 0 ctr rm -v c
	expect 0 ctr volume ls -q
	is "$OUT" named "rm -v takes those without a name"
}

test_image_volume() {
	volume_image bb /data
	expect 0 in_bb --image-volume=ignore bb sh -c 'mount | busybox grep -c " /data " || cat /data/file'
	is "$OUT" $'0\nfrom-the-image'
	expect 0 in_bb --image-volume=tmpfs bb sh -c 'mount | busybox grep " /data "; cat /data/file'
	matches "$OUT" 'tmpfs on /data type tmpfs'
	contains "$OUT" from-the-image
	expect 0 in_bb --image-volume=tmpfs -v named:/data bb true
	for mode in anonymous bind; do
		expect 0 in_bb --image-volume=$mode bb sh -c 'mount | busybox grep " /data "'
		matches "$OUT" 'nosuid,nodev'
	done
	expect 125 in_bb --image-volume=nope bb true
	contains "$ERR" "expected anonymous, bind, tmpfs or ignore"
}

test_volumes_from() {
	volume_image bb /data
	mkdir host
	expect 0 ctr create --name a -v "$PWD/host:/h" -v n:/n:ro -v /anon --tmpfs /t bb true
	expect 0 in_bb --volumes-from a bb sh -c 'touch /h/x /anon/y /data/z; mount | busybox grep -c " /t "; touch /n/x || echo read-only'
	contains "$OUT" read-only
	contains "$ERR" "Unable to match volume /t"
	[ -e host/x ] || fail "the directory of the host"
	expect 0 in_bb --volumes-from a -v other:/n bb sh -c 'touch /n/x; ls /anon /data'
	contains "$OUT" y
	contains "$OUT" z
	expect 1 in_bb --volumes-from a:ro bb touch /h/y
	expect 125 in_bb --volumes-from nope bb true
	contains "$ERR" 'looking up container "nope" for volumes-from'
	expect 125 in_bb --volumes-from a:bogus bb true
	contains "$ERR" "the options are ro or rw, and z"
	# A volume without a name stays as long as another container has it.
	expect 0 ctr create --name b --volumes-from a bb true
	expect 0 ctr inspect b -f '{{.HostConfig.VolumesFrom}} {{len .Mounts}}'
	is "$OUT" "[a] 4"
	expect 0 ctr rm -v a
	expect 0 ctr start -a b
	expect 0 ctr volume ls -q --filter anonymous=true
	is "$(wc -l <<<"$OUT")" 2
}

# A --rm container ends while another has its volume by --volumes-from.
test_the_end_of_a_container_leaves_shared_volumes() {
	volume_image bb
	expect 0 ctr run -d --rm --name a --network=none -v /anon bb sh -c 'echo kept >/anon/file; sleep 1000'
	wait_for 5 sh -c 'ctr-lite exec a cat /anon/file'
	expect 0 ctr create --name b --volumes-from a bb cat /anon/file
	expect 0 ctr stop -t 0 a
	wait_for 5 is_gone a
	expect 0 ctr start -a b
	is "$OUT" kept
}

test_events() {
	expect 0 ctr volume create one
	expect 0 ctr volume create two
	expect 0 ctr volume rm one
	expect 0 ctr volume prune -f
	expect 0 ctr events --stream=false --since 1m --filter type=volume --format '{{.Status}} {{.Name}}'
	is "$OUT" $'create one\ncreate two\nremove one\nremove two\nprune two'
}

test_inspect_mounts() {
	volume_image bb /data
	mkdir host
	expect 0 ctr create --name c -v n:/n:ro -v "$PWD/host:/h:ro,bind,rslave" --mount type=image,src=bb,dst=/i --tmpfs /t:size=1m bb true
	expect 0 ctr inspect c --format '{{range .Mounts}}{{.Type}} {{.Destination}} {{.Driver}} {{json .Options}} {{.RW}} {{.Propagation}}
{{end}}'
	is "$OUT" "volume /data local [\"nodev\",\"exec\",\"nosuid\",\"rbind\"] true rprivate
volume /n local [\"nosuid\",\"nodev\",\"rbind\"] false rprivate
image /i  null false 
bind /h  [\"bind\"] false rslave"
	expect 0 ctr inspect c --format '{{(index .Mounts 1).Source}} {{(index .Mounts 1).Name}}'
	is "$OUT" "$GRAPHROOT/volumes/n/_data n"
	expect 0 ctr inspect c --format '{{range .Mounts}}{{.Name}}|{{end}}'
	matches "$OUT" '^[0-9a-f]{64}[|]n[|][|][|]$'
	expect 0 ctr ps -a --format '{{.Mounts}}'
	is "$OUT" "[/h /t /data /n /i]"
	expect 0 ctr inspect c --format '{{json .HostConfig.Tmpfs}}'
	is "$OUT" '{"/t":"rprivate,rw,nosuid,nodev,size=1048576,tmpcopyup"}'
	expect 0 ctr inspect c --format '{{index .HostConfig.Binds 2}}'
	is "$OUT" "$PWD/host:/h:ro,rslave,bind"
}

test_export_and_import() {
	volume_image bb
	expect 0 in_bb -v v:/data bb sh -c 'ln -s /etc/passwd /data/link; touch -d 2001-02-03 /data/file; chown 7:8 /data/file; chmod 4711 /data/file'
	expect 0 ctr volume export -o v.tar v
	tar -tvf v.tar >list
	contains "$(cat list)" "link -> /etc/passwd"
	matches "$(cat list)" '-rws--x--x 7/8 .* 2001-02-03 .* (\./)?file'
	expect 0 ctr volume create w
	expect 0 ctr volume import w v.tar
	expect 0 in_bb -v v:/v:nocopy -v w:/w:nocopy bb sh -c 'cd /v; for i in link file sub; do stat -c "%n %a %u %g %Y %s" $i; done >/tmp/v
		cd /w; for i in link file sub; do stat -c "%n %a %u %g %Y %s" $i; done >/tmp/w; busybox diff /tmp/v /tmp/w && cat /w/file'
	is "$OUT" from-the-image
	ctr volume export v | gzip >v.tar.gz
	expect 0 ctr volume create x
	run sh -c 'ctr-lite volume import x - <v.tar.gz'
	is "$STATUS$ERR" 0
	expect 0 in_bb -v x:/data bb cat /data/file
	is "$OUT" from-the-image
	expect 125 ctr volume export nope
	contains "$ERR" "no such volume nope"
	expect 125 ctr volume import nope v.tar
	contains "$ERR" "no such volume nope"
	expect 125 ctr volume import w missing.tar
	contains "$ERR" "open missing.tar"
	expect 125 ctr volume import w list
	contains "$ERR" "import into volume w"
	tty_start "$(command -v ctr-lite) volume export v; echo status \$?; sleep 5"
	tty_wait 'status 125'
	tty_wait 'cannot write to a terminal'
}
