/* The user's id map: what libsubid said last time, or asking it again. */
#include "ctrlite/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"
#include "ctrlite/transfer.h"

#define CACHE_NAME "idmap"
#define CACHE_MAX_BYTES 65536
#define NSS_TTL_S 300	/* ranges from a directory service change without a file changing */

/* What the answer depends on: who we are and the files that libsubid reads. */
static char *cache_key(void)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid", "/etc/nsswitch.conf" };
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_addf(&b, "ctr-lite-idmap 1 %u %u", (unsigned int)geteuid(), (unsigned int)getegid());
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct stat st;

		if (stat(files[i], &st) < 0)
			strbuf_add(&b, " -");
		else
			strbuf_addf(&b, " %llu:%llu:%lld:%lld.%09ld", (unsigned long long)st.st_dev,
				    (unsigned long long)st.st_ino, (long long)st.st_size,
				    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	}
	strbuf_addc(&b, '\n');
	return strbuf_take(&b);
}

/* The ranges (START:COUNT,...) one after the other behind the @n that are there already. */
static int build_list(uint32_t n, const char *text, struct idmap_range *r, uint32_t *ret_n,
		      const char *db, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	uint32_t next = n;

	if (text[0] && strv_split(&parts, text, ',') < 0)
		return err_sys(e, ENOMEM, "read the id ranges");
	for (size_t i = 0; i < parts.n; i++) {
		char *colon = strchr(parts.items[i], ':');
		uint32_t start, count;

		if (colon)
			*colon++ = '\0';
		if (!colon || str_u32(parts.items[i], UINT32_MAX - 1, &start) < 0 ||
		    str_u32(colon, UINT32_MAX - 1, &count) < 0 || count == 0 ||
		    start > UINT32_MAX - count || next > UINT32_MAX - count)
			return err_set(e, ERR_INVALID, "%s has a range that is not usable: %s:%s", db,
				       parts.items[i], colon ? colon : "");
		if (n == IDMAP_MAX)
			return err_set(e, ERR_LIMIT, "%s has more than %d ranges for one user", db,
				       IDMAP_MAX - 1);
		r[n++] = (struct idmap_range){ next, start, count };
		next += count;
	}
	*ret_n = n;
	return 0;
}

/* @text: what `ctr-lite-transfer idmap` printed: "uid R\ngid R\nnss 0|1\n".  The ranges are
 * borrowed from it. */
static int split_answer(char *text, const char **ret_uid, const char **ret_gid, bool *ret_nss,
			struct err *e)
{
	const char *uid = NULL, *gid = NULL;

	*ret_nss = false;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *v;

		if ((v = str_after(line, "uid ")))
			uid = v;
		else if ((v = str_after(line, "gid ")))
			gid = v;
		else if (streq(line, "nss 1"))
			*ret_nss = true;
	}
	if (!uid || !gid)
		return err_set(e, ERR_CORRUPT, "ctr-lite-transfer idmap answered badly");
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

static int parse_answer(char *text, struct idmap *ret, bool *ret_nss, struct err *e)
{
	const char *uid, *gid;
	int r = split_answer(text, &uid, &gid, ret_nss, e);

	if (r < 0)
		return r;
	if (!uid[0] != !gid[0])
		return err_set(e, ERR_UNSUPPORTED, "uid %u has subordinate ids in /etc/sub%s but none in "
			       "/etc/sub%s; add them with: usermod --add-sub%ss 100000-165535 USER",
			       (unsigned int)geteuid(), uid[0] ? "uid" : "gid", uid[0] ? "gid" : "uid",
			       uid[0] ? "gid" : "uid");
	/* Container 0 is the user. */
	ret->uid[0] = (struct idmap_range){ 0, geteuid(), 1 };
	ret->gid[0] = (struct idmap_range){ 0, getegid(), 1 };
	r = build_list(1, uid, ret->uid, &ret->n_uid, "/etc/subuid", e);
	return r < 0 ? r : build_list(1, gid, ret->gid, &ret->n_gid, "/etc/subgid", e);
}

int ctr_idmap_of_names(const char *user, const char *group, struct idmap *ret, struct err *e)
{
	const char *const argv[] = { "idmap", user, group, NULL };
	static const struct ctr_transfer t = { .quiet = true };
	auto_free char *answer = NULL;
	const char *uid = "", *gid = "";
	bool nss;
	int r = ctr_transfer_run(&t, argv, &answer, e);

	if (r == 0)
		r = split_answer(answer, &uid, &gid, &nss, e);
	if (r < 0)
		return r;
	if (!uid[0])
		return err_set(e, ERR_NOT_FOUND, "no subuid ranges found for user \"%s\" in /etc/subuid",
			       user);
	if (!gid[0])
		return err_set(e, ERR_NOT_FOUND, "no subgid ranges found for group \"%s\" in /etc/subgid",
			       group);
	r = build_list(0, uid, ret->uid, &ret->n_uid, "/etc/subuid", e);
	return r < 0 ? r : build_list(0, gid, ret->gid, &ret->n_gid, "/etc/subgid", e);
}

static int read_cache(int run_fd, const char *key, char **ret_answer)
{
	auto_free char *text = NULL;
	auto_close int fd = path_open_beneath(run_fd, CACHE_NAME, O_RDONLY);
	struct stat st;
	const char *rest;
	bool nss;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) ||
	    fd_read_file(fd, CACHE_MAX_BYTES, &text, NULL) < 0)
		return -EBADMSG;
	rest = str_after(text, key);
	if (!rest)
		return -ESTALE;
	nss = strstr(rest, "nss 1\n");
	if (nss && time(NULL) - st.st_mtim.tv_sec > NSS_TTL_S)
		return -ESTALE;
	*ret_answer = strdup(rest);
	return *ret_answer ? 0 : -ENOMEM;
}

int ctr_idmap_default(int run_fd, struct idmap *ret, bool *ret_single, struct err *e)
{
	auto_free char *key = cache_key(), *answer = NULL;
	bool nss;
	int r;

	if (!key)
		return err_sys(e, ENOMEM, "read the id ranges");
	if (read_cache(run_fd, key, &answer) < 0) {
		static const char *const argv[] = { "idmap", NULL };
		static const struct ctr_transfer t = { .quiet = true };
		auto_free char *whole = NULL;

		r = ctr_transfer_run(&t, argv, &answer, e);
		if (r < 0)
			return r;
		whole = str_printf("%s%s", key, answer);
		/* Without the cache the next command only asks again. */
		if (whole)
			(void)file_replace(run_fd, CACHE_NAME, whole, strlen(whole), 0600,
					   FILE_SYNC_NONE);
	}
	r = parse_answer(answer, ret, &nss, e);
	if (r == 0 && ret_single)
		*ret_single = ret->n_uid == 1;
	return r;
}
