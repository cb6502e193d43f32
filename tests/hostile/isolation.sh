# What a container can do to the engine and to others beside it once it runs.

# A process that is about to join a hostile container's pid namespace must not be its prey: nothing of
# what it has open, nor its root, may be used by those who see it there.
test_who_joins_is_no_prey() {
	local i
	pull alpine
	echo "not for containers" >secret
	expect 0 ctr run -d --name spider --network=none alpine sh -c 'cd /proc; while :; do
		for f in [0-9]*/root/'"$PWD"'/secret [0-9]*/cwd/'"$PWD"'/secret; do [ -e $f ] && cat $f; done
		for f in [0-9]*/fd/[3-9]* [0-9]*/fd/1[0-9]; do case $f in 1/*) ;; *)
			for up in .. ../.. ../../.. ../../../.. ../../../../.. ../../../../../..; do
				[ -e $f/$up/w/secret ] && cat $f/$up/w/secret; done; esac; done
		done 2>/dev/null'
	for i in $(seq 60); do
		ctr run --rm --pid=container:spider --network=none alpine true
		ctr exec spider true
		ctr exec --user 1000 spider true
	done
	is "$(ctr logs spider)" ""
}
