/* The mounts that a user asks for: -v, --mount, --tmpfs, image volumes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "json.h"
#include "oci.h"
#include "path.h"

int oci_add_mount(json_t *mounts, const char *dest, const char *type, const char *source,
		  json_t *options, struct err *e)
{
	json_t *m = json_pack("{s:s, s:s, s:s, s:o}", "destination", dest, "type", type, "source",
			      source, "options", options);

	if (!m)
		return err_set(e, ERR_INVALID, "mount on %s: not valid UTF-8", dest);
	return json_array_append_new(mounts, m) < 0 ? err_sys(e, ENOMEM, "make config.json") : 0;
}

void oci_build_done(struct oci_build *b)
{
	free(b->user_dests);
	strv_done(&b->append);
	spec_mounts_done(&b->user);
}

static void asked(const struct ctr_request *r, const struct spec_mounts *m, int rc, const char *option,
		  const char *text)
{
	if (rc == 0)
		ctr_origin(r, "mounts", m->items[m->n - 1].dest, "--%s %s", option, text);
}

int request_mounts(const struct ctr_request *r, struct spec_mounts *ret, struct err *e)
{
	const char *cwd = r->base_dir ? r->base_dir : "/";
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->volumes.n; i++) {
		rc = spec_mounts_add_volume(ret, r->volumes.items[i], cwd, e);
		asked(r, ret, rc, "volume", r->volumes.items[i]);
	}
	for (size_t i = 0; rc == 0 && i < r->mounts.n; i++) {
		rc = spec_mounts_add_mount(ret, r->mounts.items[i], cwd, e);
		asked(r, ret, rc, "mount", r->mounts.items[i]);
	}
	for (size_t i = 0; rc == 0 && i < r->tmpfs.n; i++) {
		rc = spec_mounts_add_tmpfs(ret, r->tmpfs.items[i], e);
		asked(r, ret, rc, "tmpfs", r->tmpfs.items[i]);
	}
	return rc;
}

int oci_user_dests(struct oci_build *b, struct err *e)
{
	const struct ctr_request *r = b->req;
	int rc = request_mounts(r, &b->user, e);

	if (rc < 0)
		return rc;
	b->user_dests = calloc(b->user.n + r->anon_dests.n + 1, sizeof(char *));
	if (!b->user_dests)
		return err_sys(e, ENOMEM, "make config.json");
	for (size_t i = 0; i < b->user.n; i++)
		b->user_dests[b->n_user_dests++] = b->user.items[i].dest;
	for (size_t i = 0; i < r->anon_dests.n; i++)
		b->user_dests[b->n_user_dests++] = r->anon_dests.items[i];
	return 0;
}

struct planned {
	const char *dest, *type;
	char *source;		/* owned */
	struct strv options;
};

/* Parents before what is mounted inside of them. */
static int by_dest(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;

	return strcmp(x->dest, y->dest);
}

static int plan_user(struct planned *p, const struct spec_mount *m, struct err *e)
{
	int rc = 0;

	p->dest = m->dest;
	p->type = m->type == SPEC_MOUNT_VOLUME ? "bind" : spec_mount_type_str(m->type);
	p->source = strdup(m->source ? m->source : p->type);
	for (size_t i = 0; rc == 0 && i < m->options.n; i++)
		rc = strv_add(&p->options, m->options.items[i]);
	if (rc == 0 && m->tmpcopyup)
		rc = strv_add(&p->options, "tmpcopyup");
	if (rc < 0 || !p->source)
		return err_sys(e, ENOMEM, "make config.json");
	if (m->type != SPEC_MOUNT_BIND)
		return 0;
	rc = spec_mount_host_flags(m->source, &p->options);
	return rc < 0 ? err_sys(e, rc, "mount %s", m->source) : 0;
}

static int plan_anon(struct oci_build *b, struct planned *p, size_t i, const struct spec_mount *m,
		     struct err *e)
{
	int rc = 0;

	p->dest = b->req->anon_dests.items[i];
	p->type = "bind";
	p->source = str_printf("%s/volumes/%s/_data", b->eng->store.root, b->req->anon_volumes.items[i]);
	for (size_t k = 0; m && rc == 0 && k < m->options.n; k++)
		rc = strv_add(&p->options, m->options.items[k]);
	if (!m) {
		ctr_origin(b->req, "mounts", p->dest, "image: Volumes");
		rc = strv_add(&p->options, "rbind");
		rc = rc < 0 ? rc : strv_add(&p->options, "rprivate");
		rc = rc < 0 ? rc : strv_add(&p->options, "nosuid");
		rc = rc < 0 ? rc : strv_add(&p->options, "nodev");
	}
	return rc < 0 || !p->source ? err_sys(e, ENOMEM, "make config.json") : 0;
}

static int plan_read_only_tmpfs(struct oci_build *b, struct planned *plan, size_t *n, struct err *e)
{
	static const char *const dirs[] = { "/run", "/tmp", "/var/tmp" };
	static const char *const options[] = { "rprivate", "nosuid", "nodev", "tmpcopyup" };

	if (!b->req->read_only || !b->req->read_only_tmpfs)
		return 0;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct planned *p = &plan[*n];
		int rc = 0;

		if (spec_mounts_find(&b->user, dirs[i]))
			continue;
		ctr_origin(b->req, "mounts", dirs[i], "--read-only, --read-only-tmpfs");
		p->dest = dirs[i];
		p->type = "tmpfs";
		p->source = strdup("tmpfs");
		(*n)++;
		for (size_t k = 0; rc == 0 && k < sizeof(options) / sizeof(options[0]); k++)
			rc = strv_add(&p->options, options[k]);
		if (rc < 0 || !p->source)
			return err_sys(e, ENOMEM, "make config.json");
	}
	return 0;
}

int oci_user_mounts(struct oci_build *b, struct err *e)
{
	const struct ctr_request *r = b->req;
	size_t n = 0;
	struct planned *plan = calloc(b->user.n + r->anon_dests.n + 4, sizeof(*plan));
	int rc = 0;

	if (!plan)
		return err_sys(e, ENOMEM, "make config.json");
	for (size_t i = 0; rc == 0 && i < b->user.n; i++)
		if (b->user.items[i].type != SPEC_MOUNT_VOLUME) /* those are in anon_dests */
			rc = plan_user(&plan[n++], &b->user.items[i], e);
	for (size_t i = 0; rc == 0 && i < r->anon_dests.n && i < r->anon_volumes.n; i++)
		rc = plan_anon(b, &plan[n++], i,
			       spec_mounts_find(&b->user, r->anon_dests.items[i]), e);
	if (rc == 0)
		rc = plan_read_only_tmpfs(b, plan, &n, e);
	if (rc == 0)
		qsort(plan, n, sizeof(*plan), by_dest);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = oci_add_mount(b->mounts, plan[i].dest, plan[i].type, plan[i].source,
				   json_from_strv(&plan[i].options), e);
	for (size_t i = 0; i < n; i++) {
		free(plan[i].source);
		strv_done(&plan[i].options);
	}
	free(plan);
	return rc;
}
