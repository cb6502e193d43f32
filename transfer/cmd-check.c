/*
 * ctr-lite-transfer check [--quick] [--repair] [--age SECONDS] [--used KEY]... [--busy KEY]...: look for
 * damage in images, blobs and layers.  Prints {"damage": [{kind, id, images, details, more, outcome,
 * why}], "notes": []}.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-check.h"
#include "json.h"
#include "transfer.h"

#define DETAILS_MAX_BYTES (512u << 10)	/* of all that is printed; the rest is counted */

struct check_args {
	bool quick, repair;
	uint64_t age_s;
	struct strv used, busy;
};

static int set_quick(void *arg, const char *v, struct err *e)
{
	struct check_args *a = arg;

	(void)v;
	(void)e;
	a->quick = true;
	return 0;
}

static int set_repair(void *arg, const char *v, struct err *e)
{
	struct check_args *a = arg;

	(void)v;
	(void)e;
	a->repair = true;
	return 0;
}

static int set_age(void *arg, const char *v, struct err *e)
{
	struct check_args *a = arg;

	return str_u64(v, INT64_MAX, &a->age_s) < 0 ? err_set(e, ERR_INVALID, "check: --age %s: not a number "
							      "of seconds", v) : 0;
}

static int add_key(struct strv *to, const char *v, struct err *e)
{
	struct digest d;
	int r = digest_parse_hex(v, &d, e);

	if (r == 0 && strv_add(to, d.hex) < 0)
		r = err_sys(e, ENOMEM, "check");
	return r;
}

static int set_used(void *arg, const char *v, struct err *e)
{
	struct check_args *a = arg;

	return add_key(&a->used, v, e);
}

static int set_busy(void *arg, const char *v, struct err *e)
{
	struct check_args *a = arg;

	return add_key(&a->busy, v, e);
}

static const struct transfer_opt check_opts[] = {
	{ "quick", 0, false, set_quick },
	{ "repair", 0, false, set_repair },
	{ "age", 0, true, set_age },
	{ "used", 0, true, set_used },
	{ "busy", 0, true, set_busy },
	{ NULL, 0, false, NULL },
};

static json_t *details_json(const struct store_damage *d, size_t *left, size_t *more)
{
	json_t *list = json_array();

	*more = d->more;
	for (size_t i = 0; list && i < d->details.n; i++) {
		size_t len = strlen(d->details.items[i]);
		/* names in a layer are any bytes */
		auto_free char *text = str_printable(d->details.items[i]);

		if (len > *left) {
			++*more;
			continue;
		}
		*left -= len;
		if (json_array_append_new(list, json_string(text ? text : "")) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int print(const struct store_check *c, struct err *e)
{
	auto_json json_t *list = json_array(), *doc = NULL;
	auto_free char *text = NULL;
	size_t left = DETAILS_MAX_BYTES, more;

	for (size_t i = 0; list && i < c->n; i++) {
		const struct store_damage *d = &c->damage[i];
		json_t *details = details_json(d, &left, &more);

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:I, s:s, s:s*}", "kind",
				store_damage_kind_names[d->kind], "id", d->id, "images",
				json_from_strv(&d->images), "details", details, "more", (json_int_t)more,
				"outcome", store_damage_outcome_names[d->outcome], "why", d->why)) < 0)
			return err_sys(e, ENOMEM, "check");
	}
	doc = json_pack("{s:O, s:o}", "damage", list, "notes", json_from_strv(&c->notes));
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (!text)
		return err_sys(e, ENOMEM, "check");
	printf("%s\n", text);
	return 0;
}

int transfer_cmd_check(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct check_args a = { .used = STRV_INIT, .busy = STRV_INIT };
	struct store_check c = STORE_CHECK_INIT;
	int n, r = transfer_getopt(argc, argv, check_opts, &a, &n, e);

	if (r == 0 && n != 0)
		r = err_set(e, ERR_INVALID, "check: takes no arguments");
	c.store = &t->store;
	c.idmap = t->idmap;
	c.quick = a.quick;
	c.orphan_age_s = a.age_s;
	c.used = &a.used;
	c.busy = &a.busy;
	c.stop = transfer_interrupted;
	if (r == 0)
		r = store_check(&c, e);
	if (r == 0 && a.repair)
		r = store_repair(&c, e);
	if (r == 0)
		r = print(&c, e);
	store_check_done(&c);
	strv_done(&a.used);
	strv_done(&a.busy);
	return r;
}
