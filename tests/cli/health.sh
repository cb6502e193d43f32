# Health checks: run by the monitor, without systemd.

box() { # OPTION...
	pull alpine
	expect 0 ctr run -d --name c --network=none "$@" alpine sleep 1000
}

# The check succeeds as long as /tmp/bad is not there.
CHECK='test ! -e /tmp/bad || { echo it is bad; exit 3; }'

health() { ctr inspect -f '{{.State.Health.Status}}' c; }
health_is() { [ "$(health)" = "$1" ]; }
healthy_names() { ctr ps -a --filter "health=$1" --format '{{.Names}}'; }
spoil() { expect 0 ctr exec --no-session c touch /tmp/bad; }
runs() { [ "$(ctr inspect -f '{{len .State.Health.Log}}' c)" -ge "$1" ]; }

#: fast
test_the_first_check_is_at_once_and_all_see_its_result() {
	box --health-cmd "$CHECK"
	wait_for 5 health_is healthy
	matches "$(ctr ps --format '{{.Status}}')" '^Up .* \(healthy\)$'
	is "$(healthy_names healthy)" c
	is "$(healthy_names starting)" ""
	is "$(healthy_names none)" ""
	expect 0 ctr inspect -f '{{.State.Health.FailingStreak}} {{len .State.Health.Log}} {{(index .State.Health.Log 0).ExitCode}}' c
	is "$OUT" "0 1 0"
	is "$(ctr inspect -f '{{.State.Healthcheck.Status}}' c)" healthy
	is "$(ctr inspect c | jq -r '.[0].State.Health.Log[0] | keys_unsorted | join(" ")')" "Start End ExitCode Output"
	expect 0 ctr events --stream=false --filter event=health_status --format '{{.HealthStatus}} {{.Name}}'
	is "$OUT" "healthy c"
	is "$(ctr inspect -f '{{len .ExecIDs}}' c)" 0
}

test_it_is_unhealthy_after_so_many_failures_and_recovers() {
	box --health-cmd "$CHECK" --health-interval 200ms --health-retries 2
	wait_for 5 health_is healthy
	spoil
	wait_for 5 health_is unhealthy
	matches "$(ctr ps --format '{{.Status}}')" '\(unhealthy\)$'
	is "$(healthy_names unhealthy)" c
	expect 0 ctr inspect c
	jq -e '.[0].State.Health | .FailingStreak >= 2 and (.Log[-1] | .ExitCode == 3 and .Output == "it is bad\n")' <<<"$OUT"
	# The first of the two failures was not enough.
	expect 0 ctr events --stream=false --filter event=health_status --format '{{.HealthStatus}}'
	is "$(uniq <<<"$OUT")" $'healthy\nunhealthy'
	expect 0 ctr exec c rm /tmp/bad
	wait_for 5 health_is healthy
	is "$(ctr inspect -f '{{.State.Health.FailingStreak}}' c)" 0
}

test_healthcheck_run() {
	box --health-cmd "$CHECK" --health-interval disable
	is "$(health)" starting
	expect 0 ctr healthcheck run c
	is "$OUT$ERR" ""
	is "$(health)" healthy
	spoil
	expect 1 ctr healthcheck run c
	is "$OUT" unhealthy
	is "$ERR" ""
	is "$(health)" healthy "one failure of three"
	expect 0 ctr healthcheck run --ignore-result c
	expect 1 ctr healthcheck run c
	is "$(health)" unhealthy
	expect 0 ctr stop -t 0 c
	expect 125 ctr healthcheck run c
	contains "$ERR" "is not running"
	is "$(health)" unhealthy "of a stopped container"
	expect 125 ctr healthcheck run no-such-container
	expect 0 ctr start c
	is "$(health)" starting "of a container started again"
	expect 0 ctr run -d --name plain --network=none alpine sleep 1000
	expect 125 ctr healthcheck run plain
	contains "$ERR" "has no defined healthcheck"
	is "$(ctr inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' plain)" none
	is "$(healthy_names none)" plain
}

test_commands_of_each_kind() {
	local cmd
	pull alpine
	for cmd in '["CMD","test","-e","/bin/sh"]' '["test","-e","/bin/sh"]' 'CMD test -e /bin/sh' 'CMD-SHELL test -e /bin/sh && true' \
		'["test -e /bin/sh && true"]'; do
		expect 0 ctr run -d --name c --network=none --health-cmd "$cmd" --health-interval disable alpine sleep 1000
		expect 0 ctr healthcheck run c
		expect 0 ctr rm -f -t 0 c
	done
	expect 0 ctr run -d --name c --network=none --health-cmd '["no-such-program"," x"]' --health-interval disable alpine sleep 1000
	expect 1 ctr healthcheck run c
	contains "$(ctr inspect -f '{{(index .State.Health.Log 0).Output}}' c)" "no-such-program"
	expect 125 ctr create --health-cmd x --health-interval often alpine
	contains "$ERR" "invalid healthcheck-interval"
	expect 125 ctr create --health-cmd x --health-retries 0 alpine
	expect 125 ctr create --health-cmd x --no-healthcheck alpine
	expect 125 ctr create --health-cmd x --health-on-failure explode alpine
	expect 125 ctr create --health-on-failure kill alpine
}

test_failures_do_not_count_in_the_start_period() {
	box --health-cmd "$CHECK; test -e /tmp/ready" --health-interval 30s --health-start-interval 100ms \
		--health-start-period 1h --health-retries 1
	wait_for 5 runs 3
	is "$(health)" starting
	is "$(ctr inspect -f '{{.State.Health.FailingStreak}}' c)" 0
	matches "$(ctr ps --format '{{.Status}}')" '\(starting\)$'
	expect 0 ctr exec c touch /tmp/ready
	wait_for 5 health_is healthy
}

test_a_check_that_hangs_is_killed_with_all_it_started() {
	local begun=$SECONDS
	box --health-cmd 'echo begun; sleep 777 & sleep 777; true' --health-interval disable --health-timeout 300ms --health-retries 1
	expect 1 ctr healthcheck run c
	is "$OUT" unhealthy
	[ $((SECONDS - begun)) -lt 10 ] || fail "it took $((SECONDS - begun)) s"
	expect 0 ctr inspect c
	jq -e '.[0].State.Health.Log[0] | .ExitCode == -1 and (.Output | startswith("begun\nHealth check exceeded timeout (0.3s)"))' <<<"$OUT"
	expect 0 ctr exec c sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
	lacks "$OUT" 777
}

test_a_check_that_floods_is_bounded() {
	local i
	box --health-cmd 'yes flood | head -c 5000000; printf "\377\200"' --health-interval disable
	for i in 1 2 3 4 5 6 7; do
		expect 0 ctr healthcheck run c
	done
	expect 0 ctr inspect c
	jq -e '.[0].State.Health.Log | length == 5 and all(.Output | length == 500)' <<<"$OUT"
	expect 0 ctr rm -f -t 0 c
	mkdir "$T/w/logs"
	box --health-cmd 'echo 12345678; exit 1' --health-interval disable --health-max-log-count 2 --health-max-log-size 4 \
		--health-log-destination "$T/w/logs"
	for i in 1 2 3; do expect 1 ctr healthcheck run c; done
	expect 0 ctr inspect c
	jq -e '.[0].State.Health.Log | length == 2 and all(.Output == "1234")' <<<"$OUT"
	jq -e '.[0].Config | .HealthcheckMaxLogCount == 2 and .HealthcheckMaxLogSize == 4' <<<"$OUT"
	ls "$T/w/logs" | grep -qx '[0-9a-f]*-healthcheck.log' || fail "no log in the directory"
	expect 125 ctr create --health-cmd x --health-log-destination /no/such/dir alpine
}

test_output_of_no_known_encoding() {
	box --health-cmd 'printf "a\377\001\"b"' --health-interval disable
	expect 0 ctr healthcheck run c
	expect 0 ctr inspect c
	jq -e '.[0].State.Health.Log[0].Output == "a?\u0001\"b"' <<<"$OUT"
}

test_on_failure_kill() {
	box --health-cmd "$CHECK" --health-interval 100ms --health-retries 1 --health-on-failure kill
	wait_for 5 health_is healthy
	spoil
	expect 0 ctr wait c
	is "$OUT" 137
	is "$(health)" unhealthy
	is "$(ctr inspect -f '{{.Config.HealthcheckOnFailureAction}}' c)" kill
}

test_on_failure_stop() {
	pull alpine
	expect 0 ctr run -d --name c --network=none --health-cmd "$CHECK" --health-interval 100ms --health-retries 1 \
		--health-on-failure stop --restart always alpine sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
	wait_for 5 health_is healthy
	spoil
	expect 0 ctr wait c
	is "$OUT" 9
	is "$(ctr inspect -f '{{.State.Status}}' c)" exited
}

test_on_failure_restart() {
	local first
	box --health-cmd "$CHECK" --health-interval 100ms --health-retries 1 --health-on-failure restart --stop-timeout 0 --tmpfs /tmp
	wait_for 5 health_is healthy
	first=$(ctr inspect -f '{{.State.StartedAt}}' c)
	spoil
	wait_for 10 sh -c "[ \"\$(ctr-lite inspect -f '{{.State.Running}} {{.State.StartedAt}}' c)\" != 'true $first' ]"
	wait_for 10 health_is healthy
	is "$(ctr inspect -f '{{.State.Running}}' c)" true
}

test_startup_checks_come_first() {
	box --health-cmd 'test ! -e /tmp/bad' --health-interval 100ms --health-startup-cmd 'test -e /tmp/up' \
		--health-startup-interval 100ms --health-startup-success 2
	wait_for 5 runs 2
	is "$(health)" starting
	expect 0 ctr exec c touch /tmp/up
	wait_for 5 health_is healthy
	expect 0 ctr exec c rm /tmp/up
	spoil
	wait_for 5 health_is unhealthy
	expect 0 ctr inspect c
	jq -e '.[0].Config.StartupHealthCheck | .Test == ["CMD-SHELL","test -e /tmp/up"] and .Interval == 100000000 and .Successes == 2' <<<"$OUT"
	expect 125 ctr create --health-startup-cmd x alpine
}

test_startup_checks_restart_what_does_not_start() {
	local first
	box --health-cmd true --health-interval 100ms --health-startup-cmd 'test -e /data/up || { touch /data/up; false; }' \
		--health-startup-interval 100ms --health-startup-retries 1 --stop-timeout 0 -v /data
	first=$(ctr inspect -f '{{.State.StartedAt}}' c)
	wait_for 10 sh -c "[ \"\$(ctr-lite inspect -f '{{.State.Running}} {{.State.StartedAt}}' c)\" != 'true $first' ]"
	wait_for 10 health_is healthy
}

# A root filesystem of the static busybox, with a health check of its own.
import_checked() { # CHANGE
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/"
	for i in sh sleep test true; do ln -sf busybox "$T/w/root/bin/$i"; done
	tar -C "$T/w/root" -cf "$T/w/root.tar" .
	expect 0 ctr import -q -c "$1" "$T/w/root.tar" checked
}

test_the_check_of_an_image() {
	import_checked 'HEALTHCHECK --interval=7s --timeout=5s --start-period=2s --retries=4 CMD test -e /bin/sh'
	expect 0 ctr run -d --name c --network=none checked sleep 1000
	wait_for 5 health_is healthy
	expect 0 ctr inspect c
	jq -e '.[0].Config.Healthcheck == {"Test":["CMD-SHELL","test -e /bin/sh"],"StartPeriod":2000000000,"Interval":7000000000,"Timeout":5000000000,"Retries":4}' <<<"$OUT"
	expect 0 ctr rm -f -t 0 c
	expect 0 ctr create --name c --health-interval 9s checked sleep 1000
	expect 0 ctr inspect -f '{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck.Retries}}' c
	is "$OUT" "9s 4"
	for o in --no-healthcheck --health-cmd=none; do
		expect 0 ctr rm c
		expect 0 ctr create --name c "$o" checked sleep 1000
		expect 0 ctr start c
		is "$(ctr inspect -f '{{.Config.Healthcheck.Test}}' c)" "[NONE]"
		is "$(ctr inspect -f '{{.State.Health}}' c)" "<nil>"
		expect 125 ctr healthcheck run c
		expect 0 ctr stop -t 0 c
	done
}

test_update_changes_a_running_check() {
	box
	expect 0 ctr update --health-cmd "$CHECK" --health-interval 100ms --health-retries 1 c
	wait_for 5 health_is healthy
	spoil
	wait_for 5 health_is unhealthy
	expect 0 ctr update --health-interval 1h c
	expect 0 ctr update --health-cmd true c
	wait_for 5 health_is healthy
	is "$(ctr inspect -f '{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck.StartPeriod}}' c)" "1h0m0s 0s"
	expect 0 ctr update --no-healthcheck c
	is "$(ctr inspect -f '{{.State.Health}}' c)" "<nil>"
	expect 125 ctr healthcheck run c
	expect 125 ctr update --health-retries 0 --health-cmd true c
}

test_update_in_the_midst_of_a_check() {
	box --health-cmd 'sleep 1; false' --health-interval 1h --health-retries 1
	wait_for 5 pgrep -u "$(id -u)" -f 'healthcheck run --time[r]'
	expect 0 ctr update --health-cmd true c
	wait_for 5 health_is healthy
}

# A check under way does not hold up the end of its container, and leaves nothing behind.
test_the_end_comes_in_the_midst_of_a_check() {
	box --health-cmd 'sleep 1000' --rm
	wait_for 5 pgrep -u "$(id -u)" -f 'healthcheck run --time[r]'
	expect 0 ctr rm -f -t 0 c
	wait_for 5 sh -c "! pgrep -u $(id -u) -f 'healthcheck run --time[r]'"
}

test_wait_for_health() {
	box --health-cmd "$CHECK" --health-interval 100ms --health-retries 1
	expect 0 timeout 10 ctr-lite wait --interval 50ms --condition=healthy c
	is "$OUT" -1
	spoil
	expect 0 timeout 10 ctr-lite wait --interval 50ms --condition=unhealthy c
}
