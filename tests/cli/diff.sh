# diff: what a container changed of its image, and the topmost layer of an image of those below.

#: fast
test_diff_of_a_container() {
	pull alpine
	ctr run --name c --network=none alpine sh -c 'mkdir -p /etc/new/deep; echo 1 >/etc/new/deep/f; rm /bin/cat
		rm -r /etc/apk 2>/dev/null; echo >>/etc/passwd; ln -s x /lnk; mkdir /zz; touch /etc/hosts'
	expect 0 ctr diff c
	contains "$OUT" $'C /bin\nD /bin/cat\nC /etc\n'
	contains "$OUT" $'A /etc/new\nA /etc/new/deep\nA /etc/new/deep/f\n'
	contains "$OUT" $'C /etc/passwd'
	contains "$OUT" $'A /lnk\n'
	contains "$OUT" $'A /zz'
	lacks "$OUT" /etc/hosts
	lacks "$OUT" /proc
	is "$(ctr container diff c)" "$OUT"
	is "$(ctr diff -l)" "$OUT"
	expect 0 ctr diff --format json c
	is "$(jq -r '.deleted[]' <<<"$OUT")" /bin/cat
	contains "$(jq -r '.added | join(" ")' <<<"$OUT")" "/etc/new /etc/new/deep /etc/new/deep/f"
	contains "$(jq -r '.changed | join(" ")' <<<"$OUT")" "/bin /etc"
}

# A directory that was made anew hides what the image had there; one that was only read is not said.
test_diff_of_replaced_directories() {
	pull alpine
	ctr run --name c --network=none alpine sh -c 'mkdir /srv/d; touch /srv/d/a /srv/d/b /srv/d/c'
	ctr commit -q c img >/dev/null
	ctr run -d --name d --network=none img sh -c 'rm -r /srv/d; mkdir /srv/d; touch /srv/d/a; sleep 1000' >/dev/null
	wait_for 5 sh -c 'ctr-lite exec d test ! -e /srv/d/b -a -e /srv/d/a'
	is "$(ctr diff d | grep /srv)" $'C /srv\nC /srv/d\nD /srv/d/b\nD /srv/d/c\nC /srv/d/a'
	is "$(ctr image diff img | grep /srv)" $'C /srv\nA /srv/d\nA /srv/d/a\nA /srv/d/b\nA /srv/d/c'
	is "$(ctr image diff alpine | head -n 1)" "A /bin"
	is "$(ctr diff alpine | head -n 1)" "A /bin"
}

test_diff_refuses() {
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	expect 125 ctr diff
	contains "$ERR" 'requires a name, id, or the "--latest" flag'
	expect 125 ctr diff nope
	contains "$ERR" "nope not found"
	expect 125 ctr container diff alpine
	contains "$ERR" "no such container"
	expect 125 ctr diff --format table c
	contains "$ERR" "only supported value for '--format' is 'json'"
	expect 125 ctr diff c alpine c
	contains "$ERR" "accepts at most 2 arg(s)"
	expect 125 ctr diff c nope
	contains "$ERR" "nope not found"
}

test_diff_of_two() {
	pull alpine
	ctr run --name a --network=none alpine sh -c 'mkdir /srv/d; echo 1 >/srv/d/same; rm /bin/cat; echo 1 >/srv/new'
	ctr commit -q a img >/dev/null
	ctr run --name b --network=none img sh -c 'rm -r /srv/new; mkdir /srv/e; touch /srv/e/f; chmod 600 /srv/d/same'
	is "$(ctr diff b a | grep srv)" $'C /srv\nC /srv/d\nC /srv/d/same\nA /srv/e\nA /srv/e/f\nD /srv/new'
	is "$(ctr diff img alpine | grep -v ' /etc')" $'C /bin\nD /bin/cat\nC /srv\nA /srv/d\nA /srv/d/same\nA /srv/new'
	is "$(ctr image diff alpine img | grep -v ' /etc')" $'C /bin\nA /bin/cat\nC /srv\nD /srv/d\nD /srv/new'
	is "$(ctr diff a a)$(ctr diff img img)" ""
}
