/* A registry as a whole. */
#include "registry-host.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "log.h"
#include "registries-conf.h"
#include "registry.h"

#define PAGE_MAX_BYTES (8u << 20)
#define PAGES_MAX 10000
#define PAGE_ITEMS 1000		/* that are asked for at once */
#define HUB_SEARCH "https://index.docker.io"	/* docker.io searches elsewhere than it serves */

struct host {
	struct http *http;
	struct registry *reg;
	const struct registry_access *access;
	registry_interrupted_fn interrupted;
};

static void host_done(struct host *h)
{
	registry_free(h->reg);
	if (h->http)
		http_free(h->http);
	h->reg = NULL;
	h->http = NULL;
}
#define auto_host __attribute__((cleanup(host_done)))

static int host_open(struct host *h, const struct ctr_reference *ref, bool insecure, struct err *e)
{
	const struct registry_access *a = h->access;
	const struct registry_opts o = {
		.insecure = a->have_tls_verify ? !a->tls_verify : insecure,
		.cert_dir = a->cert_dir, .authfile = a->authfile, .creds = a->creds,
		.retries = a->retries, .retry_delay_ms = a->retry_delay_ms,
		.interrupted = h->interrupted,
	};
	int r = http_new(&h->http, e);

	return r < 0 ? r : registry_new(h->http, ref, &o, &h->reg, e);
}

/* "host[:port]" checked, as a reference without a repository. */
static int parse_host(const char *host, struct ctr_reference *ret, struct err *e)
{
	auto_free char *text = str_printf("%s/x", host);
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "registry %s", host);
	r = ctr_reference_parse(text, ret, e);
	if (r == 0 && (ctr_reference_is_short(ret) || !streq(ret->path + (strlen(ret->path) - 1), "x") ||
		       strchr(host, '/')))
		r = err_set(e, ERR_INVALID, "\"%.100s\" is no registry: HOST[:PORT] is expected", host);
	ret->path[0] = ret->tag[0] = '\0';
	return r;
}

/* A host by itself.  @moved: where registries.conf says that it really is. */
static int host_open_named(struct host *h, const char *host, bool moved, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	const struct registry_rule *rule;
	struct ctr_reference ref;
	int r = parse_host(host, &ref, e);

	if (r == 0)
		r = registries_conf_load(&conf, e);
	if (r < 0)
		return r;
	rule = registries_conf_rule(&conf, ref.domain);
	if (rule && rule->blocked)
		return err_set(e, ERR_DENIED, "registry %s is blocked in %s or its .d directory", rule->prefix,
			       conf.path);
	if (moved && rule && streq(rule->prefix, ref.domain) && !streq(rule->location, ref.domain) &&
	    !strchr(rule->location, '/')) {
		r = parse_host(rule->location, &ref, e);
		if (r < 0)
			return err_wrap(e, r, "%s", conf.path);
	}
	return host_open(h, &ref, rule && rule->insecure, e);
}

int registry_login(const char *host, const struct registry_access *a,
		   registry_interrupted_fn interrupted, struct err *e)
{
	auto_host struct host h = { .access = a, .interrupted = interrupted };
	auto_free char *buf = NULL;
	size_t len;
	int r = host_open_named(&h, host, false, e);

	return r < 0 ? r : registry_page(h.reg, "/v2/", PAGE_MAX_BYTES, &buf, &len, NULL, e);
}

/* Lists that come in pages */

struct pages {
	const char *key;		/* of the array of strings in each */
	/* One item: 0, 1 for enough, or a negative errno. */
	int (*item)(void *arg, const char *text, struct err *e);
	void *arg;
};

static int read_page(const struct pages *p, const char *buf, size_t len, struct err *e)
{
	auto_json json_t *j = NULL;
	const json_t *items;
	int r = json_parse(buf, len, PAGE_MAX_BYTES, "the list", &j, e);

	if (r < 0)
		return r;
	items = json_object_get(j, p->key);
	if (!json_is_array(items) && !json_is_null(items))
		return err_set(e, ERR_CORRUPT, "the list has no \"%s\"", p->key);
	for (size_t i = 0; r == 0 && i < json_array_size(items); i++) {
		const char *text = json_string_value(json_array_get(items, i));

		r = text ? p->item(p->arg, text, e)
			 : err_set(e, ERR_CORRUPT, "\"%s\" of the list has what is no string", p->key);
	}
	return r;
}

static int read_pages(struct registry *reg, const char *first, const struct pages *p, struct err *e)
{
	auto_free char *path = strdup(first);
	int r = path ? 0 : err_sys(e, ENOMEM, "read a list");

	for (int n = 0; r == 0 && path; n++) {
		auto_free char *buf = NULL, *next = NULL;
		size_t len = 0;

		if (n == PAGES_MAX)
			return err_set(e, ERR_LIMIT, "the list has more than %d pages", PAGES_MAX);
		r = registry_page(reg, path, PAGE_MAX_BYTES, &buf, &len, &next, e);
		if (r == 0)
			r = read_page(p, buf, len, e);
		if (r == 0 && next && streq(next, path))
			r = err_set(e, ERR_CORRUPT, "the list's next page is the same again");
		free(path);
		path = take_ptr(&next);
	}
	return r < 0 ? r : 0;
}

/* Search */

struct search {
	const char *host, *term;
	size_t limit, found;
	json_t *results;
};

static int add_result(struct search *s, const char *name, const char *description, int64_t stars,
		      bool official, bool automated, bool first, struct err *e)
{
	auto_free char *full = str_printf("%s/%s", s->host, name);
	json_t *o = full ? json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "Index", s->host, "Name", full,
				     "Description", description, "Stars", (json_int_t)stars, "Official",
				     official ? "[OK]" : "", "Automated", automated ? "[OK]" : "", "Tag", "")
			 : NULL;
	size_t at = json_array_size(s->results);

	if (!o || json_array_insert_new(s->results, first ? at - s->found : at, o) < 0)
		return err_sys(e, ENOMEM, "search %s", s->host);
	return ++s->found >= s->limit;
}

/* /v1/search: docker.io's, and what others have of it.  1: it answered. */
static int search_v1(struct search *s, const char *buf, size_t len, struct err *e)
{
	auto_json json_t *j = NULL;
	const json_t *list;
	int r = json_parse(buf, len, PAGE_MAX_BYTES, "the answer", &j, NULL);

	list = json_object_get(j, "results");
	if (r < 0 || !json_is_array(list))
		return 0;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(o, "name"));
		const char *text = json_string_value(json_object_get(o, "description"));
		bool official = json_is_true(json_object_get(o, "is_official"));
		auto_free char *full = NULL;

		if (!name)
			continue;
		/* docker.io leaves out the namespace of its own */
		full = str_printf("%s%s", official && !strchr(name, '/') && streq(s->host, "docker.io")
						   ? "library/" : "", name);
		r = !full ? err_sys(e, ENOMEM, "search %s", s->host)
			  : add_result(s, full, text ? text : "",
				       json_integer_value(json_object_get(o, "star_count")), official,
				       json_is_true(json_object_get(o, "is_automated")) ||
				       json_is_true(json_object_get(o, "is_trusted")), false, e);
	}
	return r < 0 ? r : 1;
}

static int ask_v1(struct host *h, struct search *s, struct err *e)
{
	auto_free char *term = http_url_escape(s->term), *buf = NULL, *path = NULL;
	struct err why = ERR_INIT;
	size_t len = 0;
	int r;

	path = term ? str_printf("%s/v1/search?q=%s&n=%zu",
				 streq(h->reg->host, "docker.io") ? HUB_SEARCH : "", term, s->limit) : NULL;
	if (!path)
		return err_sys(e, ENOMEM, "search %s", s->host);
	r = registry_page(h->reg, path, PAGE_MAX_BYTES, &buf, &len, NULL, &why);
	if (r < 0) {
		log_debug("%s has no search: %s", s->host, why.text);
		return h->interrupted && h->interrupted(e) < 0 ? -EINTR : 0;
	}
	return search_v1(s, buf, len, e);
}

static int catalog_item(void *arg, const char *name, struct err *e)
{
	struct search *s = arg;

	/* the one that is called exactly so comes first */
	return strstr(name, s->term) ? add_result(s, name, "", 0, false, false, streq(name, s->term), e) : 0;
}

int registry_search(const char *host, const char *term, size_t limit, const struct registry_access *a,
		    registry_interrupted_fn interrupted, json_t *results, struct err *e)
{
	auto_host struct host h = { .access = a, .interrupted = interrupted };
	struct search s = { .host = host, .term = term, .limit = limit, .results = results };
	const struct pages pages = { .key = "repositories", .item = catalog_item, .arg = &s };
	char path[64];
	int r = host_open_named(&h, host, true, e);

	if (r == 0 && *term)
		r = ask_v1(&h, &s, e);
	(void)snprintf(path, sizeof(path), "/v2/_catalog?n=%d", PAGE_ITEMS);
	if (r == 0)
		r = read_pages(h.reg, path, &pages, e);
	return r < 0 ? err_wrap(e, r, "search registry %s", host) : 0;
}

/* Tags */

struct tags {
	struct strv *list;
	size_t limit;
};

static int tag_item(void *arg, const char *tag, struct err *e)
{
	struct tags *t = arg;

	if (strv_add(t->list, tag) < 0)
		return err_sys(e, ENOMEM, "list the tags");
	if (t->list->n >= t->limit)
		return 1;
	return t->list->n < REGISTRY_TAGS_MAX ? 0 : err_set(e, ERR_LIMIT, "more than %d tags",
							   REGISTRY_TAGS_MAX);
}

static int tags_of(const struct pull_source *source, size_t limit, const struct registry_access *a,
		   registry_interrupted_fn interrupted, struct strv *ret, struct err *e)
{
	auto_host struct host h = { .access = a, .interrupted = interrupted };
	struct tags t = { .list = ret, .limit = limit };
	const struct pages pages = { .key = "tags", .item = tag_item, .arg = &t };
	auto_free char *path = NULL;
	struct ctr_reference ref;
	int r = ctr_reference_parse(source->ref, &ref, e);

	if (r == 0)
		r = host_open(&h, &ref, source->insecure, e);
	if (r < 0)
		return r;
	path = str_printf("/v2/%s/tags/list?n=%d", ref.path, PAGE_ITEMS);
	return path ? read_pages(h.reg, path, &pages, e) : err_sys(e, ENOMEM, "list the tags");
}

int registry_tags(const struct ctr_reference *ref, size_t limit, const struct registry_access *a,
		  registry_interrupted_fn interrupted, struct strv *ret, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	struct pull_sources sources = PULL_SOURCES_INIT;
	char name[REF_STR_MAX];
	int r = registries_conf_load(&conf, e);

	(void)ctr_reference_name(ref, name);
	if (r == 0)
		r = registries_conf_sources(&conf, name, false, &sources, e);
	for (size_t i = 0; r == 0 && i < sources.n; i++) {
		if (e)
			*e = (struct err)ERR_INIT;
		strv_done(ret);
		r = tags_of(&sources.items[i], limit, a, interrupted, ret, e);
		if (r == 0 || r == -EINTR || i + 1 == sources.n)
			break;
		log_info("%s: %s; trying the next source", sources.items[i].ref, e ? e->text : "");
		r = 0;
	}
	pull_sources_done(&sources);
	return r < 0 ? err_wrap(e, r, "list the tags of %s", name) : 0;
}
