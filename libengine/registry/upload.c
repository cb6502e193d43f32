/* Uploads side by side: the loop around their states.  See upload.h. */
#include "upload.h"

#include <stdlib.h>

#include "upload-state.h"

#define STEP_MS 250			/* so often is a signal noticed at the latest */

static unsigned int uploads_at_once = UPLOADS_AT_ONCE;

void uploads_limit(unsigned int n)
{
	uploads_at_once = n == 0 ? UPLOADS_AT_ONCE : n < UPLOADS_AT_ONCE_MAX ? n : UPLOADS_AT_ONCE_MAX;
}

static int begin(struct uploads *all, struct upload *u, struct err *e)
{
	int r;

	u->all = all;
	u->tries = u->all_tries = u->doubts = 0;
	u->mark = 0;
	all->running++;
	if (!u->checked && !all->no_head)
		r = upload_step(u, UPLOAD_HEAD, e);
	else if (!u->checked && u->mount_from && !all->reg->scopes_refused)
		r = upload_step(u, UPLOAD_MOUNT, e);
	else
		r = upload_missing(u, e);
	if (r == 0 && (u->state == UPLOAD_THERE || u->state == UPLOAD_MISSING))
		all->running--;
	return r < 0 ? err_wrap(e, r, "blob sha256:%s", u->digest.hex) : 0;
}

/* The first of the list with that digest speaks for the others. */
static bool is_first(struct upload *const *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&list[k]->digest, &list[i]->digest))
			return false;
	return true;
}

static int run(struct uploads *all, struct upload *const *list, size_t n, struct err *e)
{
	const struct ctr_pull_events *ev = all->events;
	size_t next = 0;
	int r = 0;

	all->result = 0;
	all->running = 0;
	if (!all->chunk_bytes)
		all->chunk_bytes = UPLOAD_CHUNK_BYTES;
	while (r == 0 && all->result == 0 && (next < n || all->running > 0)) {
		if (next < n && all->running < uploads_at_once) {
			if (list[next]->state != UPLOAD_THERE && is_first(list, next))
				r = begin(all, list[next], e);
			next++;
			continue;
		}
		r = http_step(all->reg->http, NULL, 0, STEP_MS, e);
		if (r == 0 && ev->interrupted)
			r = ev->interrupted(e);
		if (ev->tick)
			ev->tick(ev->arg);
	}
	for (size_t i = 0; i < n; i++)
		registry_get_done(&list[i]->get);
	if (r == 0 && all->result < 0) {
		r = all->result;
		if (e)
			*e = all->err;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (digest_eq(&list[k]->digest, &list[i]->digest))
				list[i]->state = list[k]->state;
	return r;
}

int uploads_find(struct uploads *all, struct upload *const *list, size_t n, struct err *e)
{
	all->finding = true;
	return run(all, list, n, e);
}

int uploads_send(struct uploads *all, struct upload *const *list, size_t n, struct err *e)
{
	all->finding = false;
	return run(all, list, n, e);
}

void upload_done(struct upload *u)
{
	registry_get_done(&u->get);
	free(u->location);
	u->location = NULL;
}
