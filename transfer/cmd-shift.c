/*
 * ctr-lite-transfer shift --uidmap MAP --gidmap MAP KEY...: copy layers with their owners translated
 * by an inner id map, as far as they are not there yet.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "digest.h"
#include "shift.h"
#include "transfer.h"

#define SLOW_MS 1000

struct shift_args {
	struct idmap inner;
};

static int set_map(const char *option, const char *v, struct idmap_range *r, uint32_t *ret_n,
		   struct err *e)
{
	int res = idmap_parse(v, r, ret_n);

	return res < 0 ? err_set(e, ERR_INVALID, "shift: --%s %s: expected CONTAINER:ID:COUNT,... "
				 "without overlaps", option, v) : 0;
}

static int set_uidmap(void *arg, const char *v, struct err *e)
{
	struct shift_args *a = arg;

	return set_map("uidmap", v, a->inner.uid, &a->inner.n_uid, e);
}

static int set_gidmap(void *arg, const char *v, struct err *e)
{
	struct shift_args *a = arg;

	return set_map("gidmap", v, a->inner.gid, &a->inner.n_gid, e);
}

static const struct transfer_opt shift_opts[] = {
	{ "uidmap", 0, true, set_uidmap },
	{ "gidmap", 0, true, set_gidmap },
	{ 0 },
};

static void say_slow(void)
{
	fprintf(stderr, "Copying the image's layers for the container's id map (only once) ...\n");
}

int transfer_cmd_shift(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct shift_args a = { .inner = { .n_uid = 0 } };
	struct shift_watch w = { .stop = transfer_interrupted, .slow_ms = SLOW_MS };
	auto_strv struct strv keys = STRV_INIT;
	struct digest d;
	int n, r = transfer_getopt(argc, argv, shift_opts, &a, &n, e);

	if (r < 0)
		return r;
	if (n < 1 || !a.inner.n_uid || !a.inner.n_gid)
		return err_set(e, ERR_INVALID, "shift: expected --uidmap MAP --gidmap MAP and the keys "
			       "of layers");
	for (int i = 1; i <= n; i++) {
		r = digest_parse_hex(argv[i], &d, e);
		if (r == 0 && strv_add(&keys, d.hex) < 0)
			r = err_sys(e, ENOMEM, "shift");
		if (r < 0)
			return r;
	}
	if (!t->quiet && isatty(STDERR_FILENO))
		w.slow = say_slow;
	return shift_make(&t->store, &keys, t->idmap, &a.inner, &w, e);
}
