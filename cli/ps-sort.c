/* The orders of `ps --sort`. */
#include <stdlib.h>

#include "ps.h"

static const struct ctr_request *request(const void *object)
{
	const struct ps_row *row = object;

	return &row->c->req;
}

static int compare_int(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_created(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	int r = compare_int(x->c->req.created_ns, y->c->req.created_ns);

	return r ? r : strcmp(x->c->req.id, y->c->req.id);
}

static int by_command(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	int r = strcmp(x->command, y->command);

	return r ? r : by_created(a, b);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(request(a)->id, request(b)->id);
}

static int by_image(const void *a, const void *b)
{
	int r = strcmp(request(a)->image, request(b)->image);

	return r ? r : by_created(a, b);
}

static int by_names(const void *a, const void *b)
{
	return strcmp(request(a)->name, request(b)->name);
}

static int by_running(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	int r = compare_int(x->c->status.started_ns, y->c->status.started_ns);

	return r ? r : by_created(a, b);
}

static int by_size(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	int r = compare_int((int64_t)(x->size_rw + x->size_image),
			    (int64_t)(y->size_rw + y->size_image));

	return r ? r : by_created(a, b);
}

static int by_status(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	int r = strcmp(ctr_status_str(&x->c->status), ctr_status_str(&y->c->status));

	return r ? r : by_created(a, b);
}

static int (*const sorts[])(const void *a, const void *b) = {
	[PS_SORT_COMMAND] = by_command, [PS_SORT_CREATED] = by_created,
	[PS_SORT_ID] = by_id,		[PS_SORT_IMAGE] = by_image,
	[PS_SORT_NAMES] = by_names,	[PS_SORT_RUNNINGFOR] = by_running,
	[PS_SORT_SIZE] = by_size,	[PS_SORT_STATUS] = by_status,
};

const struct opt_choice ps_sorts[] = {
	{ "command", PS_SORT_COMMAND },
	{ "created", PS_SORT_CREATED },
	{ "id", PS_SORT_ID },
	{ "image", PS_SORT_IMAGE },
	{ "names", PS_SORT_NAMES },
	{ "runningfor", PS_SORT_RUNNINGFOR },
	{ "size", PS_SORT_SIZE },
	{ "status", PS_SORT_STATUS },
	{ NULL, 0 },
};

void ps_sort(struct ps_rows *rows, int by)
{
	if (rows->n)
		qsort(rows->items, rows->n, sizeof(*rows->items), sorts[by]);
}
