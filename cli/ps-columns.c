/* What `ps` shows of a container: in columns, to templates and as JSON. */
#include <stdlib.h>

#include "out.h"
#include "ports.h"
#include "ps.h"
#include "mountopt.h"

#define COMMAND_WIDTH 17

char *ps_status_text(const struct ctr_status *s, enum ctr_hc_status health)
{
	auto_free char *since = NULL;

	switch (s->state) {
	case CTR_CREATED:
		return strdup("Created");
	case CTR_RUNNING:
		if (s->paused)
			return strdup("Paused");
		if (s->initialized)
			return strdup("Initialized");
		if (s->restarting) {
			since = out_ago(s->finished_ns);
			return since ? str_printf("Restarting (%d) %s", s->exit_code, since) : NULL;
		}
		since = out_duration(out_now_ns() - s->started_ns);
		if (health == CTR_HC_NONE)
			return since ? str_printf("Up %s", since) : NULL;
		return since ? str_printf("Up %s (%s)", since, ctr_hc_status_str(health)) : NULL;
	case CTR_EXITED:
	case CTR_LOST:
		since = out_ago(s->finished_ns);
		return since ? str_printf("Exited (%d) %s", s->exit_code, since) : NULL;
	}
	return NULL;
}

static char *ports_text(const struct ctr_request *r)
{
	struct strbuf b = STRBUF_INIT;
	auto_ports struct ports ports = PORTS_INIT;

	b.failed = ports_of(r, &ports) < 0;
	for (size_t i = 0; i < ports.n; i++) {
		auto_free char *text = ctr_net_port_ps(&ports.items[i]);

		strbuf_addf(&b, "%s%s", i ? ", " : "", text ? text : "");
	}
	if (r->exposed.n) {
		auto_free char *rest = ports_exposed(r, &ports);

		b.failed |= !rest;
		if (rest && *rest)
			strbuf_addf(&b, "%s%s", b.len ? ", " : "", rest);
	}
	return strbuf_take(&b);
}

/* {"80": ["tcp"]} */
static json_t *exposed_json(const struct ctr_request *r)
{
	json_t *map = json_object();

	for (size_t i = 0; i < r->exposed.n; i++) {
		const char *e = r->exposed.items[i];
		size_t len = strcspn(e, "/");
		auto_free char *port = strndup(e, len);

		if (port && !json_object_get(map, port))
			json_object_set_new(map, port, json_array());
		json_array_append_new(json_object_get(map, port ? port : ""),
				      json_string(e[len] ? e + len + 1 : "tcp"));
	}
	return map;
}

static char *size_text(const struct ps_row *row)
{
	auto_free char *rw = out_size(row->size_rw, 3, "");
	auto_free char *all = out_size(row->size_rw + row->size_image, 3, "");

	return rw && all ? str_printf("%s (virtual %s)", rw, all) : NULL;
}

static json_t *strings(const struct strv *v)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < v->n; i++)
		json_array_append_new(a, json_string(v->items[i]));
	return a;
}

static json_t *labels(const struct ctr_request *r)
{
	json_t *map = json_object();

	for (size_t i = 0; map && i < r->labels.n; i++) {
		const char *l = r->labels.items[i];
		size_t len = strcspn(l, "=");
		auto_free char *key = strndup(l, len);

		if (key)
			json_object_set_new(map, key, json_string(l[len] ? l + len + 1 : ""));
	}
	return map;
}

static void put_dests(json_t *list, const struct spec_mounts *m, bool (*wanted)(const struct spec_mount *m))
{
	for (size_t i = 0; i < m->n; i++)
		if (wanted(&m->items[i]))
			json_array_append_new(list, json_string(m->items[i].dest));
}

static bool is_image(const struct spec_mount *m)
{
	return m->type == SPEC_MOUNT_IMAGE || m->overlay;
}

static bool is_volume(const struct spec_mount *m)
{
	return m->type == SPEC_MOUNT_VOLUME && !m->overlay;
}

static bool is_other(const struct spec_mount *m)
{
	return !is_image(m) && !is_volume(m);
}

/* Where something is mounted, in podman's order: the host's and file systems, volumes, overlays. */
static json_t *mounts(const struct ctr_request *r)
{
	auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
	const char *cwd = r->base_dir ? r->base_dir : "/";
	json_t *a = json_array();
	int rc = 0;

	/* The texts were understood when they came into the record. */
	for (size_t i = 0; rc == 0 && i < r->volumes.n; i++)
		rc = spec_mounts_add_volume(&m, r->volumes.items[i], cwd, NULL);
	for (size_t i = 0; rc == 0 && i < r->mounts.n; i++)
		rc = spec_mounts_add_mount(&m, r->mounts.items[i], cwd, NULL);
	for (size_t i = 0; rc == 0 && i < r->tmpfs.n; i++)
		rc = spec_mounts_add_tmpfs(&m, r->tmpfs.items[i], NULL);
	put_dests(a, &m, is_other);
	for (size_t i = 0; i < r->anon_dests.n; i++)
		if (!spec_mounts_find(&m, r->anon_dests.items[i]))
			json_array_append_new(a, json_string(r->anon_dests.items[i]));
	put_dests(a, &m, is_volume);
	put_dests(a, &m, is_image);
	return a;
}

static json_t *ports_json(const struct ctr_request *r)
{
	auto_ports struct ports ports = PORTS_INIT;
	json_t *a = NULL;

	if (ports_of(r, &ports) < 0 || !ports.n)
		return json_null();
	a = json_array();
	for (size_t i = 0; i < ports.n; i++) {
		const struct ctr_net_port *p = &ports.items[i];

		json_array_append_new(a, json_pack("{s:s, s:i, s:i, s:i, s:s}", "host_ip",
						   p->host_ip, "container_port", p->ctr_port,
						   "host_port", p->host_port, "range", p->count,
						   "protocol", p->udp ? "udp" : "tcp"));
	}
	return a;
}

#define NEVER_S (-62135596800LL) /* Go's zero time */

static int64_t seconds(int64_t ns)
{
	return ns ? ns / 1000000000 : NEVER_S;
}

/* Only what was asked for is read: seven links for each container. */
static json_t *namespaces_json(const struct ps_row *row, const struct ps_args *a)
{
	struct ps_namespaces ns;

	if (!a->ns)
		return json_object();
	ps_read_namespaces(&row->c->status, &ns);
	return ps_namespaces_json(&ns, true);
}

json_t *ps_row_json(const struct ps_row *row, const struct ps_args *a)
{
	const struct ctr_request *r = &row->c->req;
	const struct ctr_status *s = &row->c->status;
	auto_free char *ago = out_ago(r->created_ns);
	json_t *j;

	j = json_pack("{s:b, s:o, s:s?, s:s, s:b, s:I, s:i, s:o, s:s, s:s, s:s, s:b}", "AutoRemove",
		      r->rm, "Command", strings(&r->cmd), "CreatedAt", ago, "CIDFile",
		      r->cidfile ? r->cidfile : "", "Exited", s->state == CTR_EXITED, "ExitedAt",
		      (json_int_t)seconds(s->state == CTR_RUNNING ? 0 : s->finished_ns), "ExitCode",
		      s->exit_code, "ExposedPorts", r->exposed.n ? exposed_json(r) : json_null(),
		      "Id", r->id, "Image", r->image, "ImageID", r->image_id, "IsInfra", false);
	json_object_set_new(j, "Labels", r->labels.n ? labels(r) : json_null());
	json_object_set_new(j, "Mounts", mounts(r));
	json_object_set_new(j, "Names", json_pack("[s]", r->name));
	json_object_set_new(j, "Namespaces", namespaces_json(row, a));
	json_object_set_new(j, "Networks", json_array());
	json_object_set_new(j, "Pid", json_integer(s->state == CTR_RUNNING ? s->pid : 0));
	json_object_set_new(j, "Pod", json_string(""));
	json_object_set_new(j, "PodName", json_string(""));
	json_object_set_new(j, "Ports", ports_json(r));
	json_object_set_new(j, "Restarts", json_integer(s->restarts));
	if (a->size)
		json_object_set_new(j, "Size",
				    json_pack("{s:I, s:I}", "rootFsSize",
					      (json_int_t)(row->size_rw + row->size_image),
					      "rwSize", (json_int_t)row->size_rw));
	else
		json_object_set_new(j, "Size", json_null());
	json_object_set_new(j, "StartedAt", json_integer(seconds(s->started_ns)));
	json_object_set_new(j, "State", json_string(ctr_status_str(s)));
	json_object_set_new(j, "Status", json_string(row->status));
	json_object_set_new(j, "Created", json_integer(seconds(r->created_ns)));
	return j;
}

/* What the table without --format shows. */
static json_t *row_columns(const struct ps_row *row, const struct ps_args *a)
{
	const struct ctr_request *r = &row->c->req;
	auto_free char *ago = out_ago(r->created_ns), *ports = ports_text(r);
	auto_free char *size = a->size ? size_text(row) : NULL;
	auto_free char *command = NULL,
		       *id = a->no_trunc ? strdup(r->id) : strndup(r->id, SHORT_ID);
	json_t *j;

	if (!a->no_trunc && strlen(row->command) > COMMAND_WIDTH) {
		int cut = COMMAND_WIDTH;

		while (cut && ((unsigned char)row->command[cut] & 0xc0) == 0x80)
			cut--; /* not within a character */
		command = str_printf("%.*s...", cut, row->command);
	}
	j = json_pack("{s:s?, s:s, s:s, s:s?, s:s, s:s?, s:s}", "ID", id, "Image", r->image,
		      "Command", command ? command : row->command, "CreatedHuman", ago, "Status",
		      row->status, "Ports", ports, "Names", r->name);
	if (a->size)
		json_object_set_new(j, "Size", json_string(size));
	return j;
}

/* How many of its mounts are volumes: sources that are names and no paths. */
static json_t *local_volumes(const struct ctr_request *r)
{
	size_t n = r->anon_dests.n;

	for (size_t i = 0; i < r->volumes.n; i++) {
		const char *v = r->volumes.items[i];

		n += strchr(v, ':') && *v != '/' && *v != '.' && *v != ':';
	}
	for (size_t i = 0; i < r->mounts.n; i++)
		n += strstr(r->mounts.items[i], "type=volume") &&
		     strstr(r->mounts.items[i], "source=");
	return json_sprintf("%zu", n);
}

/* What templates see of a row. */
json_t *ps_row_view(const struct ps_row *row, const struct ps_args *a)
{
	const struct ctr_request *r = &row->c->req;
	const struct ctr_status *s = &row->c->status;
	auto_free char *created = NULL;
	struct ps_namespaces ns;
	json_t *j = row_columns(row, a);

	if (!a->format && !a->ns && !a->pod)
		return j;
	json_object_set_new(j, "Pid", json_integer(s->state == CTR_RUNNING ? s->pid : 0));
	json_object_set_new(j, "Pod", json_string(""));
	json_object_set_new(j, "PodName", json_string(""));
	ps_read_namespaces(a->ns ? s : &(struct ctr_status){ .state = CTR_CREATED }, &ns);
	ps_namespaces_view(&ns, j);
	if (!a->format)
		return j;
	json_object_set_new(j, "Namespaces", ps_namespaces_json(&ns, false));
	created = out_rfc3339(r->created_ns, false);
	json_object_set_new(j, "ImageID",
			    a->no_trunc
				    ? json_string(r->image_id)
				    : json_stringn(r->image_id, strnlen(r->image_id, SHORT_ID)));
	json_object_set_new(j, "CreatedAt", json_string(created));
	json_object_set_new(j, "Created", json_string(created));
	json_object_set(j, "RunningFor", json_object_get(j, "CreatedHuman"));
	json_object_set_new(j, "State", json_string(ctr_status_str(s)));
	if (!a->size)
		json_object_set_new(j, "Size", json_string(""));
	json_object_set_new(j, "Networks", json_string(""));
	json_object_set_new(j, "Labels", labels(r));
	json_object_set_new(j, "Label", labels(r));
	json_object_set_new(j, "Mounts", mounts(r));
	json_object_set_new(j, "LocalVolumes", local_volumes(r)); /* docker's */
	json_object_set_new(j, "Platform", json_string("linux"));
	json_object_set_new(j, "AutoRemove", json_boolean(r->rm));
	json_object_set_new(j, "CIDFile", json_string(r->cidfile ? r->cidfile : ""));
	json_object_set_new(j, "Exited", json_boolean(s->state == CTR_EXITED));
	json_object_set_new(j, "ExitedAt", json_integer(seconds(s->finished_ns)));
	json_object_set_new(j, "ExitCode", json_integer(s->exit_code));
	json_object_set_new(j, "ExposedPorts", exposed_json(r));
	json_object_set_new(j, "IsInfra", json_false());
	json_object_set_new(j, "Restarts", json_integer(s->restarts));
	json_object_set_new(j, "StartedAt", json_integer(seconds(s->started_ns)));
	return j;
}

const struct tmpl_field ps_fields[] = {
	{ "Labels", NULL, TMPL_MAP },	    { "Label", NULL, TMPL_MAP | TMPL_METHOD },
	{ "ExposedPorts", NULL, TMPL_MAP }, { "Created", NULL, TMPL_TIME },
	{ "CreatedAt", NULL, TMPL_TIME },   { NULL, NULL, 0 },
};
