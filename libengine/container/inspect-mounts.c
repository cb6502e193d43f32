/* Mounts, HostConfig.Binds and .Tmpfs, and the layers of the root. */
#include "inspect-priv.h"

#include <ctrlite/shift.h>

#include "json.h"

json_t *insp_graph_driver(struct describe *d)
{
	json_t *data = json_object();
	auto_strbuf struct strbuf lower = STRBUF_INIT;
	auto_strv struct strv dirs = STRV_INIT;
	const char *root = d->eng->store.root;

	if (ctr_idmap_shift_dirs_of(d->eng, d->r, &dirs, NULL) < 0)
		d->failed = true;
	for (size_t i = dirs.n; i-- > 0;)
		strbuf_addf(&lower, "%s%s/layers/%s/diff", lower.len ? ":" : "", root,
			    dirs.items[i]);
	if (lower.failed)
		d->failed = true;
	insp_str(d, data, "LowerDir", lower.data);
	insp_text(d, data, "MergedDir", str_printf("%s/containers/%s/rootfs", root, d->r->id));
	insp_text(d, data, "UpperDir", str_printf("%s/containers/%s/upper", root, d->r->id));
	insp_text(d, data, "WorkDir", str_printf("%s/containers/%s/work", root, d->r->id));
	return json_pack("{s:s, s:o}", "Name", "overlay", "Data", data);
}

static bool is_propagation(const char *option)
{
	return strstr(option, "private") || strstr(option, "shared") || strstr(option, "slave");
}

/* Where an option stands in podman's lists: those of the mount, then bind. */
static bool is_bind(const char *option)
{
	return streq(option, "bind") || streq(option, "rbind");
}

static const char *propagation_of(const struct spec_mount *m, const char *otherwise)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (is_propagation(m->options.items[i]))
			return m->options.items[i];
	return otherwise;
}

/* What is not said by RW and Propagation, in podman's order. */
static void put_options(struct describe *d, const struct spec_mount *m, json_t *list)
{
	int rc = m->chown ? json_array_append_new(list, json_string("U")) : 0;

	if (m->overlay)
		rc |= json_array_append_new(list, json_string("O"));
	for (int bind = 0; bind < 2; bind++)
		for (size_t i = 0; i < m->options.n; i++) {
			const char *o = m->options.items[i];

			if (is_bind(o) == bind && !is_propagation(o) && !streq(o, "ro") && !streq(o, "rw"))
				rc |= json_array_append_new(list, json_string(o));
		}
	if (rc)
		d->failed = true;
}

static json_t *image_mount(struct describe *d, const struct spec_mount *m)
{
	json_t *j = json_object();

	insp_str(d, j, "Type", "image");
	insp_str(d, j, "Source", m->source);
	insp_str(d, j, "Destination", m->dest);
	insp_str(d, j, "Driver", "");
	insp_str(d, j, "Mode", "");
	insp_set(d, j, "Options", json_null());
	insp_bool(d, j, "RW", !m->ro);
	insp_str(d, j, "Propagation", "");
	if (m->subpath)
		insp_str(d, j, "SubPath", m->subpath);
	return j;
}

/* @name: of the volume, which the request may not have. */
static json_t *one_mount(struct describe *d, const struct spec_mount *m, const char *name)
{
	bool volume = m->type == SPEC_MOUNT_VOLUME;
	json_t *j = json_object(), *options = json_array();

	put_options(d, m, options);
	insp_str(d, j, "Type", spec_mount_type_str(m->type));
	if (volume) {
		insp_str(d, j, "Name", name);
		insp_text(d, j, "Source",
			  str_printf("%s/volumes/%s/_data", d->eng->store.root, name));
	} else {
		insp_str(d, j, "Source", m->source);
	}
	insp_str(d, j, "Destination", m->dest);
	insp_str(d, j, "Driver", volume ? "local" : "");
	insp_str(d, j, "Mode", "");
	insp_set(d, j, "Options", options);
	insp_bool(d, j, "RW", !m->ro);
	insp_str(d, j, "Propagation", propagation_of(m, "rprivate"));
	if (m->subpath)
		insp_str(d, j, "SubPath", m->subpath);
	return j;
}

/* The volume that was made for @dest, which has no name in the request. */
static const char *anonymous_at(const struct ctr_request *r, const char *dest)
{
	for (size_t i = 0; i < r->anon_dests.n && i < r->anon_volumes.n; i++)
		if (streq(r->anon_dests.items[i], dest))
			return r->anon_volumes.items[i];
	return "";
}

/* The VOLUMEs of the image that no option has taken the place of, each with the options of all. */
static void each_image_volume(struct describe *d, json_t *list,
			      void (*add)(struct describe *d, json_t *list, const struct spec_mount *m))
{
	static const char *const words[] = { "rw", "rprivate", "nodev", "exec", "nosuid", "rbind" };

	for (size_t i = 0; i < d->r->anon_dests.n && i < d->r->anon_volumes.n; i++) {
		struct spec_mount m = { .type = SPEC_MOUNT_VOLUME, .dest = d->r->anon_dests.items[i] };

		if (spec_mounts_find(&d->mounts, m.dest))
			continue;
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			if (strv_add(&m.options, words[k]) < 0)
				d->failed = true;
		add(d, list, &m);
		strv_done(&m.options);
	}
}

static void add_mount(struct describe *d, json_t *list, const struct spec_mount *m)
{
	json_t *j = m->type == SPEC_MOUNT_IMAGE
			    ? image_mount(d, m)
			    : one_mount(d, m, m->source ? m->source : anonymous_at(d->r, m->dest));

	if (json_array_append_new(list, j) < 0)
		d->failed = true;
}

/* What podman lists: volumes, then images, then the host's. */
static void each_mount(struct describe *d, json_t *list,
		       void (*add)(struct describe *d, json_t *list, const struct spec_mount *m))
{
	static const enum spec_mount_type order[] = { SPEC_MOUNT_VOLUME, SPEC_MOUNT_IMAGE,
						      SPEC_MOUNT_BIND };

	each_image_volume(d, list, add);
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = 0; i < d->mounts.n; i++)
			if (d->mounts.items[i].type == order[k])
				add(d, list, &d->mounts.items[i]);
}

json_t *insp_mounts(struct describe *d)
{
	json_t *list = json_array();

	each_mount(d, list, add_mount);
	return list;
}

static void add_bind(struct describe *d, json_t *list, const struct spec_mount *m)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (m->type == SPEC_MOUNT_IMAGE)
		return;
	strbuf_addf(&b, "%s:%s:%s%s%s,%s", m->source ? m->source : anonymous_at(d->r, m->dest), m->dest,
		    m->chown ? "U," : "", m->overlay ? "O," : "", m->ro ? "ro" : "rw",
		    propagation_of(m, "rprivate"));
	for (int bind = 0; bind < 2; bind++)
		for (size_t k = 0; k < m->options.n; k++) {
			const char *o = m->options.items[k];

			if (is_bind(o) == bind && !is_propagation(o) && !streq(o, "ro") && !streq(o, "rw"))
				strbuf_addf(&b, ",%s", o);
		}
	if (b.failed || json_array_append_new(list, json_string(b.data)) < 0)
		d->failed = true;
}

json_t *insp_binds(struct describe *d)
{
	json_t *list = json_array();

	each_mount(d, list, add_bind);
	return list;
}

json_t *insp_tmpfs(struct describe *d)
{
	json_t *map = json_object();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];
		auto_strbuf struct strbuf b = STRBUF_INIT;

		if (m->type != SPEC_MOUNT_TMPFS)
			continue;
		for (size_t k = 0; k < m->options.n; k++)
			strbuf_addf(&b, "%s%s", k ? "," : "", m->options.items[k]);
		strbuf_add(&b, m->tmpcopyup ? ",tmpcopyup" : "");
		insp_str(d, map, m->dest, b.data);
	}
	return map;
}
