# Help for people: suggestions, colours, manual pages, and questions before what cannot be undone.

#: fast
test_suggestions() {
	expect 125 ctr contianer
	is "$ERR" $'Error: unrecognized command `ctr-lite contianer`\n\nDid you mean this?\n\tcontainer\n\nTry \'ctr-lite --help\' for more information'
	expect 125 ctr container inspekt
	contains "$ERR" $'Did you mean this?\n\tinspect'
	expect 125 ctr ps --al
	is "$ERR" $'Error: unknown flag: --al\nDid you mean --all?\nSee \'ctr-lite ps --help\''
	expect 125 ctr run --hostnam=x image
	contains "$ERR" "Did you mean --hostname?"
	expect 125 ctr --loglevel=debug ps
	contains "$ERR" "Did you mean --log-level?"
	expect 125 ctr ps --nothing-like-it
	is "$ERR" $'Error: unknown flag: --nothing-like-it\nSee \'ctr-lite ps --help\''
}

#: fast
test_help_of_commands_in_groups() {
	expect 0 ctr help container inspect
	is "$OUT" "$(ctr container inspect --help)"
	expect 0 ctr help volume
	contains "$OUT" "Available Commands:"
	expect 0 ctr help run
	contains "$OUT" "Examples:"
	expect 125 ctr help nonsense
	contains "$ERR" nonsense
}

#: fast
test_colours_on_terminals_only() {
	esc=$(printf '\033')
	lacks "$(ctr ps --help)" "$esc" "help in a pipe"
	expect 0 script -qc "ctr-lite ps --help" /dev/null
	contains "$OUT" "${esc}[1mOptions:${esc}[0m"
	expect 0 script -qc "NO_COLOR=1 ctr-lite ps --help" /dev/null
	lacks "$OUT" "$esc" "help with NO_COLOR"
	expect 0 script -qc "TERM=dumb ctr-lite ps --help" /dev/null
	lacks "$OUT" "$esc" "help on a dumb terminal"
}

test_manual_pages() {
	command -v groff >/dev/null || skip "groff is not installed"
	mkdir pages
	while IFS=$'\t' read -r page command; do
		ctr __man ${command:-ctr-lite} >"pages/$page.1"
	done < <(ctr __man)
	is "$(groff -man -ww -Tutf8 -z pages/*.1 2>&1)" "" "what groff says"
	# every command but groups, and those that are refused as a whole, says how it is used
	is "$(grep -L -E '^.SH (EXAMPLES|COMMANDS)' pages/*.1 |
		grep -v -E 'checkpoint|restore|-help.1' || true)" "" "pages without examples"
}

test_dangerous_commands_ask() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/true"
	tar -C "$T/w/root" -c . | ctr import -q - bb >/dev/null
	for what in "container prune" "volume prune"; do
		ctr create --name c --network none bb true >/dev/null
		ctr volume create v >/dev/null
		expect 125 ctr $what
		contains "$OUT" "Are you sure you want to continue? [y/N] "
		contains "$OUT" "WARNING! This will remove all"
		contains "$ERR" EOF
		is "$(echo n | ctr $what | tail -c 2)" "] " "$what, no"
		is "$(ctr ps -aq | wc -l) $(ctr volume ls -q)" "1 v" "after no"
		echo y | ctr $what >out
		contains "$(cat out)" "Are you sure"
		expect 0 ctr $what -f
		lacks "$OUT" "Are you sure"
		ctr rm -f -i c >/dev/null
		ctr volume rm -f v >/dev/null
	done
}
