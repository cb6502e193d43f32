/* linux.resources: what is accepted can be written as it is to files of one directory. */
#include <string.h>

#include "cgroup-devices.h"
#include "cgroup-systemd.h"
#include "fd.h"
#include "fuzz.h"
#include "json.h"
#include "path.h"
#include "resources.h"

static void check_file(const char *file, const char *value)
{
	FUZZ_CHECK(path_is_component(file) && strchr(file, '.'));
	FUZZ_CHECK(value[0] && !strchr(value, '\n'));
	FUZZ_CHECK(strcmp(file, "cgroup.procs") != 0 && strcmp(file, "cgroup.kill") != 0);
}

static void check(const struct limits *l)
{
	auto_strv struct strv props = STRV_INIT;
	auto_free struct bpf_insn *insns = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	FUZZ_CHECK(l->n <= RESOURCES_MAX);
	for (size_t i = 0; i < l->n; i++) {
		check_file(l->items[i].file, l->items[i].value);
		FUZZ_CHECK(!l->items[i].alt_file == !l->items[i].alt_value);
		if (l->items[i].alt_file)
			check_file(l->items[i].alt_file, l->items[i].alt_value);
	}
	(void)systemd_properties(l, &props, &e);
	for (size_t i = 0; i < props.n; i++)
		FUZZ_CHECK(strchr(props.items[i], '='));
	if (devices_compile(l->devices, &insns, &n, &e) == 0)
		FUZZ_CHECK(n > 0 && insns[n - 1].code == (BPF_JMP | BPF_EXIT));
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_limits struct limits l = { 0 };
	auto_json json_t *doc = NULL;
	struct err e = ERR_INIT;
	int r = json_parse((const char *)data, len, 1u << 20, "resources", &doc, &e);

	if (r == 0)
		r = resources_read(doc, &l, &e);
	if (r == 0)
		check(&l);
	else
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	return r == 0;
}
