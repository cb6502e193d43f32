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

static json_t *one_mount(struct describe *d, const struct spec_mount *m, const char *name)
{
	bool volume = m->type == SPEC_MOUNT_VOLUME;
	const char *propagation = volume ? "" : "rprivate";
	json_t *j = json_object(), *options = json_array();

	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.items[i];

		if (is_propagation(o))
			propagation = o;
		else if (!streq(o, "ro") && !streq(o, "rw") &&
			 json_array_append_new(options, json_string(o)) < 0)
			d->failed = true;
	}
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
	/* the text of an option lives as long as the request */
	insp_str(d, j, "Propagation", propagation);
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

json_t *insp_mounts(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];

		if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME)
			continue;
		if (json_array_append_new(
			    list,
			    one_mount(d, m, m->source ? m->source : anonymous_at(d->r, m->dest))) <
		    0)
			d->failed = true;
	}
	for (size_t i = 0; i < d->r->anon_dests.n && i < d->r->anon_volumes.n; i++) {
		struct spec_mount m = { .type = SPEC_MOUNT_VOLUME,
					.dest = d->r->anon_dests.items[i] };

		if (spec_mounts_find(&d->mounts, m.dest))
			continue;
		if (json_array_append_new(list, one_mount(d, &m, d->r->anon_volumes.items[i])) < 0)
			d->failed = true;
	}
	return list;
}

json_t *insp_binds(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];
		auto_strbuf struct strbuf b = STRBUF_INIT;

		if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME)
			continue;
		strbuf_addf(&b, "%s:%s:%s", m->source ? m->source : anonymous_at(d->r, m->dest),
			    m->dest, m->ro ? "ro" : "rw");
		for (size_t k = 0; k < m->options.n; k++)
			if (!streq(m->options.items[k], "ro") && !streq(m->options.items[k], "rw"))
				strbuf_addf(&b, ",%s", m->options.items[k]);
		if (b.failed || json_array_append_new(list, json_string(b.data)) < 0)
			d->failed = true;
	}
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
		insp_str(d, map, m->dest, b.data);
	}
	return map;
}
