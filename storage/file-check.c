/* Comparing a layer's tree with its file list. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fd.h"
#include "file-list.h"
#include "file-walk.h"
#include "userns.h"

struct check {
	struct file_walk walk;
	FILE *list;
	const struct idmap *shift;
	bool quick;
	file_list_report *report;
	void *arg;
	struct file_record is, was;	/* of the tree, of the list */
	uint64_t n_was;			/* records of the list so far, as file_walk counts */
	struct file_sums_map links;	/* by numbers of the list: which record of the tree that is */
	struct strbuf alone;		/* a bit for each record of the list: is a file with one name */
};

__attribute__((format(printf, 3, 4)))
static int say(struct check *c, const char *name, const char *fmt, ...)
{
	auto_strbuf struct strbuf path = STRBUF_INIT;
	char what[256];
	va_list ap;

	strbuf_addn(&path, c->walk.path.data ? c->walk.path.data : "", c->walk.path.len);
	strbuf_add(&path, name);
	if (path.failed)
		return -ENOMEM;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap); /* long enough for all that we say */
	va_end(ap);
	return c->report(c->arg, path.data, what);
}

static int next_was(struct check *c)
{
	int r = file_record_read(c->list, &c->was);

	if (r > 0 && c->shift && c->was.type != '.' &&
	    (!idmap_to_host(c->shift->uid, c->shift->n_uid, c->was.uid, &c->was.uid) ||
	     !idmap_to_host(c->shift->gid, c->shift->n_gid, c->was.gid, &c->was.gid)))
		return -EBADMSG;
	c->n_was += r > 0 && c->was.type != '.';
	return r == 0 ? -EBADMSG : r; /* the end of the root is behind everything */
}

/* Pass over what the list has in a directory. */
static int skip_was(struct check *c)
{
	for (int depth = 1; depth > 0;) {
		int r = next_was(c);

		if (r < 0)
			return r;
		depth += (c->was.type == 'd') - (c->was.type == '.');
	}
	return 0;
}

static const char *type_name(char type)
{
	switch (type) {
	case 'f':
	case 'g':
		return "file";
	case 'd':
		return "directory";
	case 'l':
		return "link";
	case 'c':
		return "character device";
	case 'b':
		return "block device";
	case 'p':
		return "FIFO";
	default:
		return "socket";
	}
}

/* Whiteouts, which overlay has as devices 0:0. */
static const char *kind_of(const struct file_record *rec)
{
	return rec->type == 'c' && rec->size == 0 ? "whiteout" : type_name(rec->type);
}

static bool same_type(const struct check *c)
{
	return c->is.type == c->was.type || (c->is.type == 'f' && c->was.type == 'g');
}

static int check_content(struct check *c)
{
	auto_close int fd = FD_NONE;
	uint64_t sum = 0;
	int r;

	if (c->is.type == 'l' && c->is.content != c->was.content)
		return say(c, c->is.name, "the link leads elsewhere");
	if (c->is.type != 'f' || c->quick || c->is.size == 0 || c->is.size != c->was.size)
		return 0;
	fd = file_walk_open(&c->walk, &c->is);
	r = fd < 0 ? fd : file_content_sum(fd, c->was.type == 'f', &sum);
	if (r < 0)
		return say(c, c->is.name, "cannot be read: %s", strerror(-r));
	return sum != c->was.content ? say(c, c->is.name, "the content has changed") : 0;
}

static void set_alone(struct check *c)
{
	while (!c->alone.failed && c->alone.len <= c->n_was / CHAR_BIT)
		strbuf_addc(&c->alone, 0);
	if (!c->alone.failed)
		c->alone.data[c->n_was / CHAR_BIT] |= (char)(1u << c->n_was % CHAR_BIT);
}

static bool is_alone(const struct check *c, uint64_t n)
{
	return n / CHAR_BIT < c->alone.len && (c->alone.data[n / CHAR_BIT] >> n % CHAR_BIT & 1);
}

/* The numbers differ where files are missing or too many: translate the list's into the tree's. */
static int check_link(struct check *c)
{
	uint64_t group = c->was.link ? c->was.link : c->n_was;
	struct file_sum *first;

	if (!c->is.shared)
		set_alone(c);
	if (!c->is.shared && !c->was.link)
		return 0;
	if (is_alone(c, group))
		return say(c, c->is.name, "it is not a hard link to the same file any more");
	first = file_sums_map_at(&c->links, group, SIZE_MAX);
	if (!first)
		return -ENOMEM;
	if (!first->link)
		first->link = c->is.link ? c->is.link : c->walk.n;
	if (c->is.link == (first->link == c->walk.n ? 0 : first->link) && (!c->is.link || c->was.link))
		return 0;
	return say(c, c->is.name, "it is not a hard link to the same file any more");
}

static int check_meta(struct check *c)
{
	const struct file_record *is = &c->is, *was = &c->was;
	int r = 0;

	if (is->mode != was->mode)
		r = say(c, is->name, "the mode is %04o, not %04o", (unsigned int)is->mode,
			(unsigned int)was->mode);
	if (r == 0 && (is->uid != was->uid || is->gid != was->gid))
		r = say(c, is->name, "the owner is %u:%u, not %u:%u", is->uid, is->gid, was->uid, was->gid);
	if (r == 0 && is->size != was->size)
		r = is->type == 'f' ? say(c, is->name, "the size is %" PRIu64 ", not %" PRIu64, is->size,
					  was->size) :
				      say(c, is->name, "it is another device");
	if (r == 0 && (is->mtime.tv_sec != was->mtime.tv_sec || is->mtime.tv_nsec != was->mtime.tv_nsec))
		r = say(c, is->name, "the time of its last change is another");
	if (r == 0 && !c->shift && is->xattrs != was->xattrs)
		r = say(c, is->name, "the extended attributes have changed");
	return r == 0 ? check_link(c) : r;
}

/* A name that both have. */
static int check_pair(struct check *c)
{
	bool was_dir = c->was.type == 'd';
	int r;

	if (same_type(c)) {
		r = check_meta(c);
		return r == 0 ? check_content(c) : r;
	}
	r = say(c, c->is.name, "is a %s, not a %s", kind_of(&c->is), kind_of(&c->was));
	file_walk_skip(&c->walk);
	return r == 0 && was_dir ? skip_was(c) : r;
}

static int check_missing(struct check *c)
{
	int r = say(c, c->was.name, "is missing");

	return r == 0 && c->was.type == 'd' ? skip_was(c) : r;
}

static int check_extra(struct check *c)
{
	int r = say(c, c->is.name, "is a %s that does not belong to the layer", kind_of(&c->is));

	file_walk_skip(&c->walk);
	return r;
}

/* Which of the two comes first in the directory that both are in; its end is last. */
static int order(const struct check *c)
{
	if (c->is.type == '.' || c->was.type == '.')
		return (c->is.type == '.') - (c->was.type == '.');
	return strcmp(c->is.name, c->was.name);
}

static int check_trees(struct check *c)
{
	int r = file_walk_next(&c->walk, &c->is);

	if (r > 0)
		r = next_was(c);
	while (r > 0) {
		int o = order(c);

		if (o > 0) {
			r = check_missing(c);
		} else if (o < 0) {
			r = check_extra(c);
		} else if (c->is.type != '.') {
			r = check_pair(c);
		} else if (c->walk.depth == 1) {
			return 0;
		} else {
			r = 0;
		}
		if (r == 0 && o <= 0)
			r = file_walk_next(&c->walk, &c->is);
		if (r >= 0 && o >= 0)
			r = next_was(c);
	}
	return r;
}

int file_list_check(int root_fd, int list_fd, const struct idmap *shift, bool quick,
		    file_list_report *report, void *arg, struct err *e)
{
	struct check c = { .walk = FILE_WALK_INIT, .shift = shift, .quick = quick, .report = report, .arg = arg };
	int copy = fd_dup(list_fd), r = copy < 0 ? copy : file_walk_init(&c.walk, root_fd, !shift);

	c.list = copy < 0 ? NULL : fdopen(copy, "r");
	if (!c.list)
		(void)fd_close(copy);
	if (r == 0 && !c.list)
		r = -ENOMEM;
	if (r == 0)
		r = check_trees(&c);
	auto_file_done(&c.list);
	file_walk_done(&c.walk);
	file_sums_map_done(&c.links);
	strbuf_done(&c.alone);
	if (r == -EBADMSG)
		return err_set(e, ERR_CORRUPT, "the layer's list of files makes no sense");
	return r < 0 ? err_sys(e, r, "compare the layer with its list of files") : 0;
}
