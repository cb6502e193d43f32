# The manual page ctr-lite-configuration(5) from contrib/configuration.tsv.
function text(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	if (s ~ /^[.']/) s = "\\\&" s
	return s
}
BEGIN {
	print ".TH CTR-LITE-CONFIGURATION 5 \"\" \"ctr-lite\" \"File formats\""
	print ".SH NAME\nctr\\-lite\\-configuration \\- what the configuration files of podman and docker mean to ctr\\-lite"
	print ".SH DESCRIPTION"
	print "ctr\\-lite reads the files that podman, buildah, skopeo and docker read, in the same order of"
	print "precedence: see containers.conf(5), containers\\-storage.conf(5), containers\\-registries.conf(5),"
	print "containers\\-policy.json(5), containers\\-auth.json(5) and containers\\-certs.d(5).  This page lists"
	print "every key of theirs, and whether it is honoured."
}
/^#/ || $1 == "file" { next }
$1 != file {
	file = $1
	printf ".SS %s\n", text(file)
}
{
	printf ".TP\n.B %s\n%s%s\n", text($2), $3, $4 == "" ? "" : ": " text($4)
}
