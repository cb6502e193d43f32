/* Resolving a seccomp profile: which rules count here, written as OCI has them. */
#include "seccomp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "json.h"

#define RULES_MAX 4096
#define NAMES_MAX 4096
#define ARGS_MAX 64	/* comparisons in one rule */
#define ERRNO_LAST 4095	/* MAX_ERRNO of the kernel */

static const char *const actions[] = {
	"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",
};

static const char *const operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
	"SCMP_CMP_MASKED_EQ",
};

static const char *const arches[] = {
	"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
	"SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
	"SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
};

static const char *const flags_known[] = {
	"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};

/* Error numbers with a second name, which strerrorname_np() does not give. */
static const struct {
	const char *name;
	int number;
} errno_aliases[] = {
	{ "EWOULDBLOCK", EWOULDBLOCK },
	{ "EDEADLOCK", EDEADLOCK },
	{ "ENOTSUP", ENOTSUP },
};

#define IN(table, word) in_table(table, sizeof(table) / sizeof((table)[0]), word)

static bool in_table(const char *const *table, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (streq(table[i], word))
			return true;
	return false;
}

static int check_action(const char *action, const char *where, struct err *e)
{
	if (streq(action, "SCMP_ACT_NOTIFY"))
		return err_set(e, ERR_UNSUPPORTED, "%s: SCMP_ACT_NOTIFY is not supported yet", where);
	if (!IN(actions, action))
		return err_set(e, ERR_INVALID, "%s: unknown action \"%s\"", where, action);
	return 0;
}

static int errno_number(const char *name)
{
	for (size_t i = 0; i < sizeof(errno_aliases) / sizeof(errno_aliases[0]); i++)
		if (streq(errno_aliases[i].name, name))
			return errno_aliases[i].number;
	for (int i = 1; i <= ERRNO_LAST; i++) {
		const char *known = strerrorname_np(i);

		if (known && streq(known, name))
			return i;
	}
	return -EINVAL;
}

/* The number that an "errno" name and an "errnoRet" number stand for; the name counts more.
 * @ret stays -1 where neither is given. */
static int read_errno(const char *name, int64_t number, const char *where, int *ret, struct err *e)
{
	int r;

	if (name && *name) {
		r = errno_number(name);
		if (r < 0)
			return err_set(e, ERR_INVALID, "%s: unknown errno \"%s\"", where, name);
		*ret = r;
	} else if (number >= 0) {
		if (number > ERRNO_LAST)
			return err_set(e, ERR_INVALID, "%s: errnoRet is out of range", where);
		*ret = (int)number;
	}
	return 0;
}

struct filter {
	const json_t *arches, *caps;
	const char *min_kernel;
};

static const struct json_field filter_fields[] = {
	{ "arches", JSON_KIND_ARRAY, offsetof(struct filter, arches), 0, 64 },
	{ "caps", JSON_KIND_ARRAY, offsetof(struct filter, caps), 0, 64 },
	{ "minKernel", JSON_KIND_STR, offsetof(struct filter, min_kernel), 0, 32 },
	{ 0 },
};

/* A condition that we do not know could open what was meant to be closed: no unknown members. */
static int read_filter(const json_t *obj, struct filter *f, const char *where, struct err *e)
{
	return obj ? json_read(obj, filter_fields, f, 0, where, e) : 0;
}

static int strings_only(const json_t *arr, const char *where, struct err *e)
{
	for (size_t i = 0; arr && i < json_array_size(arr); i++) {
		const json_t *s = json_array_get(arr, i);

		if (!json_is_string(s) || strlen(json_string_value(s)) != json_string_length(s))
			return err_set(e, ERR_INVALID, "%s: [%zu] is not a string", where, i);
	}
	return 0;
}

static bool lists_arch(const json_t *arr, const char *arch)
{
	for (size_t i = 0; i < json_array_size(arr); i++)
		if (streq(json_string_value(json_array_get(arr, i)), arch))
			return true;
	return false;
}

static bool has_cap(const char *name, uint64_t caps)
{
	int cap = spec_cap_parse(name, NULL);

	return cap >= 0 && (caps & (UINT64_C(1) << cap));
}

/* How many of the listed capabilities the container has. */
static size_t count_caps(const json_t *arr, uint64_t caps)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(arr); i++)
		n += has_cap(json_string_value(json_array_get(arr, i)), caps);
	return n;
}

/* "4.8" against ours. */
static int kernel_reaches(const char *min, const struct spec_seccomp_target *t, const char *where,
			  bool *ret, struct err *e)
{
	const char *dot = strchr(min, '.');
	char major[8] = "";
	uint32_t a, b;

	if (dot && (size_t)(dot - min) < sizeof(major))
		memcpy(major, min, (size_t)(dot - min));
	if (!dot || str_u32(major, 100000, &a) < 0 || str_u32(dot + 1, 100000, &b) < 0)
		return err_set(e, ERR_INVALID, "%s: bad minKernel \"%s\"", where, min);
	*ret = t->kernel_major > a || (t->kernel_major == a && t->kernel_minor >= b);
	return 0;
}

/* 1: the rule counts here, 0: it does not. */
static int rule_counts(const struct filter *in, const struct filter *ex,
		       const struct spec_seccomp_target *t, const char *where, struct err *e)
{
	const json_t *const lists[] = { in->arches, in->caps, ex->arches, ex->caps };
	bool reached = true, excluded = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(lists) / sizeof(lists[0]); i++)
		r = strings_only(lists[i], where, e);
	if (r == 0 && in->min_kernel && *in->min_kernel)
		r = kernel_reaches(in->min_kernel, t, where, &reached, e);
	if (r == 0 && ex->min_kernel && *ex->min_kernel)
		r = kernel_reaches(ex->min_kernel, t, where, &excluded, e);
	if (r < 0)
		return r;
	if (!reached || excluded || lists_arch(ex->arches, t->go_arch) ||
	    count_caps(ex->caps, t->caps) > 0)
		return 0;
	if (json_array_size(in->arches) > 0 && !lists_arch(in->arches, t->go_arch))
		return 0;
	return count_caps(in->caps, t->caps) == json_array_size(in->caps);
}

struct arg {
	uint64_t index, value, value_two;
	const char *op;
};

static const struct json_field arg_fields[] = {
	{ "index", JSON_KIND_U64, offsetof(struct arg, index), JSON_REQUIRED, 5 },
	{ "value", JSON_KIND_U64, offsetof(struct arg, value), JSON_REQUIRED, 0 },
	{ "valueTwo", JSON_KIND_U64, offsetof(struct arg, value_two), 0, 0 },
	{ "op", JSON_KIND_STR, offsetof(struct arg, op), JSON_REQUIRED, 32 },
	{ 0 },
};

static int copy_args(const json_t *args, const char *where, json_t *out, struct err *e)
{
	for (size_t i = 0; args && i < json_array_size(args); i++) {
		struct arg a = { 0 };
		json_t *obj;
		int r = json_read(json_array_get(args, i), arg_fields, &a, 0, where, e);

		if (r < 0)
			return r;
		if (!IN(operators, a.op))
			return err_set(e, ERR_INVALID, "%s: unknown operator \"%s\"", where, a.op);
		obj = json_pack("{s:I, s:I, s:I, s:s}", "index", (json_int_t)a.index, "value",
				(json_int_t)a.value, "valueTwo", (json_int_t)a.value_two, "op",
				a.op);
		if (json_array_append_new(out, obj) < 0)
			return err_sys(e, -ENOMEM, "%s", where);
	}
	return 0;
}

struct rule {
	const char *name, *action, *errno_name;
	const json_t *names, *args, *includes, *excludes;
	int64_t errno_ret;
};

static const struct json_field rule_fields[] = {
	{ "name", JSON_KIND_STR, offsetof(struct rule, name), 0, 256 },
	{ "names", JSON_KIND_ARRAY, offsetof(struct rule, names), 0, NAMES_MAX },
	{ "action", JSON_KIND_STR, offsetof(struct rule, action), JSON_REQUIRED, 64 },
	{ "args", JSON_KIND_ARRAY, offsetof(struct rule, args), 0, ARGS_MAX },
	{ "includes", JSON_KIND_OBJECT, offsetof(struct rule, includes), 0, 0 },
	{ "excludes", JSON_KIND_OBJECT, offsetof(struct rule, excludes), 0, 0 },
	{ "errnoRet", JSON_KIND_I64, offsetof(struct rule, errno_ret), 0, 0 },
	{ "errno", JSON_KIND_STR, offsetof(struct rule, errno_name), 0, 32 },
	{ 0 },
};

/* The names of a rule: "names", or the older "name". */
static int copy_names(const struct rule *rule, const char *where, json_t *out, struct err *e)
{
	bool one = rule->name && *rule->name;
	int r = strings_only(rule->names, where, e);

	if (r < 0)
		return r;
	if (one && json_array_size(rule->names) > 0)
		return err_set(e, ERR_INVALID, "%s: both name and names", where);
	if (!one && json_array_size(rule->names) == 0)
		return err_set(e, ERR_INVALID, "%s: no system call is named", where);
	r = one ? json_array_append_new(out, json_string(rule->name))
		: json_array_extend(out, (json_t *)(uintptr_t)rule->names);
	return r < 0 ? err_sys(e, -ENOMEM, "%s", where) : 0;
}

static int write_rule(const struct rule *rule, const char *where, json_t *out, struct err *e)
{
	json_t *obj = json_object(), *names = json_array(), *args = json_array();
	int number = -1, r;

	/* @out owns all of it from here on; adding to a NULL fails, which is all that is needed. */
	if (json_array_append_new(out, obj) < 0 || json_object_set_new(obj, "names", names) < 0 ||
	    json_object_set_new(obj, "action", json_string(rule->action)) < 0) {
		return err_sys(e, -ENOMEM, "%s", where);
	}
	if (json_object_set_new(obj, "args", args) < 0)
		return err_sys(e, -ENOMEM, "%s", where);
	r = copy_names(rule, where, names, e);
	if (r == 0)
		r = copy_args(rule->args, where, args, e);
	if (r == 0)
		r = read_errno(rule->errno_name, rule->errno_ret, where, &number, e);
	if (r == 0 && json_array_size(args) == 0)
		(void)json_object_del(obj, "args"); /* it was set above */
	if (r == 0 && number >= 0 && json_object_set_new(obj, "errnoRet", json_integer(number)) < 0)
		r = err_sys(e, -ENOMEM, "%s", where);
	return r;
}

static int resolve_rule(const json_t *src, size_t i, const struct spec_seccomp_target *t,
			json_t *out, struct err *e)
{
	struct rule rule = { .errno_ret = -1 };
	struct filter in = { 0 }, ex = { 0 };
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "$.syscalls[%zu]", i); /* always fits */
	r = json_read(src, rule_fields, &rule, JSON_ALLOW_UNKNOWN, where, e);
	if (r == 0)
		r = read_filter(rule.includes, &in, where, e);
	if (r == 0)
		r = read_filter(rule.excludes, &ex, where, e);
	if (r == 0)
		r = check_action(rule.action, where, e);
	if (r == 0)
		r = rule_counts(&in, &ex, t, where, e);
	if (r <= 0)
		return r;
	return write_rule(&rule, where, out, e);
}

struct profile {
	const char *default_action, *default_errno;
	int64_t default_errno_ret;
	const json_t *architectures, *arch_map, *flags, *syscalls;
	const char *listener_path;
};

static const struct json_field profile_fields[] = {
	{ "defaultAction", JSON_KIND_STR, offsetof(struct profile, default_action), JSON_REQUIRED, 64 },
	{ "defaultErrnoRet", JSON_KIND_I64, offsetof(struct profile, default_errno_ret), 0, 0 },
	{ "defaultErrno", JSON_KIND_STR, offsetof(struct profile, default_errno), 0, 32 },
	{ "architectures", JSON_KIND_ARRAY, offsetof(struct profile, architectures), 0, 64 },
	{ "archMap", JSON_KIND_ARRAY, offsetof(struct profile, arch_map), 0, 64 },
	{ "flags", JSON_KIND_ARRAY, offsetof(struct profile, flags), 0, 16 },
	{ "syscalls", JSON_KIND_ARRAY, offsetof(struct profile, syscalls), 0, RULES_MAX },
	{ "listenerPath", JSON_KIND_STR, offsetof(struct profile, listener_path), 0, 4096 },
	{ 0 },
};

struct arch_entry {
	const char *architecture;
	const json_t *sub;
};

static const struct json_field arch_fields[] = {
	{ "architecture", JSON_KIND_STR, offsetof(struct arch_entry, architecture), JSON_REQUIRED, 64 },
	{ "subArchitectures", JSON_KIND_ARRAY, offsetof(struct arch_entry, sub), 0, 64 },
	{ 0 },
};

/* Append the words of @src to @out, each of which must be in the table. */
static int copy_words(const json_t *src, const char *const *table, size_t n, const char *where,
		      json_t *out, struct err *e)
{
	int r = strings_only(src, where, e);

	for (size_t i = 0; r == 0 && src && i < json_array_size(src); i++) {
		const char *word = json_string_value(json_array_get(src, i));

		if (!in_table(table, n, word))
			return err_set(e, ERR_INVALID, "%s: unknown \"%s\"", where, word);
		if (out && json_array_append_new(out, json_string(word)) < 0)
			return err_sys(e, -ENOMEM, "%s", where);
	}
	return r;
}

#define N(table) (sizeof(table) / sizeof((table)[0]))

/* Every entry is checked, ours is taken. */
static int read_arch_map(const json_t *map, const struct spec_seccomp_target *t, json_t *out,
			 struct err *e)
{
	for (size_t i = 0; i < json_array_size(map); i++) {
		struct arch_entry entry = { 0 };
		bool ours;
		int r = json_read(json_array_get(map, i), arch_fields, &entry, 0, "$.archMap[]", e);

		if (r < 0)
			return r;
		if (!IN(arches, entry.architecture))
			return err_set(e, ERR_INVALID, "$.archMap: unknown architecture \"%s\"",
				       entry.architecture);
		ours = streq(entry.architecture, t->scmp_arch);
		if (ours && json_array_append_new(out, json_string(entry.architecture)) < 0)
			return err_sys(e, -ENOMEM, "$.archMap");
		r = copy_words(entry.sub, arches, N(arches), "$.archMap[].subArchitectures",
			       ours ? out : NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_arches(const struct profile *p, const struct spec_seccomp_target *t, json_t *out,
		       struct err *e)
{
	if (json_array_size(p->architectures) > 0 && json_array_size(p->arch_map) > 0)
		return err_set(e, ERR_INVALID, "both architectures and archMap");
	if (json_array_size(p->arch_map) > 0)
		return read_arch_map(p->arch_map, t, out, e);
	return copy_words(p->architectures, arches, N(arches), "$.architectures", out, e);
}

static int write_profile(const struct profile *p, const struct spec_seccomp_target *t, json_t *out,
			 struct err *e)
{
	json_t *arch = json_array(), *flags = json_array(), *rules = json_array();
	int number = -1, r;

	if (json_object_set_new(out, "defaultAction", json_string(p->default_action)) < 0 ||
	    json_object_set_new(out, "architectures", arch) < 0)
		return err_sys(e, -ENOMEM, "resolve");
	if (json_object_set_new(out, "flags", flags) < 0 ||
	    json_object_set_new(out, "syscalls", rules) < 0)
		return err_sys(e, -ENOMEM, "resolve");
	r = check_action(p->default_action, "$.defaultAction", e);
	if (r == 0)
		r = read_errno(p->default_errno, p->default_errno_ret, "$", &number, e);
	if (r == 0 && number >= 0 &&
	    json_object_set_new(out, "defaultErrnoRet", json_integer(number)) < 0)
		r = err_sys(e, -ENOMEM, "resolve");
	if (r == 0)
		r = read_arches(p, t, arch, e);
	if (r == 0)
		r = copy_words(p->flags, flags_known, N(flags_known), "$.flags", flags, e);
	for (size_t i = 0; r == 0 && i < json_array_size(p->syscalls); i++)
		r = resolve_rule(json_array_get(p->syscalls, i), i, t, rules, e);
	if (r == 0 && json_array_size(arch) == 0)
		(void)json_object_del(out, "architectures"); /* it was set above */
	if (r == 0 && json_array_size(flags) == 0)
		(void)json_object_del(out, "flags"); /* the same */
	return r;
}

int spec_seccomp_resolve(const char *json, size_t len, const char *what,
			 const struct spec_seccomp_target *t, char **ret_text, struct err *e)
{
	struct profile p = { .default_errno_ret = -1 };
	auto_json json_t *doc = NULL;
	auto_json json_t *out = json_object();
	char *text;
	int r;

	if (len == 0)
		return err_set(e, ERR_INVALID, "seccomp profile %s is empty", what);
	r = json_parse(json, len, SPEC_SECCOMP_MAX_BYTES, what, &doc, e);
	if (r < 0)
		return err_wrap(e, r, "seccomp profile");
	r = json_read(doc, profile_fields, &p, JSON_ALLOW_UNKNOWN, "$", e);
	if (r == 0 && p.listener_path && *p.listener_path)
		r = err_set(e, ERR_UNSUPPORTED, "listenerPath is not supported yet");
	if (r == 0)
		r = write_profile(&p, t, out, e);
	if (r < 0)
		return err_wrap(e, r, "seccomp profile %s", what);
	text = json_dumps(out, JSON_COMPACT);
	if (!text)
		return err_sys(e, -ENOMEM, "seccomp profile %s", what);
	*ret_text = text;
	return 0;
}
