# Files and variables that the engine makes for a container: what they say, and that mounts of the
# user's win over them.

bb() {
	mkdir -p "$T/w/root/bin" "$T/w/root/etc" "$T/w/root/run"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for i in sh cat env sleep true ls grep mount date; do ln -sf busybox "$T/w/root/bin/$i"; done
	printf 'root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n' >"$T/w/root/etc/passwd"
	printf 'root:x:0:\nu:x:1000:\n' >"$T/w/root/etc/group"
	printf '9.9.9.9 of-the-image\n' >"$T/w/root/etc/hosts"
	printf 'nameserver 9.9.9.9\n' >"$T/w/root/etc/resolv.conf"
	tar -C "$T/w/root" -c . | ctr import -q "$@" - bb >/dev/null
}
in_bb() { ctr run --rm --network none "$@"; }

test_hosts() {
	bb
	expect 0 in_bb -h foo --name nm --add-host 'a;b:1.2.3.4' --add-host c:5.6.7.8 bb cat /etc/hosts
	is "$(head -n 2 <<<"$OUT")" $'1.2.3.4\ta b\n5.6.7.8\tc' "the user's first"
	is "$(tail -n 1 <<<"$OUT")" $'127.0.0.1\tfoo nm' "the container's names last"
	is "$(grep -c 'localhost' <<<"$OUT")" "$(grep -c localhost /etc/hosts)" "lines of the host"
	# on the host's network the host has a name, and none where another is given to it
	expect 0 ctr run --rm --network host bb cat /etc/hosts
	matches "$OUT" $'[0-9.:a-f]+\thost.containers.internal host.docker.internal'
	expect 0 ctr run --rm --network host --add-host host.docker.internal:1.2.3.4 bb cat /etc/hosts
	contains "$OUT" $'1.2.3.4\thost.docker.internal'
	is "$(grep -c host.docker.internal <<<"$OUT")" 1
	expect 0 ctr run --rm --network host --add-host gw:host-gateway bb cat /etc/hosts
	is "$(sed -n 's/\tgw$//p' <<<"$OUT")" "$(sed -n 's/\thost.containers.internal .*//p' <<<"$OUT")"
	expect 0 in_bb --no-hosts bb cat /etc/hosts
	is "$OUT" "9.9.9.9 of-the-image"
	for bad in a a: :1.2.3.4 a:b 'a b:1.2.3.4'; do
		expect 125 in_bb --add-host "$bad" bb true
		contains "$ERR" "add-host"
	done
}

test_resolv_conf() {
	bb
	net() { expect 0 ctr run --rm --network host "$@" bb cat /etc/resolv.conf; }
	net --dns 1.1.1.1 --dns ::5 --dns-search x.y --dns-option ndots:3 --dns-opt edns0
	is "$OUT" $'search x.y\nnameserver 1.1.1.1\nnameserver ::5\noptions ndots:3 edns0'
	net --dns 1.1.1.1 --dns-search .
	lacks "$OUT" search
	net --dns none
	is "$OUT" "nameserver 9.9.9.9" "the image's"
	expect 0 in_bb bb cat /etc/resolv.conf
	is "$OUT" "nameserver 9.9.9.9" "the image's, without a network"
	for o in --dns=1.1.1.1 --dns-search=x --dns-option=x; do
		expect 125 in_bb "$o" bb true
		matches "$ERR" "^Error: conflicting options: dns(-search|-option)? and the network mode: none$"
	done
	expect 125 ctr run --rm --dns nonsense bb true
	contains "$ERR" nonsense
}

test_containerenv() {
	bb
	expect 0 in_bb bb cat /run/.containerenv
	is "$OUT" ""
	expect 0 in_bb --privileged --name nm bb cat /run/.containerenv
	is "$(cut -d= -f1 <<<"$OUT" | xargs)" "engine name id image imageid rootless"
	contains "$OUT" 'name="nm"'
	contains "$OUT" 'image="localhost/bb:latest"'
	expect 0 in_bb --tmpfs /run bb ls -a /run
	lacks "$OUT" .containerenv
}

test_variables() {
	bb -c 'ENV I=image PATH=/bin:/x'
	expect 0 in_bb -h foo bb env
	is "$(grep -v '^I=' <<<"$OUT" | sort | xargs)" "HOME=/root HOSTNAME=foo PATH=/bin:/x container=podman"
	expect 0 in_bb -t bb env
	contains "$OUT" TERM=xterm
	expect 0 in_bb -u u bb sh -c 'echo $HOME'
	is "$OUT" /home/u
	expect 0 in_bb -u 77 bb sh -c 'echo $HOME'
	is "$OUT" /
	# each source wins over those before it
	printf 'F=file\nI=file\n' >file
	export I=host F=host http_proxy=http://proxy:1 H=host
	expect 0 in_bb --env-host --env-file file -e I=option -e '' -e 'H' -e NOT_SET bb env
	contains $'\n'"$OUT"$'\n' $'\nI=option\n'
	contains $'\n'"$OUT"$'\n' $'\nF=file\n'
	contains $'\n'"$OUT"$'\n' $'\nH=host\n'
	lacks "$OUT" NOT_SET
	expect 0 in_bb bb env
	contains $'\n'"$OUT"$'\n' $'\nI=image\n'
	contains "$OUT" http_proxy=http://proxy:1
	expect 0 in_bb --http-proxy=false bb env
	lacks "$OUT" http_proxy
	expect 0 in_bb --unsetenv I --unsetenv PATH bb /bin/env
	lacks "$OUT" I=image
	expect 125 in_bb -e =x bb env
	contains "$ERR" "it has no name"
	unset I F H http_proxy
	# exec has no HOSTNAME of its own
	expect 0 ctr run -d --name c --network none -e K=v bb sleep 100
	expect 0 ctr exec c env
	lacks "$OUT" HOSTNAME
	contains "$OUT" K=v
}

test_time_zone() {
	bb
	expect 0 in_bb --tz local bb sh -c 'cat /etc/localtime'
	cmp -s <(ctr run --rm --network none --tz local bb cat /etc/localtime) /etc/localtime || fail "not the host's"
	if [ -e /usr/share/zoneinfo/Asia/Tokyo ]; then
		expect 0 in_bb --tz Asia/Tokyo bb date +%Z
		is "$OUT" JST
	fi
	for bad in Nowhere/Land ../../etc/passwd /etc/passwd; do
		expect 125 in_bb --tz "$bad" bb true
		contains "$ERR" "--tz $bad"
	done
}

test_accounts() {
	bb
	expect 0 in_bb -u 1234 bb sh -c 'tail -n 1 /etc/passwd 2>/dev/null || cat /etc/passwd'
	contains "$OUT" "1234:*:1234:0:container user:/:/bin/sh"
	expect 0 in_bb -u 1234:77 bb cat /etc/group
	contains "$OUT" 77
	expect 0 in_bb -u 1234 --passwd=false bb cat /etc/passwd
	lacks "$OUT" 1234
	expect 0 in_bb -u 1234 --passwd-entry 'me:x:$UID:$GID:it is me:$HOME:/bin/sh' bb cat /etc/passwd
	contains "$OUT" "me:x:1234:0:it is me:/:/bin/sh"
	expect 0 in_bb bb cat /etc/passwd
	is "$OUT" "$(cat "$T/w/root/etc/passwd")" "nothing is added for who is there"
}

test_mounts_of_the_user_win() {
	bb
	echo mine >mine
	for f in /etc/hosts /etc/hostname /etc/localtime /run/.containerenv; do
		expect 0 in_bb --tz local -v ./mine:$f bb cat $f
		is "$OUT" mine "$f"
	done
	expect 0 ctr run --rm --network host -v ./mine:/etc/resolv.conf bb cat /etc/resolv.conf
	is "$OUT" mine /etc/resolv.conf
	expect 0 in_bb -u 1234 -v ./mine:/etc/passwd bb cat /etc/passwd
	is "$OUT" mine /etc/passwd
	is "$(cat mine)" mine
	mkdir etc; echo all-mine >etc/hosts
	expect 0 ctr run --rm --network host -v ./etc:/etc bb sh -c 'cat /etc/hosts; ls /etc'
	is "$OUT" $'all-mine\nhosts'
	is "$(ls etc)" hosts "what is below a mount on /etc"
	# generated files of a read-only container are read-only too
	expect 1 in_bb --read-only bb sh -c 'echo x >>/etc/hosts'
	expect 0 in_bb bb sh -c 'echo x >>/etc/hosts'
}
