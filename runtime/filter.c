/* From linux.seccomp to BPF. */
#include "filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "filter-cache.h"
#include "json.h"
#include "str.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct word {
	const char *name;
	uint32_t value;
};

/* clang-format off */
static const struct word actions[] = {
	{ "SCMP_ACT_KILL",		SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD",	SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS",	SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_TRAP",		SCMP_ACT_TRAP },
	{ "SCMP_ACT_ERRNO",		SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_TRACE",		SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_ALLOW",		SCMP_ACT_ALLOW },
	{ "SCMP_ACT_LOG",		SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY",		SCMP_ACT_NOTIFY },
	{ 0 },
};

static const struct word arches[] = {
	{ "SCMP_ARCH_X86",		SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64",		SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32",		SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM",		SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64",		SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS",		SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64",		SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32",	SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL",		SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64",		SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32",	SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC",		SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64",		SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE",		SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390",		SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X",		SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC",		SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64",		SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64",		SCMP_ARCH_RISCV64 },
#ifdef SCMP_ARCH_LOONGARCH64
	{ "SCMP_ARCH_LOONGARCH64",	SCMP_ARCH_LOONGARCH64 },
#endif
#ifdef SCMP_ARCH_M68K
	{ "SCMP_ARCH_M68K",		SCMP_ARCH_M68K },
#endif
#ifdef SCMP_ARCH_SH
	{ "SCMP_ARCH_SH",		SCMP_ARCH_SH },
	{ "SCMP_ARCH_SHEB",		SCMP_ARCH_SHEB },
#endif
	{ 0 },
};

static const struct word ops[] = {
	{ "SCMP_CMP_NE",		SCMP_CMP_NE },
	{ "SCMP_CMP_LT",		SCMP_CMP_LT },
	{ "SCMP_CMP_LE",		SCMP_CMP_LE },
	{ "SCMP_CMP_EQ",		SCMP_CMP_EQ },
	{ "SCMP_CMP_GE",		SCMP_CMP_GE },
	{ "SCMP_CMP_GT",		SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ",		SCMP_CMP_MASKED_EQ },
	{ 0 },
};

static const struct word flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC",	SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG",	SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ 0 },
};
/* clang-format on */

#define NAME_OF(table, i) ((i) < sizeof(table) / sizeof((table)[0]) ? (table)[i].name : NULL)

const char *filter_action_name(size_t i)
{
	return NAME_OF(actions, i);
}

const char *filter_arch_name(size_t i)
{
	return NAME_OF(arches, i);
}

const char *filter_op_name(size_t i)
{
	return NAME_OF(ops, i);
}

const char *filter_flag_name(size_t i)
{
	return NAME_OF(flags, i);
}

/* The kernel looks at the flags before it looks at the program. */
static bool is_supported(uint32_t flag)
{
	unsigned int all = flag;

	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		all |= SECCOMP_FILTER_FLAG_NEW_LISTENER; /* which it goes with */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all, NULL) < 0 && errno == EFAULT;
}

const char *filter_supported_flag_name(size_t i)
{
	for (size_t k = 0; flags[k].name; k++)
		if (is_supported(flags[k].value) && i-- == 0)
			return flags[k].name;
	return NULL;
}

static int find_word(const struct word *table, const char *name, uint32_t *ret, const char *where,
		     struct err *e)
{
	for (; table->name; table++)
		if (streq(table->name, name)) {
			*ret = table->value;
			return 0;
		}
	return err_set(e, ERR_INVALID, "%s: \"%.100s\" is not known", where, name);
}

/* An action with the errno that it returns; 1 (EPERM) where none is given. */
static int action_value(const char *name, const json_t *errno_ret, uint32_t *ret, const char *where,
			struct err *e)
{
	json_int_t code = errno_ret ? json_integer_value(errno_ret) : EPERM;
	int r = find_word(actions, name, ret, where, e);

	if (r < 0)
		return r;
	if (errno_ret && (!json_is_integer(errno_ret) || code < 0 || code > 4095))
		return err_set(e, ERR_CORRUPT, "%s: errnoRet: expected 0..4095", where);
	if (*ret == SCMP_ACT_ERRNO(0))
		*ret = SCMP_ACT_ERRNO((uint32_t)code);
	else if (*ret == SCMP_ACT_TRACE(0))
		*ret = SCMP_ACT_TRACE((uint32_t)code);
	else if (errno_ret && code != 0)
		return err_set(e, ERR_INVALID, "%s: %s has no errnoRet", where, name);
	return 0;
}

struct profile {
	const char *default_action, *listener_path, *listener_metadata;
	const json_t *default_errno, *arches, *flags, *syscalls;
};

static const struct json_field profile_rows[] = {
	{ "defaultAction", JSON_KIND_STR, offsetof(struct profile, default_action), JSON_REQUIRED,
	  64 },
	{ "defaultErrnoRet", JSON_KIND_ANY, offsetof(struct profile, default_errno) },
	{ "listenerPath", JSON_KIND_STR, offsetof(struct profile, listener_path), 0, 107 },
	{ "listenerMetadata", JSON_KIND_STR, offsetof(struct profile, listener_metadata), 0,
	  65536 },
	{ "architectures", JSON_KIND_ARRAY, offsetof(struct profile, arches), 0, 64 },
	{ "flags", JSON_KIND_ARRAY, offsetof(struct profile, flags), 0, 16 },
	{ "syscalls", JSON_KIND_ARRAY, offsetof(struct profile, syscalls), 0, SECCOMP_NAMES_MAX },
	{ 0 },
};

struct rule {
	const char *action;
	const json_t *errno_ret, *names, *args;
};

static const struct json_field rule_rows[] = {
	{ "names", JSON_KIND_ARRAY, offsetof(struct rule, names), JSON_REQUIRED,
	  SECCOMP_NAMES_MAX },
	{ "action", JSON_KIND_STR, offsetof(struct rule, action), JSON_REQUIRED, 64 },
	{ "errnoRet", JSON_KIND_ANY, offsetof(struct rule, errno_ret) },
	{ "args", JSON_KIND_ARRAY, offsetof(struct rule, args), 0, 64 },
	{ 0 },
};

#define ARGS_MAX 64

struct conditions {
	struct scmp_arg_cmp cmp[ARGS_MAX];
	unsigned int n;
	bool repeated; /* one argument is compared more than once */
};

static int read_condition(const json_t *obj, struct conditions *c, const char *where, struct err *e)
{
	struct {
		uint32_t index;
		int64_t value, value_two;
		const char *op;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "index", JSON_KIND_U32, offsetof(__typeof__(v), index), JSON_REQUIRED, 5 },
		{ "value", JSON_KIND_I64, offsetof(__typeof__(v), value), JSON_REQUIRED },
		{ "valueTwo", JSON_KIND_I64, offsetof(__typeof__(v), value_two) },
		{ "op", JSON_KIND_STR, offsetof(__typeof__(v), op), JSON_REQUIRED, 64 },
		{ 0 },
	};
	struct scmp_arg_cmp *cmp = &c->cmp[c->n];
	uint32_t op = 0;
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r == 0)
		r = find_word(ops, v.op, &op, where, e);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < c->n; i++)
		c->repeated |= c->cmp[i].arg == v.index;
	cmp->arg = v.index;
	cmp->op = (enum scmp_compare)op;
	cmp->datum_a = (uint64_t)v.value;
	cmp->datum_b = (uint64_t)v.value_two;
	/* The mask comes first in libseccomp; runtime-spec has it in "value" as well. */
	c->n++;
	return 0;
}

static int add_one(scmp_filter_ctx ctx, uint32_t action, int nr, const struct conditions *c)
{
	int r = 0;

	if (!c->repeated)
		return seccomp_rule_add_array(ctx, action, nr, c->n, c->n ? c->cmp : NULL);
	/* libseccomp has one comparison for each argument: each of them is a rule of its own. */
	for (unsigned int i = 0; i < c->n && (r == 0 || r == -EEXIST); i++)
		r = seccomp_rule_add_array(ctx, action, nr, 1, &c->cmp[i]);
	return r;
}

static int add_rule(scmp_filter_ctx ctx, const json_t *obj, uint32_t default_action, size_t *names,
		    const char *where, struct err *e)
{
	struct conditions c = { .n = 0 };
	struct rule v = { 0 };
	uint32_t action;
	int r = json_read(obj, rule_rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r == 0)
		r = action_value(v.action, v.errno_ret, &action, where, e);
	for (size_t i = 0; r == 0 && i < json_array_size(v.args); i++)
		r = read_condition(json_array_get(v.args, i), &c, where, e);
	if (r < 0)
		return r;
	if (json_array_size(v.names) == 0)
		return err_set(e, ERR_INVALID, "%s.names: expected at least one", where);
	*names += json_array_size(v.names);
	if (*names > SECCOMP_NAMES_MAX)
		return err_set(e, ERR_LIMIT, "$.linux.seccomp: more than %u names",
			       SECCOMP_NAMES_MAX);
	for (size_t i = 0; i < json_array_size(v.names); i++) {
		const char *name = json_string_value(json_array_get(v.names, i));
		int nr;

		if (!name)
			return err_set(e, ERR_CORRUPT, "%s.names[%zu]: expected a string", where,
				       i);
		/* The notify descriptor itself travels by it. */
		if (action == SCMP_ACT_NOTIFY && streq(name, "sendmsg"))
			return err_set(e, ERR_UNSUPPORTED,
				       "%s: SCMP_ACT_NOTIFY for sendmsg, which the runtime needs to "
				       "hand over the listener's descriptor",
				       where);
		if (action == default_action)
			continue;
		nr = seccomp_syscall_resolve_name(name);
		if (nr == __NR_SCMP_ERROR)
			continue; /* the default covers what libseccomp has not heard of */
		r = add_one(ctx, action, nr, &c);
		if (r < 0 && r != -EEXIST)
			return err_sys(e, r, "%s: add the rule for %.60s", where, name);
	}
	return 0;
}

static int add_arches(scmp_filter_ctx ctx, const json_t *list, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		uint32_t arch = 0;
		int r;

		if (!name)
			return err_set(e, ERR_CORRUPT,
				       "$.linux.seccomp.architectures[%zu]: expected a "
				       "string",
				       i);
		r = find_word(arches, name, &arch, "$.linux.seccomp.architectures", e);
		if (r < 0)
			return r;
		r = seccomp_arch_add(ctx, arch);
		if (r == -EDOM)
			return err_set(e, ERR_UNSUPPORTED,
				       "$.linux.seccomp.architectures: %s: its byte order is not that "
				       "of this machine",
				       name);
		if (r < 0 && r != -EEXIST)
			return err_sys(e, r, "$.linux.seccomp.architectures: add %s", name);
	}
	return 0;
}

static int read_flags(const json_t *list, unsigned int *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		uint32_t flag = 0;
		int r;

		if (!name)
			return err_set(e, ERR_CORRUPT,
				       "$.linux.seccomp.flags[%zu]: expected a string", i);
		r = find_word(flags, name, &flag, "$.linux.seccomp.flags", e);
		if (r < 0)
			return r;
		*ret |= flag;
	}
	return 0;
}

/* The compiled program, by way of a file in memory: libseccomp 2.5 knows no other. */
static int export_bpf(scmp_filter_ctx ctx, struct filter *ret, struct err *e)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	auto_free char *buf = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return err_sys(e, errno, "compile the seccomp filter: make a file in memory");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_sys(e, r, "compile the seccomp filter");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "compile the seccomp filter");
	r = fd_read_file(fd, (size_t)BPF_MAXINSNS * sizeof(struct sock_filter), &buf, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT,
			       "the seccomp profile makes a filter of more than %d "
			       "instructions, which the kernel does not take",
			       BPF_MAXINSNS);
	if (r < 0)
		return err_sys(e, r, "compile the seccomp filter");
	if (len == 0 || len % sizeof(struct sock_filter) != 0)
		return err_set(e, ERR_OS, "compile the seccomp filter: libseccomp made %zu bytes",
			       len);
	ret->n = (unsigned short)(len / sizeof(struct sock_filter));
	ret->insns = (struct sock_filter *)(void *)take_ptr(&buf);
	return 0;
}

static int compile(const struct profile *p, struct filter *ret, struct err *e)
{
	uint32_t default_action;
	scmp_filter_ctx ctx;
	size_t names = 0;
	int r = action_value(p->default_action, p->default_errno, &default_action,
			     "$.linux.seccomp.defaultAction", e);

	if (r < 0)
		return r;
	if (default_action == SCMP_ACT_NOTIFY)
		return err_set(e, ERR_UNSUPPORTED,
			       "$.linux.seccomp.defaultAction: SCMP_ACT_NOTIFY would hold the runtime "
			       "before it can hand over the listener's descriptor");
	ctx = seccomp_init(default_action);
	if (!ctx)
		return err_set(e, ERR_OS, "compile the seccomp filter: libseccomp does not start");
	/* A tree instead of a list: the kernel tries every call number on loading, and so is fast.
	 */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = add_arches(ctx, p->arches, e);
	for (size_t i = 0; r == 0 && i < json_array_size(p->syscalls); i++) {
		char where[64];

		(void)snprintf(where, sizeof(where), "$.linux.seccomp.syscalls[%zu]", i);
		r = add_rule(ctx, json_array_get(p->syscalls, i), default_action, &names, where, e);
	}
	if (r == 0)
		r = export_bpf(ctx, ret, e);
	seccomp_release(ctx);
	return r;
}

static bool uses_notify(const json_t *syscalls)
{
	for (size_t i = 0; i < json_array_size(syscalls); i++) {
		const char *action = json_string_value(
			json_object_get(json_array_get(syscalls, i), "action"));

		if (action && streq(action, "SCMP_ACT_NOTIFY"))
			return true;
	}
	return false;
}

static int read_profile(const json_t *obj, struct profile *p, struct filter *ret, struct err *e)
{
	int r = json_read(obj, profile_rows, p, JSON_ALLOW_UNKNOWN, "$.linux.seccomp", e);

	if (r == 0)
		r = read_flags(p->flags, &ret->flags, e);
	if (r < 0)
		return r;
	if (p->listener_metadata && !p->listener_path)
		return err_set(e, ERR_INVALID,
			       "$.linux.seccomp.listenerMetadata: not without listenerPath");
	if (!uses_notify(p->syscalls))
		return 0; /* the path is for that action alone */
	if (!p->listener_path || !p->listener_path[0])
		return err_set(e, ERR_INVALID,
			       "$.linux.seccomp.listenerPath: missing, with SCMP_ACT_NOTIFY");
	ret->listener_path = p->listener_path;
	ret->listener_metadata = p->listener_metadata;
	return 0;
}

int filter_compile(const json_t *obj, struct filter *ret, struct err *e)
{
	struct profile p = { 0 };
	int r = read_profile(obj, &p, ret, e);

	return r < 0 ? r : compile(&p, ret, e);
}

/* Flags and listener are no part of the compiled filter. */
static bool is_plain(const char *text)
{
	return !strstr(text, "\"flags\"") && !strstr(text, "SCMP_ACT_NOTIFY") && !strstr(text, "\"listener") && !strchr(text, '\\');
}

int filter_make(const char *text, const char *cache, struct filter *ret, json_t **ret_doc,
		struct err *e)
{
	auto_free char *key = cache ? filter_cache_key(text) : NULL;
	struct profile p = { 0 };
	json_t *doc;
	int r;

	if (key && is_plain(text) && filter_cache_get(cache, key, ret) == 0)
		return 0;
	r = json_parse(text, strlen(text), FILTER_KEY_MAX, "linux.seccomp", &doc, e);
	if (r < 0)
		return r;
	*ret_doc = doc;
	r = read_profile(doc, &p, ret, e);
	if (r < 0 || (key && filter_cache_get(cache, key, ret) == 0))
		return r;
	r = compile(&p, ret, e);
	if (r == 0 && key)
		filter_cache_put(cache, key, ret);
	return r;
}

void filter_done(struct filter *f)
{
	free(f->insns);
	f->insns = NULL;
}

int filter_load(const struct filter *f, int *ret_listener, struct err *e)
{
	struct sock_fprog prog = { .len = f->n, .filter = f->insns };
	unsigned int load_flags = f->flags;
	long r;

	if (f->listener_path)
		load_flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* With a listener TSYNC has no way to tell which thread failed; we have only one. */
	if (f->listener_path)
		load_flags &= ~(unsigned int)SECCOMP_FILTER_FLAG_TSYNC;
	else
		load_flags &= ~(unsigned int)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, load_flags, &prog);
	if (r < 0 && errno == EINVAL && f->flags)
		return err_set(e, ERR_UNSUPPORTED,
			       "load the seccomp filter: this kernel does not know one "
			       "of its flags");
	if (r < 0)
		return err_sys(e, errno, "load the seccomp filter");
	if (f->listener_path)
		*ret_listener = (int)r;
	return 0;
}
