# How command lines are read: options, arguments, help, mistakes and their messages and statuses.

see() { printf "Error: %s\nSee 'ctr-lite %s --help'" "$1" "$2"; }

#: fast
test_mistakes_are_reported_as_podman_does() {
	expect 125 ctr run --foo
	is "$ERR" "$(see 'unknown flag: --foo' run)"
	is "$OUT" ""
	expect 125 ctr ps -Zq
	is "$ERR" "$(see "unknown shorthand flag: 'Z' in -Zq" ps)"
	expect 125 ctr ps --last=x
	is "$ERR" "$(see 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax' ps)"
	expect 125 ctr ps -n
	is "$ERR" "$(see "flag needs an argument: 'n' in -n" ps)"
	expect 125 command ctr-lite --foo ps
	is "$ERR" "$(printf "Error: unknown flag: --foo\nSee 'ctr-lite --help'")"
	expect 125 ctr ps foo
	is "$ERR" 'Error: `ctr-lite ps` takes no arguments'
	expect 125 ctr images a b
	is "$ERR" "Error: accepts at most 1 arg(s), received 2"
	expect 125 ctr tag
	is "$ERR" "Error: requires at least 2 arg(s), only received 0"
	expect 125 ctr rmi
	is "$ERR" "Error: image name or ID must be specified"
	expect 125 ctr inspect
	is "$ERR" "Error: no names or ids specified"
}

#: fast
test_unknown_commands_suggest_known_ones() {
	expect 125 ctr pss
	contains "$ERR" 'Error: unrecognized command `ctr-lite pss`'
	contains "$ERR" "Did you mean this?"
	matches "$ERR" $'\tps\n'
	contains "$ERR" "Try 'ctr-lite --help' for more information"
	expect 125 ctr image foo
	contains "$ERR" 'Error: unrecognized command `ctr-lite image foo`'
	expect 125 ctr $'a\e[31m'
	lacks "$ERR" $'\e' "message about a command with an escape sequence"
}

#: fast
test_no_command_prints_help_and_fails() {
	expect 125 command ctr-lite
	contains "$OUT" "Available Commands:"
	is "$ERR" "Error: missing command 'ctr-lite COMMAND'"
	expect 125 ctr image
	contains "$OUT" "  inspect "
	is "$ERR" "Error: missing command 'ctr-lite image COMMAND'"
}

#: fast
test_help_is_a_result() {
	local words
	expect 0 ctr --help
	contains "$OUT" "  run         Run a command in a new container"
	lacks "$OUT" __complete
	lacks "$OUT" connection "help of what is refused"
	expect 0 ctr help run
	words=$OUT
	expect 0 ctr run --help
	is "$OUT" "$words" "run --help against help run"
	contains "$OUT" "  ctr-lite run [options] IMAGE"
	is "$ERR" ""
	# -h is the host's name where a container is made, and help elsewhere
	expect 0 ctr ps -h
	contains "$OUT" "Usage:"
	expect 125 ctr run -h
	contains "$ERR" "flag needs an argument: 'h' in -h"
	expect 0 ctr --version
	matches "$OUT" '^ctr-lite version [0-9]+\.[0-9]+\.[0-9]+$'
	expect 125 ctr help nosuch
}

#: fast
test_global_options_stand_before_and_after_the_command() {
	expect 0 ctr --log-level=error images -q
	expect 0 ctr images -q --log-level error
	expect 0 command ctr-lite images -q --root "$T/w/r" --runroot "$T/w/rr"
	[ -d "$T/w/r/images" ] || fail "--root behind the command was ignored"
	expect 125 ctr --log-level loud ps
	contains "$ERR" 'Log Level "loud" is not supported, choose from: trace, debug, info, warn'
	expect 125 ctr --storage-driver vfs ps
	contains "$ERR" "--storage-driver \"vfs\" is not supported"
	expect 0 ctr --storage-driver overlay ps
	expect 125 ctr --cgroup-manager none ps
	expect 125 ctr --remote ps
	contains "$ERR" "--remote is not supported yet: ctr-lite works on this machine only"
	expect 0 ctr --remote=false ps
	rm -rf "$T/w/r" "$T/w/rr"
}

#: fast
test_results_that_do_not_get_out_are_failures() {
	local status=0
	ctr version >/dev/full 2>"$T/w/err" || status=$?
	is "$status" 125 "status on a full device"
	contains "$(cat "$T/w/err")" "No space left on device"
	( { ctr images --help; echo "$?" >"$T/w/status"; } 2>/dev/null | true ) || true
	matches "$(cat "$T/w/status")" '^(0|141)$' "status when nobody reads"
	expect 0 sh -c 'ctr-lite version >&-'
}

#: fast
test_every_command_has_help_and_a_manual_page() {
	local page command
	ctr-lite __man >"$T/w/pages"
	while IFS=$'\t' read -r page command; do
		# shellcheck disable=SC2086
		ctr-lite __man ${command:-ctr-lite} >"$T/w/$page.1"
		if command -v man >/dev/null; then
			expect 0 env MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$T/w/$page.1"
			is "$ERR" "" "what man says of $page"
		fi
		[ -z "$command" ] || expect 0 ctr-lite $command --help
	done <"$T/w/pages"
	[ "$(wc -l <"$T/w/pages")" -ge 40 ] || fail "too few pages"
}

#: fast
test_global_options_between_a_group_and_its_command() {
	expect 0 ctr container --log-level error ls -q
	is "$OUT$ERR" ""
	expect 125 ctr container --log-level nonsense ls
	contains "$ERR" '"nonsense"'
	expect 125 ctr container --log-level error no-such-command
	contains "$ERR" "unrecognized command \`ctr-lite container no-such-command\`"
	expect 125 ctr container --log-level
	expect 125 ctr container --log-level error
	contains "$ERR" "missing command"
}
