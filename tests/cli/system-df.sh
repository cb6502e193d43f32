# `system df` says what du says; `system prune` and `image prune` remove what nobody uses.
. "$TESTS/cli/volumes-lib.sh"

raw() { ctr system df --format '{{.RawSize}}' | sed -n "$1p"; }

test_sizes_are_those_of_the_disk() {
	local DATA_MODE=755
	volume_image bb
	expect 0 ctr tag bb again
	volume_image other
	expect 0 ctr create --name c --network=none -v v:/data bb sh -c 'busybox dd if=/dev/zero of=/f bs=1000 count=50 2>/dev/null'
	expect 0 ctr start -a c
	is "$(raw 1)" "$(image_bytes)" "the images"
	is "$(raw 2)" "$(bytes_of "$GRAPHROOT/containers")" "the containers"
	[ "$(raw 2)" -ge 50000 ] || fail "the writable layer is missing"
	is "$(raw 3)" "$(bytes_of "$GRAPHROOT/volumes/v/_data")" "the volumes"
	expect 0 ctr system df
	is "$(head -n 1 <<<"$OUT")" "TYPE           TOTAL       ACTIVE      SIZE        RECLAIMABLE"
	matches "$OUT" 'Images +2 +1 .*
Containers +1 +0 +[0-9.]+kB +[0-9.]+kB \(100%\)
Local Volumes +1 +1 +15B +0B \(0%\)'
	expect 0 ctr system df --format json
	python3 - "$OUT" <<-'PY'
		import json, sys
		i, c, v = json.loads(sys.argv[1])
		assert list(i) == ["Type", "Total", "Active", "RawSize", "RawReclaimable", "TotalCount", "Size", "Reclaimable"], i
		assert i["TotalCount"] == 2 and i["Active"] == 1 and 0 < i["RawReclaimable"] < i["RawSize"], i
		assert c["RawReclaimable"] == c["RawSize"], c
	PY
}

# Layers with hard links, with a file that comes twice, with owners of their own, and copies in other ids.
test_sizes_of_odd_layers() {
	local DATA_MODE=755
	mkdir -p a b
	head -c 5000 /dev/urandom >a/one
	ln a/one a/two
	head -c 700 /dev/urandom >b/one
	tar -C a -cf odd.tar one two
	tar -C b -rf odd.tar one
	expect 0 ctr import -q odd.tar odd
	volume_image bb
	is "$(raw 1)" "$(image_bytes)"
	expect 0 ctr run --rm --network=none --userns=auto bb true
	is "$(raw 1)" "$(image_bytes)" "with copies"
	pull alpine debian
	is "$(raw 1)" "$(image_bytes)" "with pulled ones"
	expect 0 ctr rmi debian
	is "$(raw 1)" "$(image_bytes)" "after a removal"
}

test_verbose() {
	volume_image bb
	expect 0 ctr create --name c -v v:/v bb sleep 5
	expect 0 ctr volume create unused
	expect 0 ctr system df -v
	matches "$OUT" 'Images space usage:

REPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS
localhost/bb +latest +[0-9a-f]{12} .* 0B +[0-9.]+MB +1

Containers space usage:

CONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE +CREATED +STATUS +NAMES
[0-9a-f]{12} +[0-9a-f]{12} +sleep 5 +1 .* created +c

Local Volumes space usage:

VOLUME NAME +LINKS +SIZE
v +1 +0B
unused +0 +0B'
	expect 125 ctr system df -v --format json
	contains "$ERR" "cannot combine --format and --verbose flags"
}

test_system_prune() {
	volume_image bb
	volume_image old
	expect 0 ctr untag old
	expect 0 ctr volume create v
	expect 0 ctr create --name c --label keep bb true
	local c=$OUT
	expect 0 ctr run -d --name runs --network=none bb sleep 1000
	run sh -c 'ctr-lite system prune -a --volumes </dev/null'
	is "$STATUS" 125
	contains "$OUT" "WARNING! This command removes:
	- all stopped containers
	- all networks not used by at least one container
	- all volumes not used by at least one container
	- all images without at least one container associated with them
	- all build cache

Are you sure you want to continue? [y/N]"
	expect 0 ctr system prune -f --filter label!=keep
	contains "$OUT" "Deleted Images"
	lacks "$OUT" "Deleted Containers"
	expect 0 ctr volume exists v
	expect 0 ctr system prune -f
	is "$(head -n 2 <<<"$OUT")" "Deleted Containers
$c"
	matches "$OUT" 'Total reclaimed space: [0-9.]+k?B'
	expect 0 ctr system prune -f --volumes -a
	is "$OUT" "Deleted Volumes
v
Total reclaimed space: 0B" "bb is in use"
	expect 0 ctr rm -f -t 0 runs
	expect 0 ctr system prune -af
	contains "$OUT" "Deleted Images"
	expect 0 ctr images -q
	is "$OUT" ""
	is "$(raw 1)" 0
	expect 125 ctr system prune -f --filter bogus=1
}

test_image_prune() {
	volume_image bb
	volume_image other
	expect 0 ctr images -q --no-trunc --filter reference=other
	local other=${OUT#sha256:}
	expect 0 ctr create bb true
	expect 0 ctr image prune -f
	is "$OUT" "" "all have names"
	run sh -c 'echo n | ctr-lite image prune --all'
	is "$STATUS" 0
	expect 0 ctr image exists other
	expect 0 ctr image prune -a -f
	is "$OUT" "$other"
	expect 0 ctr image exists bb
}

test_system_reset() {
	volume_image bb
	expect 0 ctr run -d --network=none -v v:/v bb sleep 1000
	expect 0 ctr create -v /anon bb true
	run sh -c 'echo n | ctr-lite system reset'
	is "$STATUS" 0
	contains "$OUT" "- all volumes"
	expect 0 ctr volume exists v
	expect 0 ctr system reset -f
	expect 0 ctr system df --format '{{.Total}} {{.RawSize}}'
	is "$OUT" $'0 0\n0 0\n0 0'
}
