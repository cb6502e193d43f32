/* Which containers a command acts on. */
#include "targets.h"

#include <errno.h>
#include <stdlib.h>

#include "file.h"

const struct cmd_exit start_exits[] = {
	{ ERR_CMD_NOT_FOUND, EXIT_ENGINE },
	{ ERR_CMD_NOT_EXEC, EXIT_ENGINE },
	{ ERR_NONE, 0 },
};

void targets_done(struct targets *t)
{
	for (size_t i = 0; i < t->n_owned; i++)
		free(t->owned[i]);
	free(t->owned);
	free(t->items);
	*t = (struct targets)TARGETS_INIT;
}

static int add(struct targets *t, const char *id, const char *shown)
{
	struct target *items = reallocarray(t->items, t->n + 1, sizeof(*items));
	char **owned;

	if (!items)
		return -ENOMEM;
	t->items = items;
	memcpy(items[t->n].id, id, sizeof(items[t->n].id));
	if (!shown) {
		owned = reallocarray(t->owned, t->n_owned + 1, sizeof(*owned));
		if (!owned)
			return -ENOMEM;
		t->owned = owned;
		shown = owned[t->n_owned] = strdup(id);
		if (!shown)
			return -ENOMEM;
		t->n_owned++;
	}
	items[t->n++].shown = shown;
	return 0;
}

static int add_all(struct cmd *c, bool latest, unsigned int flags, struct targets *ret, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int r = ctr_container_list(c->eng, &l, e);

	if (r < 0)
		return r;
	for (size_t i = latest && l.n ? l.n - 1 : 0; r == 0 && i < l.n; i++)
		if (latest || !(flags & TARGETS_RUNNING) || l.items[i].status.state == CTR_RUNNING)
			r = add(ret, l.items[i].req.id, NULL);
	if (r < 0)
		(void)err_sys(e, r, "list the containers");
	if (r == 0 && latest && !l.n)
		r = err_set(e, ERR_NOT_FOUND, "no containers to use with --latest: no such container");
	ctr_container_list_done(&l);
	return r;
}

static int add_chosen(struct cmd *c, const struct strv *filters, struct targets *ret, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = ps_choose(c, filters, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = add(ret, ids.items[i], NULL) < 0 ? err_sys(e, ENOMEM, "find containers") : 0;
	return r;
}

static int read_cidfile(const char *path, char **ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = file_read_path(path, 4096, &text, NULL);

	if (r < 0)
		return err_sys(e, r, "read the container ID from %s", path);
	text[strcspn(text, "\n")] = '\0';
	*ret = take_ptr(&text);
	return 0;
}

static int add_named(struct cmd *c, const char *name, bool own, const struct target_args *a,
		     unsigned int flags, struct targets *ret, struct err *e)
{
	char id[65];
	int r = ctr_container_find(c->eng, name, id, e);

	if (r == 0)
		return add(ret, id, own ? NULL : name) < 0 ? err_sys(e, ENOMEM, "find containers") : 0;
	if (r == -ENOENT && a->ignore) {
		if (e)
			*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r == -ENOENT && !(flags & TARGETS_ATOMIC)) {
		cmd_fail(c, e);
		return 0;
	}
	return r;
}

int targets_find(struct cmd *c, const struct target_args *a, unsigned int flags, struct targets *ret,
		 struct err *e)
{
	int r = 0;

	if (a->filters.n) {
		if ((a->all && !(flags & TARGETS_ALL_FILTER)) || a->latest || c->n_args || a->cidfiles.n)
			return err_set(e, ERR_INVALID, "--filter takes neither --all, --latest, --cidfile "
				       "nor containers");
		return add_chosen(c, &a->filters, ret, e);
	}
	if (a->all && a->latest)
		return err_set(e, ERR_INVALID, "--all and --latest cannot be used together");
	if (a->all && c->n_args)
		return err_set(e, ERR_INVALID, "no arguments are needed with --all");
	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and containers cannot be used together");
	if ((a->all || a->latest) && (c->n_args || a->cidfiles.n || (a->all && a->latest)))
		return err_set(e, ERR_INVALID, "--all, --latest, --cidfile and container names exclude "
			       "one another");
	if (!a->all && !a->latest && !c->n_args && !a->cidfiles.n)
		return err_set(e, ERR_INVALID, "you must provide at least one name or id");
	if (a->all || a->latest)
		return add_all(c, a->latest, flags, ret, e);
	for (size_t i = 0; r == 0 && i < a->cidfiles.n; i++) {
		auto_free char *name = NULL;

		r = read_cidfile(a->cidfiles.items[i], &name, e);
		if (r == -ENOENT && a->ignore) {
			*e = (struct err)ERR_INIT;
			r = 0;
			continue;
		}
		if (r == 0)
			r = add_named(c, name, true, a, flags, ret, e);
	}
	for (size_t i = 0; r == 0 && i < c->n_args; i++)
		r = add_named(c, c->args[i], false, a, flags, ret, e);
	return r;
}

int targets_each(struct cmd *c, const struct targets *t,
		 int (*one)(struct cmd *c, const char *id, void *arg, struct err *e), void *arg,
		 struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		int r = one(c, t->items[i].id, arg, e);

		if (r < 0) {
			cmd_fail(c, e);
		} else if (r == 0) {
			printf("%s\n", t->items[i].shown);
			(void)fflush(stdout); /* the next one may take its time; main reports a failure */
		}
	}
	return c->status;
}

int target_one(struct cmd *c, bool latest, const char *cidfile, char ret_id[65], size_t *ret_used,
	       struct err *e)
{
	struct target_args a = { .latest = true };
	auto_targets struct targets t = TARGETS_INIT;
	auto_free char *name = NULL;
	int r;

	*ret_used = 0;
	if (latest && cidfile)
		return err_set(e, ERR_INVALID, "--latest and --cidfile exclude one another");
	if (cidfile) {
		r = read_cidfile(cidfile, &name, e);
		return r < 0 ? r : ctr_container_find(c->eng, name, ret_id, e);
	}
	if (!latest) {
		if (!c->n_args)
			return err_set(e, ERR_INVALID, "you must provide at least one name or id");
		*ret_used = 1;
		return ctr_container_find(c->eng, c->args[0], ret_id, e);
	}
	r = add_all(c, a.latest, 0, &t, e);
	if (r == 0)
		memcpy(ret_id, t.items[0].id, 65);
	return r;
}
