# Layers from strangers: whatever an archive says, nothing outside of the layer changes, nothing is
# half visible, and what is refused leaves nothing.  Each attack has a benign twin that works.
#: timeout=120

mktar() { python3 "$TESTS/hostile/mktar.py" "$@"; }
transfer() { "$CTR_LITE_LIBEXEC/ctr-lite-transfer" --root "$GRAPHROOT" --runroot "$RUNROOT" "$@"; }
# The only layer's tree.
diff_of_layer() { echo "$GRAPHROOT"/layers/*/diff; }
layers() { find "$GRAPHROOT/layers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }
blobs() { find "$GRAPHROOT/images/blobs" -type f 2>/dev/null | wc -l; }
type_of() { stat -c %F "$1"; }

# A refused layer: exit status 125, a message, and an empty store.
refused() { # PART-OF-MESSAGE ARCHIVE
	expect 125 transfer import "$2" refused
	contains "$ERR" "Error: "
	[ -z "$1" ] || contains "$ERR" "$1" "message"
	lacks "$ERR" "$(printf '\033')" "message"
	is "$(layers)" 0 "layers after a refusal"
	is "$(blobs)" 0 "blobs after a refusal"
	is "$(ls -A "$GRAPHROOT/tmp")" "" "tmp/ after a refusal"
}

clear_store() {
	if [ "$(id -u)" = 0 ]; then
		rm -rf "$GRAPHROOT"
	else
		podman unshare rm -rf "$GRAPHROOT" 2>/dev/null || rm -rf "$GRAPHROOT"
	fi
}

# These lead outside.  They may be refused or come to something inside of the layer.
outside_cases() {
	local c
	canary_new
	for c in link-write-abs link-write-up link-new-file link-chmod-dir link-subdir link-last link-chain \
		link-loop hard-abs hard-up hard-via-link hard-to-link wh-via-link opq-via-link xattr-via-link \
		dir-becomes-link dir-below-becomes-link fifo-in-the-way fifo-as-dir proc-link deep-link \
		root-link root-link-dot name-nul; do
		mktar case "$c" t.tar "$T/canary"
		run transfer import t.tar "x-$c"
		case $STATUS in
		0|125) ;;
		*) fail "$c: status $STATUS" ;;
		esac
		canary_check
		is "$(ls -A "$GRAPHROOT/tmp")" "" "tmp/ after $c"
	done
	[ ! -e "$T/canary/new" ] || fail "a file outside"
}
test_nothing_outside_of_the_layer_changes() { outside_cases; }
root_test_nothing_outside_of_the_layer_changes() { outside_cases; }

# The same through a link in the layer below: with all layers in one image, unpacked at once.
lower_link() {
	local m
	canary_new
	mktar tar low.tar.gz "d:./" "l:esc:$T/canary" "l:up:$(printf '../%.0s' {1..30})${T#/}/canary"
	mktar tar high.tar.gz "f:esc/file:pwned" "f:up/file:pwned" "w:esc/file" "d:up:777" "o:up"
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/x:1 low.tar.gz high.tar.gz)
	expect 0 transfer unpack "$m"
	canary_check
	is "$(layers)" 2
}
test_link_in_a_lower_layer_leads_nowhere() { mkdir -p "$GRAPHROOT"; lower_link; }
root_test_link_in_a_lower_layer_leads_nowhere() { mkdir -p "$GRAPHROOT"; lower_link; }

test_links_inside_of_the_layer_work() {
	local d
	mktar tar t.tar "d:real/" "l:lib:real" "f:lib/file:text" "l:abs:/real" "f:abs/file2:text2" "h:hard:lib/file" \
		"l:up:../../../real" "f:up/file3:text3" "l:free:../anywhere/../else" "h:hl:free" "p:fifo" "h:fifo2:fifo"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cat "$d/real/file")" text
	is "$(cat "$d/real/file2")" text2
	is "$(cat "$d/real/file3")" text3
	is "$(readlink "$d/lib")" real
	is "$(readlink "$d/free")" ../anywhere/../else
	is "$(stat -c %h "$d/hard")" 2 "links of hard"
	is "$(type_of "$d/fifo2")" fifo
}

test_names_that_are_refused() {
	local c
	for c in name-dotdot name-inner-dotdot name-dotdot-only name-empty name-5000 name-256 name-gnu-long \
		root-link root-file root-hard hard-to-root wh-nothing wh-dot wh-dotdot wh-as-dir; do
		mktar case "$c" t.tar /
		refused "" t.tar
	done
	mktar case name-dotdot t.tar /
	refused "outside of the layer" t.tar
	mktar case name-256 t.tar /
	refused 255 t.tar
	mktar case wh-nothing t.tar /
	refused "whiteout of nothing" t.tar
}

test_names_that_are_strange_but_fine() {
	local d deep
	deep=$(printf 'd/%.0s' {1..45})
	mktar tar t.tar "f:/abs/olute:a" "f:.//./dots/./x:b" "f:a/../b:c" "f:${deep}leaf:deep" "d:./" \
		"f: blank :s" "f:*?[x]:glob" "f:-rf:dash" "f:...:dots"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cat "$d/abs/olute")" a
	is "$(cat "$d/dots/x")" b
	is "$(cat "$d/b")" c
	is "$(cat "$d/${deep}leaf")" deep
	is "$(cat "$d/ blank ")" s
	is "$(cat "$d/...")" dots
}

# More levels than directories are kept open.
test_deep_trees() {
	local d
	python3 - <<-'END'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	deep = "d/" * 400
	pack(pax(path=deep + "leaf") + file("x", "bottom") + pax(path=deep + "leaf2") + file("x", "bottom2") +
	     pax(path=deep) + directory("x", mode=0o700) + END, "t.tar")
	END
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cd "$d" && for _ in {1..4}; do cd "$(printf 'd/%.0s' {1..100})"; done; cat leaf leaf2; stat -c %a .)" \
		"$(printf 'bottombottom2700')"
}

test_numbers_that_are_refused() {
	local c
	for c in size-negative size-huge size-overflow uid-huge uid-minus-one uid-negative uid-unmapped bad-checksum; do
		mktar case "$c" t.tar /
		refused "" t.tar
	done
	mktar case uid-unmapped t.tar /
	refused /etc/subuid t.tar
}

# image-spec "Whiteouts": in one layer they apply to what is below only, in whatever order.
test_whiteout_and_content_of_one_layer() {
	local d
	mktar tar t.tar "d:./" "w:gone" "d:dir/" "w:dir/gone" \
		"f:file1:new" "w:file1" "w:file2" "f:file2:new" \
		"d:d1/" "f:d1/in:x" "w:d1" "w:d2" "d:d2/" "f:d2/in:x" "w:d3" "f:d3/in:x" \
		"d:o1/" "f:o1/in:x" "o:o1" "o:o2" "d:o2/" "f:o2/in:x" "w:link" "l:link:target" "w:twice" "w:twice"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(stat -c '%F %t:%T' "$d/gone")" "character special file 0:0"
	is "$(stat -c '%F %t:%T' "$d/dir/gone")" "character special file 0:0"
	is "$(stat -c '%F %t:%T' "$d/twice")" "character special file 0:0"
	is "$(cat "$d/file1" "$d/file2")" newnew
	is "$(readlink "$d/link")" target
	for x in d1 d2 d3 o1 o2; do
		is "$(cat "$d/$x/in")" x "$x/in"
		is "$(getfattr -h --only-values -n user.overlay.opaque "$d/$x")" y "opaque mark of $x"
	done
	getfattr -h -n user.overlay.opaque "$d/dir" 2>/dev/null && fail "dir is opaque" || true
	[ -z "$(find "$d" -name '.wh.*')" ] || fail "a whiteout's name is on the disk"
}

test_aufs_metadata_is_left_out() {
	local d
	mktar tar t.tar "d:./" "d:.wh..wh.plnk/" "f:.wh..wh.plnk/12.34:x" "f:.wh..wh.aufs:x" "d:a/" "f:a/.wh..wh.orph/x:x" "f:ok:x"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cd "$d" && find . | sort | tr '\n' ' ')" ". ./a ./ok "
}

# A device 0:0 in the archive is no whiteout; other devices need more than a user has.
test_devices() {
	local d
	mktar tar t.tar "c:zero:0:0" "c:null:1:3" "d:dev/" "c:dev/mem:1:1" "f:ok:x"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cd "$d" && find . | sort | tr '\n' ' ')" ". ./dev ./ok "
}
root_test_devices() {
	local d
	mktar tar t.tar "c:zero:0:0" "c:null:1:3" "f:ok:x"
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(cd "$d" && find . | sort | tr '\n' ' ')" ". ./null ./ok "
	is "$(stat -c '%t:%T' "$d/null")" 1:3
}

# What a layer can carry arrives; what steers overlay or the engine does not.
meta_arrives() {
	local d
	mktar meta t.tar
	expect 0 transfer import t.tar ok
	d=$(diff_of_layer)
	is "$(stat -c %.9Y "$d/nano")" 1234567890.123456789
	is "$(stat -c '%a %Y' "$d/ro")" "555 1000000000"
	is "$(stat -c '%a %a' "$d/ro/in")" "400 400"
	is "$(stat -c %a "$d/suid")" 4755
	is "$(stat -c %a "$d/sgid")" 2755
	is "$(stat -c %a "$d/sticky")" 1777
	is "$(stat -c %a "$d/setgid")" 2775
	[ "$(stat -c %g "$d/setgid/child")" != "$(stat -c %g "$d/setgid")" ] || fail "a group was inherited"
	is "$(stat -c %h "$d/d/hard3")" 3
	is "$(stat -c '%F %a' "$d/fifo")" "fifo 620"
	is "$(cat "$d/l/$(printf 'n%.0s' {1..200})/$(printf 'm%.0s' {1..100})")" long
	is "$(cat "$d/$(printf 'g%.0s' {1..250})")" gnu
	is "$(getfattr -h --only-values -n user.kept "$d/cap")" v
	contains "$(getcap "$d/cap")$(getfattr -h -n security.capability "$d/cap" 2>/dev/null)" cap
	contains "$(getfattr -d -m- "$d/acl" 2>/dev/null)" posix_acl_access
	contains "$(getfattr -d -m- "$d/dacl" 2>/dev/null)" posix_acl_default
	lacks "$(getfattr -d -m- "$d/dacl/child" 2>/dev/null)" posix_acl "a child of it"
	is "$(stat -c %a "$d/dacl/child")" 600
	is "$(getfattr -h -d -m- "$d/ctl" 2>/dev/null)" "" "control attributes"
	[ -e "$d/café" ] && [ -e "$d/$(printf 'latin\351')" ] && [ -e "$d/$(printf 'new\nline')" ] || fail "names: $(ls -b "$d")"
	is "$(stat -c %s "$d/sparse")" 1049600
	[ "$(stat -c %b "$d/sparse")" -lt 100 ] || fail "the hole takes $(stat -c %b "$d/sparse") blocks"
	is "$(head -c 513 "$d/sparse" | tail -c 2 | od -An -tx1 | tr -d ' ')" 6100
	is "$(tail -c 1024 "$d/sparse" | tr -d b | wc -c)" 0
}
test_metadata_arrives() {
	meta_arrives
	[ ! -e "$(diff_of_layer)/null" ] || fail "a device as an ordinary user"
	[ "$(stat -c %u "$(diff_of_layer)/owned")" != "$(id -u)" ] || fail "owner is not mapped"
}
root_test_metadata_arrives() {
	meta_arrives
	is "$(stat -c %u:%g "$(diff_of_layer)/owned")" 1:2
	is "$(stat -c %u:%g "$(diff_of_layer)/ownedlink")" 1:2
	is "$(stat -c %g "$(diff_of_layer)/setgid/child")" 0
}

test_bombs_are_refused_in_time() {
	local c
	for c in pax-huge pax-chain longlink-huge xattr-large xattr-many; do
		mktar case "$c" t.tar.gz /
		refused "" t.tar.gz
	done
	mktar case sparse-eib t.tar /
	refused max_bytes t.tar
	mktar case zstd-window t.tar.zst /
	refused window t.tar.zst
}

#: serial timeout=180 noasan
test_ten_megabytes_that_inflate_to_ten_gigabytes() {
	local start=$SECONDS
	mktar case gzip-bomb t.tar.gz /
	[ "$(stat -c %s t.tar.gz)" -lt 12000000 ] || fail "not much of a bomb"
	start=$SECONDS
	refused max_ratio t.tar.gz
	[ $((SECONDS - start)) -lt 60 ] || fail "took $((SECONDS - start)) s"
}

test_damaged_archives_are_refused() {
	local c
	for c in truncated-tar truncated-gz truncated-gz-trailer flipped-gz flipped-crc gz-garbage zstd-truncated \
		not-tar zip elf shar; do
		mktar case "$c" t.tar /
		refused "" t.tar
	done
	: >empty
	refused empty empty
	refused "" /dev/null
	expect 125 transfer import nowhere.tar x
	contains "$ERR" nowhere.tar
	expect 125 transfer import "$T" x
	contains "$ERR" directory
}

# The hasher sees the same bytes as the parser, to the end; what is behind the archive is not unpacked.
test_bytes_behind_the_end() {
	local id want
	mktar tar one.tar.gz "f:one:1"
	mktar tar two.tar.gz "f:two:2"
	cat one.tar.gz two.tar.gz >both.tar.gz
	expect 0 transfer import both.tar.gz ok
	id=$OUT
	is "$(ls -A "$(diff_of_layer)")" one
	want=$(zcat both.tar.gz | sha256sum | cut -d' ' -f1)
	is "$(basename "$GRAPHROOT"/layers/*)" "$want" "diffID"
	is "$(jq -r '.rootfs.diff_ids[0]' "$GRAPHROOT/images/blobs/sha256/$id")" "sha256:$want"
	# Zeros behind the last member are padding.
	{ cat one.tar.gz; head -c 5000 /dev/zero; } >padded.tar.gz
	expect 0 transfer import padded.tar.gz padded
}

image_that_lies() { # LIE PART-OF-MESSAGE
	local m
	mktar tar l1.tar.gz "d:./" "f:a:$(head -c 3000 /dev/urandom | base64 -w0)"
	mktar tar l2.tar.gz "f:b:2"
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/liar:1 "lie=$1" l2.tar.gz l1.tar.gz)
	expect 125 transfer unpack "$m"
	contains "$ERR" "$2"
	is "$(layers)" 0 "layers of an image that lies"
	is "$(ls -A "$GRAPHROOT/tmp")" ""
	is "$(ls -A "$GRAPHROOT/meta")" ""
}
test_digest_of_the_layer_is_checked() {
	mkdir -p "$GRAPHROOT"
	image_that_lies diffid diffID
}
test_digest_of_the_blob_is_checked_and_the_blob_not_used_again() {
	local before
	mkdir -p "$GRAPHROOT"
	image_that_lies blob digest
	no_store_check "a manifest without its layer is what this shows"
	before=$(blobs)
	[ "$before" -lt 4 ] || fail "the damaged blob is still there"
}
test_count_of_layers_is_checked() { mkdir -p "$GRAPHROOT"; image_that_lies count diff_ids; }
test_a_thousand_layers() { mkdir -p "$GRAPHROOT"; image_that_lies many 500; }

test_compressions() {
	local f id
	mktar tar t.tar "f:a:same" "d:d/"
	gzip -k t.tar
	xz -k t.tar
	bzip2 -k t.tar
	mktar tar t.tar.zst "f:a:same" "d:d/"
	for f in t.tar t.tar.gz t.tar.xz t.tar.bz2 t.tar.zst; do
		expect 0 transfer import "$f" "c:${f##*.}"
	done
	is "$(layers)" 1 "the layer is the same"
	id=$(transfer import - c:stdin <t.tar)
	matches "$id" '^[0-9a-f]{64}$'
	head -c 100 t.tar.xz >cut.xz
	expect 125 transfer import cut.xz x
	for f in gz xz tar; do
		skopeo inspect "oci:$GRAPHROOT/images:localhost/c:$f" >/dev/null
	done
}

# Directories without an entry look like those below; the key is the chain's then.
implicit() {
	local m d2
	python3 - <<-'END'
	import sys, os
	sys.path.insert(0, os.environ["TESTS"] + "/hostile")
	from mktar import *
	pack(directory("./") + directory("opt/", mode=0o1755, uid=7, gid=8, mtime=77) + directory("opt/deep/", mode=0o711) +
	     directory("hid/", mode=0o700) + END, "low.tar.gz")
	pack(file("opt/deep/file", "x") + file("new/file", "x") + END, "mid.tar.gz")
	pack(file("opt/other", "x") + file(".wh.hid", "") + file("hid/x", "x") + END, "top.tar.gz")
	END
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/i:1 low.tar.gz mid.tar.gz top.tar.gz)
	expect 0 transfer unpack "$m"
	is "$(layers)" 3
	d2=$GRAPHROOT/layers/$(jq -r '.layers[1]' "$GRAPHROOT"/meta/*.json)/diff
	is "$(stat -c '%a %Y' "$d2/opt")" "1755 77"
	is "$(stat -c '%a' "$d2/opt/deep")" 711
	is "$(stat -c '%a' "$d2/new")" 755
	[ "$(basename "$(dirname "$d2")")" != "$(zcat mid.tar.gz | sha256sum | cut -d' ' -f1)" ] || fail "not keyed by chain"
	d2=$GRAPHROOT/layers/$(jq -r '.layers[2]' "$GRAPHROOT"/meta/*.json)/diff
	is "$(stat -c '%a %Y' "$d2/opt")" "1755 77"
	TOP_DIFF=$d2
	is "$(stat -c '%a' "$d2/hid")" 755 "a directory that the layer hides below"
	# The same layer as a base is another one, and again it is not unpacked twice.
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/i:2 mid.tar.gz)
	expect 0 transfer unpack "$m"
	is "$(layers)" 4
	expect 0 transfer unpack "$m"
	is "$(layers)" 4
}
test_implicit_directories_take_after_those_below() { mkdir -p "$GRAPHROOT"; implicit; }
root_test_implicit_directories_take_after_those_below() {
	mkdir -p "$GRAPHROOT"
	implicit
	is "$(stat -c %u:%g "$TOP_DIFF/opt")" 7:8
}

# The same layer twice in one image; an opaque root; many layers at once.
test_layers_that_repeat_and_layers_that_hide() {
	local m i list=()
	mkdir -p "$GRAPHROOT"
	mktar tar a.tar.gz "d:./:700" "f:a:1"
	mktar tar e.tar.gz
	mktar tar o.tar.gz "o:." "f:o:1"
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/r:1 a.tar.gz e.tar.gz e.tar.gz a.tar.gz)
	expect 0 transfer unpack "$m"
	is "$(layers)" 2
	is "$(jq -r '.layers | length' "$GRAPHROOT"/meta/*.json)" 4
	is "$(jq -r '.root_layer' "$GRAPHROOT"/meta/*.json)" 3
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/r:2 e.tar.gz o.tar.gz e.tar.gz)
	expect 0 transfer unpack "$m"
	is "$(jq -r '.layers | length' "$GRAPHROOT/meta/${m#sha256:}.json")" 2
	for i in {1..40}; do
		mktar tar "n$i.tar.gz" "f:n$i:$i"
		list+=("n$i.tar.gz")
	done
	m=$(mktar layout "$GRAPHROOT/images" docker.io/library/r:3 "${list[@]}")
	expect 0 transfer unpack "$m"
	is "$(jq -r '.layers | length' "$GRAPHROOT/meta/${m#sha256:}.json")" 40
}
