# Containers with a restart policy, across a reboot of the guest with the user's unit enabled.

#: reboot
test_containers_with_a_policy_run_after_a_reboot() {
	expect 0 systemctl --user enable ctr-lite-restart
	expect 0 ctr run -d --name always --restart=always --stop-timeout 2 --network=none alpine sleep 1000
	expect 0 ctr run -d --name unless --restart=unless-stopped --stop-timeout 2 --network=none alpine sleep 1000
	expect 0 ctr run -d --name stopped --restart=unless-stopped --network=none alpine sleep 1000
	expect 0 ctr run -d --name plain --stop-timeout 2 --network=none alpine sleep 1000
	expect 0 ctr run -d --name failing --restart=always --network=none alpine sh -c 'sleep 1; exit 3'
	expect 0 ctr stop -t 0 stopped
}

after_reboot_test_containers_with_a_policy_run_after_a_reboot() {
	wait_for 60 systemctl --user is-active --quiet ctr-lite-restart
	is "$(ctr ps --format '{{.Names}}' | grep -v failing | sort | xargs)" "always unless" \
		"what runs after the reboot"
	is "$(ctr inspect -f '{{.State.Status}}' stopped plain | xargs)" "exited exited"
	wait_for 60 sh -c '[ "$(ctr-lite inspect -f "{{.RestartCount}}" failing)" -gt 0 ]'
	expect 0 ctr rm -f -t 0 always unless stopped plain failing
	expect 0 systemctl --user disable --now ctr-lite-restart
}
