/* Each member of config.json as one line, with where it comes from. */
#include "explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "str.h"

#define VALUE_MAX 400	/* bytes of one value; more is cut */

void ctr_origin(const struct ctr_request *r, const char *kind, const char *name, const char *fmt, ...)
{
	auto_free char *why = NULL;
	va_list ap;
	int n;

	if (!r->origins)
		return;
	va_start(ap, fmt);
	n = vasprintf(&why, fmt, ap);
	va_end(ap);
	if (n < 0)
		why = NULL;
	else /* what is not recorded shows as such */
		(void)strv_addf(r->origins, "%s\t%s\t%s", kind, name, why);
}

/* What was said last; NULL where nobody said anything. */
static const char *origin_of(const struct ctr_request *r, const char *kind, const char *name)
{
	size_t k = strlen(kind), n = strlen(name);

	for (size_t i = r->origins->n; i-- > 0;) {
		const char *s = r->origins->items[i];

		if (strncmp(s, kind, k) == 0 && s[k] == '\t' && strncmp(s + k + 1, name, n) == 0 &&
		    s[k + 1 + n] == '\t')
			return s + k + n + 2;
	}
	return NULL;
}

static int explain_add(const struct ctr_request *r, json_t *elements, const char *kind, const char *name,
		const char *value, struct err *e)
{
	auto_free char *whole = strdup(kind);
	const char *why = origin_of(r, kind, name);
	size_t len = strlen(value);
	char *dot = NULL;
	json_t *el;

	/* The list that it is in, or a part of the configuration, may be explained as a whole. */
	while (!why && whole) {
		why = origin_of(r, whole, "");
		dot = strrchr(whole, '.');
		if (!dot)
			break;
		*dot = '\0';
	}
	el = json_pack("{s:s, s:s, s:o, s:s}", "Section", kind, "Name", name, "Value",
		       len > VALUE_MAX ? json_sprintf("%.*s...", VALUE_MAX, value) : json_string(value),
		       "Origin", why ? why : "?");
	return json_array_append_new(elements, el) < 0
		       ? err_sys(e, ENOMEM, "explain %s", *name ? name : kind)
		       : 0;
}

/* How the elements of a list are told apart. */
enum by { BY_MEMBER, BY_ITSELF, BY_KEY, BY_INDEX, WHOLE };

static const struct list {
	const char *path;
	enum by by;
	const char *member;		/* BY_MEMBER: whose value names the element */
	const char *const *show;	/* its other members, in the order to show them */
} lists[] = {
	{ "mounts", BY_MEMBER, "destination", (const char *const[]){ "type", "source", "options", NULL } },
	{ "linux.namespaces", BY_MEMBER, "type", (const char *const[]){ "path", NULL } },
	{ "process.rlimits", BY_MEMBER, "type", (const char *const[]){ "soft", "hard", NULL } },
	{ "linux.devices", BY_MEMBER, "path", (const char *const[]){ "type", "major", "minor", "fileMode",
								      "uid", "gid", NULL } },
	{ "process.env", BY_KEY },
	{ "linux.maskedPaths", BY_ITSELF },
	{ "linux.readonlyPaths", BY_ITSELF },
	{ "process.args", WHOLE },
	{ "process.user.additionalGids", WHOLE },
	{ "linux.resources.devices", BY_INDEX },
	{ "linux.uidMappings", BY_INDEX },
	{ "linux.gidMappings", BY_INDEX },
};

struct walk {
	const struct ctr_request *r;
	json_t *elements;
	struct err *e;
};

/* A value as text: strings bare, lists with commas, the rest as JSON. */
static void add_text(struct strbuf *b, const json_t *v, const char *between)
{
	size_t i;
	json_t *item;

	if (json_is_string(v)) {
		strbuf_add(b, json_string_value(v));
	} else if (json_is_array(v)) {
		json_array_foreach((json_t *)(uintptr_t)v, i, item) {
			strbuf_add(b, i ? between : "");
			add_text(b, item, between);
		}
	} else {
		auto_free char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

		strbuf_add(b, text ? text : "?");
	}
}

static int leaf(struct walk *w, const char *path, const char *name, const json_t *v,
		const char *between)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "");
	add_text(&b, v, between);
	return b.failed ? err_sys(w->e, ENOMEM, "explain %s", path)
			: explain_add(w->r, w->elements, path, name, b.data, w->e);
}

static int by_member(struct walk *w, const struct list *l, const json_t *item)
{
	const char *name = json_string_value(json_object_get(item, l->member));
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "");
	for (const char *const *m = l->show; *m; m++) {
		const json_t *v = json_object_get(item, *m);

		if (!v)
			continue;
		strbuf_add(&b, b.len ? " " : "");
		add_text(&b, v, ",");
	}
	if (!b.len)
		strbuf_add(&b, "new");
	return b.failed ? err_sys(w->e, ENOMEM, "explain %s", l->path)
			: explain_add(w->r, w->elements, l->path, name ? name : "", b.data, w->e);
}

static int by_key(struct walk *w, const struct list *l, const json_t *item)
{
	const char *text = json_string_value(item), *eq = text ? strchr(text, '=') : NULL;
	auto_free char *key = eq ? strndup(text, (size_t)(eq - text)) : NULL;

	if (!key)
		return err_sys(w->e, ENOMEM, "explain %s", l->path);
	return explain_add(w->r, w->elements, l->path, key, eq + 1, w->e);
}

static int list_items(struct walk *w, const struct list *l, const json_t *v)
{
	int rc = 0;

	if (l->by == WHOLE)
		return leaf(w, l->path, "", v, " ");
	for (size_t i = 0; rc == 0 && i < json_array_size(v); i++) {
		const json_t *item = json_array_get(v, i);
		char index[24];

		switch (l->by) {
		case BY_MEMBER:
			rc = by_member(w, l, item);
			break;
		case BY_ITSELF:
			rc = explain_add(w->r, w->elements, l->path, json_string_value(item), "", w->e);
			break;
		case BY_KEY:
			rc = by_key(w, l, item);
			break;
		case BY_INDEX:
			(void)snprintf(index, sizeof(index), "%zu", i);
			rc = leaf(w, l->path, index, item, " ");
			break;
		case WHOLE:
			break;
		}
	}
	return rc;
}

/* Five sets as one line for each capability: which of the sets have it. */
static int capabilities(struct walk *w, const char *path, const json_t *sets)
{
	static const char *const names[] = { "bounding", "effective", "permitted", "inheritable", "ambient" };
	const json_t *all = json_object_get(sets, names[0]);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(all); i++) {
		const char *cap = json_string_value(json_array_get(all, i));
		auto_strbuf struct strbuf in = STRBUF_INIT;

		for (size_t s = 0; s < sizeof(names) / sizeof(names[0]); s++) {
			const json_t *set = json_object_get(sets, names[s]);

			for (size_t k = 0; k < json_array_size(set); k++)
				if (streq(json_string_value(json_array_get(set, k)), cap))
					strbuf_addf(&in, "%s%s", in.len ? " " : "", names[s]);
		}
		rc = in.failed ? err_sys(w->e, ENOMEM, "explain %s", cap)
			       : explain_add(w->r, w->elements, path, cap, in.data, w->e);
	}
	return rc;
}

static int seccomp(struct walk *w, const char *path, const json_t *v)
{
	const json_t *rules = json_object_get(v, "syscalls");
	auto_free char *text = NULL;
	size_t calls = 0;

	for (size_t i = 0; i < json_array_size(rules); i++)
		calls += json_array_size(json_object_get(json_array_get(rules, i), "names"));
	text = str_printf("%zu rules for %zu system calls, else %s", json_array_size(rules), calls,
			  json_string_value(json_object_get(v, "defaultAction")));
	return text ? explain_add(w->r, w->elements, path, "", text, w->e)
		    : err_sys(w->e, ENOMEM, "explain %s", path);
}

static bool is_map(const char *path)
{
	return streq(path, "annotations") || streq(path, "linux.sysctl");
}

static int walk(struct walk *w, const char *path, const json_t *v)
{
	const char *key;
	json_t *member;
	int rc = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (streq(lists[i].path, path))
			return list_items(w, &lists[i], v);
	if (streq(path, "process.capabilities"))
		return capabilities(w, path, v);
	if (streq(path, "linux.seccomp"))
		return seccomp(w, path, v);
	if (streq(path, "process.user.umask")) {
		char octal[16];

		(void)snprintf(octal, sizeof(octal), "%04llo", (unsigned long long)json_integer_value(v));
		return explain_add(w->r, w->elements, path, "", octal, w->e);
	}
	if (!json_is_object(v))
		return leaf(w, path, "", v, ",");
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		auto_free char *below = *path ? str_printf("%s.%s", path, key) : strdup(key);

		if (!below)
			return err_sys(w->e, ENOMEM, "explain %s", key);
		rc = is_map(path) ? leaf(w, path, key, member, ",") : walk(w, below, member);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int explain_config(const struct ctr_request *r, const json_t *config, json_t *elements, struct err *e)
{
	struct walk w = { r, elements, e };

	return walk(&w, "", config);
}

/* The namespaces that are not the container's own, for --explain. */
static int explain_shared(const struct ctr_request *r, json_t *elements, struct err *e)
{
	const struct {
		const char *name, *option, *mode;
	} all[] = {
		{ "pid", "pid", r->pid_mode },	     { "ipc", "ipc", r->ipc_mode },
		{ "uts", "uts", r->uts_mode },	     { "cgroup", "cgroupns", r->cgroupns_mode },
		{ "network", "network", ns_network(r) },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(all) / sizeof(all[0]); i++) {
		if (!ns_is_foreign(all[i].mode))
			continue;
		ctr_origin(r, "shared namespaces", all[i].name, "--%s=%s", all[i].option, all[i].mode);
		rc = explain_add(r, elements, "shared namespaces", all[i].name, all[i].mode, e);
	}
	return rc;
}

static int explain_map(const struct ctr_request *r, const char *kind, const struct idmap_range *m,
		       uint32_t n, json_t *elements, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		char name[16], value[64];

		(void)snprintf(name, sizeof(name), "%u", m[i].container);
		(void)snprintf(value, sizeof(value), "%u, %u ids", m[i].host, m[i].count);
		rc = explain_add(r, elements, kind, name, value, e);
	}
	return rc;
}

/* The user namespace that the monitor makes, and the one inside of it. */
static int explain_ids(struct ctr_engine *eng, const struct ctr_request *r, const struct ns_plan *ns,
		       json_t *elements, struct err *e)
{
	const struct idmap *map;
	int rc = ctr_engine_idmap(eng, &map, e);

	if (rc < 0 || !map)
		return rc;
	ctr_origin(r, "user ids", "", "default: /etc/subuid");
	ctr_origin(r, "group ids", "", "default: /etc/subgid");
	ctr_origin(r, "user ids", "0", "default: the user");
	ctr_origin(r, "group ids", "0", "default: the user");
	rc = explain_map(r, "user ids", map->uid, map->n_uid, elements, e);
	if (rc == 0)
		rc = explain_map(r, "group ids", map->gid, map->n_gid, elements, e);
	if (!ns->inner)
		return rc;
	if (rc == 0)
		rc = explain_map(r, "user ids of those", ns->inner->uid, ns->inner->n_uid, elements, e);
	return rc < 0 ? rc : explain_map(r, "group ids of those", ns->inner->gid, ns->inner->n_gid,
					 elements, e);
}

static int explain_net(const struct ctr_request *r, const struct ctr_network *net,
		       const struct ctr_net_plan *plan, json_t *elements, struct err *e)
{
	int rc = 0;

	ctr_origin(r, "network", "", "%s%s", net->mode_set ? "--network=" : "default",
		   net->mode_set ? ns_network(r) ? ns_network(r) : ctr_net_mode_str(net->mode)
				       : "");
	ctr_origin(r, "published ports", "", "--publish");
	if (plan->path)
		rc = explain_add(r, elements, "network", "", plan->path, e);
	for (size_t i = 0; rc == 0 && i < r->publish.n; i++)
		rc = explain_add(r, elements, "published ports", r->publish.items[i], "", e);
	return rc;
}

/* "PATH\tLINE" */
static int explain_line(const struct ctr_request *r, char *line, json_t *elements, struct err *e)
{
	char *tab = strchr(line, '\t');

	*tab = '\0';
	return explain_add(r, elements, "added lines", line, tab + 1, e);
}

int explain_beyond(struct ctr_engine *eng, const struct ctr_request *r, const struct explain_plans *p,
		   json_t *elements, struct err *e)
{
	int rc = explain_shared(r, elements, e);

	if (rc == 0)
		rc = explain_ids(eng, r, p->ns, elements, e);
	if (rc == 0)
		rc = explain_net(r, p->network, p->net, elements, e);
	ctr_origin(r, "added lines", "", "default: the user is not in the image (--passwd)");
	for (size_t i = 0; rc == 0 && i < p->append->n; i++)
		if (str_starts(p->append->items[i], "append="))
			rc = explain_line(r, p->append->items[i] + strlen("append="), elements, e);
	return rc;
}
