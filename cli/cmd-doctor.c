/* `doctor`: what this host gives to containers, what it lacks, and what helps. */
#include <ctrlite/doctor.h>

#include <errno.h>
#include <jansson.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "json.h"
#include "out.h"

struct doctor_args {
	const char *format;
};

static const struct opt opts[] = {
	{ 'f', "format", "FORMAT", OPT_STRING, offsetof(struct doctor_args, format),
	  "Change the output format to json or a Go template" },
	{ 0 },
};

static const char *const marks[] = { "ok", "missing", "FAILED" };
_Static_assert(sizeof(marks) / sizeof(marks[0]) == CTR_HEALTH_COUNT_, "a mark for each");

static void print_table(const struct ctr_findings *all)
{
	static const char *const verdicts[] = {
		"Everything is there.",
		"Containers run; what is missing above is optional.",
		"Containers do not run here before what FAILED above is put right.",
	};
	int width = 0;

	for (size_t i = 0; i < all->n; i++) {
		int len = (int)strlen(all->items[i].title);

		width = len > width ? len : width;
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct ctr_finding *f = &all->items[i];
		auto_free char *found = str_printable(f->found), *fix = f->fix ? str_printable(f->fix) : NULL;

		printf("%-8s %-*s  %s\n", marks[f->health], width, f->title, found ? found : "");
		if (fix)
			printf("%-8s %-*s  fix: %s\n", "", width, "", fix);
	}
	printf("\n%s\n", verdicts[all->worst]);
}

static json_t *to_json(const struct ctr_findings *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct ctr_finding *f = &all->items[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "Name", f->id,
							  "Title", f->title, "Status", marks[f->health], "Ok",
							  f->health == CTR_HEALTH_OK, "Found", f->found,
							  "Fix", f->fix ? f->fix : "")) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:s, s:i, s:o}", "Lacks",
			 all->worst == CTR_HEALTH_OK ? "nothing" : ctr_health_str(all->worst), "ExitCode",
			 (int)all->worst, "Checks", list);
}

static int print_format(const struct doctor_args *a, const struct ctr_findings *all, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *doc = to_json(all), *list = json_pack("[O]", doc);
	struct out_list l = { .views = list, .json = list };
	int r = doc && list ? out_format_parse("doctor", a->format, NULL, true, &f, e)
			    : err_sys(e, ENOMEM, "describe the host");

	if (r < 0)
		return r;
	return f.kind == OUT_JSON ? out_json(doc, 2, e) : out_list_print(&f, &l, false, e);
}

static int doctor_main(struct cmd *c, void *args, struct err *e)
{
	const struct doctor_args *a = args;
	struct ctr_findings all = CTR_FINDINGS_INIT;
	int r = ctr_doctor(c->g->root, &all, e);

	if (r == 0 && a->format && *a->format)
		r = print_format(a, &all, e);
	else if (r == 0)
		print_table(&all);
	if (r == 0)
		r = (int)all.worst;
	ctr_findings_done(&all);
	return r;
}

const struct command cmd_doctor = {
	.summary = "Try what containers need of this host, and say what helps",
	.usage = "[options]",
	.description = "Tries each thing that containers need or profit from - namespaces, subordinate ids, "
		       "overlay mounts, networks, limits, services - and prints what is used, what is missing, "
		       "and the one command that helps. Nothing on the host is changed.\n"
		       "The exit status is 0 when everything is there, 1 when something optional is missing, "
		       "2 when something is missing without which no container runs, 125 when the command itself "
		       "failed.",
	.examples = "doctor\ndoctor --format json\ndoctor --format '{{range .Checks}}{{.Name}} {{.Status}}\n{{end}}'",
	.run = doctor_main, .opts = opts, .args_size = sizeof(struct doctor_args),
};
