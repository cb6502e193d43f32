/* The limits of unpacking, and what the user says about them. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fd.h"
#include "str.h"
#include "unpack.h"

#define KEEP_FREE_MAX_BYTES (1ull << 30)	/* no more than this must stay free on a large disk */

/*
 * Generous for what people put into layers: text inflates to ten times its size, and only files of
 * nothing but zeros to more than two hundred times, which are small or sparse in honest images.
 */
const struct unpack_limits unpack_limits_default = {
	.max_bytes = 1ull << 40,
	.max_entries = 4u << 20,
	.max_ratio = 200,
	.ratio_floor = 1ull << 30,
	.keep_free_percent = 5,
};

static const struct {
	const char *name;
	size_t offset;
	uint64_t largest;
} names[] = {
	{ "max_bytes", offsetof(struct unpack_limits, max_bytes), 1ull << 60 },
	{ "max_entries", offsetof(struct unpack_limits, max_entries), UINT32_MAX },
	{ "max_ratio", offsetof(struct unpack_limits, max_ratio), UINT32_MAX },
	{ "ratio_floor", offsetof(struct unpack_limits, ratio_floor), 1ull << 60 },
	{ "keep_free_percent", offsetof(struct unpack_limits, keep_free_percent), 99 },
};

static int set_one(struct unpack_limits *lim, char *word, struct err *e)
{
	char *value = strchr(word, '=');
	uint64_t n;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!streq(names[i].name, word))
			continue;
		if (str_size(value, &n) < 0 || n > names[i].largest)
			return err_set(e, ERR_INVALID, UNPACK_LIMITS_ENV ": %s=%s is not a number up to %llu",
				       word, value, (unsigned long long)names[i].largest);
		memcpy((char *)lim + names[i].offset, &n, sizeof(n));
		return 0;
	}
	return err_set(e, ERR_INVALID, UNPACK_LIMITS_ENV ": \"%s\" is not NAME=NUMBER with one of max_bytes, "
		       "max_entries, max_ratio, ratio_floor, keep_free_percent", word);
}

int unpack_limits_parse(const char *text, struct unpack_limits *ret, struct err *e)
{
	struct unpack_limits lim = unpack_limits_default;
	auto_free char *copy = strdup(text ? text : "");
	char *save = NULL;

	if (!copy)
		return err_set(e, ERR_OS, "out of memory");
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		int r = set_one(&lim, w, e);

		if (r < 0)
			return r;
	}
	*ret = lim;
	return 0;
}

int unpack_check_space(int fd, const struct unpack_limits *lim, struct err *e)
{
	struct statvfs v;
	uint64_t keep, avail;

	if (fstatvfs(fd, &v) < 0 || v.f_frsize == 0)
		return 0; /* cannot be asked here: the write itself fails when it is full */
	keep = v.f_blocks / 100 * v.f_frsize * lim->keep_free_percent;
	if (keep > KEEP_FREE_MAX_BYTES)
		keep = KEEP_FREE_MAX_BYTES;
	avail = (uint64_t)v.f_bavail * v.f_frsize;
	if (avail >= keep)
		return 0;
	(void)err_set(e, ERR_LIMIT, "the store's file system is almost full: %" PRIu64 " MiB are free, "
		      "%" PRIu64 " MiB must stay free (keep_free_percent, see " UNPACK_LIMITS_ENV
		      ")", avail >> 20, keep >> 20);
	if (e)
		e->code = ENOSPC;
	return -ENOSPC;
}
