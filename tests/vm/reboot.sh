# What a reboot in the middle leaves.

#: reboot
test_containers_after_a_reboot() {
	expect 0 ctr run -d --name sleeper --stop-timeout 2 --network=none alpine sleep 1000
	expect 0 ctr create --name created --network=none alpine true
	expect 7 ctr run --name ended --network=none alpine sh -c 'exit 7'
	is "$(ctr ps -q --filter name=sleeper --filter name=created --filter name=ended | wc -l)" 1
}

after_reboot_test_containers_after_a_reboot() {
	is "$(ctr ps --format '{{.Names}}' | grep -Ex 'sleeper|created|ended' || :)" "" "containers that run"
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}' sleeper)" "exited 137 0"
	is "$(ctr inspect -f '{{.State.Status}}' created)" created
	is "$(ctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' ended)" "exited 7"
	expect 0 ctr start -a created
	expect 0 ctr start sleeper
	is "$(ctr inspect -f '{{.State.Status}}' sleeper)" running
	expect 0 ctr rm -f -t 0 sleeper created ended
	is "$(ctr ps -a --format '{{.Names}}' | grep -Ex 'sleeper|created|ended' || :)" ""
}
