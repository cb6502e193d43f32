/* -v, --mount and --tmpfs: what each value becomes, and what is refused. */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>

#include "mountopt.h"

#define CWD "/work dir"

enum { VOLUME, MOUNT, TMPFS };

static int add(struct spec_mounts *m, int kind, const char *value, struct err *e)
{
	return kind == VOLUME ? spec_mounts_add_volume(m, value, CWD, e)
	       : kind == MOUNT ? spec_mounts_add_mount(m, value, CWD, e)
			       : spec_mounts_add_tmpfs(m, value, e);
}

/* "type source dest options" */
static char *shown(const struct spec_mount *m)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_addf(&b, "%s %s %s ", spec_mount_type_str(m->type), m->source ? m->source : "-",
		    m->dest);
	for (size_t i = 0; i < m->options.n; i++)
		strbuf_addf(&b, "%s%s", i ? "," : "", m->options.items[i]);
	if (m->ro)
		strbuf_add(&b, " [ro]");
	if (m->nocopy)
		strbuf_add(&b, " [nocopy]");
	if (m->tmpcopyup)
		strbuf_add(&b, " [up]");
	if (m->relabel_shared)
		strbuf_add(&b, " [z]");
	if (m->relabel_private)
		strbuf_add(&b, " [Z]");
	if (m->chown)
		strbuf_add(&b, " [U]");
	if (m->overlay)
		strbuf_addf(&b, " [O%s%s%s%s]", m->upperdir ? " " : "", m->upperdir ? m->upperdir : "",
			    m->workdir ? " " : "", m->workdir ? m->workdir : "");
	if (m->idmap)
		strbuf_add(&b, " [idmap]");
	if (m->subpath)
		strbuf_addf(&b, " [%s]", m->subpath);
	return strbuf_take(&b);
}

static const struct {
	int kind;
	const char *value, *want;
} accepted[] = {
	{ VOLUME, "/a:/b", "bind /a /b rbind,rprivate,rw" },
	{ VOLUME, "/a:/b:ro", "bind /a /b rbind,rprivate,ro [ro]" },
	{ VOLUME, "/a:/b:ro,z", "bind /a /b rbind,rprivate,ro [ro] [z]" },
	{ VOLUME, "/a:/b:Z", "bind /a /b rbind,rprivate,rw [Z]" },
	{ VOLUME, "/a//x/../y/:/b/./c/", "bind /a/y /b/c rbind,rprivate,rw" },
	{ VOLUME, "./d:/b", "bind /work dir/d /b rbind,rprivate,rw" },
	{ VOLUME, "..:/b", "bind / /b rbind,rprivate,rw" },
	{ VOLUME, "/:/host:ro", "bind / /host rbind,rprivate,ro [ro]" },
	{ VOLUME, "/a:/b:bind,rslave,nosuid,nodev,noexec",
	  "bind /a /b bind,rslave,rw,nosuid,nodev,noexec" },
	{ VOLUME, "/a:/b:dev,suid,exec", "bind /a /b rbind,rprivate,rw,suid,dev,exec" },
	{ VOLUME, "/a:/b:rw,rw", "bind /a /b rbind,rprivate,rw" },
	{ VOLUME, "data:/var/lib", "volume data /var/lib rbind,rprivate,rw,nosuid,nodev" },
	{ VOLUME, "data:/v:nocopy", "volume data /v rbind,rprivate,rw,nosuid,nodev [nocopy]" },
	{ VOLUME, "data:/v:copy", "volume data /v rbind,rprivate,rw,nosuid,nodev" },
	{ VOLUME, "a_b.c-9:/v", "volume a_b.c-9 /v rbind,rprivate,rw,nosuid,nodev" },
	{ VOLUME, "/anon", "volume - /anon rbind,rprivate,rw,nosuid,nodev" },
	{ VOLUME, "data:/v:suid,dev,exec", "volume data /v rbind,rprivate,rw,suid,dev,exec" },
	{ VOLUME, "/a:/b:U", "bind /a /b rbind,rprivate,rw [U]" },
	{ VOLUME, "/a:/b:O", "bind /a /b rbind,rprivate,rw [O]" },
	{ VOLUME, "/a:/b:O,upperdir=/u,workdir=/w/../x", "bind /a /b rbind,rprivate,rw [O /u /x]" },
	{ VOLUME, "/a:/b:idmap", "bind /a /b rbind,rprivate,rw,idmap [idmap]" },
	{ TMPFS, "/tmp", "tmpfs - /tmp rprivate,rw,nosuid,nodev [up]" },
	{ TMPFS, "/tmp:", "tmpfs - /tmp rprivate,rw,nosuid,nodev [up]" },
	{ TMPFS, "/tmp:size=64m,mode=1777,exec",
	  "tmpfs - /tmp rprivate,rw,nosuid,nodev,exec,size=67108864,mode=1777 [up]" },
	{ TMPFS, "/tmp:ro,noatime,notmpcopyup",
	  "tmpfs - /tmp rprivate,ro,nosuid,nodev,noatime [ro]" },
	{ TMPFS, "/t:size=50%,uid=1000,gid=1000,nr_inodes=1k",
	  "tmpfs - /t rprivate,rw,nosuid,nodev,size=50%,uid=1000,gid=1000,nr_inodes=1k [up]" },
	{ MOUNT, "type=bind,src=/a,dst=/b", "bind /a /b rbind,rprivate,rw" },
	{ MOUNT, "type=bind,source=rel,target=/b,ro=true", "bind /work dir/rel /b rbind,rprivate,ro [ro]" },
	{ MOUNT, "type=bind,src=/a,destination=/b,readonly", "bind /a /b rbind,rprivate,ro [ro]" },
	{ MOUNT, "type=bind,src=/a,dst=/b,readonly=false", "bind /a /b rbind,rprivate,rw" },
	{ MOUNT, "dst=/b,src=/a,type=bind,bind-propagation=rshared,bind-nonrecursive",
	  "bind /a /b bind,rshared,rw" },
	{ MOUNT, "type=bind,src=/a,dst=/b,relabel=shared,consistency=cached",
	  "bind /a /b rbind,rprivate,rw [z]" },
	{ MOUNT, "type=bind,\"src=/a,b\",dst=/c", "bind /a,b /c rbind,rprivate,rw" },
	{ MOUNT, "type=bind,\"src=/a\"\"b\",dst=/c", "bind /a\"b /c rbind,rprivate,rw" },
	{ MOUNT, "type=bind,src=/a:b,dst=/c", "bind /a:b /c rbind,rprivate,rw" },
	{ MOUNT, "type=volume,src=data,dst=/v,volume-nocopy", "volume data /v rbind,rprivate,rw,nosuid,nodev [nocopy]" },
	{ MOUNT, "dst=/v", "volume - /v rbind,rprivate,rw,nosuid,nodev" },
	{ MOUNT, "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700",
	  "tmpfs - /t rprivate,rw,nosuid,nodev,size=1048576,mode=700 [up]" },
	{ MOUNT, "type=tmpfs,dst=/t,size=2k,noexec=false,tmpcopyup=false",
	  "tmpfs - /t rprivate,rw,nosuid,nodev,exec,size=2048" },
	{ MOUNT, "type=bind,dst=/b", "bind /b /b rbind,rprivate,rw" },
	{ MOUNT, "type=bind,src=/a,dst=/b,U=true,idmap=false", "bind /a /b rbind,rprivate,rw [U]" },
	{ MOUNT, "type=bind,src=/a,dst=/b,chown=false", "bind /a /b rbind,rprivate,rw" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bind-recursive=disabled", "bind /a /b bind,rprivate,rw" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bind-recursive=readonly", "bind /a /b rbind,rprivate,ro,rro [ro]" },
	{ MOUNT, "type=image,src=x:1,dst=/b", "image x:1 /b rbind,rprivate,ro,nosuid,nodev [ro]" },
	{ MOUNT, "type=image,src=x,dst=/b,rw=true,subpath=a/../c", "image x /b rbind,rprivate,rw,nosuid,nodev [/c]" },
	{ MOUNT, "type=volume,src=v,dst=/b,subpath=x", "volume v /b rbind,rprivate,rw,nosuid,nodev [/x]" },
	{ MOUNT, "type=glob,src=/a*,dst=/b,ro", "glob /a* /b rbind,rprivate,ro [ro]" },
	{ MOUNT, "type=ramfs,dst=/r,ramfs-mode=0755",
	  "ramfs - /r rprivate,rw,nosuid,nodev,mode=0755" },
	{ MOUNT, "type=devpts,dst=/p,uid=1,gid=5,mode=620,max=10",
	  "devpts - /p rw,nosuid,noexec,uid=1,gid=5,mode=620,max=10" },
};

static const struct {
	int kind;
	const char *value;
	enum err_kind err;
	const char *part;
} refused[] = {
	{ VOLUME, "", ERR_INVALID, "must be an absolute path" },
	{ VOLUME, ":", ERR_INVALID, "source is empty" },
	{ VOLUME, ":/b", ERR_INVALID, "source is empty" },
	{ VOLUME, "/a:", ERR_INVALID, "must be an absolute path" },
	{ VOLUME, "/a:b", ERR_INVALID, "must be an absolute path" },
	{ VOLUME, "/a:/", ERR_INVALID, "must not be the root" },
	{ VOLUME, "/a:/..", ERR_INVALID, "must not be the root" },
	{ VOLUME, "/a:/b:ro:rw", ERR_INVALID, "too many colons" },
	{ VOLUME, "/a:/b:ro,rw", ERR_INVALID, "can only specify 1" },
	{ VOLUME, "/a:/b:z,Z", ERR_INVALID, "can only specify 1" },
	{ VOLUME, "/a:/b:bind,rbind", ERR_INVALID, "can only specify 1" },
	{ VOLUME, "/a:/b:private,shared", ERR_INVALID, "can only specify 1" },
	{ VOLUME, "/a:/b:", ERR_INVALID, "empty option" },
	{ VOLUME, "/a:/b:ro,", ERR_INVALID, "empty option" },
	{ VOLUME, "/a:/b:bogus", ERR_INVALID, "bogus" },
	{ VOLUME, "/a:/b:size=1", ERR_INVALID, "size=1" },
	{ VOLUME, "/a:/b:idmap=uids=0-1-10", ERR_UNSUPPORTED, "idmap" },
	{ VOLUME, "/a:/b:O,upperdir=/x", ERR_INVALID, "both upperdir and workdir" },
	{ VOLUME, "/a:/b:O,upperdir=x,workdir=/w", ERR_INVALID, "relative path" },
	{ VOLUME, "/a:/b:upperdir=/x,workdir=/w", ERR_INVALID, "option O" },
	{ VOLUME, "/a:/b:O,idmap", ERR_INVALID, "exclude each other" },
	{ VOLUME, "/a:/b:nocopy", ERR_INVALID, "does not apply to a bind" },
	{ VOLUME, "-x:/b", ERR_INVALID, "volume name" },
	{ VOLUME, "a/b:/b", ERR_INVALID, "volume name" },
	{ VOLUME, "a b:/b", ERR_INVALID, "volume name" },
	{ VOLUME, "~/x:/b", ERR_INVALID, "volume name" },
	{ VOLUME, "/a\n:/b", ERR_INVALID, "control" },
	{ TMPFS, "tmp", ERR_INVALID, "must be an absolute path" },
	{ TMPFS, "/", ERR_INVALID, "must not be the root" },
	{ TMPFS, "/t:size=", ERR_INVALID, "size=" },
	{ TMPFS, "/t:size=-1", ERR_INVALID, "size=-1" },
	{ TMPFS, "/t:size=101%", ERR_INVALID, "size=101%" },
	{ TMPFS, "/t:size=99999999999999999999", ERR_INVALID, "size=" },
	{ TMPFS, "/t:size=1,size=2", ERR_INVALID, "twice" },
	{ TMPFS, "/t:mode=8", ERR_INVALID, "mode=8" },
	{ TMPFS, "/t:mode=17777", ERR_INVALID, "mode=" },
	{ TMPFS, "/t:uid=root", ERR_INVALID, "uid=root" },
	{ TMPFS, "/t:uid=4294967296", ERR_INVALID, "uid=" },
	{ TMPFS, "/t:rbind", ERR_INVALID, "does not apply" },
	{ TMPFS, "/t:huge=always", ERR_INVALID, "huge" },
	{ TMPFS, "/t:noswap", ERR_UNSUPPORTED, "noswap" },
	{ TMPFS, "/t:size=1,context=x", ERR_INVALID, "context" },
	{ MOUNT, "", ERR_INVALID, "destination" },
	{ MOUNT, "type=bind", ERR_INVALID, "destination" },
	{ MOUNT, "type=bind,src=,dst=/b", ERR_INVALID, "needs a value" },
	{ MOUNT, "type=bind,src=/a,dst=b", ERR_INVALID, "must be an absolute path" },
	{ MOUNT, "type=bind,src=/a,dst=/b,dst=/c", ERR_INVALID, "twice" },
	{ MOUNT, "type=bind,src=/a,src=/b,dst=/c", ERR_INVALID, "twice" },
	{ MOUNT, "type=bind,type=tmpfs,src=/a,dst=/c", ERR_INVALID, "twice" },
	{ MOUNT, "type=bind,src=/a,dst=/b,", ERR_INVALID, "empty field" },
	{ MOUNT, "type=bind,,src=/a,dst=/b", ERR_INVALID, "empty field" },
	{ MOUNT, "type=bind,src=/a,dst=/b,ro=yes", ERR_INVALID, "true or false" },
	{ MOUNT, "type=bind,src=/a,dst=/b,ro,rw", ERR_INVALID, "can only specify 1" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bind-propagation=up", ERR_INVALID, "up" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bind-propagation=ro", ERR_INVALID, "propagation" },
	{ MOUNT, "type=bind,src=/a,dst=/b,relabel=x", ERR_INVALID, "relabel" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bogus=1", ERR_INVALID, "bogus=1" },
	{ MOUNT, "type=bind,\"src=/a,dst=/b", ERR_INVALID, "quote" },
	{ MOUNT, "type=bind,src=/\"a\",dst=/b", ERR_INVALID, "quote" },
	{ MOUNT, "type=bogus,dst=/b", ERR_INVALID, "bogus" },
	{ MOUNT, "type=artifact,src=x,dst=/b", ERR_UNSUPPORTED, "type=artifact" },
	{ MOUNT, "type=image,dst=/b", ERR_INVALID, "source" },
	{ MOUNT, "type=glob,dst=/b", ERR_INVALID, "source" },
	{ MOUNT, "type=volume,dst=/b,subpath=x", ERR_INVALID, "needs a volume with a name" },
	{ MOUNT, "type=bind,src=/a,dst=/b,subpath=x", ERR_INVALID, "does not apply" },
	{ MOUNT, "type=bind,src=/a,dst=/b,idmap=uids=0-1-2", ERR_UNSUPPORTED, "idmap" },
	{ MOUNT, "type=bind,src=/a,dst=/b,bind-recursive=x", ERR_INVALID, "bind-recursive" },
	{ MOUNT, "type=tmpfs,dst=/b,upperdir=/x", ERR_INVALID, "upperdir" },
	{ MOUNT, "type=volume,src=/a,dst=/b", ERR_INVALID, "type=bind" },
	{ MOUNT, "type=volume,src=v,dst=/b,volume-opt=o=1", ERR_UNSUPPORTED, "volume-opt" },
	{ MOUNT, "type=tmpfs,src=/a,dst=/b", ERR_INVALID, "no source" },
	{ MOUNT, "type=tmpfs,dst=/b,tmpfs-bogus=1", ERR_INVALID, "tmpfs-bogus=1" },
	{ MOUNT, "type=ramfs,dst=/b,tmpcopyup", ERR_INVALID, "does not apply to a ramfs" },
	{ MOUNT, "type=ramfs,dst=/b,size=1m", ERR_INVALID, "size" },
	{ MOUNT, "type=devpts,dst=/b,max=-1", ERR_INVALID, "max=-1" },
};

TEST(accepted_values)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
		auto_free char *got = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(add(&m, accepted[i].kind, accepted[i].value, &e) == 0, "%s: %s",
			  accepted[i].value, e.text);
		CHECK_MSG(m.n == 1, "%s gave %zu mounts", accepted[i].value, m.n);
		got = shown(&m.items[0]);
		CHECK_STR(got, accepted[i].want);
	}
}

TEST(refused_values)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
		struct err e = ERR_INIT;
		int r = add(&m, refused[i].kind, refused[i].value, &e);

		CHECK_MSG(r < 0, "\"%s\" was accepted", refused[i].value);
		CHECK_MSG(e.kind == refused[i].err, "\"%s\": %s", refused[i].value, e.text);
		CHECK_CONTAINS(e.text, refused[i].part);
		CHECK_INT(m.n, 0);
	}
}

/* As --volumes-from and type=glob write them into a record. */
TEST(texts_mean_the_same)
{
	static const struct {
		int kind;
		const char *value;
		bool ro;
		const char *want;
	} all[] = {
		{ VOLUME, "/a:/b", true, "bind /a /b rbind,rprivate,ro [ro]" },
		{ VOLUME, "/a b,\"c:/d,e:O,nosuid", false, "bind /a b,\"c /d,e rbind,rprivate,rw,nosuid [O]" },
		{ VOLUME, "/a:/b:O,upperdir=/u,workdir=/w", false, "bind /a /b rbind,rprivate,rw [O /u /w]" },
		{ VOLUME, "v:/b:nocopy,bind,rshared,exec", false,
		  "volume v /b bind,rshared,rw,nosuid,nodev,exec [nocopy]" },
		{ MOUNT, "type=volume,src=v,dst=/b,subpath=/x,ro", false,
		  "volume v /b rbind,rprivate,ro,nosuid,nodev [ro] [/x]" },
		{ VOLUME, "/a:/b:idmap,rro", false, "bind /a /b rbind,rprivate,ro,rro,idmap [ro] [idmap]" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT, again = SPEC_MOUNTS_INIT;
		auto_free char *text = NULL, *got = NULL;
		struct err e = ERR_INIT;

		CHECK_OK(add(&m, all[i].kind, all[i].value, &e), e);
		text = spec_mount_text(&m.items[0], all[i].ro);
		CHECK_OK(add(&again, MOUNT, text, &e), e);
		got = shown(&again.items[0]);
		CHECK_STR(got, all[i].want);
	}
}

TEST(one_destination_one_mount)
{
	static const int kinds[] = { VOLUME, MOUNT, TMPFS, VOLUME, VOLUME, MOUNT };
	static const char *const again[] = { "/x:/data/", "type=bind,src=/x,dst=/data/../data",
					     "//data", "/data", "/a:/data:ro",
					     "type=bind,src=/a,dst=/data,U" };

	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(add(&m, VOLUME, "/a:/data", &e), e);
		CHECK_OK(add(&m, VOLUME, "/a:/data2", &e), e);
		CHECK_OK(add(&m, VOLUME, "/a/:/data/", &e), e); /* the same again is no other */
		CHECK_ERR(add(&m, kinds[i], again[i], &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, "/data: duplicate mount destination");
		CHECK_INT(m.n, 2);
		CHECK(spec_mounts_find(&m, "/data//") == &m.items[0]);
		CHECK(spec_mounts_find(&m, "/dat") == NULL);
	}
}

TEST(sizes_are_bounded)
{
	auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
	auto_free char *value = malloc(SPEC_MOUNT_TEXT_MAX + 10);
	struct err e = ERR_INIT;

	CHECK(value != NULL);
	memset(value, 'a', SPEC_MOUNT_TEXT_MAX + 1);
	value[0] = '/';
	value[SPEC_MOUNT_TEXT_MAX + 1] = '\0';
	for (int kind = VOLUME; kind <= TMPFS; kind++)
		CHECK_ERR(add(&m, kind, value, &e), e, ERR_LIMIT);
	for (int i = 0; i < SPEC_MOUNTS_MAX; i++) {
		(void)snprintf(value, 32, "/d%d", i);
		CHECK_OK(add(&m, TMPFS, value, &e), e);
	}
	CHECK_ERR(add(&m, TMPFS, "/one-more", &e), e, ERR_LIMIT);
}

TEST(host_flags)
{
	auto_strv struct strv o = STRV_INIT;

	CHECK_INT(spec_mount_host_flags("absent", &o), -ENOENT);
	test_mkdir("m");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		test_skip("no user namespace here: %s", strerror(errno));
	if (mount("none", "m", "ramfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		test_skip("no ramfs here: %s", strerror(errno));
	CHECK_INT(strv_add(&o, "exec"), 0);
	CHECK_INT(spec_mount_host_flags("m", &o), 0);
	CHECK(strv_has(&o, "nosuid"));
	CHECK(strv_has(&o, "nodev"));
	CHECK(!strv_has(&o, "noexec"));
	CHECK_INT(spec_mount_host_flags("m", &o), 0);
	CHECK_INT(o.n, 3);
}
