# `run --explain`: what would run, by the same way as a run, and where each part of it comes from.
#: timeout=120

# The configuration without what is another one each time: IDs and names of volumes.
plain() { # ID
	jq -S . | sed -e "s/$1/ID/g" -e "s/${1:0:12}/SHORT/g" -e 's#volumes/[0-9a-f]\{64\}#volumes/VOL#g'
}

# Where the element comes from.
origin() { jq -r --arg s "$1" --arg n "${2-}" '[.elements[] | select(.Section == $s and .Name == $n)][0].Origin' <<<"$OUT"; }

# Explain and really run with the same options: one configuration, each part of it explained, nothing more.
same_as_run() {
	local id real explained
	expect 0 ctr run --explain=json "$@"
	explained=$OUT
	id=$(jq -r '.config.mounts[] | select(.source | endswith("/.containerenv")) | .source | split("/")[-2]' <<<"$explained")
	[ -n "$id" ] || id=$(jq -r .config.hostname <<<"$explained")
	expect 0 ctr run -d --name real "$@"
	real=$(cat "$(ctr inspect -f '{{.OCIConfigPath}}' real)")
	is "$(jq .config <<<"$explained" | plain "$id")" "$(plain "$OUT" <<<"$real")" "config.json with $*"
	expect 0 ctr rm -f -t 0 -v real
	is "$(jq -c '[.elements[] | select(.Origin == "?") | [.Section, .Name]]' <<<"$explained")" "[]" "unexplained with $*"
	OUT=$explained
	jq -e '
		def names(s): [.elements[] | select(.Section == s) | .Name] | sort;
		def same(s; want): if names(s) == (want | sort) then true else error("\(s): \(names(s)) but \(want)") end;
		same("mounts"; [.config.mounts[].destination])
		and same("linux.namespaces"; [.config.linux.namespaces[].type])
		and same("process.capabilities"; .config.process.capabilities.bounding)
		and same("process.rlimits"; [.config.process.rlimits[].type])
		and same("process.env"; [.config.process.env[] | split("=")[0]])
		and same("linux.maskedPaths"; .config.linux.maskedPaths)
		and same("linux.readonlyPaths"; .config.linux.readonlyPaths)
		and same("linux.sysctl"; [.config.linux.sysctl // {} | keys[]])
		and same("linux.devices"; [.config.linux.devices // [] | .[].path])
		and same("annotations"; [.config.annotations // {} | keys[]])
		and same("linux.seccomp"; [.config.linux | select(has("seccomp")) | ""])
		and same("process.args"; [""]) and same("process.cwd"; [""]) and same("process.user.uid"; [""])
	' <<<"$explained" >/dev/null || fail "elements with $*"
}

test_explained_is_what_runs() {
	pull alpine
	mkdir -p "$T/w/src"
	local n=--network=none
	same_as_run $n alpine sleep 100
	is "$(origin mounts /proc)" default
	is "$(origin process.args)" arguments
	is "$(origin linux.namespaces network)" "--network=none"
	matches "$(origin linux.seccomp)" '^default: '
	same_as_run $n -v "$T/w/src:/x:ro" --mount type=tmpfs,dst=/m --tmpfs /y:size=1m -v /anon alpine sleep 100
	is "$(origin mounts /x)" "--volume $T/w/src:/x:ro"
	is "$(origin mounts /m)" "--mount type=tmpfs,dst=/m"
	is "$(origin mounts /anon)" "--volume /anon"
	same_as_run $n --cap-add NET_ADMIN --cap-drop chown --ulimit nofile=5:6 --sysctl net.ipv4.ip_forward=1 -e A=b \
		--security-opt mask=/etc/passwd --security-opt unmask=/proc/keys --security-opt no-new-privileges alpine sleep 100
	is "$(origin process.capabilities CAP_NET_ADMIN)" "--cap-add NET_ADMIN"
	is "$(origin process.capabilities CAP_KILL)" default
	is "$(origin process.capabilities CAP_CHOWN)" null
	is "$(origin process.rlimits RLIMIT_NOFILE)" "--ulimit nofile=5:6"
	is "$(origin linux.sysctl net.ipv4.ip_forward)" "--sysctl net.ipv4.ip_forward=1"
	is "$(origin process.env A)" "--env A=b"
	is "$(origin process.env HOME)" "default: the user's home in /etc/passwd"
	is "$(origin linux.maskedPaths /etc/passwd)" "--security-opt mask=/etc/passwd"
	is "$(origin linux.maskedPaths /proc/keys)" null
	is "$(origin process.noNewPrivileges)" "--security-opt no-new-privileges"
	same_as_run $n --privileged --read-only --device /dev/null:/dev/x --shm-size 1m --hostname h --umask 027 alpine sleep 100
	is "$(origin process.capabilities CAP_SYS_ADMIN)" "--privileged"
	is "$(origin mounts /tmp)" "--read-only, --read-only-tmpfs"
	is "$(origin mounts /dev/x)" "--device /dev/null:/dev/x"
	is "$(origin mounts /dev/shm)" "--shm-size 1048576"
	is "$(origin linux.seccomp)" null
	is "$(origin hostname)" "--hostname h"
	is "$(origin process.user.umask)" "--umask 027"
	same_as_run $n --pid host --ipc host --uts host --cgroupns host alpine sleep 100
	is "$(origin linux.namespaces pid)" null
	is "$(origin "shared namespaces" pid)" "--pid=host"
	is "$(origin mounts /proc)" "--pid=host"
	same_as_run --network=host --user 77:88 -w /etc --annotation a=b --domainname d --personality LINUX32 alpine sleep 100
	is "$(origin process.user.uid)" "--user 77:88"
	is "$(origin "added lines" /etc/passwd)" "default: the user is not in the image (--passwd)"
	is "$(origin mounts /sys)" "--network=host"
	same_as_run $n --userns keep-id --security-opt seccomp=unconfined --security-opt proc-opts=hidepid=2 alpine sleep 100
	is "$(origin linux.namespaces user)" "--userns=keep-id"
	contains "$(origin mounts /proc)" "proc-opts=hidepid=2"
	! command -v catatonit >/dev/null || { same_as_run $n --init alpine sleep 100; is "$(origin mounts /run/podman-init)" --init; }
}

root_test_explained_is_what_runs_as_root() {
	pull alpine
	same_as_run --network=none --device /dev/null:/dev/x alpine sleep 100
	is "$(origin linux.devices /dev/x)" "--device /dev/null:/dev/x"
	is "$(origin "user ids" 0)" null
}

test_what_comes_from_the_image() {
	pull alpine
	mkdir tree
	"$TESTS/hostile/evil-image" "$GRAPHROOT/images" docker.io/library/alpine:latest localhost/img:latest '{"Env": ["FROM=image"],
		"Volumes": {"/data": {}}, "User": "7", "WorkingDir": "/etc", "Entrypoint": ["/bin/sleep"], "Cmd": ["100"]}' tree
	same_as_run --network=none img
	is "$(origin process.env FROM)" "image: Env"
	is "$(origin mounts /data)" "image: Volumes"
	is "$(origin process.user.uid)" "image: User"
	is "$(origin process.cwd)" "image: WorkingDir"
	is "$(origin process.args)" "image: Entrypoint, image: Cmd"
	expect 0 ctr run --explain=json --network=none --env-file /dev/null -e FROM=me --entrypoint /bin/echo img x
	is "$(origin process.env FROM)" "--env FROM=me"
	is "$(origin process.args)" "--entrypoint, arguments"
}

test_limits_are_explained() {
	pull alpine
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || {
		expect 125 ctr run --explain --memory 100m alpine true
		contains "$ERR" memory
		return 0
	}
	expect 0 ctr run --explain=json --network=none --memory 100m alpine true
	is "$(jq -c '[.elements[] | select(.Origin == "?") | [.Section, .Name]]' <<<"$OUT")" "[]"
}

test_nothing_is_made() {
	local before port
	pull alpine
	expect 0 ctr run --rm alpine true
	wait_for 10 sh -c "[ -z \"\$(ls -A '$GRAPHROOT/tmp')\" ]" # its monitor has tidied up
	before=$(find "$GRAPHROOT" "$RUNROOT" | sort)
	expect 0 ctr run --explain --name x --cidfile "$T/w/cid" -v /anon -p 8080:80 alpine touch /tmp/x
	contains "$OUT" "published ports"
	contains "$OUT" "--publish"
	contains "$OUT" "/etc/resolv.conf"
	expect 0 ctr create --explain --userns auto --network=none alpine true
	is "$(find "$GRAPHROOT" "$RUNROOT" | sort)" "$before" "the store"
	[ ! -e "$T/w/cid" ] || fail "the ID file was written"
	# What a run refuses is refused here, and an image that is not there is not pulled.
	expect 125 ctr run --explain --cap-add NONSENSE alpine true
	contains "$ERR" NONSENSE
	expect 125 ctr run --explain busybox true
	is "$(ctr images -q | wc -l)" 1
	expect 125 ctr run --explain=yaml alpine true
	contains "$ERR" "text or json"
}
