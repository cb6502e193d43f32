/*
 * search [registry options] [--limit N] [--list-tags] TERM
 * list-tags [registry options] [docker://]REPOSITORY
 *
 * Print JSON: for search an array as podman shows it ({Index, Name, ...}, with --list-tags {Name,
 * Tags}), for list-tags an object {Repository, Tags} as skopeo does.
 */
#include "transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "log.h"
#include "reference.h"
#include "registries-conf.h"
#include "registry-host.h"
#include "registry-opts.h"
#include "str.h"

#define LIMIT_DEFAULT 25	/* podman's */
#define LIMIT_MAX 100000
#define TERM_MAX_BYTES 1000

struct search_args {
	struct registry_args registry;
	uint32_t limit;
	bool tags;
};

static int set_limit(void *arg, const char *v, struct err *e)
{
	struct search_args *a = arg;

	if (str_u32(v, LIMIT_MAX, &a->limit) < 0)
		return err_set(e, ERR_INVALID, "--limit %s: not a number up to %d", v, LIMIT_MAX);
	if (a->limit == 0)
		a->limit = LIMIT_DEFAULT;
	return 0;
}

static int set_tags(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	((struct search_args *)arg)->tags = true;
	return 0;
}

static const struct transfer_opt search_opts[] = {
	REGISTRY_OPTS("", offsetof(struct search_args, registry)),
	{ "limit", 0, true, set_limit, 0 },
	{ "list-tags", 0, false, set_tags, 0 },
	{ 0 },
};

static const struct transfer_opt tags_opts[] = {
	REGISTRY_OPTS("", offsetof(struct search_args, registry)),
	{ 0 },
};

static int print(const json_t *j, struct err *e)
{
	auto_free char *text = json_dumps(j, JSON_COMPACT);

	if (!text)
		return err_sys(e, ENOMEM, "print the result");
	printf("%s\n", text);
	return 0;
}

/* Search */

/* Does what stands before the first '/' of a term name a registry? */
static bool is_registry(const char *term, size_t n)
{
	return memchr(term, '.', n) || memchr(term, ':', n) ||
	       (n == strlen("localhost") && strncmp(term, "localhost", n) == 0);
}

/* The registries to ask, and what for (borrowed from @term). */
static int find_registries(const char *term, struct strv *hosts, const char **ret_rest, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	const char *slash = strchr(term, '/');
	int r;

	if (slash && is_registry(term, (size_t)(slash - term))) {
		*ret_rest = slash + 1;
		return strv_addf(hosts, "%.*s", (int)(slash - term), term) < 0
			       ? err_sys(e, ENOMEM, "search") : 0;
	}
	*ret_rest = term;
	r = registries_conf_load(&conf, e);
	if (r < 0)
		return r;
	if (conf.search.n == 0)
		return err_set(e, ERR_INVALID, "no unqualified-search-registries are defined in \"%s\": write "
			       "the registry before what is searched, as in quay.io/%s",
			       conf.search_origin ? conf.search_origin : conf.path, term);
	for (size_t i = 0; i < conf.search.n; i++)
		if (strv_add(hosts, conf.search.items[i]) < 0)
			return err_sys(e, ENOMEM, "search");
	return 0;
}

static int tags_of(const char *host, const char *term, const struct search_args *a, json_t *results,
		   struct err *e)
{
	auto_free char *text = str_printf("%s/%s", host, term);
	auto_strv struct strv tags = STRV_INIT;
	struct ctr_reference ref;
	char name[REF_STR_MAX];
	int r = text ? ctr_reference_parse(text, &ref, e) : err_sys(e, ENOMEM, "search");

	if (r == 0 && (ref.tag[0] || ref.digest.hex[0]))
		r = err_set(e, ERR_INVALID, "%s: the name of a repository has neither tag nor digest", text);
	if (r == 0)
		r = registry_tags(&ref, a->limit, &a->registry.access, transfer_interrupted, &tags, e);
	if (r < 0)
		return r;
	return json_array_append_new(results, json_pack("{s:s, s:o}", "Name", ctr_reference_name(&ref, name),
							"Tags", json_from_strv(&tags))) < 0
		       ? err_sys(e, ENOMEM, "search") : 0;
}

/* One registry that answers with something is enough; the others are warned of. */
static int search(const struct search_args *a, const char *term, struct err *e)
{
	auto_json json_t *results = json_array();
	auto_strv struct strv hosts = STRV_INIT;
	struct err first = ERR_INIT;
	int r = find_registries(term, &hosts, &term, e), first_r = 0;

	for (size_t i = 0; r == 0 && i < hosts.n; i++) {
		struct err one = ERR_INIT;

		r = a->tags ? tags_of(hosts.items[i], term, a, results, &one)
			    : registry_search(hosts.items[i], term, a->limit, &a->registry.access,
					      transfer_interrupted, results, &one);
		if (r == -EINTR) {
			*e = one;
		} else if (r < 0) {
			if (hosts.n > 1)
				log_warn("%s", one.text);
			if (first_r == 0) {
				first = one;
				first_r = r;
			}
			r = 0;
		}
	}
	if (r == 0 && first_r < 0 && json_array_size(results) == 0) {
		*e = first;
		return first_r;
	}
	return r < 0 ? r : print(results, e);
}

int transfer_cmd_search(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct search_args a = { .registry = REGISTRY_ARGS_INIT, .limit = LIMIT_DEFAULT };
	int n, r = transfer_getopt(argc, argv, search_opts, &a, &n, e);

	(void)t;
	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "search takes one term");
	if (r == 0 && strlen(argv[1]) > TERM_MAX_BYTES)
		r = err_set(e, ERR_LIMIT, "the term is longer than %d bytes", TERM_MAX_BYTES);
	if (r == 0)
		r = search(&a, argv[1], e);
	registry_args_done(&a.registry);
	return r;
}

/* Tags */

static int list_tags(const struct search_args *a, const char *name, struct err *e)
{
	auto_strv struct strv tags = STRV_INIT;
	auto_json json_t *j = NULL;
	const char *rest = str_after(name, "docker://");
	struct ctr_reference ref;
	char full[REF_STR_MAX];
	int r = ctr_reference_parse(rest ? rest : name, &ref, e);

	if (r == 0 && ctr_reference_is_short(&ref) && rest)
		r = ctr_reference_qualify(&ref, "docker.io", &ref, e);
	if (r == 0 && ctr_reference_is_short(&ref))
		r = err_set(e, ERR_INVALID, "%s: a full name is expected, as in quay.io/%s", name, name);
	if (r == 0 && (ref.tag[0] || ref.digest.hex[0]))
		r = err_set(e, ERR_INVALID, "%s: the name of a repository has neither tag nor digest", name);
	if (r == 0)
		r = registry_tags(&ref, REGISTRY_TAGS_MAX, &a->registry.access, transfer_interrupted, &tags, e);
	if (r < 0)
		return r;
	j = json_pack("{s:s, s:o}", "Repository", ctr_reference_name(&ref, full), "Tags",
		      json_from_strv(&tags));
	return print(j, e);
}

int transfer_cmd_list_tags(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct search_args a = { .registry = REGISTRY_ARGS_INIT };
	int n, r = transfer_getopt(argc, argv, tags_opts, &a, &n, e);

	(void)t;
	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "list-tags takes the name of one repository");
	if (r == 0)
		r = list_tags(&a, argv[1], e);
	registry_args_done(&a.registry);
	return r;
}
