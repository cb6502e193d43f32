/* `top`: the processes of a container. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/container.h>
#include <ctrlite/top.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "out.h"
#include "targets.h"

#define DEFAULT_COLUMNS "user,pid,ppid,pcpu,etime,tty,time,args"

struct top_args {
	bool latest, list;
};

#define ARG(m) offsetof(struct top_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'l', "latest",           NULL, OPT_FLAG, ARG(latest), "Look at the newest container" },
	{ 0,   "list-descriptors", NULL, OPT_FLAG, ARG(list),   "List the descriptors", OPT_HIDDEN },
	{ 0 },
};
/* clang-format on */

static int list_descriptors(void)
{
	for (int i = 0; ctr_top_name(i); i++)
		printf("%s\n", ctr_top_name(i));
	return 0;
}

/* The columns that the words name, each or joined by commas: 1, or 0 when one is unknown. */
static int read_columns(const struct strv *words, int **ret, size_t *ret_n, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free int *columns = NULL;

	for (size_t i = 0; i < words->n; i++)
		if (strv_split(&names, words->items[i], ',') < 0)
			return err_sys(e, ENOMEM, "read the descriptors");
	columns = calloc(names.n + 1, sizeof(*columns));
	if (!columns)
		return err_sys(e, ENOMEM, "read the descriptors");
	for (size_t i = 0; i < names.n; i++) {
		columns[i] = ctr_top_column(names.items[i]);
		if (columns[i] < 0)
			return 0;
	}
	*ret = take_ptr(&columns);
	*ret_n = names.n;
	return 1;
}

/* Cells come from whoever runs in the container. */
static int add_row(struct out_table *t, const struct strv *cells)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < cells->n; i++) {
		auto_free char *clean = str_printable(cells->items[i]);

		strbuf_addf(&b, "%s%s", i ? "\t" : "", clean ? clean : "");
		b.failed |= !clean;
	}
	return strv_add_take(&t->cells, strbuf_take(&b));
}

static int print_columns(struct cmd *c, const char *id, const int *columns, size_t n, struct err *e)
{
	auto_strv struct strv headings = STRV_INIT;
	struct out_table t = OUT_TABLE_INIT;
	struct ctr_top top = CTR_TOP_INIT;
	int r = ctr_container_top(c->eng, id, columns, n, &top, e), bad = 0;

	for (size_t i = 0; r == 0 && bad == 0 && i < n; i++)
		bad = strv_add(&headings, ctr_top_heading(columns[i]));
	if (r == 0 && bad == 0)
		bad = add_row(&t, &headings);
	for (size_t i = 0; r == 0 && bad == 0 && i < top.n; i++)
		bad = add_row(&t, &top.rows[i]);
	if (r == 0)
		r = bad < 0 ? err_sys(e, bad, "list the processes") : out_table_print(&t, e);
	strv_done(&t.cells);
	ctr_top_done(&top);
	return r;
}

/* All lines but that of ps itself, as far as it shows its arguments. */
static void print_without_ps(char *text, const struct strv *words)
{
	auto_strbuf struct strbuf self = STRBUF_INIT;
	char *save = NULL;

	strbuf_add(&self, " ps");
	for (size_t i = 0; i < words->n; i++)
		strbuf_addf(&self, " %s", words->items[i]);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (self.data && str_ends(line, self.data))
			continue;
		out_text(line, strlen(line));
		putchar('\n');
	}
}

/* Options of ps(1): the host's, or where that is not possible the container's own. */
static int run_ps(struct cmd *c, const char *id, const struct strv *words, struct err *e)
{
	struct ctr_exec_opts o = { .args = STRV_INIT, .no_session = true };
	struct ctr_exec_result result = { .exit_code = 0 };
	auto_free char *text = NULL;
	struct err why = ERR_INIT;
	int r = ctr_container_top_ps(c->eng, id, words, &text, &why);

	if (r == 0) {
		print_without_ps(text, words);
		return 0;
	}
	if (r != -ENOENT) {
		*e = why;
		return r;
	}
	r = strv_add(&o.args, "ps");
	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = strv_add(&o.args, words->items[i]);
	r = r < 0 ? err_sys(e, r, "run ps") : ctr_container_exec(c->eng, id, &o, &result, e);
	strv_done(&o.args);
	if (r < 0 && e->kind == ERR_CMD_NOT_FOUND)
		return err_set(e, ERR_UNSUPPORTED,
			       "the container has no ps, and that of the host cannot be "
			       "used (%s): use the descriptors of top instead, as in `" PROG
			       " top CONTAINER pid,args`",
			       why.text);
	if (r == 0 && result.exit_code)
		return err_set(e, ERR_INVALID, "ps in the container failed with exit code %d",
			       result.exit_code);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct top_args *a = args;
	auto_strv struct strv words = STRV_INIT;
	auto_free int *columns = NULL;
	struct ctr_status st;
	size_t used, n = 0;
	char id[65];
	int r;

	if (a->list)
		return list_descriptors();
	if (!a->latest && !c->n_args)
		return err_set(e, ERR_INVALID,
			       "you must provide the name or id of a running container");
	r = target_one(c, a->latest, NULL, id, &used, e);
	if (r < 0)
		return err_wrap(e, r, "unable to look up requested container");
	r = ctr_container_status(c->eng, id, &st, e);
	if (r == 0 && st.state != CTR_RUNNING)
		r = err_set(e, ERR_BUSY, "top can only be used on running containers");
	for (size_t i = used; r == 0 && i < c->n_args; i++)
		if (strv_add(&words, c->args[i]) < 0)
			r = err_sys(e, ENOMEM, "read the descriptors");
	if (r == 0 && !words.n && strv_add(&words, DEFAULT_COLUMNS) < 0)
		r = err_sys(e, ENOMEM, "read the descriptors");
	if (r == 0)
		r = read_columns(&words, &columns, &n, e);
	if (r < 0)
		return r;
	return r ? print_columns(c, id, columns, n, e) : run_ps(c, id, &words, e);
}

const struct command cmd_top = {
	.summary = "Display the running processes of a container",
	.usage = "[options] CONTAINER [FORMAT-DESCRIPTORS|ARG...]",
	.description = "Shows the processes of a running container. The columns are descriptors, "
		       "separated by "
		       "blanks or commas: args capamb capbnd capeff capinh capprm comm etime group "
		       "groups hgroup "
		       "hgroups hpid huid huser label nice pcpu pgid pid ppid rgroup rss ruser "
		       "seccomp state stime "
		       "time tty uid user vsz, and %-codes of ps(1). hgroup, hpid and huser are "
		       "those of the host. "
		       "Anything else is taken for options of ps(1), which is then run in the "
		       "container's PID "
		       "namespace: the host's, or else the container's own.",
	.examples = "top web\ntop web pid,user,args\ntop web hpid huser capeff seccomp\ntop web "
		    "-eo pid,comm",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct top_args),
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.flags = CMD_STOP_AT_ARG,
	.complete = COMPLETE_CONTAINER_RUNNING,
};
