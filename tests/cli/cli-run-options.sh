# Options of run and create that concern neither limits, nor namespaces, nor mounts.

bb() { # NAME [OPTION OF IMPORT...]
	local name=$1
	shift
	mkdir -p "$T/w/root/bin" "$T/w/root/etc"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for i in sh cat env sleep true mount ls nc init; do ln -sf busybox "$T/w/root/bin/$i"; done
	printf '9.9.9.9 of-the-image\n' >"$T/w/root/etc/hosts"
	printf 'image-host\n' >"$T/w/root/etc/hostname"
	tar -C "$T/w/root" -c . | ctr import -q "$@" - "$name" >/dev/null
}
field() { ctr inspect -f "$2" "$1"; }

test_expose_and_publish_all() {
	bb bb -c 'EXPOSE 80 53/udp'
	expect 0 ctr create --name c --network none --expose 90-91 --expose 7/udp bb true
	is "$(field c '{{range $p, $_ := .Config.ExposedPorts}}{{$p}} {{end}}')" "53/udp 7/udp 80/tcp 90/tcp 91/tcp "
	is "$(field c '{{.HostConfig.PublishAllPorts}} {{json .HostConfig.PortBindings}}')" "false {}"
	port=$(free_port)
	expect 0 ctr create --name p -P -p "$port:80" --expose 90 bb true
	is "$(field p '{{.HostConfig.PublishAllPorts}}')" true
	is "$(field p '{{range $p, $b := .HostConfig.PortBindings}}{{$p}} {{end}}')" "53/udp 80/tcp 90/tcp "
	is "$(field p '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}')" "$port" "the port that was said"
	for bad in x 0 65536 90-80 80/icmp -1; do
		expect 125 ctr create --expose="$bad" bb true
		contains "$ERR" "expose"
	done
}

test_label_files() {
	bb bb -c 'LABEL a=image b=image'
	printf '# comment\n\na=file\n  c=file = x\nd\n' >labels
	expect 0 ctr create --name c --network none --label-file labels --label c=option bb true
	is "$(field c '{{.Config.Labels.a}}|{{.Config.Labels.b}}|{{.Config.Labels.c}}|{{.Config.Labels.d}}')" \
		"file|image|option|"
	expect 125 ctr create --label-file nope bb true
	contains "$ERR" "open nope"
	printf '=x\n' >labels
	expect 125 ctr create --label-file labels bb true
	contains "$ERR" "invalid label format: =x"
}

test_env_merge() {
	bb bb -c 'ENV A=image P=/bin'
	expect 0 ctr run --rm --network none --env-merge 'B=${A}-x' --env-merge 'PATH=$P:/y' \
		--env-merge 'C=\$A$NOPE.' -e B2=two bb env
	contains $'\n'"$OUT"$'\n' $'\nB=image-x\n'
	contains $'\n'"$OUT"$'\n' $'\nPATH=/bin:/y\n'
	contains $'\n'"$OUT"$'\n' $'\nC=$A.\n'
	expect 125 ctr run --rm --env-merge B bb env
	contains "$ERR" "--env-merge B: expected KEY=VALUE"
}

test_hosts_file_and_hostname() {
	bb bb
	printf '1.2.3.4 mine\n' >hosts
	expect 0 ctr run --rm --network none --hosts-file hosts bb cat /etc/hosts
	contains "$OUT" $'1.2.3.4\tmine'
	expect 0 ctr run --rm --network none --hosts-file image --add-host x:5.6.7.8 bb cat /etc/hosts
	contains "$OUT" $'9.9.9.9\tof-the-image'
	is "$(head -1 <<<"$OUT")" $'5.6.7.8\tx'
	expect 0 ctr run --rm --network none --hosts-file none bb cat /etc/hosts
	lacks "$OUT" of-the-image
	contains "$OUT" localhost
	expect 0 ctr run --rm --network none --no-hosts bb cat /etc/hosts
	is "$OUT" "9.9.9.9 of-the-image"
	expect 0 ctr run --rm --network none --no-hostname bb cat /etc/hostname
	is "$OUT" image-host
	expect 125 ctr run --rm --no-hosts --hosts-file hosts bb true
	is "$ERR" "Error: --no-hosts and --hosts-file cannot be set together"
	expect 125 ctr run --rm --no-hosts --add-host a:1.2.3.4 bb true
	is "$ERR" "Error: --no-hosts and --add-host cannot be set together"
	expect 125 ctr run --rm --hosts-file nope bb true
	contains "$ERR" "--hosts-file"
}

test_pid_files() {
	bb bb
	expect 0 ctr run -d --name c --network none --pidfile pid --conmon-pidfile mpid bb sleep 100
	is "$(cat pid)" "$(field c '{{.State.Pid}}')"
	is "$(cat mpid)" "$(field c '{{.State.ConmonPid}}')"
	is "$(field c '{{.PidFile}} {{.ConmonPidFile}}')" "$PWD/pid $PWD/mpid"
	ctr stop -t 0 c >/dev/null
	rm pid
	(cd / && ctr start c >/dev/null)
	is "$(cat pid)" "$(field c '{{.State.Pid}}')" "after another start from elsewhere"
}

test_rmi() {
	bb one
	expect 0 ctr run --rmi --network none one true
	expect 1 ctr image exists one
	is "$(ctr ps -aq)" ""
	bb one
	ctr tag one other
	expect 0 ctr run --rmi --network none other true
	expect 1 ctr image exists other
	expect 0 ctr image exists one
	ctr create --name c one true >/dev/null
	expect 3 ctr run --rmi --network none one sh -c 'exit 3'
	contains "$ERR" "the image stays"
	expect 0 ctr image exists one
	expect 125 ctr run -d --rmi one true
	contains "$ERR" "--rmi with --detach is not supported yet"
	expect 125 ctr run --rm=false --rmi one true
	contains "$ERR" "does not work without --rm"
}

test_systemd() {
	bb bb
	expect 0 ctr run --rm --network none --systemd always bb sh -c 'mount; env'
	for d in /run /run/lock /tmp /var/log/journal; do contains "$OUT" "tmpfs on $d type tmpfs"; done
	matches "$OUT" 'container_uuid=[0-9a-f]{32}'
	expect 0 ctr run --rm --network none bb sh -c 'mount; env'
	lacks "$OUT" "on /tmp type"
	lacks "$OUT" container_uuid
	stop_signal() { ctr create --network none "$@" >/dev/null && field "$(ctr ps -lq)" '{{.Config.StopSignal}}'; }
	is "$(stop_signal bb /sbin/init)" SIGRTMIN+3
	is "$(stop_signal bb /usr/lib/systemd/systemd)" SIGRTMIN+3
	is "$(stop_signal --systemd=false bb /sbin/init)" SIGTERM
	is "$(stop_signal --stop-signal INT bb /sbin/init)" SIGINT
	expect 125 ctr create --systemd maybe bb true
	contains "$ERR" "must be true, false or always"
}

test_sdnotify() {
	bb bb
	python3 - "$T/w/sock" >"$T/w/got" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(20)
		for i in range(3): print(s.recv(4096).decode().replace("\n", ","), flush=True)
	END
	wait_for 5 test -S "$T/w/sock"
	export NOTIFY_SOCKET=$T/w/sock
	expect 0 ctr run -d --name c --network none --sdnotify conmon bb sleep 100
	pid=$(field c '{{.State.ConmonPid}}')
	expect 0 ctr run -d --name d --network none bb sh -c 'echo $NOTIFY_SOCKET; sleep 100'
	pid2=$(field d '{{.State.ConmonPid}}')
	wait_for 5 sh -c 'ctr-lite logs d | grep -q /run/notify/notify.sock'
	# what the container would do
	expect 0 ctr exec d sh -c 'test -S /run/notify/notify.sock'
	expect 0 ctr run --rm --network none --sdnotify ignore bb sh -c 'echo "<$NOTIFY_SOCKET>"'
	is "$OUT" "<>"
	python3 -c 'import os,socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"end", os.environ["NOTIFY_SOCKET"])'
	wait
	is "$(cat "$T/w/got")" "MAINPID=$pid,READY=1"$'\n'"MAINPID=$pid2"$'\nend'
	expect 125 ctr run --rm --sdnotify nope bb true
	contains "$ERR" "invalid sdnotify value"
}

#: fast
test_what_needs_another_network() {
	bb bb
	for o in --ip=1.2.3.4 --ip6=::5 --mac-address=92:d0:c6:0a:29:33; do
		expect 125 ctr run --rm "$o" bb true
		is "$ERR" "Error: invalid config provided: networks and static ip/mac address can only be used with Bridge mode networking"
	done
	expect 125 ctr run --rm --network-alias x bb true
	contains "$ERR" "can only be used with Bridge mode networking"
	for o in --link=x --chrootdirs=/x --decryption-key=x --gpus=all; do
		expect 125 ctr run --rm "$o" bb true
		contains "$ERR" "not supported yet"
	done
}

#: fast
test_credentials_stay_out_of_the_record() {
	bb bb
	expect 0 ctr create --name c --network none --creds user:vErYsEcReT bb true
	expect 0 ctr inspect c
	lacks "$OUT" vErYsEcReT
	expect 125 ctr create --creds nocolon bb true
	contains "$ERR" "USER:PASSWORD is expected"
}
