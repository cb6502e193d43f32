/* Translating linux.resources; the table is in the order of writing. */
#include "resources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "path.h"
#include "str.h"

#define WHERE "$.linux.resources."
#define SHARES_DEFAULT 1024 /* the kernel's: as much as everybody else */

struct row {
	const char *section, *member; /* "memory", "limit"; member "": the section itself */
	const char *controller, *file;
	int (*put)(struct limits *l, const struct row *row, const json_t *section,
		   const json_t *value, struct err *e);
};

static void limit_done(struct limit *l)
{
	free(l->file);
	free(l->value);
	free(l->alt_file);
	free(l->alt_value);
}

void limits_done(struct limits *l)
{
	for (size_t i = 0; i < l->n; i++)
		limit_done(&l->items[i]);
	free(l->items);
	*l = (struct limits){ 0 };
}

const struct limit *limits_first(const struct limits *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].limits)
			return &l->items[i];
	return NULL;
}

const struct limit *limits_find(const struct limits *l, const char *file)
{
	for (size_t i = 0; i < l->n; i++)
		if (streq(l->items[i].file, file))
			return &l->items[i];
	return NULL;
}

static const char *name_of(const struct row *row, char buf[64])
{
	(void)snprintf(buf, 64, "%s%s%s", row->section, row->member[0] ? "." : "", row->member);
	return buf;
}

/* A new item that limits; NULL when there is no room. */
static struct limit *add(struct limits *l, const struct row *row, const char *file)
{
	struct limit *it;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct limit *grown =
			cap > RESOURCES_MAX ? NULL : reallocarray(l->items, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		l->items = grown;
		l->cap = cap;
	}
	it = &l->items[l->n];
	*it = (struct limit){ .limits = true, .file = strdup(file) };
	if (!it->file)
		return NULL;
	l->n++;
	(void)name_of(row, it->member);
	(void)snprintf(it->controller, sizeof(it->controller), "%s", row->controller);
	return it;
}

static int put_text(struct limits *l, const struct row *row, bool limits, char *value_take,
		    struct err *e)
{
	struct limit *it = value_take ? add(l, row, row->file) : NULL;

	if (!it) {
		free(value_take);
		return err_set(e, ERR_LIMIT, WHERE "%s: too much, or memory is gone", row->section);
	}
	it->value = value_take;
	it->limits = limits;
	return 0;
}

static int integer(const struct row *row, const json_t *value, int64_t min, int64_t max,
		   int64_t *ret, struct err *e)
{
	char name[64];

	if (!json_is_integer(value))
		return err_set(e, ERR_CORRUPT, WHERE "%s: expected an integer", name_of(row, name));
	if (json_integer_value(value) < min || json_integer_value(value) > max)
		return err_set(e, ERR_INVALID, WHERE "%s: expected %" PRId64 "..%" PRId64,
			       name_of(row, name), min, max);
	*ret = json_integer_value(value);
	return 0;
}

/* A number where -1 is "no limit" and 0 "not set". */
static int put_amount(struct limits *l, const struct row *row, const json_t *section,
		      const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, -1, INT64_MAX, &v, e);

	(void)section;
	if (r < 0 || v == 0)
		return r;
	return put_text(l, row, v > 0, v > 0 ? str_printf("%" PRId64, v) : strdup("max"), e);
}

/* No limit of memory is none of swap either, unless that is given. */
static int put_memory(struct limits *l, const struct row *row, const json_t *section,
		      const json_t *value, struct err *e)
{
	static const struct row swap = { "memory", "swap", "memory", "memory.swap.max", NULL };
	int r = put_amount(l, row, section, value, e);

	if (r == 0 && json_integer_value(value) > 0 &&
	    json_is_true(json_object_get(section, "checkBeforeUpdate")))
		l->check_usage = (uint64_t)json_integer_value(value);
	if (r == 0 && json_integer_value(value) == -1 &&
	    json_integer_value(json_object_get(section, "swap")) == 0)
		r = put_text(l, &swap, false, strdup("max"), e);
	return r;
}

/* Version 1 counts memory and swap together, version 2 swap alone. */
static int put_swap(struct limits *l, const struct row *row, const json_t *section,
		    const json_t *value, struct err *e)
{
	int64_t memory = json_integer_value(json_object_get(section, "limit")), v = 0;
	int r = integer(row, value, -1, INT64_MAX, &v, e);

	if (r < 0 || v == 0)
		return r;
	if (v == -1)
		return put_text(l, row, false, strdup("max"), e);
	if (memory <= 0)
		return err_set(e, ERR_INVALID,
			       WHERE "memory.swap: memory and swap together are limited "
				     "to %" PRId64 ", which takes a memory.limit as well",
			       v);
	if (v < memory)
		return err_set(e, ERR_INVALID,
			       WHERE "memory.swap: %" PRId64
				     " for memory and swap together is less "
				     "than memory.limit (%" PRId64 ")",
			       v, memory);
	r = put_text(l, row, true, str_printf("%" PRId64, v - memory), e);
	/* No swap where the kernel knows of none. */
	if (r == 0 && v == memory)
		l->items[l->n - 1].optional = true;
	return r;
}

static int refuse(const struct row *row, const char *why, struct err *e)
{
	char name[64];

	return err_set(e, ERR_UNSUPPORTED, WHERE "%s: %s; leave it away", name_of(row, name), why);
}

static int refuse_v1(struct limits *l, const struct row *row, const json_t *section,
		     const json_t *value, struct err *e)
{
	(void)l;
	(void)section;
	/* What says nothing: null, false, 0, -1, "" and empty lists. */
	if (json_is_false(value) || (json_is_integer(value) && json_integer_value(value) <= 0) ||
	    (json_is_string(value) && json_string_length(value) == 0) ||
	    (json_is_array(value) && json_array_size(value) == 0) ||
	    (json_is_object(value) && json_object_size(value) == 0))
		return 0;
	return refuse(row, "cgroup v2 has no such limit", e);
}

/* 0 says something here: never swap. */
static int refuse_swappiness(struct limits *l, const struct row *row, const json_t *section,
			     const json_t *value, struct err *e)
{
	(void)l;
	(void)section;
	if (json_is_integer(value) && json_integer_value(value) == -1)
		return 0;
	return refuse(row, "cgroup v2 has no swappiness of its own for a cgroup", e);
}

static int check_bool(struct limits *l, const struct row *row, const json_t *section,
		      const json_t *value, struct err *e)
{
	char name[64];

	(void)l;
	(void)section;
	if (!json_is_boolean(value))
		return err_set(e, ERR_CORRUPT, WHERE "%s: expected true or false",
			       name_of(row, name));
	return 0;
}

uint64_t cpu_weight_of_shares(uint64_t shares)
{
	shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
	return 1 + (shares - 2) * 9999 / 262142;
}

uint64_t io_weight_of_blkio(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

static int put_shares(struct limits *l, const struct row *row, const json_t *section,
		      const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, 0, INT64_MAX, &v, e);

	/* An idle cgroup has no weight, and the kernel refuses to be told one. */
	if (r < 0 || v == 0 || json_integer_value(json_object_get(section, "idle")) == 1)
		return r;
	return put_text(l, row, v != SHARES_DEFAULT,
			str_printf("%" PRIu64, cpu_weight_of_shares((uint64_t)v)), e);
}

/* Where only one of the two is given the other stays as it is: the kernel leaves the period alone,
 * and "-" is replaced by the quota that is there. */
static int put_quota(struct limits *l, const struct row *row, const json_t *section,
		     const json_t *value, struct err *e)
{
	int64_t v = 0, period = json_integer_value(json_object_get(section, "period"));
	int r = integer(row, value, INT64_MIN, INT64_MAX, &v, e);
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (r < 0 || (v == 0 && period == 0))
		return r;
	if (v > 0)
		strbuf_addf(&b, "%" PRId64, v);
	else
		strbuf_add(&b, v == 0 ? "-" : "max");
	if (period > 0)
		strbuf_addf(&b, " %" PRId64, period);
	return put_text(l, row, v > 0, strbuf_take(&b), e);
}

static int put_period(struct limits *l, const struct row *row, const json_t *section,
		      const json_t *value, struct err *e)
{
	const json_t *quota = json_object_get(section, "quota");
	int64_t v = 0;
	int r = integer(row, value, 0, INT64_MAX, &v, e);

	if (r < 0 || v == 0 || (quota && !json_is_null(quota)))
		return r;
	return put_text(l, row, false, str_printf("- %" PRId64, v), e);
}

static int put_burst(struct limits *l, const struct row *row, const json_t *section,
		     const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, 0, INT64_MAX, &v, e);

	(void)section;
	return r < 0 ? r : put_text(l, row, v > 0, str_printf("%" PRId64, v), e);
}

/* An idle cgroup must be none before it gets a weight, and one that becomes idle has its own. */
static int put_idle(struct limits *l, const struct row *row, const json_t *section,
		    const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, 0, 1, &v, e);

	(void)section;
	return r < 0 ? r : put_text(l, row, v > 0, strdup(v ? "1" : "0"), e);
}

/* "0-3,5" */
static int put_set(struct limits *l, const struct row *row, const json_t *section,
		   const json_t *value, struct err *e)
{
	const char *s = json_string_value(value);
	char name[64];

	(void)section;
	if (!s)
		return err_set(e, ERR_CORRUPT, WHERE "%s: expected a string", name_of(row, name));
	if (!*s)
		return 0;
	if (s[strspn(s, "0123456789,-")] || strlen(s) != json_string_length(value) ||
	    strlen(s) > 4000)
		return err_set(e, ERR_INVALID, WHERE "%s: \"%.60s\" is not a list like 0-3,5",
			       name_of(row, name), s);
	return put_text(l, row, true, strdup(s), e);
}

static int put_pids(struct limits *l, const struct row *row, const json_t *section,
		    const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, INT64_MIN, INT64_MAX, &v, e);

	(void)section;
	if (r < 0 || v == 0)
		return r;
	return put_text(l, row, v > 0, v > 0 ? str_printf("%" PRId64, v) : strdup("max"), e);
}

/* By the scheduler that has it: the two have different scales. */
static int add_io_weight(struct limits *l, const struct row *row, const char *device, int64_t v,
			 struct err *e)
{
	int r = put_text(l, row, true, str_printf("%s%" PRId64, device, v), e);
	struct limit *it;

	if (r < 0)
		return r;
	it = &l->items[l->n - 1];
	it->alt_file = strdup("io.weight");
	it->alt_value = str_printf("%s%" PRIu64, device, io_weight_of_blkio((uint64_t)v));
	return it->alt_file && it->alt_value ? 0 : err_sys(e, ENOMEM, "%s", WHERE "blockIO");
}

static int put_io_weight(struct limits *l, const struct row *row, const json_t *section,
			 const json_t *value, struct err *e)
{
	int64_t v = 0;
	int r = integer(row, value, 0, 1000, &v, e);

	(void)section;
	if (r < 0 || v == 0)
		return r;
	if (v < 10)
		return err_set(e, ERR_INVALID, WHERE "blockIO.weight: expected 10..1000");
	return add_io_weight(l, row, "", v, e);
}

struct io_device {
	int64_t major, minor, weight, leaf_weight, rate;
};

/* Each element of the array @value with @number named as given. */
static int each_device(struct limits *l, const struct row *row, const json_t *value,
		       int (*one)(struct limits *l, const struct row *row,
				  const struct io_device *d, struct err *e),
		       struct err *e)
{
	static const struct json_field rows[] = {
		{ "major", JSON_KIND_I64, offsetof(struct io_device, major), JSON_REQUIRED },
		{ "minor", JSON_KIND_I64, offsetof(struct io_device, minor), JSON_REQUIRED },
		{ "weight", JSON_KIND_I64, offsetof(struct io_device, weight) },
		{ "leafWeight", JSON_KIND_I64, offsetof(struct io_device, leaf_weight) },
		{ "rate", JSON_KIND_I64, offsetof(struct io_device, rate) },
		{ 0 },
	};
	char name[64], where[128];

	(void)name_of(row, name);
	if (!json_is_array(value))
		return err_set(e, ERR_CORRUPT, WHERE "%s: expected an array", name);
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct io_device d = { 0 };
		int r;

		(void)snprintf(where, sizeof(where), WHERE "%s[%zu]", name, i);
		r = json_read(json_array_get(value, i), rows, &d, JSON_ALLOW_UNKNOWN, where, e);
		if (r < 0)
			return r;
		if (d.major < 0 || d.major > 0xfff || d.minor < 0 || d.minor > 0xfffff)
			return err_set(e, ERR_INVALID, "%s: %" PRId64 ":%" PRId64 " is no device",
				       where, d.major, d.minor);
		r = one(l, row, &d, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int weight_one(struct limits *l, const struct row *row, const struct io_device *d,
		      struct err *e)
{
	static const struct row leaf = { "blockIO", "weightDevice.leafWeight", "io", NULL, NULL };
	char device[48];

	if (d->leaf_weight)
		return refuse(&leaf, "cgroup v2 has no such limit", e);
	if (d->weight == 0)
		return 0;
	if (d->weight < 10 || d->weight > 1000)
		return err_set(e, ERR_INVALID, WHERE "blockIO.weightDevice: expected 10..1000");
	(void)snprintf(device, sizeof(device), "%" PRId64 ":%" PRId64 " ", d->major, d->minor);
	return add_io_weight(l, row, device, d->weight, e);
}

static int put_weight_devices(struct limits *l, const struct row *row, const json_t *section,
			      const json_t *value, struct err *e)
{
	(void)section;
	return each_device(l, row, value, weight_one, e);
}

static int throttle_one(struct limits *l, const struct row *row, const struct io_device *d,
			struct err *e)
{
	static const struct {
		const char *member, *key;
	} keys[] = {
		{ "throttleReadBpsDevice", "rbps" },
		{ "throttleWriteBpsDevice", "wbps" },
		{ "throttleReadIOPSDevice", "riops" },
		{ "throttleWriteIOPSDevice", "wiops" },
	};
	const char *key = NULL;
	char value[24] = "max";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (streq(keys[i].member, row->member))
			key = keys[i].key;
	if (d->rate < 0)
		return err_set(e, ERR_INVALID, WHERE "blockIO.%s: a negative rate", row->member);
	if (d->rate > 0)
		(void)snprintf(value, sizeof(value), "%" PRId64, d->rate);
	return put_text(l, row, d->rate > 0,
			str_printf("%" PRId64 ":%" PRId64 " %s=%s", d->major, d->minor, key, value),
			e);
}

static int put_throttle(struct limits *l, const struct row *row, const json_t *section,
			const json_t *value, struct err *e)
{
	(void)section;
	return each_device(l, row, value, throttle_one, e);
}

/* "2MB", "1GB" */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n < 16 && s[0] != '0' && strchr("KMG", s[n]) && s[n] &&
	       streq(s + n + 1, "B");
}

static int put_hugepages(struct limits *l, const struct row *row, const json_t *section,
			 const json_t *value, struct err *e)
{
	(void)section;
	if (!json_is_array(value))
		return err_set(e, ERR_CORRUPT, WHERE "hugepageLimits: expected an array");
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct {
			const char *size;
			uint64_t limit;
		} v = { 0 };
		static const struct json_field rows[] = {
			{ "pageSize", JSON_KIND_STR, offsetof(__typeof__(v), size), JSON_REQUIRED,
			  32 },
			{ "limit", JSON_KIND_U64, offsetof(__typeof__(v), limit), JSON_REQUIRED },
			{ 0 },
		};
		int r = json_read(json_array_get(value, i), rows, &v, JSON_ALLOW_UNKNOWN,
				  WHERE "hugepageLimits[]", e);

		if (r < 0)
			return r;
		if (!is_page_size(v.size))
			return err_set(e, ERR_INVALID,
				       WHERE "hugepageLimits: \"%s\" is not a size like 2MB",
				       v.size);
		/* The second counts reservations: else a mapping is granted and then kills. */
		for (int k = 0; k < 2; k++) {
			char file[64];
			struct row real = *row;

			(void)snprintf(file, sizeof(file), "hugetlb.%s.%smax", v.size,
				       k ? "rsvd." : "");
			real.file = file;
			r = put_text(l, &real, true, str_printf("%" PRIu64, v.limit), e);
			if (r < 0)
				return r;
			l->items[l->n - 1].optional = k == 1;
		}
	}
	return 0;
}

static bool is_word(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '=')
			return false;
	return true;
}

static int put_rdma(struct limits *l, const struct row *row, const json_t *section,
		    const json_t *value, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)value, *one; /* jansson's iterator takes no const */
	const char *device;

	(void)section;
	if (!json_is_object(value))
		return err_set(e, ERR_CORRUPT, WHERE "rdma: expected an object");
	json_object_foreach(obj, device, one) {
		struct {
			int64_t handles, objects;
		} v = { -1, -1 };
		static const struct json_field rows[] = {
			{ "hcaHandles", JSON_KIND_I64, offsetof(__typeof__(v), handles) },
			{ "hcaObjects", JSON_KIND_I64, offsetof(__typeof__(v), objects) },
			{ 0 },
		};
		auto_strbuf struct strbuf b = STRBUF_INIT;
		int r = json_read(one, rows, &v, JSON_ALLOW_UNKNOWN, WHERE "rdma.*", e);

		if (r < 0)
			return r;
		if (!device[0] || strlen(device) > 64 || !is_word(device))
			return err_set(e, ERR_INVALID, WHERE "rdma: \"%.64s\" is no device",
				       device);
		if (v.handles < 0 && v.objects < 0)
			continue;
		strbuf_add(&b, device);
		if (v.handles >= 0)
			strbuf_addf(&b, " hca_handle=%" PRId64, v.handles);
		if (v.objects >= 0)
			strbuf_addf(&b, " hca_object=%" PRId64, v.objects);
		r = put_text(l, row, true, strbuf_take(&b), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Files that do something instead of setting something. */
static bool is_action(const char *file)
{
	static const char *const actions[] = { "cgroup.procs", "cgroup.threads", "cgroup.kill",
					       "cgroup.freeze", "cgroup.type" };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (streq(actions[i], file))
			return true;
	return false;
}

/* Any file of the kernel's, as the kernel takes it; one write for each line. */
static int put_unified(struct limits *l, const struct row *row, const json_t *section,
		       const json_t *value, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)value, *text; /* jansson's iterator takes no const */
	const char *file;

	(void)section;
	if (!json_is_object(value))
		return err_set(e, ERR_CORRUPT, WHERE "unified: expected an object");
	json_object_foreach(obj, file, text) {
		const char *s = json_string_value(text);
		auto_strv struct strv lines = STRV_INIT;
		char controller[32];
		struct row real = *row;

		if (!s || strlen(s) != json_string_length(text))
			return err_set(e, ERR_CORRUPT, WHERE "unified.%.60s: expected a string",
				       file);
		if (!path_is_component(file) || !is_word(file) || !strchr(file, '.') ||
		    strcspn(file, ".") >= sizeof(controller))
			return err_set(e, ERR_INVALID,
				       WHERE "unified: \"%.60s\" is not a file of a cgroup", file);
		if (is_action(file))
			return err_set(e, ERR_INVALID, WHERE "unified: %s is no setting", file);
		(void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."),
			       file);
		real.controller = streq(controller, "cgroup") ? "" : controller;
		real.file = real.member = file;
		if (strv_split(&lines, s, '\n') < 0)
			return err_sys(e, ENOMEM, WHERE "unified");
		for (size_t i = 0; i < lines.n; i++) {
			int r = lines.items[i][0]
					? put_text(l, &real, true, strdup(lines.items[i]), e)
					: 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* clang-format off */
static const struct row rows[] = {
	{ "memory", "limit",		"memory", "memory.max",		put_memory },
	{ "memory", "swap",		"memory", "memory.swap.max",	put_swap },
	{ "memory", "reservation",	"memory", "memory.low",		put_amount },
	{ "memory", "kernel",		"memory", NULL,			refuse_v1 },
	{ "memory", "kernelTCP",	"memory", NULL,			refuse_v1 },
	{ "memory", "swappiness",	"memory", NULL,			refuse_swappiness },
	{ "memory", "disableOOMKiller",	"memory", NULL,			refuse_v1 },
	{ "memory", "useHierarchy",	"memory", NULL,			check_bool }, /* always so */
	{ "memory", "checkBeforeUpdate","memory", NULL,			check_bool },
	{ "cpu", "idle",		"cpu",	"cpu.idle",		put_idle },
	{ "cpu", "shares",		"cpu",	"cpu.weight",		put_shares },
	{ "cpu", "quota",		"cpu",	"cpu.max",		put_quota },
	{ "cpu", "period",		"cpu",	"cpu.max",		put_period },
	{ "cpu", "burst",		"cpu",	"cpu.max.burst",	put_burst },
	{ "cpu", "realtimeRuntime",	"cpu",	NULL,			refuse_v1 },
	{ "cpu", "realtimePeriod",	"cpu",	NULL,			refuse_v1 },
	{ "cpu", "cpus",		"cpuset", "cpuset.cpus",	put_set },
	{ "cpu", "mems",		"cpuset", "cpuset.mems",	put_set },
	{ "pids", "limit",		"pids",	"pids.max",		put_pids },
	{ "blockIO", "weight",		"io",	"io.bfq.weight",	put_io_weight },
	{ "blockIO", "leafWeight",	"io",	NULL,			refuse_v1 },
	{ "blockIO", "weightDevice",	"io",	"io.bfq.weight",	put_weight_devices },
	{ "blockIO", "throttleReadBpsDevice", "io", "io.max",		put_throttle },
	{ "blockIO", "throttleWriteBpsDevice", "io", "io.max",		put_throttle },
	{ "blockIO", "throttleReadIOPSDevice", "io", "io.max",		put_throttle },
	{ "blockIO", "throttleWriteIOPSDevice", "io", "io.max",		put_throttle },
	{ "hugepageLimits", "",		"hugetlb", NULL,		put_hugepages },
	{ "network", "classID",		"network", NULL,		refuse_v1 },
	{ "network", "priorities",	"network", NULL,		refuse_v1 },
	{ "rdma", "",			"rdma",	"rdma.max",		put_rdma },
	{ "unified", "",		"",	NULL,			put_unified },
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Is it in the table?  @member NULL: is there such a section; *@ret_whole: that has no members. */
static bool is_known(const char *section, const char *member, bool *ret_whole)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!streq(rows[i].section, section))
			continue;
		*ret_whole = !rows[i].member[0];
		if (*ret_whole || !member || streq(rows[i].member, member))
			return true;
	}
	return false;
}

/* What a later specification adds is refused, unless it says nothing. */
static int check_members(const json_t *resources, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)resources, *values, *value;
	const char *section, *member;

	json_object_foreach(obj, section, values) {
		bool whole = false;
		struct row unknown = { section, "", "", NULL, NULL };

		if (streq(section, "devices") || json_is_null(values))
			continue;
		if (!is_known(section, NULL, &whole)) {
			int r = refuse_v1(NULL, &unknown, NULL, values, e);

			if (r < 0)
				return r;
			continue;
		}
		if (whole)
			continue;
		if (!json_is_object(values))
			return err_set(e, ERR_CORRUPT, WHERE "%s: expected an object", section);
		json_object_foreach(values, member, value) {
			int r;

			if (json_is_null(value) || is_known(section, member, &whole))
				continue;
			unknown.member = member;
			r = refuse_v1(NULL, &unknown, NULL, value, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int resources_read(const json_t *resources, struct limits *ret, struct err *e)
{
	struct limits l = { 0 };
	int r = resources ? check_members(resources, e) : 0;

	for (size_t i = 0; r == 0 && i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		const json_t *section = json_object_get(resources, row->section);
		const json_t *value =
			row->member[0] ? json_object_get(section, row->member) : section;

		if (value && !json_is_null(value))
			r = row->put(&l, row, section, value, e);
	}
	l.devices = json_object_get(resources, "devices");
	if (json_is_null(l.devices))
		l.devices = NULL;
	if (r == 0 && l.devices && !json_is_array(l.devices))
		r = err_set(e, ERR_CORRUPT, WHERE "devices: expected an array");
	if (r < 0) {
		limits_done(&l);
		return r;
	}
	*ret = l;
	return 0;
}
