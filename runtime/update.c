/* The command update: other limits for a container that lives. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-limits.h"
#include "cgroup-place.h"
#include "cgroup-systemd.h"
#include "fd.h"
#include "file.h"
#include "found.h"
#include "json.h"
#include "runtime.h"

#define RESOURCES_MAX_BYTES (1u << 20)

enum value_kind { V_BYTES, V_NUMBER, V_TEXT };

/* clang-format off */
static const struct update_row {
	const char *option, *section, *member;
	enum value_kind kind;
	size_t offset;
} rows[] = {
#define AT(member) offsetof(struct update_args, member)
	{ "memory", "memory", "limit", V_BYTES, AT(memory) },
	{ "memory-reservation", "memory", "reservation", V_BYTES, AT(memory_reservation) },
	{ "memory-swap", "memory", "swap", V_BYTES, AT(memory_swap) },
	{ "kernel-memory", "memory", "kernel", V_BYTES, AT(kernel_memory) },
	{ "kernel-memory-tcp", "memory", "kernelTCP", V_BYTES, AT(kernel_memory_tcp) },
	{ "cpu-period", "cpu", "period", V_NUMBER, AT(cpu_period) },
	{ "cpu-quota", "cpu", "quota", V_NUMBER, AT(cpu_quota) },
	{ "cpu-burst", "cpu", "burst", V_NUMBER, AT(cpu_burst) },
	{ "cpu-share", "cpu", "shares", V_NUMBER, AT(cpu_share) },
	{ "cpu-idle", "cpu", "idle", V_NUMBER, AT(cpu_idle) },
	{ "cpu-rt-period", "cpu", "realtimePeriod", V_NUMBER, AT(cpu_rt_period) },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", V_NUMBER, AT(cpu_rt_runtime) },
	{ "cpuset-cpus", "cpu", "cpus", V_TEXT, AT(cpuset_cpus) },
	{ "cpuset-mems", "cpu", "mems", V_TEXT, AT(cpuset_mems) },
	{ "pids-limit", "pids", "limit", V_NUMBER, AT(pids_limit) },
	{ "blkio-weight", "blockIO", "weight", V_NUMBER, AT(blkio_weight) },
#undef AT
};
/* clang-format on */

static json_t *parse_value(const struct update_row *row, const char *text)
{
	uint64_t bytes;
	int64_t n;

	switch (row->kind) {
	case V_TEXT:
		return json_string(text);
	case V_BYTES:
		if (streq(text, "-1"))
			return json_integer(-1);
		return str_size(text, &bytes) < 0 || bytes > INT64_MAX
			       ? NULL
			       : json_integer((json_int_t)bytes);
	case V_NUMBER:
		return str_i64(text, INT64_MIN, INT64_MAX, &n) < 0 ? NULL : json_integer(n);
	}
	return NULL;
}

static int set_member(json_t *doc, const char *section, const char *member, json_t *value_take)
{
	json_t *obj = json_object_get(doc, section);

	if (!json_is_object(obj)) {
		obj = json_object();
		if (json_object_set_new(doc, section, obj) < 0) {
			json_decref(value_take);
			return -ENOMEM;
		}
	}
	return json_object_set_new(obj, member, value_take) < 0 ? -ENOMEM : 0;
}

static int read_file(const char *path, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;
	int r = streq(path, "-") ? fd_read_file(STDIN_FILENO, RESOURCES_MAX_BYTES, &buf, &len)
				 : file_read_path(path, RESOURCES_MAX_BYTES, &buf, &len);

	if (r < 0)
		return err_sys(e, r, "read the resources from %s", path);
	r = json_parse(buf, len, RESOURCES_MAX_BYTES, path, ret, e);
	if (r == 0 && !json_is_object(*ret))
		r = err_set(e, ERR_CORRUPT, "%s: expected an object", path);
	return r;
}

/* The file, and over it what options say. */
static int collect(const struct update_args *u, json_t **ret, struct err *e)
{
	auto_json json_t *doc = NULL;
	int r = 0;

	if (u->resources)
		r = read_file(u->resources, &doc, e);
	else if (!(doc = json_object()))
		r = err_sys(e, ENOMEM, "update");
	for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text =
			*(const char *const *)(const void *)((const char *)u + rows[i].offset);
		json_t *value;

		if (!text)
			continue;
		value = parse_value(&rows[i], text);
		if (!value)
			return err_set(e, ERR_INVALID, "--%s: \"%.60s\" is not a %s",
				       rows[i].option, text,
				       rows[i].kind == V_BYTES ? "size" : "number");
		if (set_member(doc, rows[i].section, rows[i].member, value) < 0)
			return err_sys(e, ENOMEM, "update");
	}
	if (r == 0)
		*ret = take_ptr(&doc);
	return r;
}

/* Swap is given together with memory: where that is to stay, it is what it is. */
static int complete_swap(json_t *doc, int fd, struct err *e)
{
	const json_t *memory = json_object_get(doc, "memory");
	uint64_t now;

	if (json_integer_value(json_object_get(memory, "swap")) <= 0 ||
	    json_integer_value(json_object_get(memory, "limit")) != 0 ||
	    cgroup_read_u64(fd, "memory.max", &now) < 0 || now > INT64_MAX)
		return 0; /* resources_read() finds out what is wrong */
	return set_member(doc, "memory", "limit", json_integer((json_int_t)now)) < 0
		       ? err_sys(e, ENOMEM, "update")
		       : 0;
}

static int apply(const struct place *p, const struct limits *l, struct err *e)
{
	auto_strv struct strv props = STRV_INIT;
	int r = 0;

	/* systemd first, so that it does not put back what it believes to be right. */
	if (p->unit) {
		r = systemd_properties(l, &props, e);
		if (r == 0)
			r = systemd_set_properties(p->unit, &props, e);
	} else if (limits_first(l)) {
		r = cgroup_limits_enable(p->mount_fd, p->path, l, e);
	}
	return r < 0 ? r : cgroup_limits_write(p->fd, p->path, l, e);
}

int cmd_update(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_place struct place p = PLACE_INIT;
	auto_limits struct limits l = { 0 };
	auto_json json_t *doc = NULL;
	int r = no_more_args(a, 1, e);

	if (r == 0 && (a->update.l3_cache || a->update.mem_bw))
		return err_set(e, ERR_UNSUPPORTED, "Intel RDT is not supported");
	if (r == 0)
		r = found_open(a, &f, e);
	if (r == 0)
		r = found_check_alive(&f, "update", e);
	if (r == 0)
		r = place_open(&p, &f.state, "update", e);
	if (r == 0)
		r = collect(&a->update, &doc, e);
	if (r == 0)
		r = complete_swap(doc, p.fd, e);
	if (r == 0)
		r = resources_read(doc, &l, e);
	if (r < 0)
		return r;
	if (json_array_size(l.devices))
		return err_set(
			e, ERR_UNSUPPORTED,
			"$.linux.resources.devices: what devices a container may use is said "
			"when it is created");
	return apply(&p, &l, e);
}
