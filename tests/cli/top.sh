# top: the processes of a container.

with_accounts() {
	mkdir -p "$T/w/root/etc"
	printf 'root:x:0:0::/:/bin/sh\nann:x:1000:1001::/:/bin/sh\n' >"$T/w/root/etc/passwd"
	printf 'root:x:0:\npeople:x:1001:\nmore:x:1002:ann\n' >"$T/w/root/etc/group"
	make_image
}
# Without the headings, blanks squeezed.
rows() { tail -n +2 <<<"$OUT" | tr -s ' '; }

#: fast
test_descriptors() {
	local pid
	with_accounts
	expect 0 ctr run -d --name up --network=none bb sh -c 'sleep 2000 & exec sleep 1000'
	pid=$(ctr inspect -f '{{.State.Pid}}' up)
	wait_for 5 sh -c "ctr-lite top up args | grep -q 2000"
	expect 0 ctr top up
	matches "$(head -n 1 <<<"$OUT")" \
		'^USER        PID         PPID        %CPU        ELAPSED +TTY         TIME        COMMAND$'
	matches "$(sed -n 2p <<<"$OUT")" '^root +1 +0 +[0-9.]+ +[0-9.]+m?s +\? +[0-9.ms]+ +sleep 1000$'
	matches "$(sed -n 3p <<<"$OUT")" '^root +2 +1 +[0-9.]+ +[0-9.]+m?s +\? +[0-9.ms]+ +sleep 2000$'
	expect 0 ctr top up pid,hpid comm huser
	is "$OUT" "PID         HPID        COMMAND     HUSER
1           $pid$(printf %$((12 - ${#pid}))s '')sleep       $(id -u)
2           $(ctr top up hpid | tail -n 1)$(printf %$((12 - ${#pid}))s '')sleep       $(id -u)"
	expect 0 ctr top -l %p,%a
	is "$(rows)" "1 sleep 1000
2 sleep 2000"
	expect 0 ctr top up capeff,capinh,capamb,seccomp,state,nice,pgid
	is "$(rows | head -n 1)" \
		"CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT none none filter S 0 1"
	expect 0 ctr top up vsz,rss,stime,label
	matches "$(rows | head -n 1)" '^[0-9]+ [0-9]+ 20[0-9-]+ [0-9:]+ [+-][0-9]{4} '
	expect 0 ctr top --list-descriptors
	is "$(wc -l <<<"$OUT")" 32
}

#: fast
test_names_are_the_containers() {
	with_accounts
	expect 0 ctr run -d --name ann -u ann --group-add more -t --network=none bb sleep 1000
	expect 0 ctr top ann user,uid,group,ruser,rgroup,tty,capeff
	is "$(rows)" "ann 1000 people ann people pts/0 none"
	expect 0 ctr top ann groups
	contains "$OUT" more
	expect 0 ctr run -d --name nobody -u 77:78 --network=none bb sleep 1000
	expect 0 ctr top nobody user,group
	is "$(rows)" "77 78"
	expect 0 ctr run -d --name auto --userns=auto --network=none bb sleep 1000
	expect 0 ctr top auto user,pid,args
	is "$(rows)" "root 1 sleep 1000"
}

#: fast
test_processes_of_the_host_are_not_shown() {
	with_accounts
	expect 0 ctr run -d --name ch --pid=host --network=none bb sleep 1000
	expect 0 ctr top ch ppid,args
	is "$(rows)" "0 sleep 1000"
	expect 0 ctr run -d --name own --network=none bb sleep 1000
	expect 0 ctr exec -d own sleep 3000
	expect 0 ctr top own ppid,args
	is "$(rows)" "0 sleep 1000
0 sleep 3000"
}

#: fast
test_options_of_ps() {
	with_accounts
	expect 0 ctr run -d --name up --network=none bb sleep 1000
	expect 0 ctr top up -eo pid,args
	is "$(tr -s ' ' <<<"$OUT" | head -n 2)" $' PID COMMAND\n 1 sleep 1000'
	lacks "$OUT" "ps -eo"
	lacks "$OUT" harness
	expect 0 ctr top up -ef
	is "$(wc -l <<<"$OUT")" 2
	expect 0 ctr top up aux
	contains "$OUT" "sleep 1000"
	expect 125 ctr top up nosuch
	matches "$ERR" '^Error: ps\(1\) failed with exit code 1: '
	is "$(wc -l <<<"$ERR")" 1
}

#: fast
test_refusals() {
	with_accounts
	expect 125 ctr top
	is "$ERR" "Error: you must provide the name or id of a running container"
	expect 125 ctr top nosuch
	is "$ERR" 'Error: unable to look up requested container: no container with name or ID "nosuch" found: no such container'
	expect 0 ctr create --name made bb true
	expect 125 ctr top made
	is "$ERR" "Error: top can only be used on running containers"
	expect 125 ctr top made -ef
	is "$ERR" "Error: top can only be used on running containers"
}

#: fast
test_control_bytes_are_shown() {
	with_accounts
	expect 0 ctr run -d --name evil --network=none bb sh -c $'sleep 1000; : \e[31m\tx'
	expect 0 ctr top evil args
	contains "$OUT" '\x1b[31m\x09x'
}
