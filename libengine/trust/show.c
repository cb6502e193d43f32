/* Listing the policy, see show.h. */
#include "show.h"

#include <errno.h>
#include <stdlib.h>

#include "base64.h"
#include "fd.h"
#include "file.h"
#include "gpg.h"
#include "json.h"
#include "log.h"
#include "policy.h"
#include "reference.h"
#include "registries-d.h"

#define KEY_FILE_MAX_BYTES (4u << 20)

struct show {
	struct gpg_ring ring;	/* a home for gpg, without keys */
	struct registries_d conf;
	json_t *rows;
};

/* The address in "Name <address>", or all of it. */
static void add_address(struct strbuf *b, const char *uid)
{
	const char *from = strchr(uid, '<'), *to = from ? strchr(from, '>') : NULL;

	strbuf_addf(b, "%s%.*s", b->len ? ", " : "", (int)(to ? to - from - 1 : (long)strlen(uid)),
		    to ? from + 1 : uid);
}

static void add_uids(struct show *w, struct strbuf *b, const char *data, size_t len)
{
	auto_strv struct strv uids = STRV_INIT;
	struct err e = ERR_INIT;

	if (gpg_ring_uids(&w->ring, data, len, &uids, &e) < 0)
		log_warn("the users of a key cannot be told: %s", e.text);
	for (size_t i = 0; i < uids.n; i++)
		add_address(b, uids.items[i]);
}

/* Who the keys of a requirement belong to. */
static void add_owners(struct show *w, struct strbuf *b, const struct policy_requirement *q)
{
	for (size_t i = 0; i < q->key_paths.n; i++) {
		auto_free char *data = NULL;
		size_t len;
		int r = file_read_path(q->key_paths.items[i], KEY_FILE_MAX_BYTES, &data, &len);

		if (r < 0)
			log_warn("the key %s cannot be read: %s", q->key_paths.items[i], strerror(-r));
		else
			add_uids(w, b, data, len);
	}
	for (size_t i = 0; i < q->key_data.n; i++) {
		auto_free char *data = NULL;
		size_t len;

		if (base64_decode(q->key_data.items[i], &data, &len) == 0)
			add_uids(w, b, data, len);
	}
}

/* podman's words */
static const char *type_word(enum policy_type t)
{
	switch (t) {
	case POLICY_ACCEPT:
		return "accept";
	case POLICY_SIGNED_BY:
		return "signed";
	case POLICY_REJECT:
	case POLICY_SIGSTORE_SIGNED:
	case POLICY_SIGNED_BASE_LAYER:
	case POLICY_TYPE_COUNT_:
		break;
	}
	return policy_type_str(t);
}

static int add_row(struct show *w, const char *transport, const char *name, const char *repo_name,
		   const struct policy_requirement *q, struct err *e)
{
	const char *lookaside = registries_d_lookaside_set(&w->conf, streq(repo_name, "default") ? "" : repo_name);
	auto_strbuf struct strbuf owners = STRBUF_INIT;
	json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "transport", transport, "name", name, "repo_name",
				repo_name, "type", type_word(q->type));

	if (q->type == POLICY_SIGNED_BY)
		add_owners(w, &owners, q);
	else if (q->type == POLICY_SIGSTORE_SIGNED)
		strbuf_add(&owners, "N/A");
	if (row && owners.len)
		(void)json_object_set_new(row, "gpg_id", json_string(owners.data)); /* row is checked below */
	if (row && lookaside)
		(void)json_object_set_new(row, "sigstore", json_string(lookaside));
	return json_array_append_new(w->rows, row) < 0 ? err_sys(e, ENOMEM, "list the policy") : 0;
}

static int add_list(struct show *w, const char *transport, const char *name, const char *repo_name,
		    const struct policy_requirements *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = add_row(w, transport, name, repo_name, &l->items[i], e);
	return r;
}

static int add_json(struct show *w, const char *transport, const char *name, const char *repo_name,
		    const json_t *list, struct err *e)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	int r = policy_requirements_parse(list, name, &l, e);

	return r < 0 ? r : add_list(w, transport, name, repo_name, &l, e);
}

/* Names in order, as podman lists them. */
static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_keys(json_t *object, struct err *e)
{
	const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys)), *key;
	size_t n = 0;
	json_t *ignored;

	if (!keys) {
		(void)err_sys(e, ENOMEM, "list the policy");
		return NULL;
	}
	json_object_foreach(object, key, ignored)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare);
	return keys;
}

static int add_transport(struct show *w, const char *name, json_t *scopes, struct err *e)
{
	auto_free const char **keys = sorted_keys(scopes, e);
	const char *shown = streq(name, "docker") ? "repository" : name;
	int r = keys ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && keys[i]; i++)
		r = add_json(w, shown, keys[i], keys[i], json_object_get(scopes, keys[i]), e);
	return r;
}

static int add_all(struct show *w, const struct policy *p, struct err *e)
{
	json_t *transports = json_object_get(p->doc, "transports");
	auto_free const char **names = sorted_keys(transports, e);
	int r = names ? add_json(w, "all", "* (default)", "default", json_object_get(p->doc, "default"), e)
		      : -ENOMEM;

	for (size_t i = 0; r == 0 && names[i]; i++)
		r = add_transport(w, names[i], json_object_get(transports, names[i]), e);
	return r;
}

/* Only what counts for @name, under the name of its scope. */
static int add_one(struct show *w, const struct policy *p, const char *name, struct err *e)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	const struct policy_subject s = { .transport = "docker", .ref = name };
	int r = policy_find(p, &s, &l, e);
	bool by_default = r == 0 && streq(l.scope, "default");

	if (r < 0)
		return r;
	return add_list(w, by_default ? "all" : "repository", by_default ? "* (default)" : l.scope, l.scope,
			&l, e);
}

int trust_show(struct store *s, const char *policy, const char *registries_d, const char *name,
	       json_t **ret, struct err *e)
{
	auto_policy struct policy p = POLICY_INIT;
	struct show w = { .ring = GPG_RING_INIT, .conf = REGISTRIES_D_INIT, .rows = json_array() };
	int r = w.rows ? policy_load(policy, &p, e) : err_sys(e, ENOMEM, "list the policy");

	if (r == 0 && !p.doc)
		p.doc = json_pack("{s:[{s:s}]}", "default", "type", policy_type_str(POLICY_ACCEPT));
	if (r == 0)
		r = registries_d_load(registries_d, &w.conf, e);
	if (r == 0)
		r = gpg_ring_new(s, &w.ring, e);
	if (r == 0)
		r = name ? add_one(&w, &p, name, e) : add_all(&w, &p, e);
	gpg_ring_done(&w.ring);
	registries_d_done(&w.conf);
	policy_done(&p);
	if (r < 0)
		json_decref(w.rows);
	else
		*ret = w.rows;
	return r;
}
