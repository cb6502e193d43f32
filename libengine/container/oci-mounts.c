/* The mounts that a user asks for: -v, --mount, --tmpfs, image volumes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "ctrlite/volume.h"
#include "fd.h"
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

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "make config.json");
}

static int add_options(struct planned *p, const struct strv *from)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->n; i++)
		rc = strv_add(&p->options, from->items[i]);
	return rc;
}

/* A directory below the run directory on which the monitor mounts something for the runtime to bind. */
static char *staged(const struct oci_build *b, const struct planned *p, const char *what)
{
	char number[24];
	uint64_t n = str_hash64(p->dest, strlen(p->dest));

	(void)snprintf(number, sizeof(number), "%016llx", (unsigned long long)n);
	return str_printf("%s/mnt/%s.%s", b->run_dir, number, what);
}

/* The user of the container in ids of the default map, where the monitor works. */
static int outer_user(const struct oci_build *b, uint32_t *ret_uid, uint32_t *ret_gid, struct err *e)
{
	const struct idmap *in = b->ns->inner;

	*ret_uid = b->single ? 0 : b->uid;
	*ret_gid = b->single ? 0 : b->gid;
	if (in && (!idmap_to_host(in->uid, in->n_uid, b->uid, ret_uid) ||
		   !idmap_to_host(in->gid, in->n_gid, b->gid, ret_gid)))
		return err_set(e, ERR_INVALID, "the user %u:%u is not mapped in the container's user "
			       "namespace", b->uid, b->gid);
	return 0;
}

/* For the monitor: fill the new volume whose content is at @data from what the image has at @dest,
 * and give it its owner. */
static int add_copyup(struct oci_build *b, const char *volume, const char *data, const char *dest,
		      bool nocopy, struct err *e)
{
	uint32_t uid, gid;
	int rc = outer_user(b, &uid, &gid, e);

	if (rc == 0 && strv_addf(&b->append, "copyup=%s\t%s\t%u:%u\t%s/volumes/%s\t%s", data, dest, uid, gid,
				 b->eng->store.root, volume, nocopy ? "nocopy" : "") < 0)
		rc = nomem(e);
	return rc;
}

/* U: everything below @path gets the container's user as owner. */
static int add_chown(struct oci_build *b, const char *path, struct err *e)
{
	uint32_t uid, gid;
	int rc = outer_user(b, &uid, &gid, e);

	return rc == 0 && strv_addf(&b->append, "prepare=chown\t%s\t%u:%u", path, uid, gid) < 0 ? nomem(e) : rc;
}

/* Replace the source by a part of it, which the monitor looks up: links in it stay inside. */
static int add_subpath(struct oci_build *b, struct planned *p, const char *subpath, struct err *e)
{
	auto_free char *target = staged(b, p, "part");

	if (!target || strv_addf(&b->append, "prepare=subpath\t%s\t%s\t%s", target, p->source, subpath) < 0)
		return nomem(e);
	free(p->source);
	p->source = take_ptr(&target);
	return 0;
}

/* O: the source is the lower directory of an overlay.  Its upper one is empty at each start, unless
 * the user has named it. */
static int add_overlay(struct oci_build *b, struct planned *p, const struct spec_mount *m, struct err *e)
{
	auto_free char *target = staged(b, p, "overlay"), *scratch = NULL;

	if (!m->upperdir)
		scratch = str_printf("%s/containers/%s/overlay-%016llx", b->eng->store.root, b->req->id,
				     (unsigned long long)str_hash64(p->dest, strlen(p->dest)));
	if (!target || (!m->upperdir && !scratch))
		return nomem(e);
	if (strv_addf(&b->append, "prepare=overlay\t%s\t%s\t%s\t%s\t%s", target, scratch ? scratch : "",
		      m->upperdir ? m->upperdir : "", m->workdir ? m->workdir : "", p->source) < 0)
		return nomem(e);
	free(p->source);
	p->source = take_ptr(&target);
	return 0;
}

static const char *image_layers(const struct ctr_request *r, const char *dest)
{
	for (size_t i = 0; i < r->image_mounts.n; i++) {
		const char *rest = str_after(r->image_mounts.items[i], dest);

		if (rest && *rest == '\t' && strchr(rest + 1, '\t'))
			return strchr(rest + 1, '\t') + 1;
	}
	return "";
}

/* The layers of an image, topmost first for the overlay; rw has an upper directory of its own. */
static int add_image(struct oci_build *b, struct planned *p, const struct spec_mount *m, struct err *e)
{
	auto_free char *target = staged(b, p, "image"), *scratch = NULL;
	auto_strbuf struct strbuf line = STRBUF_INIT;
	auto_strv struct strv keys = STRV_INIT;

	scratch = m->ro ? strdup("")
			: str_printf("%s/containers/%s/overlay-%016llx", b->eng->store.root, b->req->id,
				     (unsigned long long)str_hash64(p->dest, strlen(p->dest)));
	if (!target || !scratch || strv_split(&keys, image_layers(b->req, p->dest), ',') < 0)
		return nomem(e);
	strbuf_addf(&line, "prepare=overlay\t%s\t%s\t\t", target, scratch);
	for (size_t i = keys.n; i-- > 0;)
		strbuf_addf(&line, "\t%s/layers/%s/diff", b->eng->store.root, keys.items[i]);
	if (line.failed || strv_add(&b->append, line.data) < 0)
		return nomem(e);
	free(p->source);
	p->source = take_ptr(&target);
	return 0;
}

/* A tmpfs is made for each run: two that run at once would not share what is in it. */
static int check_tmpfs_alone(struct oci_build *b, const char *name, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int rc = ctr_container_list_running(b->eng, &l, e);

	for (size_t i = 0; rc == 0 && i < l.n; i++)
		if (!streq(l.items[i].req.id, b->req->id) &&
		    strv_has(&l.items[i].req.named_volumes, name))
			rc = err_set(e, ERR_BUSY, "volume %s is a tmpfs, which the running container %.12s "
				     "has: it cannot be shared", name, l.items[i].req.id);
	ctr_container_list_done(&l);
	return rc;
}

static int plan_tmpfs_volume(struct oci_build *b, struct planned *p, const struct ctr_volume *v,
			     const struct spec_mount *m, struct err *e)
{
	static const char *const words[] = { "rprivate", "nosuid", "nodev" };
	int rc = check_tmpfs_alone(b, v->name, e);

	p->type = "tmpfs";
	free(p->source);
	p->source = strdup("tmpfs");
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < sizeof(words) / sizeof(words[0]); i++)
		rc = strv_add(&p->options, words[i]);
	for (size_t i = 0; rc == 0 && i < v->mount_options.n; i++)
		rc = strv_has(&p->options, v->mount_options.items[i])
			     ? 0 : strv_add(&p->options, v->mount_options.items[i]);
	if (rc == 0 && m->ro)
		rc = strv_add(&p->options, "ro");
	if (rc == 0 && !m->nocopy && !v->nocopy)
		rc = strv_add(&p->options, "tmpcopyup");
	return rc < 0 || !p->source ? nomem(e) : 0;
}

/* A volume, with a name of its own or made for this container. */
static int plan_volume(struct oci_build *b, struct planned *p, const struct spec_mount *m, const char *name,
		       bool anonymous, struct err *e)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	int rc = anonymous ? 0 : ctr_volume_read(b->eng, name, &v, e);

	if (rc == -ENOENT) { /* it is only explained, not made */
		if (e)
			*e = (struct err)ERR_INIT;
		rc = 0;
	}
	if (rc < 0)
		return rc;
	p->type = "bind";
	p->source = v.kind == CTR_VOLUME_BIND ? strdup(v.device)
					      : str_printf("%s/volumes/%s/_data", b->eng->store.root, name);
	if (!p->source)
		return nomem(e);
	if (v.kind == CTR_VOLUME_TMPFS)
		return plan_tmpfs_volume(b, p, &v, m, e);
	rc = add_options(p, &m->options);
	if (rc == 0 && v.kind == CTR_VOLUME_BIND)
		for (size_t i = 0; rc == 0 && i < v.mount_options.n; i++)
			if (!streq(v.mount_options.items[i], "bind") && !streq(v.mount_options.items[i], "rbind"))
				rc = strv_add(&p->options, v.mount_options.items[i]);
	if (rc < 0)
		return nomem(e);
	rc = add_copyup(b, name, p->source, p->dest, m->nocopy || v.nocopy, e);
	if (rc == 0 && m->chown)
		rc = add_chown(b, p->source, e);
	if (rc == 0 && m->subpath)
		rc = add_subpath(b, p, m->subpath, e);
	return rc == 0 && m->overlay ? add_overlay(b, p, m, e) : rc;
}

static int plan_bind(struct oci_build *b, struct planned *p, const struct spec_mount *m, struct err *e)
{
	int rc = spec_mount_host_flags(m->source, &p->options);

	if (rc < 0)
		return err_sys(e, rc, "mount %s", m->source);
	if (m->chown)
		rc = add_chown(b, m->source, e);
	return rc == 0 && m->overlay ? add_overlay(b, p, m, e) : rc;
}

static int plan_user(struct oci_build *b, struct planned *p, const struct spec_mount *m, struct err *e)
{
	bool image = m->type == SPEC_MOUNT_IMAGE;

	p->dest = m->dest;
	if (m->type == SPEC_MOUNT_VOLUME)
		return plan_volume(b, p, m, m->source, false, e);
	p->type = image ? "bind" : spec_mount_type_str(m->type);
	p->source = strdup(m->source ? m->source : p->type);
	if (!p->source || add_options(p, &m->options) < 0 ||
	    (m->tmpcopyup && strv_add(&p->options, "tmpcopyup") < 0))
		return nomem(e);
	if (image) {
		int rc = add_image(b, p, m, e);

		return rc == 0 && m->subpath ? add_subpath(b, p, m->subpath, e) : rc;
	}
	if (m->type == SPEC_MOUNT_BIND)
		return plan_bind(b, p, m, e);
	if (m->chown && strv_addf(&p->options, "uid=%u", b->uid) < 0)
		return nomem(e);
	return m->chown && strv_addf(&p->options, "gid=%u", b->gid) < 0 ? nomem(e) : 0;
}

/* What podman has for the VOLUMEs of images. */
static int image_volume_options(struct spec_mount *m)
{
	static const char *const words[] = { "rbind", "rprivate", "nosuid", "nodev" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(words) / sizeof(words[0]); i++)
		rc = strv_add(&m->options, words[i]);
	return rc;
}

static int plan_anon(struct oci_build *b, struct planned *p, size_t i, const struct spec_mount *m,
		     struct err *e)
{
	struct spec_mount plain = { .type = SPEC_MOUNT_VOLUME };
	int rc = 0;

	p->dest = b->req->anon_dests.items[i];
	if (!m) {
		ctr_origin(b->req, "mounts", p->dest, "image: Volumes");
		rc = image_volume_options(&plain) < 0 ? nomem(e) : 0;
	}
	if (rc == 0)
		rc = plan_volume(b, p, m ? m : &plain, b->req->anon_volumes.items[i], true, e);
	strv_done(&plain.options);
	return rc;
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

/* What the user mounts is there instead of what we would have mounted at the same place; all below
 * /dev goes with /dev. */
static void drop_superseded(struct oci_build *b)
{
	bool dev = spec_mounts_find(&b->user, "/dev") != NULL;

	for (size_t i = json_array_size(b->mounts); i-- > 0;) {
		const char *dest = json_string_value(
			json_object_get(json_array_get(b->mounts, i), "destination"));

		if (dest && (spec_mounts_find(&b->user, dest) || (dev && str_starts(dest, "/dev/"))))
			(void)json_array_remove(b->mounts, i);
	}
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
		if (b->user.items[i].type != SPEC_MOUNT_VOLUME || b->user.items[i].source)
			rc = plan_user(b, &plan[n++], &b->user.items[i], e); /* others: anon_dests */
	for (size_t i = 0; rc == 0 && i < r->anon_dests.n && i < r->anon_volumes.n; i++)
		rc = plan_anon(b, &plan[n++], i,
			       spec_mounts_find(&b->user, r->anon_dests.items[i]), e);
	if (rc == 0)
		rc = plan_read_only_tmpfs(b, plan, &n, e);
	if (rc == 0 && b->user.n)
		drop_superseded(b);
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
