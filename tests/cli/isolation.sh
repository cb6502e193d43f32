# What options give a container's process, and what they do not.

status_of() { # KEY [OPTIONS...]: the line of /proc/self/status
	local key=$1
	shift
	ctr run --rm --network=none "$@" alpine sed -n "s/^$key:[[:space:]]*//p" /proc/self/status
}

test_another_user_has_no_capabilities_not_even_privileged() {
	pull alpine
	is "$(status_of CapEff --privileged --user 1000:1000)" 0000000000000000
	is "$(status_of CapAmb --privileged --user 1000:1000)" 0000000000000000
	is "$(status_of CapEff --user 1000:1000)" 0000000000000000
	# What is asked for by name stays: bit 12
	is "$(status_of CapEff --user 1000:1000 --cap-add NET_ADMIN)" 0000000000001000
	expect 0 ctr create --name d --network=none --user 1000:1000 --cap-add NET_ADMIN alpine true
	is "$(ctr inspect -f '{{.EffectiveCaps}} {{len .BoundingCaps}}' d)" "[CAP_NET_ADMIN] 12"
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	is "$(ctr exec --privileged --user 1000 c grep CapEff /proc/self/status)" $'CapEff:\t0000000000000000'
	matches "$(ctr exec --privileged c grep CapEff /proc/self/status)" '000001f[0-9a-f]{9}$'
}

# A root that lacks a capability gives its privileged containers what it has.
root_test_privileged_by_a_root_that_lacks_a_capability() {
	pull alpine
	is "$(setpriv --bounding-set -sys_nice --inh-caps -sys_nice \
		"$(command -v ctr-lite)" "${CTR_GLOBAL[@]}" run --rm --network=none --privileged alpine \
		sed -n 's/^CapBnd:.*\(.......\)$/\1/p' /proc/self/status | tail -c 8)" \
		"$(setpriv --bounding-set -sys_nice sed -n 's/^CapBnd:.*\(.......\)$/\1/p' /proc/self/status)"
	run setpriv --bounding-set -sys_nice --inh-caps -sys_nice "$(command -v ctr-lite)" "${CTR_GLOBAL[@]}" \
		run --rm --network=none --cap-add SYS_NICE alpine true
	is "$STATUS" 125
	contains "$ERR" "CAP_SYS_NICE cannot be had"
}

test_the_primary_group_is_one_of_the_groups() {
	pull alpine
	is "$(status_of Groups --user 1000:1234)" "1234 "
	is "$(status_of Groups --user 1000:1234 --group-add 5)" "5 1234 "
	is "$(status_of Groups)" "0 2 10 "
}

test_exec_has_the_limits_of_run() {
	pull alpine
	expect 0 ctr run -d --name c --network=none --ulimit nofile=100:200 --ulimit core=0 alpine sleep 1000
	is "$(ctr exec c sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c')" $'100\n200\n0'
}

test_tmpfs_has_the_mode_asked_for() {
	pull alpine
	is "$(ctr run --rm --network=none --tmpfs /new --tmpfs /newer:mode=1750 --tmpfs /root --tmpfs /srv:mode=711,uid=3 \
		alpine stat -c '%a %u' /new /newer /root /srv)" $'1777 0\n1750 0\n700 0\n711 3'
	expect 0 ctr run --rm --network=none --tmpfs /t alpine sh -c 'cp /bin/busybox /t/ls; /t/ls /t'
	is "$OUT" ls
	expect 126 ctr run --rm --network=none --tmpfs /t:noexec --entrypoint '["/bin/sh","-c"]' alpine \
		'cp /bin/busybox /t/ls; /t/ls /t'
}

test_read_only_goes_for_what_the_engine_adds() {
	pull alpine
	expect 0 ctr run --rm --network=none --read-only alpine sh -c \
		'for f in /etc/hosts /etc/hostname /etc/resolv.conf; do [ -e $f ] && (echo x >>$f) 2>/dev/null && echo $f; done; :'
	is "$OUT" ""
	expect 0 ctr run --rm --network=none alpine sh -c 'echo 1.2.3.4 more >>/etc/hosts; tail -n 1 /etc/hosts'
	is "$OUT" "1.2.3.4 more"
}

test_on_the_network_of_the_host_the_name_is_the_hosts() {
	pull alpine
	is "$(ctr run --rm --network=host alpine uname -n)" "$(uname -n)"
	is "$(ctr run --rm --network=host alpine sh -c 'echo $HOSTNAME')" "$(uname -n)"
	is "$(ctr run --rm --network=host --hostname other alpine uname -n)" other
	matches "$(ctr run --rm --network=none alpine uname -n)" '^[0-9a-f]{12}$'
}

test_containerenv_tells_only_the_privileged() {
	pull alpine
	is "$(ctr run --rm --network=none alpine cat /run/.containerenv)" ""
	expect 0 ctr run --rm --network=none --privileged --name c alpine cat /run/.containerenv
	contains "$OUT" 'engine="ctr-lite-'
	contains "$OUT" 'name="c"'
	contains "$OUT" 'rootless=1'
}
