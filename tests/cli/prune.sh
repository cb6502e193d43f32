# container prune: what does not run goes, what was asked to stay stays.

left() { ctr ps -a --format '{{.Names}}' | tr '\n' ' '; }

#: fast
test_what_runs_stays() {
	local made gone
	make_image
	expect 0 ctr create --name made bb true
	made=$OUT
	expect 3 ctr run --name gone --network=none bb sh -c 'exit 3'
	gone=$(ctr ps -aq --no-trunc -f name=gone)
	expect 0 ctr run -d --name up --network=none bb sleep 1000
	expect 0 ctr run -d --name frozen --network=none bb sleep 1000
	ctr pause frozen >/dev/null 2>&1 || true
	expect 0 ctr container prune -f
	is "$OUT" "$gone
$made"
	is "$(left)" "up frozen "
	ctr unpause frozen >/dev/null 2>&1 || true
	expect 0 ctr container prune -f
	is "$OUT" ""
}

# What depends on others goes before them; what something that runs depends on stays.
test_dependents_go_first() {
	make_image
	expect 0 ctr create --name base bb true
	expect 0 ctr create --name upon --requires base bb true
	expect 125 ctr rm base
	contains "$ERR" "has dependent containers which must be removed before it"
	expect 0 ctr container prune -f
	is "$(wc -l <<<"$OUT")" 2
	expect 0 ctr create --name base bb true
	expect 0 ctr run -d --network=none --name upon --requires base bb sleep 1000
	expect 0 ctr container prune -f
	is "$OUT" ""
	expect 0 ctr rm -f -t 0 -a
	is "$(left)" ""
}

#: fast
test_filters() {
	make_image
	expect 0 ctr create --name a -l keep=yes bb true
	expect 0 ctr create --name b -l keep=no bb true
	expect 0 ctr create --name c bb true
	expect 0 ctr container prune -f --filter until=1h
	is "$(left)" "a b c "
	expect 0 ctr container prune -f --filter label=keep=no
	is "$(left)" "a c "
	expect 0 ctr container prune -f --filter label!=keep
	is "$(left)" "a "
	expect 0 ctr container prune -f --filter until=0s
	is "$(left)" ""
	expect 125 ctr container prune -f --filter name=a
	is "$ERR" "Error: name is an invalid filter"
	expect 125 ctr container prune -f --filter label
	contains "$ERR" "filter input must be in the form of filter=value: label is invalid"
	expect 125 ctr container prune extra
}

#: fast
test_it_asks() {
	make_image
	expect 0 ctr create --name a bb true
	echo n | ctr container prune >"$T/w/out"
	is "$(cat "$T/w/out")" "WARNING! This will remove all non running containers.
Are you sure you want to continue? [y/N] "
	is "$(left)" "a "
	expect 125 ctr container prune
	is "$ERR" "Error: EOF"
	is "$(left)" "a "
	echo y | ctr container prune >"$T/w/out"
	is "$(left)" ""
}
