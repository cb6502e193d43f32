/* --secret, and its form in the record of a container. */
#include "test.h"

#include "ctrlite/secret.h"
#include "fd.h"

#define ID "0123456789abcdef012345678"

static const struct {
	const char *option, *item;
} good[] = {
	{ "a", "mount/0/0/444/" ID "/a/a" },
	{ "a,target=x/../y", "mount/0/0/444/" ID "/a/y" },
	{ "a,target=/etc/./s,uid=5,GID=6,mode=0400", "mount/5/6/400/" ID "/a//etc/s" },
	{ "a,target=/run/secrets/deep/s", "mount/0/0/444/" ID "/a/deep/s" },
	{ "type=env,source=a", "env/0/0/444/" ID "/a/a" },
	{ "a,type=env,target=K E Y", "env/0/0/444/" ID "/a/K E Y" },
	{ "source=a,type=mount,target=", "mount/0/0/444/" ID "/a/a" },
};

static const char *const bad[] = {
	"a,b", "a,foo=x", "a,type=x", "a,type=env,type=env", "a,mode=8", "a,mode=", "a,mode=77777",
	"a,uid=", "a,uid=4294967295", "a,gid=-1", "a,type=env,mode=444", "a,target=..", "a,target=/",
	"a,target=.", "a,target=/run/secrets", "a,type=env,target=A=B", "type=mount,target=x",
};

static const char *const corrupt[] = {
	"", "mount", "mount/0/0/444/" ID "/a", "mount/0/0/444/" ID "/a/", "mount/0/0/444/short/a/a",
	"mount/x/0/444/" ID "/a/a", "mount/0/0/9/" ID "/a/a",
	"mount/0/0/444/../../../../../../../../x/a/a",
};

TEST(options_and_records)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT, again = CTR_SECRET_USE_INIT;
		auto_free char *item = NULL, *item2 = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_secret_use_parse(good[i].option, &u, &e) == 0, "%s: %s", good[i].option,
			  e.text);
		memcpy(u.id, ID, sizeof(u.id));
		item = ctr_secret_use_format(&u);
		CHECK_STR(item, good[i].item);
		CHECK_MSG(ctr_secret_use_read(item, &again, &e) == 0, "%s: %s", item, e.text);
		item2 = ctr_secret_use_format(&again);
		CHECK_STR(item2, good[i].item);
		ctr_secret_use_done(&u);
		ctr_secret_use_done(&again);
	}
}

TEST(refused)
{
	struct ctr_secret_use u = CTR_SECRET_USE_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		int r = ctr_secret_use_parse(bad[i], &u, &e);

		CHECK_MSG(r == -EINVAL && e.kind == ERR_INVALID, "%s is taken", bad[i]);
	}
	for (size_t i = 0; i < sizeof(corrupt) / sizeof(corrupt[0]); i++) {
		struct err e = ERR_INIT;
		int r = ctr_secret_use_read(corrupt[i], &u, &e);

		CHECK_MSG(r == -EBADMSG && e.kind == ERR_CORRUPT, "%s is taken", corrupt[i]);
	}
}
