/* The device filter of a cgroup. */
#include "cgroup-devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "json.h"

#define ANY (-1)
#define ALL_ACCESS (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define RULE_INSNS 7 /* at most, for one rule: three tests and a body */
#define BODY_INSNS 4
#define HEAD_INSNS 7

struct rule {
	bool allow;
	int type;	      /* BPF_DEVCG_DEV_*, or ANY */
	int64_t major, minor; /* or ANY */
	int access;	      /* BPF_DEVCG_ACC_* */
};

/* What runc and crun allow as well: nodes may be made, and /dev works. */
/* clang-format off */
static const struct rule always[] = {
	{ true, BPF_DEVCG_DEV_CHAR,	ANY, ANY,	BPF_DEVCG_ACC_MKNOD },
	{ true, BPF_DEVCG_DEV_BLOCK,	ANY, ANY,	BPF_DEVCG_ACC_MKNOD },
	{ true, BPF_DEVCG_DEV_CHAR,	1, 3,		ALL_ACCESS },	/* null */
	{ true, BPF_DEVCG_DEV_CHAR,	1, 5,		ALL_ACCESS },	/* zero */
	{ true, BPF_DEVCG_DEV_CHAR,	1, 7,		ALL_ACCESS },	/* full */
	{ true, BPF_DEVCG_DEV_CHAR,	1, 8,		ALL_ACCESS },	/* random */
	{ true, BPF_DEVCG_DEV_CHAR,	1, 9,		ALL_ACCESS },	/* urandom */
	{ true, BPF_DEVCG_DEV_CHAR,	5, 0,		ALL_ACCESS },	/* tty */
	{ true, BPF_DEVCG_DEV_CHAR,	5, 1,		ALL_ACCESS },	/* console */
	{ true, BPF_DEVCG_DEV_CHAR,	5, 2,		ALL_ACCESS },	/* ptmx */
	{ true, BPF_DEVCG_DEV_CHAR,	136, ANY,	ALL_ACCESS },	/* pts */
};
/* clang-format on */
#define N_ALWAYS (sizeof(always) / sizeof(always[0]))

bool devices_deny(const json_t *rules)
{
	for (size_t i = 0; i < json_array_size(rules); i++)
		if (!json_is_true(json_object_get(json_array_get(rules, i), "allow")))
			return true;
	return false;
}

static int read_access(const char *s, const char *where, int *ret, struct err *e)
{
	int access = 0;

	for (; s && *s; s++) {
		if (*s == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*s == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*s == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
		else
			return err_set(e, ERR_INVALID, "%s.access: only r, w and m are known",
				       where);
	}
	*ret = access ? access : ALL_ACCESS;
	return 0;
}

static int read_rule(const json_t *obj, size_t i, struct rule *ret, struct err *e)
{
	struct {
		bool allow;
		const char *type, *access;
		int64_t major, minor;
	} v = { .type = "a", .major = ANY, .minor = ANY };
	static const struct json_field rows[] = {
		{ "allow", JSON_KIND_BOOL, offsetof(__typeof__(v), allow), JSON_REQUIRED },
		{ "type", JSON_KIND_STR, offsetof(__typeof__(v), type), 0, 1 },
		{ "access", JSON_KIND_STR, offsetof(__typeof__(v), access), 0, 16 },
		{ "major", JSON_KIND_I64, offsetof(__typeof__(v), major) },
		{ "minor", JSON_KIND_I64, offsetof(__typeof__(v), minor) },
		{ 0 },
	};
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "$.linux.resources.devices[%zu]", i);
	r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);
	if (r < 0)
		return r;
	if (v.major < ANY || v.major > UINT32_MAX || v.minor < ANY || v.minor > UINT32_MAX)
		return err_set(e, ERR_INVALID, "%s: %" PRId64 ":%" PRId64 " is no device", where,
			       v.major, v.minor);
	ret->allow = v.allow;
	ret->major = v.major;
	ret->minor = v.minor;
	switch (v.type[0]) {
	case 'a':
	case '\0':
		ret->type = ANY;
		break;
	case 'c':
	case 'u':
		ret->type = BPF_DEVCG_DEV_CHAR;
		break;
	case 'b':
		ret->type = BPF_DEVCG_DEV_BLOCK;
		break;
	default:
		return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not a, c or b", where, v.type);
	}
	return read_access(v.access, where, &ret->access, e);
}

/* Registers: what was asked, still undecided access, scratch. */
enum { R_RET = BPF_REG_0, R_CTX = BPF_REG_1, R_TYPE, R_OPEN, R_MAJOR, R_MINOR, R_TMP };

static struct bpf_insn load(int reg, size_t offset)
{
	return (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
				  .dst_reg = (unsigned char)(reg & 0xf),
				  .src_reg = R_CTX,
				  .off = (short)offset };
}

static struct bpf_insn op_imm(int op, int reg, int64_t imm)
{
	return (struct bpf_insn){ .code = (unsigned char)(BPF_ALU | op | BPF_K),
				  .dst_reg = (unsigned char)(reg & 0xf),
				  .imm = (int)(uint32_t)imm };
}

static struct bpf_insn move(int to, int from)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_X,
				  .dst_reg = (unsigned char)(to & 0xf),
				  .src_reg = (unsigned char)(from & 0xf) };
}

static struct bpf_insn jump(int op, int reg, int64_t imm, size_t skip)
{
	return (struct bpf_insn){ .code = (unsigned char)(BPF_JMP32 | op | BPF_K),
				  .dst_reg = (unsigned char)(reg & 0xf),
				  .off = (short)skip,
				  .imm = (int)(uint32_t)imm };
}

static struct bpf_insn leave(void)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
}

static size_t emit_rule(const struct rule *r, struct bpf_insn *out)
{
	const struct {
		int64_t want;
		int reg;
	} tests[] = { { r->type, R_TYPE }, { r->major, R_MAJOR }, { r->minor, R_MINOR } };
	size_t n = 0, left = 0;

	for (size_t i = 0; i < 3; i++)
		left += tests[i].want != ANY;
	for (size_t i = 0; i < 3; i++)
		if (tests[i].want != ANY)
			out[n++] = jump(BPF_JNE, tests[i].reg, tests[i].want, --left + BODY_INSNS);
	if (r->allow) {
		out[n++] = op_imm(BPF_AND, R_OPEN, ALL_ACCESS & ~r->access);
		out[n++] = jump(BPF_JNE, R_OPEN, 0, 2);
		out[n++] = op_imm(BPF_MOV, R_RET, 1);
		out[n++] = leave();
	} else {
		out[n++] = move(R_TMP, R_OPEN);
		out[n++] = op_imm(BPF_AND, R_TMP, r->access);
		out[n++] = jump(BPF_JEQ, R_TMP, 0, 1);
		out[n++] = leave();
	}
	return n;
}

static size_t emit_head(struct bpf_insn *out)
{
	size_t n = 0;

	out[n++] = load(R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	out[n++] = move(R_OPEN, R_TYPE);
	out[n++] = op_imm(BPF_AND, R_TYPE, 0xffff);
	out[n++] = op_imm(BPF_RSH, R_OPEN, 16);
	out[n++] = load(R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	out[n++] = load(R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	out[n++] = op_imm(BPF_MOV, R_RET, 0);
	return n;
}

/* The last rule first: whatever it decides needs no other. */
int devices_compile(const json_t *rules, struct bpf_insn **ret, size_t *ret_n, struct err *e)
{
	size_t given = json_array_size(rules), n;
	auto_free struct bpf_insn *out = NULL;

	if (given > DEVICE_RULES_MAX)
		return err_set(e, ERR_LIMIT, "$.linux.resources.devices: more than %d rules",
			       DEVICE_RULES_MAX);
	out = calloc(HEAD_INSNS + (given + N_ALWAYS) * RULE_INSNS + 1, sizeof(*out));
	if (!out)
		return err_sys(e, ENOMEM, "$.linux.resources.devices");
	n = emit_head(out);
	for (size_t i = N_ALWAYS; i > 0; i--)
		n += emit_rule(&always[i - 1], out + n);
	for (size_t i = given; i > 0; i--) {
		struct rule rule;
		int r = read_rule(json_array_get(rules, i - 1), i - 1, &rule, e);

		if (r < 0)
			return r;
		n += emit_rule(&rule, out + n);
	}
	out[n++] = leave();
	*ret = take_ptr(&out);
	*ret_n = n;
	return 0;
}

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

int devices_attach(int cgroup_fd, const struct bpf_insn *insns, size_t n, struct err *e)
{
	static const char licence[] = "Apache-2.0";
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)insns,
		.insn_cnt = (uint32_t)n,
		.license = (uint64_t)(uintptr_t)licence,
		.prog_name = "ctr_devices",
	};
	auto_close int prog = bpf(BPF_PROG_LOAD, &attr);
	int r = prog;

	if (r >= 0) {
		attr = (union bpf_attr){ 0 };
		attr.target_fd = (uint32_t)cgroup_fd;
		attr.attach_bpf_fd = (uint32_t)prog;
		attr.attach_type = BPF_CGROUP_DEVICE;
		attr.attach_flags = BPF_F_ALLOW_MULTI; /* those above us may have one as well */
		r = bpf(BPF_PROG_ATTACH, &attr);
	}
	if (r < 0)
		return err_sys(e, r, "$.linux.resources.devices: %s the filter (BPF) of the cgroup",
			       prog < 0 ? "load" : "attach");
	return 0;
}
