/* Resource limits: parsing, checking, and linux.resources of config.json. */
#include "resources.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fd.h"
#include "json.h"

#define CPU_PERIOD_US 100000	/* the kernel's own, which --cpus is a part of */
#define CPUS_MAX 1000000.0
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000
#define CPU_NUMBER_MAX 65535u

enum kind {
	K_MEMORY,	/* int64_t bytes */
	K_SWAP,		/* the same, or -1 */
	K_U64,
	K_I64,
	K_SET,		/* a list of numbers as text */
	K_WEIGHT,	/* uint32_t */
	K_DEV_WEIGHT,	/* struct strv PATH:WEIGHT */
	K_DEV_BPS,	/* struct strv PATH:SIZE */
	K_DEV_IOPS,	/* struct strv PATH:NUMBER */
	K_UNIFIED,	/* struct strv FILE=VALUE */
};

#define AT(member) offsetof(struct spec_resources, member)
/* clang-format off */
static const struct row {
	const char *option, *controller;
	enum kind kind;
	size_t offset;
	const char *member;	/* of linux.resources.blockIO */
} rows[] = {
	{ "memory",		"memory", K_MEMORY,	AT(memory) },
	{ "memory-reservation",	"memory", K_MEMORY,	AT(memory_reservation) },
	{ "memory-swap",	"memory", K_SWAP,	AT(memory_swap) },
	{ "cpu-shares",		"cpu",	  K_U64,	AT(cpu_shares) },
	{ "cpu-period",		"cpu",	  K_U64,	AT(cpu_period_us) },
	{ "cpu-quota",		"cpu",	  K_I64,	AT(cpu_quota_us) },
	{ "cpuset-cpus",	"cpuset", K_SET,	AT(cpuset_cpus) },
	{ "cpuset-mems",	"cpuset", K_SET,	AT(cpuset_mems) },
	{ "pids-limit",		"pids",	  K_I64,	AT(pids) },
	{ "blkio-weight",	"io",	  K_WEIGHT,	AT(blkio_weight) },
	{ "blkio-weight-device", "io",	  K_DEV_WEIGHT,	AT(blkio_weight_device), "weightDevice" },
	{ "device-read-bps",	"io",	  K_DEV_BPS,	AT(device_read_bps), "throttleReadBpsDevice" },
	{ "device-write-bps",	"io",	  K_DEV_BPS,	AT(device_write_bps), "throttleWriteBpsDevice" },
	{ "device-read-iops",	"io",	  K_DEV_IOPS,	AT(device_read_iops), "throttleReadIOPSDevice" },
	{ "device-write-iops",	"io",	  K_DEV_IOPS,	AT(device_write_iops), "throttleWriteIOPSDevice" },
	{ "cgroup-conf",	NULL,	  K_UNIFIED,	AT(unified) },
};
/* clang-format on */
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void *at(const struct spec_resources *r, const struct row *row)
{
	return (char *)(uintptr_t)r + row->offset;
}

static bool is_list(enum kind k)
{
	return k == K_DEV_WEIGHT || k == K_DEV_BPS || k == K_DEV_IOPS || k == K_UNIFIED;
}

void spec_resources_done(struct spec_resources *r)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].kind == K_SET)
			free(*(char **)at(r, &rows[i]));
		else if (is_list(rows[i].kind))
			strv_done(at(r, &rows[i]));
	}
	*r = (struct spec_resources)SPEC_RESOURCES_INIT;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "read the resource limits");
}

/* podman says "memory" whichever of its options it is. */
static int set_memory(int64_t *to, const char *value, bool swap, struct err *e)
{
	uint64_t bytes;

	if (swap && streq(value, "-1")) {
		*to = -1;
		return 0;
	}
	if (!value[0])
		bytes = 0;
	else if (str_size(value, &bytes) < 0 || bytes > INT64_MAX / 2)
		return err_set(e, ERR_INVALID, "invalid value for memory: invalid size: '%.100s'", value);
	*to = (int64_t)bytes;
	return 0;
}

/* "0-3,5": numbers and ranges that rise. */
static bool set_is_valid(const char *text)
{
	auto_strv struct strv parts = STRV_INIT;

	if (strv_split(&parts, text, ',') < 0)
		return false;
	for (size_t i = 0; i < parts.n; i++) {
		char *dash = strchr(parts.items[i], '-');
		uint32_t from, to;

		if (dash)
			*dash++ = '\0';
		if (str_u32(parts.items[i], CPU_NUMBER_MAX, &from) < 0)
			return false;
		if (dash && (str_u32(dash, CPU_NUMBER_MAX, &to) < 0 || to < from))
			return false;
	}
	return true;
}

static int set_set(char **to, const char *option, const char *value, struct err *e)
{
	char *copy = NULL;

	if (value[0] && !set_is_valid(value))
		return err_set(e, ERR_INVALID, "invalid value for --%s: \"%.100s\" is no list of numbers "
			       "and ranges such as 0-2,4", option, value);
	if (value[0] && !(copy = strdup(value)))
		return nomem(e);
	free(*to);
	*to = copy;
	return 0;
}

static int bad_number(const char *option, const char *value, const char *parser, int r, struct err *e)
{
	auto_free char *shown = str_quote(value);

	return err_set(e, ERR_INVALID, "invalid value for %s: strconv.%s: parsing %s: %s", option, parser,
		       shown ? shown : "", r == -ERANGE ? "value out of range" : "invalid syntax");
}

static int set_weight(uint32_t *to, const char *option, const char *value, struct err *e)
{
	uint32_t weight = 0;
	int r = value[0] ? str_u32(value, UINT16_MAX, &weight) : 0;

	if (r < 0)
		return bad_number(option, value, "ParseUint", r, e);
	if (weight && (weight < WEIGHT_MIN || weight > WEIGHT_MAX))
		return err_set(e, ERR_INVALID, "invalid value for %s: %u is not in the range from %d to "
			       "%d", option, weight, WEIGHT_MIN, WEIGHT_MAX);
	*to = weight;
	return 0;
}

/* The number behind the path of a checked PATH:NUMBER. */
static int device_number(enum kind kind, const char *text, uint64_t *ret)
{
	if (kind == K_DEV_BPS)
		return str_size(text, ret);
	return str_u64(text, INT64_MAX, ret);
}

static int add_device(struct strv *to, const struct row *row, const char *value, struct err *e)
{
	const char *colon = strrchr(value, ':');
	uint64_t n;

	if (!colon || colon == value)
		return err_set(e, ERR_INVALID, "bad format: %.200s", value);
	if (!str_starts(value, "/dev/"))
		return err_set(e, ERR_INVALID, "bad format for device path: %.200s", value);
	if (device_number(row->kind, colon + 1, &n) < 0 || n > INT64_MAX)
		return err_set(e, ERR_INVALID, row->kind == K_DEV_WEIGHT
			       ? "invalid weight for device: %.200s"
			       : row->kind == K_DEV_BPS
			       ? "invalid rate for device: %.200s. The correct format is "
				 "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit "
				 "is optional and can be kb, mb, or gb"
			       : "invalid rate for device: %.200s. The correct format is "
				 "<device-path>:<number>. Number must be a positive integer", value);
	if (row->kind == K_DEV_WEIGHT && n && (n < WEIGHT_MIN || n > WEIGHT_MAX))
		return err_set(e, ERR_INVALID, "invalid weight for device: %.200s", value);
	return strv_add(to, value) < 0 ? nomem(e) : 0;
}

/* A file of a controller: its name is no path, and none of the cgroup's own controls. */
static int add_unified(struct strv *to, const char *value, struct err *e)
{
	size_t len = strcspn(value, "=");

	if (value[len] != '=' || len == 0)
		return err_set(e, ERR_INVALID, "--cgroup-conf must be formatted KEY=VALUE");
	if (memchr(value, '/', len) || !memchr(value, '.', len) || value[0] == '.' ||
	    str_starts(value, "cgroup."))
		return err_set(e, ERR_INVALID, "--cgroup-conf %.100s: the key is a file of a cgroup "
			       "controller such as memory.high", value);
	return strv_add(to, value) < 0 ? nomem(e) : 0;
}

int spec_resources_set(struct spec_resources *r, const char *option, const char *value, struct err *e)
{
	const struct row *row = rows;
	void *to;
	int rc;

	while (row < rows + N_ROWS && !streq(row->option, option))
		row++;
	if (row == rows + N_ROWS)
		return err_set(e, ERR_INVALID, "--%s is no resource limit", option);
	to = at(r, row);
	switch (row->kind) {
	case K_MEMORY:
	case K_SWAP:
		return set_memory(to, value, row->kind == K_SWAP, e);
	case K_U64:
		rc = str_u64(value, INT64_MAX, to);
		return rc < 0 ? bad_number(option, value, "ParseUint", rc, e) : 0;
	case K_I64:
		rc = str_i64(value, INT64_MIN, INT64_MAX, to);
		return rc < 0 ? bad_number(option, value, "ParseInt", rc, e) : 0;
	case K_SET:
		return set_set(to, option, value, e);
	case K_WEIGHT:
		return set_weight(to, option, value, e);
	case K_DEV_WEIGHT:
	case K_DEV_BPS:
	case K_DEV_IOPS:
		return add_device(to, row, value, e);
	case K_UNIFIED:
		return add_unified(to, value, e);
	}
	return -EINVAL;
}

int spec_resources_set_cpus(struct spec_resources *r, double cpus, struct err *e)
{
	if (!(cpus >= 0 && cpus <= CPUS_MAX))
		return err_set(e, ERR_INVALID, "invalid value for --cpus: %g is not in the range from 0 to "
			       "%g", cpus, CPUS_MAX);
	r->cpu_quota_us = (int64_t)(cpus * CPU_PERIOD_US);
	r->cpu_period_us = r->cpu_quota_us ? CPU_PERIOD_US : 0;
	return 0;
}

int spec_resources_check(const struct spec_resources *r, struct err *e)
{
	if (r->memory_swap > 0 && !r->memory)
		return err_set(e, ERR_INVALID, "You should always set the Memory limit when using "
			       "Memoryswap limit, see usage");
	if (r->memory_swap > 0 && r->memory_swap < r->memory)
		return err_set(e, ERR_INVALID, "minimum memoryswap limit should be larger than memory "
			       "limit, see usage");
	if (r->memory && r->memory_reservation > r->memory)
		return err_set(e, ERR_INVALID, "minimum memory limit cannot be less than memory "
			       "reservation limit, see usage");
	if (r->cpu_period_us && (r->cpu_period_us < 1000 || r->cpu_period_us > 1000000))
		return err_set(e, ERR_INVALID, "CPU cfs period cannot be less than 1ms (i.e. 1000) or "
			       "larger than 1s (i.e. 1000000)");
	if (r->cpu_quota_us > 0 && r->cpu_quota_us < 1000)
		return err_set(e, ERR_INVALID, "CPU cfs quota cannot be less than 1ms (i.e. 1000)");
	return 0;
}

static bool is_set(const struct spec_resources *r, const struct row *row)
{
	const void *p = at(r, row);

	switch (row->kind) {
	case K_MEMORY:
	case K_SWAP:
	case K_I64:
		return *(const int64_t *)p != 0;
	case K_U64:
		return *(const uint64_t *)p != 0;
	case K_SET:
		return *(char *const *)p != NULL;
	case K_WEIGHT:
		return *(const uint32_t *)p != 0;
	case K_DEV_WEIGHT:
	case K_DEV_BPS:
	case K_DEV_IOPS:
	case K_UNIFIED:
		return ((const struct strv *)p)->n != 0;
	}
	return false;
}

/* -1 lifts a limit. */
static bool is_limit(const struct spec_resources *r, const struct row *row)
{
	bool number = row->kind == K_SWAP || row->kind == K_I64;

	return is_set(r, row) && !(number && *(const int64_t *)at(r, row) < 0);
}

/* "/dev/sda" of "/dev/sda:1mb", "memory.high" of "memory.high=1": what an entry is about. */
static size_t subject_len(const struct row *row, const char *entry)
{
	const char *end = row->kind == K_UNIFIED ? strchr(entry, '=') : strrchr(entry, ':');

	return end ? (size_t)(end - entry) : strlen(entry);
}

/* An entry of the same subject is replaced, others stay. */
static int merge_list(struct strv *to, const struct strv *from, const struct row *row)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *entry = from->items[i];
		size_t len = subject_len(row, entry), k;

		for (k = 0; k < to->n; k++)
			if (subject_len(row, to->items[k]) == len &&
			    strncmp(to->items[k], entry, len) == 0)
				break;
		if (k == to->n) {
			if (strv_add(to, entry) < 0)
				return -ENOMEM;
		} else {
			char *copy = strdup(entry);

			if (!copy)
				return -ENOMEM;
			free(to->items[k]);
			to->items[k] = copy;
		}
	}
	return 0;
}

int spec_resources_merge(struct spec_resources *to, const struct spec_resources *from, struct err *e)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		const void *src = at(from, row);
		void *dst = at(to, row);

		if (!is_set(from, row))
			continue;
		switch (row->kind) {
		case K_MEMORY:
		case K_SWAP:
		case K_I64:
			*(int64_t *)dst = *(const int64_t *)src;
			break;
		case K_U64:
			*(uint64_t *)dst = *(const uint64_t *)src;
			break;
		case K_WEIGHT:
			*(uint32_t *)dst = *(const uint32_t *)src;
			break;
		case K_SET:
			if (set_set(dst, row->option, *(char *const *)src, e) < 0)
				return -ENOMEM;
			break;
		case K_DEV_WEIGHT:
		case K_DEV_BPS:
		case K_DEV_IOPS:
		case K_UNIFIED:
			if (merge_list(dst, src, row) < 0)
				return nomem(e);
			break;
		}
	}
	return 0;
}

/* The files that --cgroup-conf names belong to the controller before the dot. */
static const char *file_controller(const char *entry)
{
	static const char *const known[] = { "cpu", "cpuset", "hugetlb", "io", "memory", "misc", "pids",
					     "rdma" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *rest = str_after(entry, known[i]);

		if (rest && *rest == '.')
			return known[i];
	}
	return NULL;
}

size_t spec_resources_needs(const struct spec_resources *r, struct spec_resource_need *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < N_ROWS; i++) {
		bool cpus = r->cpu_quota_us > 0 && r->cpu_period_us; /* then both come from --cpus */

		if (!is_limit(r, &rows[i]) || (cpus && streq(rows[i].option, "cpu-period")))
			continue;
		for (size_t k = 0; k < (rows[i].kind == K_UNIFIED ? r->unified.n : 1) && n < max; k++) {
			const char *c = rows[i].controller ? rows[i].controller
							   : file_controller(r->unified.items[k]);

			ret[n++] = (struct spec_resource_need){
				cpus && streq(rows[i].option, "cpu-quota") ? "cpus" : rows[i].option, c
			};
		}
	}
	return n;
}

static int put(json_t *obj, const char *key, json_t *value, struct err *e)
{
	return json_object_set_new(obj, key, value) < 0 ? nomem(e) : 0;
}

/* @obj as @key of @to, unless it is empty. */
static int put_section(json_t *to, const char *key, json_t *obj, struct err *e)
{
	return json_object_size(obj) > 0 ? put(to, key, json_incref(obj), e) : 0;
}

/* In a new cgroup there is no limit that had to be lifted. */
static bool lifts(int64_t limit, unsigned int flags)
{
	return limit < 0 && (flags & SPEC_RESOURCES_NEW);
}

static int memory_json(const struct spec_resources *r, unsigned int flags, json_t *to, struct err *e)
{
	auto_json json_t *j = json_object();
	int64_t total = lifts(r->memory_swap, flags) ? 0 : r->memory_swap;
	int rc = 0;

	if (!r->memory_swap && r->memory && (flags & SPEC_RESOURCES_SWAP))
		total = 2 * r->memory;
	if (r->memory)
		rc = put(j, "limit", json_integer(r->memory), e);
	if (rc == 0 && r->memory_reservation)
		rc = put(j, "reservation", json_integer(r->memory_reservation), e);
	if (rc == 0 && total)
		rc = put(j, "swap", json_integer(total), e);
	return rc < 0 ? rc : put_section(to, "memory", j, e);
}

static int cpu_json(const struct spec_resources *r, unsigned int flags, json_t *to, struct err *e)
{
	auto_json json_t *j = json_object();
	int rc = 0;

	if (r->cpu_shares)
		rc = put(j, "shares", json_integer((json_int_t)r->cpu_shares), e);
	if (rc == 0 && r->cpu_period_us)
		rc = put(j, "period", json_integer((json_int_t)r->cpu_period_us), e);
	if (rc == 0 && r->cpu_quota_us && !lifts(r->cpu_quota_us, flags))
		rc = put(j, "quota", json_integer(r->cpu_quota_us), e);
	if (rc == 0 && r->cpuset_cpus)
		rc = put(j, "cpus", json_string(r->cpuset_cpus), e);
	if (rc == 0 && r->cpuset_mems)
		rc = put(j, "mems", json_string(r->cpuset_mems), e);
	return rc < 0 ? rc : put_section(to, "cpu", j, e);
}

static int device_json(const struct row *row, const char *entry, json_t *list, struct err *e)
{
	size_t len = subject_len(row, entry);
	auto_free char *path = strndup(entry, len);
	struct stat st;
	uint64_t n = 0;

	if (!path)
		return nomem(e);
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "--%s %s: could not get device %s", row->option, entry, path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_INVALID, "--%s %s: %s is no block device", row->option, entry, path);
	(void)device_number(row->kind, entry + len + 1, &n); /* checked when it was set */
	return json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "major",
						     (json_int_t)major(st.st_rdev), "minor",
						     (json_int_t)minor(st.st_rdev),
						     row->kind == K_DEV_WEIGHT ? "weight" : "rate",
						     (json_int_t)n)) < 0 ? nomem(e) : 0;
}

static int block_json(const struct spec_resources *r, json_t *to, struct err *e)
{
	auto_json json_t *j = json_object();
	int rc = r->blkio_weight ? put(j, "weight", json_integer(r->blkio_weight), e) : 0;

	for (size_t i = 0; rc == 0 && i < N_ROWS; i++) {
		const struct strv *entries = at(r, &rows[i]);
		json_t *list;

		if (!rows[i].member || !entries->n)
			continue;
		list = json_array();
		rc = put(j, rows[i].member, list, e);
		for (size_t k = 0; rc == 0 && k < entries->n; k++)
			rc = device_json(&rows[i], entries->items[k], list, e);
	}
	return rc < 0 ? rc : put_section(to, "blockIO", j, e);
}

static int unified_json(const struct spec_resources *r, json_t *to, struct err *e)
{
	auto_json json_t *j = json_object();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->unified.n; i++) {
		const char *eq = strchr(r->unified.items[i], '=');
		auto_free char *key = strndup(r->unified.items[i],
					      (size_t)(eq - r->unified.items[i]));

		rc = key ? put(j, key, json_string(eq + 1), e) : nomem(e);
	}
	return rc < 0 ? rc : put_section(to, "unified", j, e);
}

int spec_resources_json(const struct spec_resources *r, unsigned int flags, json_t **ret, struct err *e)
{
	auto_json json_t *j = json_object();
	int rc = memory_json(r, flags, j, e);

	if (rc == 0)
		rc = cpu_json(r, flags, j, e);
	if (rc == 0 && r->pids && !lifts(r->pids, flags))
		rc = put(j, "pids", json_pack("{s:I}", "limit", (json_int_t)r->pids), e);
	if (rc == 0)
		rc = block_json(r, j, e);
	if (rc == 0)
		rc = unified_json(r, j, e);
	if (rc == 0)
		*ret = json_object_size(j) > 0 ? json_incref(j) : NULL;
	return rc;
}
