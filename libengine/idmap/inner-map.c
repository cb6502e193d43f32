/* Id maps of containers below the user's default map. */
#include "ctrlite/inner-map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

static const char *const mode_words[] = {
	[CTR_USERNS_DEFAULT] = "host",
	[CTR_USERNS_PRIVATE] = "private",
	[CTR_USERNS_KEEP_ID] = "keep-id",
	[CTR_USERNS_NOMAP] = "nomap",
	[CTR_USERNS_AUTO] = "auto",
	[CTR_USERNS_CONTAINER] = "container",
	[CTR_USERNS_PATH] = "ns",
};
static_assert(sizeof(mode_words) / sizeof(mode_words[0]) == CTR_USERNS_MODE_COUNT_,
	      "a word for every mode");

void ctr_userns_done(struct ctr_userns *u)
{
	strv_done(&u->uidmaps);
	strv_done(&u->gidmaps);
	*u = (struct ctr_userns)CTR_USERNS_INIT;
}

static int read_number(const char *text, uint32_t *to, bool *has, struct err *e)
{
	if (str_u32(text, INT32_MAX, to) < 0)
		return err_set(e, ERR_INVALID, "parsing \"%s\": invalid syntax: expected a number of "
			       "at most %d", text, INT32_MAX);
	*has = true;
	return 0;
}

static int read_option(struct ctr_userns *u, const char *opt, struct err *e)
{
	bool keep = u->mode == CTR_USERNS_KEEP_ID, automatic = u->mode == CTR_USERNS_AUTO;
	const char *v;
	int r = 0;

	if (keep && (v = str_after(opt, "uid=")))
		return read_number(v, &u->uid, &u->has_uid, e);
	if (keep && (v = str_after(opt, "gid=")))
		return read_number(v, &u->gid, &u->has_gid, e);
	if ((keep || automatic) && (v = str_after(opt, "size="))) {
		r = read_number(v, &u->size, &u->has_size, e);
		if (r == 0 && u->size == 0)
			r = err_set(e, ERR_INVALID, "a user namespace needs a size of at least 1");
		return r;
	}
	if (automatic && (v = str_after(opt, "uidmapping=")))
		r = strv_add(&u->uidmaps, v);
	else if (automatic && (v = str_after(opt, "gidmapping=")))
		r = strv_add(&u->gidmaps, v);
	else
		return err_set(e, ERR_INVALID, "unknown option specified: \"%.*s\"",
			       (int)strcspn(opt, "="), opt);
	return r < 0 ? err_sys(e, r, "read --userns") : 0;
}

int ctr_userns_parse(struct ctr_userns *u, const char *text, struct err *e)
{
	auto_strv struct strv opts = STRV_INIT;
	const char *colon = strchrnul(text, ':');
	bool target;
	int r = 0;

	for (int m = 0; *text && m < CTR_USERNS_MODE_COUNT_; m++) {
		if (strlen(mode_words[m]) != (size_t)(colon - text) ||
		    memcmp(mode_words[m], text, (size_t)(colon - text)) != 0)
			continue;
		u->mode = (enum ctr_userns_mode)m;
		target = m == CTR_USERNS_CONTAINER || m == CTR_USERNS_PATH;
		if (target && *colon && colon[1]) {
			u->target = colon + 1;
			return 0;
		}
		if (target || (*colon && m != CTR_USERNS_KEEP_ID && m != CTR_USERNS_AUTO))
			break;
		if (*colon && strv_split(&opts, colon + 1, ',') < 0)
			return err_sys(e, ENOMEM, "read --userns");
		for (size_t i = 0; r == 0 && i < opts.n; i++)
			r = read_option(u, opts.items[i], e);
		return r;
	}
	if (!*text)
		return 0;
	return err_set(e, ERR_INVALID, "unrecognized namespace mode %s passed", text);
}

uint32_t ctr_inner_ids(const struct idmap_range *def, uint32_t n_def)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < n_def; i++)
		if (def[i].container + (def[i].count - 1) > last)
			last = def[i].container + (def[i].count - 1);
	return last;
}

static void add(struct idmap_range *r, uint32_t *n, uint32_t container, uint32_t host, uint32_t count)
{
	if (count)
		r[(*n)++] = (struct idmap_range){ container, host, count };
}

static void keep(struct idmap_range *r, uint32_t *n, uint32_t id, uint32_t total)
{
	*n = 0;
	add(r, n, 0, 1, id < total ? id : total);
	add(r, n, id, 0, 1);
	if (id < total)
		add(r, n, id + 1, id + 1, total - id);
}

static uint32_t limited(uint32_t total, const struct ctr_userns *u)
{
	return u->has_size && u->size < total ? u->size : total;
}

int ctr_inner_keep_id(const struct idmap *def, uint32_t uid, uint32_t gid, const struct ctr_userns *u,
		      struct idmap *ret, struct err *e)
{
	if (!def)
		return err_set(e, ERR_INVALID, "keep-id is only supported in rootless mode");
	keep(ret->uid, &ret->n_uid, u->has_uid ? u->uid : uid,
	     limited(ctr_inner_ids(def->uid, def->n_uid), u));
	keep(ret->gid, &ret->n_gid, u->has_gid ? u->gid : gid,
	     limited(ctr_inner_ids(def->gid, def->n_gid), u));
	return 0;
}

int ctr_inner_nomap(const struct idmap *def, struct idmap *ret, struct err *e)
{
	uint32_t uids, gids;

	if (!def)
		return err_set(e, ERR_INVALID, "nomap is only supported in rootless mode");
	uids = ctr_inner_ids(def->uid, def->n_uid);
	gids = ctr_inner_ids(def->gid, def->n_gid);
	if (!uids || !gids)
		return err_set(e, ERR_UNSUPPORTED, "--userns=nomap needs subordinate ids, and this user "
			       "has none; add them with: usermod --add-subuids 100000-165535 "
			       "--add-subgids 100000-165535 USER");
	ret->n_uid = ret->n_gid = 0;
	add(ret->uid, &ret->n_uid, 0, 1, uids);
	add(ret->gid, &ret->n_gid, 0, 1, gids);
	return 0;
}

/* Is every id of the range one of the default map? */
static bool is_in(const struct idmap_range *def, uint32_t n, uint32_t first, uint32_t count)
{
	while (count) {
		uint32_t i = 0, room;

		while (i < n && !(first >= def[i].container && first - def[i].container < def[i].count))
			i++;
		if (i == n)
			return false;
		room = def[i].count - (first - def[i].container);
		if (room >= count)
			return true;
		first += room;
		count -= room;
	}
	return true;
}

struct side {
	const char *word; /* "UID" */
	const struct idmap_range *def;
	uint32_t n_def;	  /* 0: no limit */
	struct idmap_range *to;
	uint32_t *n;
};

static int malformed(const struct side *s, const char *text, struct err *e)
{
	return err_set(e, ERR_INVALID, "initializing ID mappings: %s setting is malformed expected "
		       "[\"uint32:uint32:uint32\"]: [\"%s\"]", s->word, text);
}

static int parse_one(const struct side *s, const char *text, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	uint32_t v[3] = { 0, 0, 1 };
	const char *host;
	bool outer;

	if (text[0] == '+' || text[0] == 'u' || text[0] == 'g')
		return err_set(e, ERR_UNSUPPORTED, "the flag in the id map %s is not supported: give the "
			       "whole map, for users with --uidmap and for groups with --gidmap", text);
	if (strv_split(&parts, text, ':') < 0)
		return err_sys(e, ENOMEM, "read the id map");
	if (parts.n < 2 || parts.n > 3)
		return malformed(s, text, e);
	outer = parts.items[1][0] == '@';
	host = parts.items[1] + outer;
	if (str_u32(parts.items[0], UINT32_MAX - 1, &v[0]) < 0 ||
	    str_u32(host, UINT32_MAX - 1, &v[1]) < 0 ||
	    (parts.n == 3 && str_u32(parts.items[2], UINT32_MAX - 1, &v[2]) < 0) ||
	    v[0] > UINT32_MAX - v[2] || v[1] > UINT32_MAX - v[2])
		return malformed(s, text, e);
	if (outer && s->n_def && !idmap_to_container(s->def, s->n_def, v[1], &v[1]))
		return err_set(e, ERR_INVALID, "the id map %s: id %s of the host is none of this user's",
			       text, host);
	if (s->n_def && !is_in(s->def, s->n_def, v[1], v[2]))
		return err_set(e, ERR_LIMIT, "potentially insufficient UIDs or GIDs available in user "
			       "namespace (requested %s): the user's default map has the ids 0 to %u; "
			       "check /etc/subuid and /etc/subgid", text, ctr_inner_ids(s->def, s->n_def));
	if (*s->n == IDMAP_MAX)
		return err_set(e, ERR_LIMIT, "an id map has more than %d ranges", IDMAP_MAX);
	add(s->to, s->n, v[0], v[1], v[2]);
	return 0;
}

static int parse_side(const struct side *s, const struct strv *maps, struct err *e)
{
	char text[IDMAP_MAX * 36];
	uint32_t id;
	int r = 0;

	*s->n = 0;
	for (size_t i = 0; r == 0 && i < maps->n; i++)
		r = parse_one(s, maps->items[i], e);
	if (r < 0)
		return r;
	if (*s->n == 0 || idmap_format(s->to, *s->n, text, sizeof(text)) < 0 ||
	    !idmap_to_host(s->to, *s->n, 0, &id))
		return err_set(e, ERR_INVALID, "container uses ID mappings (%s%s), but doesn't map %s 0",
			       maps->n ? maps->items[0] : "", maps->n > 1 ? ",..." : "", s->word);
	if (idmap_parse(text, s->to, s->n) < 0) /* it knows what overlaps */
		return err_set(e, ERR_INVALID, "the ranges of the %s map overlap: %s", s->word, text);
	return 0;
}

int ctr_inner_parse(const struct strv *uidmaps, const struct strv *gidmaps, const struct idmap *def,
		    struct idmap *ret, struct err *e)
{
	const struct side uid = { "UID", def ? def->uid : NULL, def ? def->n_uid : 0, ret->uid,
				  &ret->n_uid };
	const struct side gid = { "GID", def ? def->gid : NULL, def ? def->n_gid : 0, ret->gid,
				  &ret->n_gid };
	int r = parse_side(&uid, uidmaps->n ? uidmaps : gidmaps, e);

	return r < 0 ? r : parse_side(&gid, gidmaps->n ? gidmaps : uidmaps, e);
}

/* The first @size ids of @room that nobody uses. */
static bool find_room(const struct idmap_range *room, uint32_t n_room, uint32_t size,
		      const struct idmap_range *used, size_t n_used, uint32_t *ret)
{
	for (uint32_t i = 0; i < n_room; i++) {
		uint64_t at = room[i].host, end = at + room[i].count;
		bool moved = true;

		while (moved && at + size <= end) {
			moved = false;
			for (size_t k = 0; k < n_used; k++)
				if (at < (uint64_t)used[k].host + used[k].count &&
				    used[k].host < at + size) {
					at = (uint64_t)used[k].host + used[k].count;
					moved = true;
				}
		}
		if (at + size <= end) {
			*ret = (uint32_t)at;
			return true;
		}
	}
	return false;
}

/* @size ids from @first on, with those of the container left out that @extra gives others. */
static int auto_side(const struct side *s, uint32_t size, uint32_t first, const struct strv *extra,
		     struct err *e)
{
	struct idmap_range more[16];
	uint32_t n_more = 0, at = 0;
	const struct side forced = { s->word, s->def, s->n_def, more, &n_more };

	*s->n = 0;
	for (size_t i = 0; i < extra->n; i++) {
		int r = n_more < sizeof(more) / sizeof(more[0]) ? parse_one(&forced, extra->items[i], e)
								: malformed(s, extra->items[i], e);

		if (r < 0)
			return r;
	}
	while (at < size) {
		uint32_t next = size;
		bool inside = false;

		for (uint32_t i = 0; i < n_more; i++) {
			if (at >= more[i].container && at - more[i].container < more[i].count) {
				at = more[i].container + more[i].count;
				inside = true;
				break;
			}
			if (more[i].container > at && more[i].container < next)
				next = more[i].container;
		}
		if (inside)
			continue;
		add(s->to, s->n, at, first, next - at);
		first += next - at;
		at = next;
	}
	for (uint32_t i = 0; i < n_more; i++)
		add(s->to, s->n, more[i].container, more[i].host, more[i].count);
	return 0;
}

int ctr_inner_auto(const struct ctr_userns *u, uint32_t size, const struct idmap *room,
		   const struct idmap_range *used, size_t n_used, const struct idmap *def,
		   struct idmap *ret, struct err *e)
{
	const struct side uid = { "UID", def ? def->uid : NULL, def ? def->n_uid : 0, ret->uid,
				  &ret->n_uid };
	const struct side gid = { "GID", def ? def->gid : NULL, def ? def->n_gid : 0, ret->gid,
				  &ret->n_gid };
	char text[IDMAP_MAX * 36];
	uint32_t first;
	int r;

	if (u->has_size)
		size = u->size;
	if (!find_room(room->uid, room->n_uid, size, used, n_used, &first))
		return err_set(e, ERR_LIMIT, "could not find enough available IDs: the container needs %u "
			       "in one piece, and what other containers with --userns=auto leave of the "
			       "subordinate ids has none so large; remove some of them, or give "
			       "--userns=auto:size=N", size);
	r = auto_side(&uid, size, first, &u->uidmaps, e);
	if (r == 0)
		r = auto_side(&gid, size, first, &u->gidmaps, e);
	if (r == 0 && ((idmap_format(ret->uid, ret->n_uid, text, sizeof(text)) < 0 ||
			idmap_parse(text, ret->uid, &ret->n_uid) < 0) ||
		       (idmap_format(ret->gid, ret->n_gid, text, sizeof(text)) < 0 ||
			idmap_parse(text, ret->gid, &ret->n_gid) < 0)))
		r = err_set(e, ERR_INVALID, "the ranges of --userns=auto overlap: %s", text);
	return r;
}

static int split(struct idmap_range *r, uint32_t *n, const struct idmap_range *def, uint32_t n_def)
{
	for (uint32_t i = 0; i < *n; i++)
		for (uint32_t k = 0; k < n_def; k++) {
			uint32_t first = def[k].container;

			/* Does a range of the default map begin inside? */
			if (first <= r[i].host || first - r[i].host >= r[i].count)
				continue;
			if (*n == IDMAP_MAX)
				return -E2BIG;
			memmove(&r[i + 2], &r[i + 1], (*n - i - 1) * sizeof(*r));
			r[i + 1] = (struct idmap_range){ r[i].container + (first - r[i].host), first,
							 r[i].count - (first - r[i].host) };
			r[i].count = first - r[i].host;
			(*n)++;
		}
	return 0;
}

int ctr_inner_split(struct idmap *inner, const struct idmap *def, struct err *e)
{
	if (def && (split(inner->uid, &inner->n_uid, def->uid, def->n_uid) < 0 ||
		    split(inner->gid, &inner->n_gid, def->gid, def->n_gid) < 0))
		return err_set(e, ERR_LIMIT, "the container's id map has more than %d ranges", IDMAP_MAX);
	return 0;
}

static int from_host(const struct idmap_range *host, uint32_t n, const struct idmap_range *def,
		     uint32_t n_def, struct idmap_range *to, uint32_t *ret_n, struct err *e)
{
	*ret_n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct idmap_range left = host[i];

		while (left.count) {
			uint32_t k = 0, room, inner;

			while (k < n_def && !(left.host >= def[k].host &&
					      left.host - def[k].host < def[k].count))
				k++;
			if (k == n_def || *ret_n == IDMAP_MAX)
				return err_set(e, ERR_DENIED, "the user namespace has ids of the host that "
					       "are not this user's: %u", left.host);
			inner = def[k].container + (left.host - def[k].host);
			room = def[k].count - (left.host - def[k].host);
			if (room > left.count)
				room = left.count;
			add(to, ret_n, left.container, inner, room);
			left.container += room;
			left.host += room;
			left.count -= room;
		}
	}
	return 0;
}

int ctr_inner_from_host(const struct idmap *host, const struct idmap *def, struct idmap *ret,
			struct err *e)
{
	int r;

	if (!def) {
		*ret = *host;
		return 0;
	}
	r = from_host(host->uid, host->n_uid, def->uid, def->n_uid, ret->uid, &ret->n_uid, e);
	return r < 0 ? r : from_host(host->gid, host->n_gid, def->gid, def->n_gid, ret->gid,
				     &ret->n_gid, e);
}
