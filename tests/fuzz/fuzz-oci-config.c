/* config.json: what is accepted has only values that the setup can take as they are. */
#include <string.h>

#include "affinity.h"
#include "fuzz.h"
#include "json-section.h"
#include "json.h"
#include "oci-config.h"
#include "sysctl.h"

static void check_cpus(const char *list)
{
	cpu_set_t cpus;

	FUZZ_CHECK(!list || !list[0] || (affinity_parse(list, &cpus) == 0 && CPU_COUNT(&cpus) > 0));
}

static void check_process(const struct oci_process *p)
{
	FUZZ_CHECK(p->cwd && p->cwd[0] == '/');
	FUZZ_CHECK(p->args.n > 0 && p->args.items[0][0]);
	FUZZ_CHECK(p->uid != (uid_t)-1 && p->gid != (gid_t)-1);
	for (size_t i = 0; i < p->n_groups; i++)
		FUZZ_CHECK(p->groups[i] != (gid_t)-1);
	for (size_t i = 0; i < p->env.n; i++)
		FUZZ_CHECK(strchr(p->env.items[i], '=') > p->env.items[i]);
	FUZZ_CHECK(p->umask <= 0777);
	FUZZ_CHECK(p->oom_score_adj >= -1000 && p->oom_score_adj <= 1000);
	FUZZ_CHECK(p->has_caps || p->caps.bounding == 0);
	for (size_t i = 0; i < p->n_rlimits; i++)
		FUZZ_CHECK(p->rlimits[i].value.rlim_cur <= p->rlimits[i].value.rlim_max);
	FUZZ_CHECK(!p->has_scheduler || (p->scheduler.policy <= 6 && p->scheduler.nice >= -20 &&
					 p->scheduler.nice <= 19 && p->scheduler.priority <= 99));
	check_cpus(p->affinity_initial);
	check_cpus(p->affinity_final);
}

static void check_config(const struct oci_config *c)
{
	struct err e = ERR_INIT;

	FUZZ_CHECK(c->ns[NS_MOUNT].present && c->root_path && c->root_path[0]);
	if (c->has_process)
		check_process(&c->process);
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct oci_mount *m = &c->mounts[i];

		FUZZ_CHECK(m->destination && m->destination[0]);
		FUZZ_CHECK(m->opts.remount ||
			   (m->opts.bind ? m->source && m->source[0] : m->type != NULL));
		FUZZ_CHECK(!m->opts.idmap || m->idmap || c->ns[NS_USER].present);
		FUZZ_CHECK(!m->idmap || (m->opts.idmap && m->idmap->n_uid && m->idmap->n_gid));
	}
	for (size_t i = 0; sysctl_check(c, &e) == 0 && i < c->n_sysctls; i++) {
		char path[SYSCTL_PATH_MAX];

		FUZZ_CHECK(sysctl_path(c->sysctls[i].name, path) == 0);
		FUZZ_CHECK(path[0] != '/' && !strstr(path, "..") && sysctl_namespace(path) >= 0);
	}
}

/* What is found without parsing is what parsing finds. */
static void check_section(const char *text, size_t len, const json_t *doc)
{
	static const char *const path[] = { "linux", "seccomp", NULL };
	const json_t *want = json_object_get(json_object_get(doc, "linux"), "seccomp");
	json_t *got;
	size_t at, n;

	if (!json_section(text, len, path, &at, &n))
		return;
	FUZZ_CHECK(at < len && n <= len - at);
	got = json_loadb(text + at, n, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(!doc || json_equal(got, want));
	json_decref(got);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;
	json_t *doc;
	int r = json_parse((const char *)data, len, OCI_CONFIG_MAX_BYTES, "config.json", &doc, &e);

	check_section((const char *)data, len, r == 0 ? doc : NULL);
	if (r == 0)
		r = oci_config_read_consume(doc, &c, &e);
	if (r == 0)
		check_config(&c);
	else
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	oci_config_done(&c);
	return r == 0;
}
