/* Listing containers, without taking a lock; many by two threads. */
#include "container-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "fd.h"
#include "log.h"
#include "path.h"

#define THREAD_MIN 128 /* fewer are read sooner than a thread is made */

static bool is_id(const char *s)
{
	return strspn(s, "0123456789abcdef") == 64 && !s[64];
}

static int list_ids(int parent_fd, struct strv *ret, struct err *e)
{
	auto_dir DIR *d = NULL;
	int fd = path_open_beneath(parent_fd, "containers", O_RDONLY | O_DIRECTORY);
	struct dirent *de;

	if (fd < 0)
		return fd == -ENOENT ? 0 : err_sys(e, fd, "list the containers");
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, ENOMEM, "list the containers");
	}
	while ((errno = 0, de = readdir(d)))
		if (is_id(de->d_name) && strv_add(ret, de->d_name) < 0)
			return err_sys(e, ENOMEM, "list the containers");
	return errno ? err_sys(e, errno, "list the containers") : 0;
}

int ctr_container_ids(struct ctr_engine *eng, struct strv *ret, struct err *e)
{
	return list_ids(eng->store.root_fd, ret, e);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_among(const struct strv *sorted, const char *id)
{
	return sorted->n && bsearch(&id, sorted->items, sorted->n, sizeof(char *), by_text);
}

static int by_created(const void *a, const void *b)
{
	const struct ctr_container *x = a, *y = b;

	if (x->req.created_ns != y->req.created_ns)
		return x->req.created_ns < y->req.created_ns ? -1 : 1;
	return strcmp(x->req.id, y->req.id);
}

/* Read one with its state: 1, 0 when it is not wanted or has vanished, or an error. */
static int list_one(struct ctr_engine *eng, const char *id, bool at_rest, bool running_only,
		    struct ctr_container *c, struct err *e)
{
	struct err why = ERR_INIT;
	int r = at_rest ? container_status_at_rest(eng, id, &c->status, e)
			: ctr_container_status(eng, id, &c->status, e);

	if (r == 0 && c->status.state == CTR_LOST) {
		/* a full disk must not keep the others from being shown */
		if (ctr_container_settle(eng, id, &why) < 0)
			log_warn("%s", why.text);
		r = ctr_container_status(eng, id, &c->status, e);
	}
	if (r == 0 && running_only && c->status.state != CTR_RUNNING)
		return 0;
	if (r == 0)
		r = ctr_container_load(eng, id, &c->req, e);
	if (r == -ENOENT) {
		ctr_request_done(&c->req);
		if (e)
			*e = (struct err)ERR_INIT;
		return 0;
	}
	return r < 0 ? r : 1;
}

/* A part of the work: ids from one end of a list into items. */
struct part {
	struct ctr_engine *eng;
	char *const *ids;
	size_t n_ids;
	const struct strv *runs; /* sorted */
	bool running_only;
	struct ctr_container *items; /* room for all */
	size_t n;
	int r;
	struct err e;
};

static void *read_part(void *arg)
{
	struct part *p = arg;

	for (size_t i = 0; p->r >= 0 && i < p->n_ids; i++) {
		p->r = list_one(p->eng, p->ids[i], !is_among(p->runs, p->ids[i]), p->running_only,
				&p->items[p->n], &p->e);
		if (p->r > 0)
			p->n++;
	}
	return NULL;
}

/* The second half is another thread's where that is worth it.  Both parts are filled in any case.
 */
static void read_parts(struct part *first, struct part *second)
{
	size_t n = first->n_ids;
	pthread_t thread;

	*second = *first;
	first->n_ids = n < THREAD_MIN ? n : n / 2;
	second->ids += first->n_ids;
	second->items += first->n_ids;
	second->n_ids = n - first->n_ids;
	if (second->n_ids && pthread_create(&thread, NULL, read_part, second) == 0) {
		(void)read_part(first);
		(void)pthread_join(thread, NULL); /* ours, and joined once */
	} else {
		(void)read_part(first);
		(void)read_part(second);
	}
}

static int list_some(struct ctr_engine *eng, bool running_only, struct ctr_container_list *ret,
		     struct err *e)
{
	auto_strv struct strv runs = STRV_INIT, all = STRV_INIT;
	const struct strv *ids = running_only ? &runs : &all;
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	struct part first = { .eng = eng, .runs = &runs, .running_only = running_only }, second;
	int r = list_ids(eng->store.run_fd, &runs, e);

	if (r == 0 && !running_only)
		r = ctr_container_ids(eng, &all, e);
	if (r < 0)
		return r;
	if (runs.n)
		qsort(runs.items, runs.n, sizeof(char *), by_text);
	l.items = calloc(ids->n ? ids->n : 1, sizeof(*l.items));
	if (!l.items)
		return err_sys(e, ENOMEM, "list the containers");
	first.ids = ids->items;
	first.n_ids = ids->n;
	first.items = l.items;
	read_parts(&first, &second);
	memmove(l.items + first.n, second.items, second.n * sizeof(*l.items));
	l.n = first.n + second.n;
	r = first.r < 0 ? first.r : second.r;
	if (r < 0) {
		if (e)
			*e = first.r < 0 ? first.e : second.e;
		ctr_container_list_done(&l);
		return r;
	}
	qsort(l.items, l.n, sizeof(*l.items), by_created);
	*ret = l;
	return 0;
}

int ctr_container_list(struct ctr_engine *eng, struct ctr_container_list *ret, struct err *e)
{
	return list_some(eng, false, ret, e);
}

int ctr_container_list_running(struct ctr_engine *eng, struct ctr_container_list *ret,
			       struct err *e)
{
	return list_some(eng, true, ret, e);
}

void ctr_container_list_done(struct ctr_container_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ctr_request_done(&l->items[i].req);
	free(l->items);
	*l = (struct ctr_container_list)CTR_CONTAINER_LIST_INIT;
}

int ctr_container_uses(struct ctr_engine *eng, struct strv *keys, struct strv *users, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct ctr_request req = CTR_REQUEST_INIT;

		r = ctr_container_load(eng, ids.items[i], &req, e);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		auto_strv struct strv layers = STRV_INIT;

		if (r == 0)
			r = ctr_request_layers(&req, &layers);
		for (size_t k = 0; r == 0 && k < layers.n; k++)
			r = strv_has(keys, layers.items[k]) ? 0 : strv_add(keys, layers.items[k]);
		if (r == 0 && users && req.manifest)
			r = strv_addf(users, "%s %s", req.manifest, req.id);
		for (size_t k = 0; r == 0 && users && k < req.image_mounts.n; k++) {
			const char *tab = strchr(req.image_mounts.items[k], '\t');

			if (tab)
				r = strv_addf(users, "%.*s %s", (int)strcspn(tab + 1, "\t"), tab + 1, req.id);
		}
		ctr_request_done(&req);
		if (r == -ENOMEM)
			(void)err_sys(e, ENOMEM, "list what containers use");
	}
	return r;
}
