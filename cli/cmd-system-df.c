/* `system df`: what images, containers and volumes take on disk. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/usage.h>

#include "commands.h"
#include "cli.h"
#include "fd.h"
#include "out.h"

struct df_args {
	bool verbose;
	const char *format;
};

#define ARG(m) offsetof(struct df_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "format",  "FORMAT", OPT_STRING, ARG(format),  "Print as json, or by a Go template" },
	{ 'v', "verbose", NULL,     OPT_FLAG,   ARG(verbose), "Show each image, container and volume" },
	{ 0 },
};
/* clang-format on */

/* One kind of thing. */
struct total {
	const char *type;
	size_t total, active;
	uint64_t bytes, unused;
};

static void add_up(const struct ctr_usage *u, struct total t[3])
{
	t[0] = (struct total){ .type = "Images", .total = u->images.n, .bytes = u->image_bytes,
			       .unused = u->image_unused_bytes };
	t[1] = (struct total){ .type = "Containers", .total = u->containers.n };
	t[2] = (struct total){ .type = "Local Volumes", .total = u->volumes.n };
	for (size_t i = 0; i < u->images.n; i++)
		t[0].active += u->by_image[i].containers > 0;
	for (size_t i = 0; i < u->containers.n; i++) {
		bool runs = u->by_container[i].ctr->status.state == CTR_RUNNING;

		t[1].active += runs;
		t[1].bytes += u->by_container[i].bytes;
		t[1].unused += runs ? 0 : u->by_container[i].bytes;
	}
	for (size_t i = 0; i < u->volumes.n; i++) {
		bool used = u->by_volume[i].links > 0;

		t[2].active += used;
		t[2].bytes += u->by_volume[i].bytes;
		t[2].unused += used ? 0 : u->by_volume[i].bytes;
	}
}

static json_t *total_json(const struct total *t)
{
	auto_free char *size = out_size(t->bytes, 4, ""), *unused = out_size(t->unused, 4, "");
	unsigned int percent = t->bytes ? (unsigned int)((double)t->unused * 100 / (double)t->bytes + 0.5)
					: 0;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s?, s:o}", "Type", t->type, "Total",
			 (json_int_t)t->total, "Active", (json_int_t)t->active, "RawSize",
			 (json_int_t)t->bytes, "RawReclaimable", (json_int_t)t->unused, "TotalCount",
			 (json_int_t)t->total, "Size", size, "Reclaimable",
			 json_sprintf("%s (%u%%)", unused ? unused : "", percent));
}

/* podman's own layout: each on one line. */
static int print_json(json_t *list, struct err *e)
{
	size_t n = json_array_size(list);

	printf("[\n");
	for (size_t i = 0; i < n; i++) {
		auto_free char *text = json_dumps(json_array_get(list, i), JSON_COMPACT);

		if (!text)
			return err_sys(e, ENOMEM, "system df");
		printf("    %s%s\n", text, i + 1 < n ? "," : "");
	}
	printf("]\n");
	return 0;
}

static int print_totals(const struct df_args *a, const struct ctr_usage *u, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = { .views = json_array() };
	struct total t[3];
	int r = out_format_parse("system df", a->format,
				 "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", true, &f,
				 e);

	add_up(u, t);
	for (size_t i = 0; r >= 0 && i < 3; i++)
		if (json_array_append_new(l.views, total_json(&t[i])) < 0)
			r = err_sys(e, ENOMEM, "system df");
	l.json = l.views;
	l.headings = json_object();
	if (r >= 0)
		r = f.kind == OUT_JSON ? print_json(l.views, e) : out_list_print(&f, &l, false, e);
	json_decref(l.views);
	json_decref(l.headings);
	return r;
}

static int cells(struct out_table *t, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int cells(struct out_table *t, struct err *e, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0 || strv_add_take(&t->cells, line) < 0)
		return err_sys(e, ENOMEM, "system df");
	return 0;
}

/* "4 seconds": the age without "ago" */
static char *age(int64_t created_ns)
{
	return out_duration(out_now_ns() - created_ns);
}

static int image_rows(struct out_table *t, const struct ctr_usage_image *u, struct err *e)
{
	const struct ctr_image *i = u->image;
	auto_free char *old = age(i->created_ns), *size = out_size(u->shared_bytes + u->unique_bytes, 4, "");
	auto_free char *shared = out_size(u->shared_bytes, 4, ""), *unique = out_size(u->unique_bytes, 4, "");
	int r = 0;

	for (size_t k = 0; r == 0 && k < (i->names.n ? i->names.n : 1); k++) {
		const char *ref = i->names.n ? i->names.items[k] : NULL;
		const char *colon = ref ? strrchr(ref, ':') : NULL, *slash = ref ? strrchr(ref, '/') : NULL;
		bool tagged = colon && (!slash || colon > slash) && !strchr(ref, '@');

		r = cells(t, e, "%.*s\t%s\t%.12s\t%s\t%s\t%s\t%s\t%zu",
			  ref ? (int)(tagged ? (size_t)(colon - ref) : strcspn(ref, "@")) : 6,
			  ref ? ref : "<none>", tagged ? colon + 1 : "<none>", i->id.hex, old ? old : "",
			  size ? size : "", shared ? shared : "", unique ? unique : "", u->containers);
	}
	return r;
}

static int container_row(struct out_table *t, const struct ctr_usage_container *u, struct err *e)
{
	const struct ctr_request *r = &u->ctr->req;
	auto_free char *size = out_size(u->bytes, 4, ""), *old = age(r->created_ns);
	auto_free char *command = ctr_request_command(r), *shown = command ? str_printable(command) : NULL;

	return cells(t, e, "%.12s\t%.12s\t%s\t%zu\t%s\t%s\t%s\t%s", r->id, r->image_id ? r->image_id : "",
		     shown ? shown : "", u->volumes, size ? size : "", old ? old : "",
		     ctr_status_str(&u->ctr->status), r->name);
}

static int print_verbose(const struct ctr_usage *u, struct err *e)
{
	struct out_table t[3] = { OUT_TABLE_INIT, OUT_TABLE_INIT, OUT_TABLE_INIT };
	static const char *const titles[] = { "Images", "\nContainers", "\nLocal Volumes" };
	int r = cells(&t[0], e, "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS");

	for (size_t i = 0; r == 0 && i < u->images.n; i++)
		r = image_rows(&t[0], &u->by_image[i], e);
	if (r == 0)
		r = cells(&t[1], e, "CONTAINER ID\tIMAGE\tCOMMAND\tLOCAL VOLUMES\tSIZE\tCREATED\tSTATUS\tNAMES");
	for (size_t i = 0; r == 0 && i < u->containers.n; i++)
		r = container_row(&t[1], &u->by_container[i], e);
	if (r == 0)
		r = cells(&t[2], e, "VOLUME NAME\tLINKS\tSIZE");
	for (size_t i = 0; r == 0 && i < u->volumes.n; i++) {
		auto_free char *size = out_size(u->by_volume[i].bytes, 4, "");

		r = cells(&t[2], e, "%s\t%zu\t%s", u->volumes.items[i].name, u->by_volume[i].links,
			  size ? size : "");
	}
	for (size_t i = 0; r == 0 && i < 3; i++) {
		printf("%s space usage:\n\n", titles[i]);
		r = out_table_print(&t[i], e);
	}
	for (size_t i = 0; i < 3; i++)
		strv_done(&t[i].cells);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct df_args *a = args;
	struct ctr_usage u = CTR_USAGE_INIT;
	int r;

	if (a->verbose && a->format)
		return err_set(e, ERR_INVALID, "cannot combine --format and --verbose flags");
	r = ctr_usage_measure(c->eng, &u, e);
	if (r == 0)
		r = a->verbose ? print_verbose(&u, e) : print_totals(a, &u, e);
	ctr_usage_done(&u);
	return r;
}

const struct command cmd_system_df = {
	.summary = "Show disk usage",
	.usage = "[options]",
	.description = "Shows what images (unpacked layers and the compressed ones as they were pulled, each\n"
		       "once), containers and volumes take, and how much of it nothing uses.",
	.examples = "system df\nsystem df --verbose\nsystem df --format '{{.Type}} {{.Size}}'",
	.run = run, .opts = opts, .args_size = sizeof(struct df_args), .needs = NEED_STORE,
};
