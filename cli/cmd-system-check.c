/* `system check`: looks for damage in the store, and mends it. */
#include <inttypes.h>

#include <ctrlite/check.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "str.h"

#define DEFAULT_MAX "24h"

struct check_args {
	bool quick, repair, force;
	const char *max;
};

#define ARG(m) offsetof(struct check_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "force",  NULL,       OPT_FLAG,   ARG(force),  "Repair, and remove images and containers that cannot be mended" },
	{ 'm', "max",    "DURATION", OPT_STRING, ARG(max),    "Leave alone what nothing needs but is younger (default " DEFAULT_MAX ")" },
	{ 'q', "quick",  NULL,       OPT_FLAG,   ARG(quick),  "Do not read the content of files: sizes, modes, owners, times only" },
	{ 'r', "repair", NULL,       OPT_FLAG,   ARG(repair), "Mend what can be mended without loss" },
	{ 0 },
};
/* clang-format on */

static void print_details(const struct ctr_damage *d)
{
	for (size_t i = 0; i < d->details.n; i++) {
		auto_free char *text = str_printable(d->details.items[i]);

		printf("  %s\n", text ? text : "?");
	}
	if (d->more)
		printf("  and %" PRIu64 " more\n", d->more);
}

static void print_images(const struct ctr_damage *d, const char *before)
{
	for (size_t i = 0; i < d->images.n; i++) {
		auto_free char *text = str_printable(d->images.items[i]);

		printf("%s%s", i ? ", " : before, text ? text : "?");
	}
}

/* An image without a name has nowhere to be pulled from by that alone. */
static void print_pull(const struct ctr_damage *d)
{
	printf("  cannot be mended here%s%s", d->why ? ": " : "", d->why ? d->why : "");
	for (size_t i = 0; i < d->images.n; i++)
		if (strchr(d->images.items[i], '/'))
			printf("\n  get it again: " PROG " pull %s", d->images.items[i]);
	printf("\n");
}

static void print_outcome(const struct ctr_damage *d, bool repair)
{
	switch (d->outcome) {
	case CTR_DAMAGE_FOUND:
		if (repair)
			printf("  cannot be mended (--force removes it)\n");
		break;
	case CTR_DAMAGE_MENDED:
		printf("  mended\n");
		break;
	case CTR_DAMAGE_REMOVED:
		printf("  removed\n");
		break;
	case CTR_DAMAGE_PULL:
		print_pull(d);
		break;
	case CTR_DAMAGE_BUSY:
		printf("  a running container uses it: stop that and repair again\n");
		break;
	case CTR_DAMAGE_FAILED:
		printf("  cannot be mended: %s\n", d->why ? d->why : "?");
		break;
	}
}

static void print(const struct ctr_check *c, bool repair)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct ctr_damage *d = &c->damage[i];
		auto_free char *id = str_printable(d->id);

		printf("Damaged %s %s", d->kind, id ? id : "?");
		print_images(d, " of ");
		printf(":\n");
		print_details(d);
		print_outcome(d, repair);
	}
	for (size_t i = 0; i < c->notes.n; i++)
		printf("Note: %s\n", c->notes.items[i]);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct check_args *a = args;
	struct ctr_check_opts o = { .quick = a->quick, .repair = a->repair || a->force, .force = a->force };
	struct ctr_check found = CTR_CHECK_INIT;
	int64_t ns = 0;
	int r;

	if (str_duration(a->max ? a->max : DEFAULT_MAX, &ns) < 0 || ns < 0)
		return err_set(e, ERR_INVALID, "--max %s: not a duration like 24h", a->max);
	o.max_age_s = (uint64_t)ns / 1000000000;
	r = ctr_check(c->eng, &o, &found, e);
	if (r == 0) {
		print(&found, o.repair);
		if (ctr_check_is_damaged(&found))
			r = err_set(e, ERR_CORRUPT, o.repair ? "damage in the store has not been repaired" :
				    "damage detected in the store: `" PROG " system check --repair` mends what "
				    "it can");
	}
	ctr_check_done(&found);
	return r;
}

const struct command cmd_system_check = {
	.summary = "Look for damage in the store, and mend it",
	.usage = "[options]",
	.description = "Compares every layer with the list of its files that was made when it was unpacked (type, mode,\n"
		       "owner, size, time, attributes, content), every blob with its digest, and looks at the records of\n"
		       "images, containers, names, volumes and secrets. With --repair layers and records are made again\n"
		       "from the blobs, and what nothing needs is removed; for the rest it says what to pull again. The\n"
		       "exit status is 0 when the store is whole (again), else 125.",
	.examples = "system check\nsystem check --quick\nsystem check --repair\nsystem check --force --max 0s",
	.run = run, .opts = opts, .args_size = sizeof(struct check_args), .needs = NEED_STORE,
};
