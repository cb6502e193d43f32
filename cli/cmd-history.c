/* `history`: the steps that an image was made in. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "json.h"
#include "out.h"

#define CREATED_BY_MAX 45	/* bytes of a command in the table */

struct history_args {
	bool human, no_trunc, quiet;
	const char *format;
};

#define ARG(m) offsetof(struct history_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "format",   "FORMAT",   OPT_STRING,  ARG(format),   "Print as json, or by a Go template" },
	{ 'H', "human",    NULL,       OPT_FLAG,    ARG(human),    "Print sizes and times as people read them (default true)" },
	{ 0,   "no-trunc", NULL,       OPT_FLAG,    ARG(no_trunc), "Do not cut IDs and commands" },
	{ 0,   "platform", "PLATFORM", OPT_REFUSED, .text = "name the image of the platform by its ID" },
	{ 'q', "quiet",    NULL,       OPT_FLAG,    ARG(quiet),    "Print IDs only" },
	{ 0 },
};
/* clang-format on */
static const struct history_args defaults = { .human = true };

static char *id_of(const struct ctr_history_step *s, bool no_trunc)
{
	return !s->image ? strdup("<missing>") :
	       no_trunc	 ? strdup(s->image->id.hex) : strndup(s->image->id.hex, 12);
}

static json_t *step_json(const struct ctr_history_step *s)
{
	auto_free char *created = out_rfc3339(s->created_ns, true);
	json_t *j = json_pack("{s:s, s:s?, s:s}", "id", s->image ? s->image->id.hex : "<missing>",
			      "created", created, "CreatedBy", s->created_by);

	if (s->image && s->image->names.n)
		json_object_set_new(j, "tags", json_from_strv(&s->image->names));
	if (s->size_bytes)
		json_object_set_new(j, "size", json_integer((json_int_t)s->size_bytes));
	if (*s->comment)
		json_object_set_new(j, "comment", json_string(s->comment));
	json_object_set_new(j, "Created", json_string(created ? created : ""));
	return j;
}

static char *cut(const char *s, bool no_trunc)
{
	size_t n = CREATED_BY_MAX - strlen("...");

	if (no_trunc || strlen(s) <= CREATED_BY_MAX)
		return strdup(s);
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)	/* within a character */
		n--;
	return str_printf("%.*s...", (int)n, s);
}

/* What templates see of a step. */
static json_t *step_view(const struct ctr_history_step *s, const struct history_args *a)
{
	auto_free char *id = id_of(s, a->no_trunc), *by = cut(s->created_by, a->no_trunc);
	auto_free char *ago = out_ago(s->created_ns), *at = out_rfc3339(s->created_ns, true);
	auto_free char *size = a->human ? out_size(s->size_bytes, 3, "")
					: str_printf("%llu", (unsigned long long)s->size_bytes);
	const struct strv none = STRV_INIT;

	return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:s?, s:o}", "ID", id, "Created",
			 a->human ? ago : at, "CreatedAt", at, "CreatedSince", ago, "CreatedBy", by,
			 "Comment", s->comment, "Size", size, "Tags",
			 json_from_strv(s->image ? &s->image->names : &none));
}

static int print(const struct ctr_history_step *steps, size_t n, const struct history_args *a,
		 struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *views = json_array(), *json = json_array();
	auto_json json_t *headings = json_pack("{s:s}", "CreatedBy", "CREATED BY");
	struct out_list l = { .views = views, .json = json, .headings = headings, .indent = 1 };
	int r = out_format_parse("history", a->format,
				 "{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", false, &f, e);

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (json_array_append_new(views, step_view(&steps[i], a)) < 0 ||
		    json_array_append_new(json, step_json(&steps[i])) < 0)
			r = err_sys(e, ENOMEM, "print the history");
	return r < 0 ? r : out_list_print(&f, &l, false, e);
}

static int show(struct cmd *c, const struct ctr_image_list *l, const struct ctr_image *i,
		const struct history_args *a, struct err *e)
{
	auto_free struct ctr_history_step *steps = NULL;
	size_t n = 0;
	int r = ctr_image_history(c->eng, l, i, &steps, &n, e);

	if (r < 0 || !a->quiet)
		return r < 0 ? r : print(steps, n, a, e);
	for (size_t k = 0; k < n; k++) {
		auto_free char *id = id_of(&steps[k], a->no_trunc);

		printf("%s\n", id ? id : "");
	}
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = ctr_image_get(c->eng, c->args[0], &i, NULL, e);

	if (r >= 0)
		r = ctr_image_list(c->eng, &l, e);
	if (r >= 0)
		r = show(c, &l, &i, args, e);
	ctr_image_done(&i);
	ctr_image_list_done(&l);
	return r;
}

const struct command cmd_history = {
	.summary = "Show the history of an image",
	.usage = "[options] IMAGE",
	.description = "Shows the steps that an image was made in, the newest first.  A step whose image is not\n"
		       "in the store has the ID <missing>.",
	.examples = "history alpine\nhistory --no-trunc --format '{{.CreatedBy}}' alpine",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct history_args),
	.defaults = &defaults,
	.min_args = 1,
	.max_args = 1,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
