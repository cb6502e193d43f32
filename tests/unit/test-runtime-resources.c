/* linux.resources as files of a cgroup, as properties of systemd, as a device filter. */
#include "test.h"

#include "cgroup-devices.h"
#include "cgroup-systemd.h"
#include "json.h"
#include "resources.h"

static json_t *parse(const char *text)
{
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	CHECK_MSG(doc, "no JSON: %s", text);
	return doc;
}

/* "file=value" for each write, '!' before what limits nothing, '?' before what may be missing. */
static void written(const char *text, char *out, size_t cap)
{
	auto_json json_t *doc = parse(text);
	auto_limits struct limits l = { 0 };
	struct err e = ERR_INIT;
	size_t n = 0;

	CHECK_OK(resources_read(doc, &l, &e), e);
	out[0] = '\0';
	for (size_t i = 0; i < l.n; i++) {
		const struct limit *it = &l.items[i];

		n += (size_t)snprintf(out + n, cap - n, "%s%s%s%s=%s", i ? "; " : "",
				      it->limits ? "" : "!", it->optional ? "?" : "", it->file,
				      it->value);
		if (it->alt_file)
			n += (size_t)snprintf(out + n, cap - n, "|%s=%s", it->alt_file,
					      it->alt_value);
		CHECK(n < cap);
	}
}

TEST(translation)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "{}", "" },
		/* what engines always write */
		{ "{\"memory\":{\"disableOOMKiller\":false,\"kernel\":-1,\"swappiness\":-1,\"useHierarchy\":true},"
		  "\"cpu\":{\"shares\":0,\"quota\":0,\"cpus\":\"\",\"realtimeRuntime\":0},\"pids\":{\"limit\":0},"
		  "\"blockIO\":{\"weight\":0,\"leafWeight\":0,\"weightDevice\":[]},\"network\":{\"classID\":0,\"priorities\":[]}}",
		  "" },
		{ "{\"memory\":{\"limit\":1048576}}", "memory.max=1048576" },
		{ "{\"memory\":{\"limit\":-1}}", "!memory.max=max; !memory.swap.max=max" },
		{ "{\"memory\":{\"limit\":100,\"swap\":300,\"reservation\":50}}",
		  "memory.max=100; memory.swap.max=200; memory.low=50" },
		{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "memory.max=100; ?memory.swap.max=0" },
		{ "{\"memory\":{\"limit\":100,\"swap\":-1}}", "memory.max=100; !memory.swap.max=max" },
		{ "{\"memory\":{\"limit\":100,\"swap\":0}}", "memory.max=100" },
		{ "{\"memory\":{\"swap\":-1}}", "!memory.swap.max=max" },
		{ "{\"cpu\":{\"shares\":1024}}", "!cpu.weight=39" },
		{ "{\"cpu\":{\"shares\":2}}", "cpu.weight=1" },
		{ "{\"cpu\":{\"shares\":1}}", "cpu.weight=1" },
		{ "{\"cpu\":{\"shares\":262144}}", "cpu.weight=10000" },
		{ "{\"cpu\":{\"shares\":9999999}}", "cpu.weight=10000" },
		{ "{\"cpu\":{\"quota\":50000,\"period\":100000}}", "cpu.max=50000 100000" },
		{ "{\"cpu\":{\"quota\":50000}}", "cpu.max=50000" },
		{ "{\"cpu\":{\"quota\":-1,\"period\":100000}}", "!cpu.max=max 100000" },
		{ "{\"cpu\":{\"quota\":-1}}", "!cpu.max=max" },
		{ "{\"cpu\":{\"period\":20000}}", "!cpu.max=- 20000" },
		{ "{\"cpu\":{\"quota\":0,\"period\":20000}}", "!cpu.max=- 20000" },
		{ "{\"cpu\":{\"quota\":5000,\"burst\":1000}}", "cpu.max=5000; cpu.max.burst=1000" },
		{ "{\"cpu\":{\"idle\":1,\"shares\":512}}", "cpu.idle=1" },
		{ "{\"cpu\":{\"idle\":0,\"shares\":512}}", "!cpu.idle=0; cpu.weight=20" },
		{ "{\"cpu\":{\"cpus\":\"0-3,5\",\"mems\":\"0\"}}", "cpuset.cpus=0-3,5; cpuset.mems=0" },
		{ "{\"pids\":{\"limit\":20}}", "pids.max=20" },
		{ "{\"pids\":{\"limit\":-1}}", "!pids.max=max" },
		{ "{\"blockIO\":{\"weight\":10}}", "io.bfq.weight=10|io.weight=1" },
		{ "{\"blockIO\":{\"weight\":1000}}", "io.bfq.weight=1000|io.weight=10000" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500}]}}",
		  "io.bfq.weight=8:0 500|io.weight=8:0 4950" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":600}],"
		  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":0}]}}",
		  "io.max=8:1 rbps=600; !io.max=8:1 wiops=max" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}]}",
		  "hugetlb.2MB.max=0; ?hugetlb.2MB.rsvd.max=0" },
		{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10}}}",
		  "rdma.max=mlx5_1 hca_handle=3 hca_object=10" },
	};
	char got[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		written(rows[i].in, got, sizeof(got));
		CHECK_STR(got, rows[i].want);
	}
	/* Files by name after the others, and a line at a time. */
	written("{\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:16 rbps=2\\n\"},\"pids\":{\"limit\":1}}", got,
		sizeof(got));
	CHECK_STR(got, "pids.max=1; io.max=8:0 rbps=1; io.max=8:16 rbps=2");
}

TEST(refusals)
{
	static const struct {
		const char *in, *names;
		enum err_kind kind;
	} rows[] = {
		{ "{\"memory\":{\"kernel\":1}}", "memory.kernel", ERR_UNSUPPORTED },
		{ "{\"memory\":{\"kernelTCP\":1}}", "memory.kernelTCP", ERR_UNSUPPORTED },
		{ "{\"memory\":{\"swappiness\":0}}", "memory.swappiness", ERR_UNSUPPORTED },
		{ "{\"memory\":{\"disableOOMKiller\":true}}", "memory.disableOOMKiller", ERR_UNSUPPORTED },
		{ "{\"memory\":{\"later\":7}}", "memory.later", ERR_UNSUPPORTED },
		{ "{\"later\":{\"x\":7}}", "later", ERR_UNSUPPORTED },
		{ "{\"cpu\":{\"realtimeRuntime\":1}}", "cpu.realtimeRuntime", ERR_UNSUPPORTED },
		{ "{\"cpu\":{\"realtimePeriod\":1}}", "cpu.realtimePeriod", ERR_UNSUPPORTED },
		{ "{\"blockIO\":{\"leafWeight\":10}}", "blockIO.leafWeight", ERR_UNSUPPORTED },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":10}]}}",
		  "blockIO.weightDevice.leafWeight", ERR_UNSUPPORTED },
		{ "{\"network\":{\"classID\":1}}", "network.classID", ERR_UNSUPPORTED },
		{ "{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}}", "network.priorities",
		  ERR_UNSUPPORTED },
		{ "{\"memory\":{\"limit\":-2}}", "memory.limit", ERR_INVALID },
		{ "{\"memory\":{\"limit\":\"1\"}}", "memory.limit", ERR_CORRUPT },
		{ "{\"memory\":{\"limit\":1.5}}", "memory.limit", ERR_CORRUPT },
		{ "{\"memory\":[]}", "memory", ERR_CORRUPT },
		{ "{\"memory\":{\"swap\":100}}", "memory.swap", ERR_INVALID },
		{ "{\"memory\":{\"limit\":100,\"swap\":99}}", "memory.swap", ERR_INVALID },
		{ "{\"cpu\":{\"idle\":2}}", "cpu.idle", ERR_INVALID },
		{ "{\"cpu\":{\"cpus\":\"0 1\"}}", "cpu.cpus", ERR_INVALID },
		{ "{\"cpu\":{\"cpus\":\"0\\n\"}}", "cpu.cpus", ERR_INVALID },
		{ "{\"cpu\":{\"shares\":-1}}", "cpu.shares", ERR_INVALID },
		{ "{\"blockIO\":{\"weight\":9}}", "blockIO.weight", ERR_INVALID },
		{ "{\"blockIO\":{\"weight\":1001}}", "blockIO.weight", ERR_INVALID },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":-1}]}}",
		  "throttleReadBpsDevice", ERR_INVALID },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":-8,\"minor\":1}]}}",
		  "throttleReadBpsDevice[0]", ERR_INVALID },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}", "hugepageLimits", ERR_INVALID },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"02MB\",\"limit\":1}]}", "hugepageLimits", ERR_INVALID },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]}", "limit", ERR_CORRUPT },
		{ "{\"rdma\":{\"a b\":{\"hcaHandles\":1}}}", "rdma", ERR_INVALID },
		{ "{\"unified\":{\"../memory.max\":\"1\"}}", "unified", ERR_INVALID },
		{ "{\"unified\":{\"a/memory.max\":\"1\"}}", "unified", ERR_INVALID },
		{ "{\"unified\":{\"memory\":\"1\"}}", "unified", ERR_INVALID },
		{ "{\"unified\":{\"cgroup.procs\":\"1\"}}", "cgroup.procs", ERR_INVALID },
		{ "{\"unified\":{\"cgroup.kill\":\"1\"}}", "cgroup.kill", ERR_INVALID },
		{ "{\"unified\":{\"memory.max\":1}}", "unified.memory.max", ERR_CORRUPT },
		{ "{\"devices\":{}}", "devices", ERR_CORRUPT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *doc = parse(rows[i].in);
		auto_limits struct limits l = { 0 };
		struct err e = ERR_INIT;

		CHECK_ERR(resources_read(doc, &l, &e), e, rows[i].kind);
		CHECK_MSG(strstr(e.text, rows[i].names), "\"%s\" does not name %s", e.text, rows[i].names);
	}
}

TEST(the_check_before_an_update)
{
	auto_json json_t *doc = parse("{\"memory\":{\"limit\":100,\"checkBeforeUpdate\":true}}");
	auto_limits struct limits l = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(resources_read(doc, &l, &e), e);
	CHECK_UINT(l.check_usage, 100);
}

TEST(names_of_scopes)
{
	struct err e = ERR_INIT;
	char *slice = NULL, *unit = NULL;
	static const char *const refused[] = { "/a/b", "a:b", "a.slice:b:", "a.slice:b:c:d", "a:b:c",
					       "a.slice:b:c/d", "a.slice:b:c.slice", "x/a.slice:b:c" };

	CHECK_OK(systemd_names("user.slice:ctr-lite:abc", "id", &slice, &unit, &e), e);
	CHECK_STR(slice, "user.slice");
	CHECK_STR(unit, "ctr-lite-abc.scope");
	free(slice);
	free(unit);
	CHECK_OK(systemd_names(":x:abc", "id", &slice, &unit, &e), e);
	CHECK(str_ends(slice, ".slice"));
	CHECK_STR(unit, "x-abc.scope");
	free(slice);
	free(unit);
	CHECK_OK(systemd_names(NULL, "id", &slice, &unit, &e), e);
	CHECK_STR(unit, "ctr-lite-id.scope");
	free(slice);
	free(unit);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK_ERR(systemd_names(refused[i], "id", &slice, &unit, &e), e, ERR_INVALID);
}

TEST(properties_of_scopes)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "{\"memory\":{\"limit\":100,\"swap\":300,\"reservation\":50}}",
		  "MemoryMax=uint64 100; MemorySwapMax=uint64 200; MemoryLow=uint64 50" },
		{ "{\"memory\":{\"limit\":-1}}",
		  "MemoryMax=uint64 18446744073709551615; MemorySwapMax=uint64 18446744073709551615" },
		{ "{\"pids\":{\"limit\":-1}}", "TasksMax=uint64 18446744073709551615" },
		{ "{\"cpu\":{\"quota\":50000,\"period\":100000}}",
		  "CPUQuotaPeriodUSec=uint64 100000; CPUQuotaPerSecUSec=uint64 500000" },
		{ "{\"cpu\":{\"quota\":33333,\"period\":100000}}",
		  "CPUQuotaPeriodUSec=uint64 100000; CPUQuotaPerSecUSec=uint64 340000" },
		{ "{\"cpu\":{\"quota\":-1}}", "CPUQuotaPerSecUSec=uint64 18446744073709551615" },
		{ "{\"cpu\":{\"period\":20000}}", "" },
		{ "{\"cpu\":{\"cpus\":\"0-2,8\",\"mems\":\"0\"}}",
		  "AllowedCPUs=[byte 0x07, 0x01]; AllowedMemoryNodes=[byte 0x01]" },
		{ "{\"unified\":{\"memory.high\":\"7\"}}", "MemoryHigh=uint64 7" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *doc = parse(rows[i].in);
		auto_limits struct limits l = { 0 };
		auto_strv struct strv props = STRV_INIT;
		auto_strbuf struct strbuf b = STRBUF_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(resources_read(doc, &l, &e), e);
		CHECK_OK(systemd_properties(&l, &props, &e), e);
		strbuf_add(&b, "");
		for (size_t k = 0; k < props.n; k++)
			strbuf_addf(&b, "%s%s", k ? "; " : "", props.items[k]);
		CHECK_STR(b.data, rows[i].want);
	}
}

TEST(properties_out_of_range)
{
	static const char *const rows[] = { "{\"cpu\":{\"cpus\":\"3-1\"}}", "{\"cpu\":{\"cpus\":\"8192\"}}",
					    "{\"cpu\":{\"cpus\":\"99999999999999999999\"}}",
					    "{\"cpu\":{\"cpus\":\"-1\"}}" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *doc = parse(rows[i]);
		auto_limits struct limits l = { 0 };
		auto_strv struct strv props = STRV_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(resources_read(doc, &l, &e), e);
		CHECK_ERR(systemd_properties(&l, &props, &e), e, ERR_INVALID);
	}
}

TEST(properties_by_annotation)
{
	auto_json json_t *good = parse("{\"org.systemd.property.TimeoutStopSec\":\"uint64 7\",\"x\":\"y\"}");
	auto_json json_t *bad = parse("{\"org.systemd.property.Timeout-Stop\":\"1\"}");
	auto_json json_t *empty = parse("{\"org.systemd.property.\":\"1\"}");
	auto_strv struct strv props = STRV_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(systemd_annotations(good, &props, &e), e);
	CHECK_UINT(props.n, 1);
	CHECK_STR(props.items[0], "TimeoutStopSec=uint64 7");
	CHECK_ERR(systemd_annotations(bad, &props, &e), e, ERR_INVALID);
	CHECK_ERR(systemd_annotations(empty, &props, &e), e, ERR_INVALID);
	CHECK_OK(systemd_annotations(NULL, &props, &e), e);
}

/* The instructions that we use, as the kernel runs them. */
static bool run_filter(const struct bpf_insn *insns, size_t n, char type, const char *access,
		       uint32_t major, uint32_t minor)
{
	uint32_t reg[11] = { 0 }, bits = 0;
	struct bpf_cgroup_dev_ctx ctx = { .major = major, .minor = minor };

	for (; *access; access++)
		bits |= *access == 'r' ? BPF_DEVCG_ACC_READ
			: *access == 'w' ? BPF_DEVCG_ACC_WRITE
					 : BPF_DEVCG_ACC_MKNOD;
	ctx.access_type = bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *in = &insns[i];
		uint32_t imm = (uint32_t)in->imm;

		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			CHECK(in->src_reg == BPF_REG_1 && in->off >= 0 &&
			      (size_t)in->off + 4 <= sizeof(ctx));
			memcpy(&reg[in->dst_reg], (char *)&ctx + in->off, 4);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			reg[in->dst_reg] = reg[in->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			reg[in->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[in->dst_reg] &= imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			reg[in->dst_reg] >>= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			i += reg[in->dst_reg] != imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			i += reg[in->dst_reg] == imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0] == 1;
		default:
			CHECK_MSG(false, "instruction %#x", in->code);
		}
	}
	CHECK_MSG(false, "ran out of the program");
	return false;
}

TEST(device_filter)
{
	static const struct {
		const char *rules;
		char type;
		const char *access;
		uint32_t major, minor;
		bool allowed;
	} rows[] = {
		/* nothing said: what /dev needs */
		{ "[]", 'c', "rw", 1, 3, true },
		{ "[]", 'c', "m", 10, 200, true },
		{ "[]", 'b', "m", 8, 0, true },
		{ "[]", 'c', "r", 10, 200, false },
		{ "[]", 'b', "r", 1, 3, false },
		{ "[]", 'c', "rw", 136, 77, true },
		{ "[{\"allow\":false,\"access\":\"rwm\"}]", 'c', "rw", 1, 3, true },
		{ "[{\"allow\":true}]", 'b', "rwm", 8, 0, true },
		{ "[{\"allow\":true,\"type\":\"a\",\"access\":\"rwm\",\"major\":-1,\"minor\":-1}]", 'b', "w", 8, 0, true },
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"}]", 'b', "r", 8, 0, true },
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"}]", 'b', "rw", 8, 0, false },
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"}]", 'b', "rm", 8, 0, true },
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"}]", 'c', "r", 8, 0, false },
		/* several rules together */
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"},{\"allow\":true,\"type\":\"b\",\"access\":\"w\",\"major\":8}]",
		  'b', "rw", 8, 0, true },
		{ "[{\"allow\":true,\"type\":\"b\",\"access\":\"r\"},{\"allow\":true,\"type\":\"b\",\"access\":\"w\",\"major\":8}]",
		  'b', "rw", 9, 0, false },
		/* the last that speaks of it */
		{ "[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]", 'b', "w", 8, 3, false },
		{ "[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]", 'b', "rw", 8, 3, false },
		{ "[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]", 'b', "r", 8, 3, true },
		{ "[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229}]", 'c', "rw", 10, 229, true },
		{ "[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229}]", 'c', "rw", 10, 228, false },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229},{\"allow\":false}]", 'c', "rw", 10, 229, false },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":4294967295}]", 'c', "r", 4294967295, 1, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *rules = parse(rows[i].rules);
		auto_free struct bpf_insn *insns = NULL;
		struct err e = ERR_INIT;
		size_t n = 0;

		CHECK_OK(devices_compile(rules, &insns, &n, &e), e);
		CHECK_MSG(run_filter(insns, n, rows[i].type, rows[i].access, rows[i].major,
				     rows[i].minor) == rows[i].allowed,
			  "row %zu: %s %c %u:%u %s", i, rows[i].rules, rows[i].type, rows[i].major,
			  rows[i].minor, rows[i].access);
	}
}

TEST(device_rules_refused)
{
	static const char *const rows[] = {
		"[{}]", "[1]", "[{\"allow\":true,\"type\":\"x\"}]", "[{\"allow\":true,\"access\":\"x\"}]",
		"[{\"allow\":true,\"major\":-2}]", "[{\"allow\":1}]",
	};
	auto_json json_t *many = json_array();
	struct bpf_insn *insns;
	struct err e = ERR_INIT;
	size_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *rules = parse(rows[i]);

		CHECK_MSG(devices_compile(rules, &insns, &n, &e) < 0, "%s", rows[i]);
	}
	for (int i = 0; i <= DEVICE_RULES_MAX; i++)
		(void)json_array_append_new(many, parse("{\"allow\":true}"));
	CHECK_ERR(devices_compile(many, &insns, &n, &e), e, ERR_LIMIT);
}
