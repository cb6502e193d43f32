/* What stands for more than it says: --volumes-from, mounts of images, type=glob.  Into the request,
 * before its record is written. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>

#include "container-priv.h"
#include "fd.h"
#include "log.h"
#include "lookup.h"
#include "oci.h"
#include "path.h"
#include "spec/mountopt.h"

#define GLOB_PATHS_MAX 1024

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "read the mounts");
}

static int add_mount_text(struct ctr_request *r, const struct spec_mount *m, bool ro, struct err *e)
{
	auto_free char *text = spec_mount_text(m, ro);

	return text && strv_add(&r->mounts, text) == 0 ? 0 : nomem(e);
}

struct from_opts {
	bool ro, rw, z;
};

static int from_options(const char *text, const char *options, struct from_opts *ret, struct err *e)
{
	auto_strv struct strv words = STRV_INIT;

	if (strv_split(&words, options, ',') < 0)
		return nomem(e);
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.items[i];

		if (streq(w, "z"))
			ret->z = true;
		else if (streq(w, "ro") && !ret->rw)
			ret->ro = true;
		else if (streq(w, "rw") && !ret->ro)
			ret->rw = true;
		else
			return err_set(e, ERR_INVALID, "invalid --volumes-from \"%s\": the options are ro or "
				       "rw, and z", text);
	}
	return 0;
}

/* One mount of the other container, unless there is one at its place: the user's own wins. */
static int take_over(struct ctr_request *r, const struct spec_mounts *mine, const struct spec_mount *m,
		     bool ro, struct err *e)
{
	if (spec_mounts_find(mine, m->dest))
		return 0;
	if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME) {
		log_warn("Unable to match volume %s for volumes-from: it is a %s", m->dest,
			 spec_mount_type_str(m->type));
		return 0;
	}
	return add_mount_text(r, m, ro, e);
}

static int take_anonymous(struct ctr_request *r, const struct spec_mounts *mine,
			  const struct ctr_request *from, const struct spec_mounts *theirs, size_t i,
			  bool ro, struct err *e)
{
	const struct spec_mount *asked = spec_mounts_find(theirs, from->anon_dests.items[i]);
	struct spec_mount m = asked ? *asked : (struct spec_mount){ .type = SPEC_MOUNT_VOLUME };

	m.source = from->anon_volumes.items[i];
	m.dest = from->anon_dests.items[i];
	return take_over(r, mine, &m, ro, e);
}

static int expand_from(struct ctr_engine *eng, struct ctr_request *r, const char *text, struct err *e)
{
	struct spec_mounts mine = SPEC_MOUNTS_INIT, theirs = SPEC_MOUNTS_INIT;
	struct ctr_request from = CTR_REQUEST_INIT;
	const char *colon = strchr(text, ':');
	auto_free char *name = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	struct from_opts o = { 0 };
	char id[65];
	int rc = name ? 0 : nomem(e);

	if (rc == 0 && colon)
		rc = from_options(text, colon + 1, &o, e);
	if (rc == 0) {
		rc = ctr_container_find(eng, name, id, e);
		if (rc < 0)
			return err_wrap(e, rc, "looking up container \"%s\" for volumes-from", name);
	}
	if (rc == 0)
		rc = ctr_container_load(eng, id, &from, e);
	if (rc == 0)
		rc = request_mounts(r, &mine, e);
	if (rc == 0)
		rc = request_mounts(&from, &theirs, e);
	for (size_t i = 0; rc == 0 && i < theirs.n; i++)
		if (theirs.items[i].type != SPEC_MOUNT_VOLUME || theirs.items[i].source)
			rc = take_over(r, &mine, &theirs.items[i], o.ro, e);
	for (size_t i = 0; rc == 0 && i < from.anon_dests.n && i < from.anon_volumes.n; i++)
		rc = take_anonymous(r, &mine, &from, &theirs, i, o.ro, e);
	spec_mounts_done(&mine);
	spec_mounts_done(&theirs);
	ctr_request_done(&from);
	return rc;
}

static int glob_error(const char *path, int err)
{
	(void)path;
	(void)err;
	return 0;
}

/* The mounts that a pattern stands for, in the place of its own text. */
static int expand_glob(struct strv *to, const struct spec_mount *m, struct err *e)
{
	glob_t g = { 0 };
	int n = glob(m->source, 0, glob_error, &g), rc = 0;

	if (n == GLOB_NOMATCH || (n == 0 && g.gl_pathc == 0))
		rc = err_set(e, ERR_NOT_FOUND, "no file paths matching glob \"%s\"", m->source);
	else if (n != 0)
		rc = nomem(e);
	else if (g.gl_pathc > GLOB_PATHS_MAX)
		rc = err_set(e, ERR_LIMIT, "glob \"%s\": %zu paths fit, at most %d are mounted", m->source,
			     g.gl_pathc, GLOB_PATHS_MAX);
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
		auto_free char *dest = path_join(m->dest, path_base(g.gl_pathv[i])), *text = NULL;
		struct spec_mount one = *m;

		one.type = SPEC_MOUNT_BIND;
		one.source = g.gl_pathv[i];
		one.dest = dest;
		text = dest ? spec_mount_text(&one, false) : NULL;
		if (!text || strv_add(to, text) < 0)
			rc = nomem(e);
	}
	globfree(&g);
	return rc;
}

static int add_image(struct ctr_engine *eng, struct ctr_request *r, const struct spec_mount *m, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int rc = ctr_image_lookup(&eng->store, m->source, &f, e);

	if (rc < 0)
		return err_wrap(e, rc, "creating image volume \"%s\":\"%s\"", m->source, m->dest);
	if (!f.unpacked)
		return err_set(e, ERR_UNSUPPORTED, "creating image volume \"%s\":\"%s\": the image is not "
			       "unpacked: run something of it first", m->source, m->dest);
	strbuf_addf(&b, "%s\t%s\t", m->dest, f.manifest.hex);
	for (size_t i = 0; i < f.record.layers.n; i++)
		strbuf_addf(&b, "%s%s", i ? "," : "", f.record.layers.items[i]);
	return b.failed || strv_add(&r->image_mounts, b.data) < 0 ? nomem(e) : 0;
}

/* The --mount texts again, with patterns replaced by what fits. */
static int expand_texts(struct ctr_request *r, struct err *e)
{
	struct strv out = STRV_INIT;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->mounts.n; i++) {
		struct spec_mounts one = SPEC_MOUNTS_INIT;

		rc = spec_mounts_add_mount(&one, r->mounts.items[i], r->base_dir ? r->base_dir : "/", e);
		if (rc == 0 && one.items[0].type == SPEC_MOUNT_GLOB)
			rc = expand_glob(&out, &one.items[0], e);
		else if (rc == 0)
			rc = strv_add(&out, r->mounts.items[i]) < 0 ? nomem(e) : 0;
		spec_mounts_done(&one);
	}
	if (rc < 0) {
		strv_done(&out);
		return rc;
	}
	strv_done(&r->mounts);
	r->mounts = out;
	return 0;
}

static bool has_glob(const struct ctr_request *r)
{
	for (size_t i = 0; i < r->mounts.n; i++)
		if (strstr(r->mounts.items[i], "type=glob"))
			return true;
	return false;
}

int container_expand_mounts(struct ctr_engine *eng, struct ctr_request *r, struct err *e)
{
	struct spec_mounts m = SPEC_MOUNTS_INIT;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->volumes_from.n; i++)
		rc = expand_from(eng, r, r->volumes_from.items[i], e);
	if (rc == 0 && has_glob(r))
		rc = expand_texts(r, e);
	if (rc < 0 || !r->mounts.n)
		return rc;
	strv_done(&r->image_mounts);
	rc = request_mounts(r, &m, e);
	for (size_t i = 0; rc == 0 && i < m.n; i++)
		if (m.items[i].type == SPEC_MOUNT_IMAGE)
			rc = add_image(eng, r, &m.items[i], e);
	spec_mounts_done(&m);
	return rc;
}

int ctr_request_layers(const struct ctr_request *r, struct strv *ret)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->layers.n; i++)
		rc = strv_add(ret, r->layers.items[i]);
	for (size_t i = 0; rc == 0 && i < r->image_mounts.n; i++) {
		const char *tab = strrchr(r->image_mounts.items[i], '\t');

		rc = tab ? strv_split(ret, tab + 1, ',') : 0;
	}
	return rc;
}
