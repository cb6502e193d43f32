/*
 * Shell completion: `completion SHELL` prints the script for a shell, and the scripts ask the
 * hidden `__complete -- WORD...` what can stand for the last word.  It prints candidates, one on a
 * line, with a tab and a description where there is one, and ":file" or ":dir" where names of
 * files belong.
 */
#include <stdlib.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/secret.h>
#include <ctrlite/volume.h>

#include "cli.h"
#include "commands.h"
#include "complete-values.h"
#include "fd.h"
#include "completions.h"

static int completion_main(struct cmd *c, void *args, struct err *e)
{
	const char *shell = c->args[0];

	(void)args;
	if (streq(shell, "bash"))
		fputs(completion_bash, stdout);
	else if (streq(shell, "zsh"))
		fputs(completion_zsh, stdout);
	else if (streq(shell, "fish"))
		fputs(completion_fish, stdout);
	else
		return err_set(e, ERR_INVALID,
			       "%s is not a valid shell, choose from: bash, zsh, fish", shell);
	return 0;
}

const struct command cmd_completion = {
	.summary = "Generate shell completion scripts",
	.usage = "{bash|zsh|fish}",
	.description =
		"Prints the completion script of a shell.  An installation puts it in place.",
	.examples = "completion bash > ~/.local/share/bash-completion/completions/ctr-lite",
	.run = completion_main,
	.min_args = 1,
	.max_args = 1,
};

/* What the words before the cursor lead to. */
struct place {
	struct globals g;
	const struct command_name *name;	/* NULL: no command yet */
	size_t n_args;				/* arguments of the command so far */
	const struct opt *pending;		/* the last word is its value */
	bool options_end;
};

/* What shells may show and insert as it is: a name in the store need not be ours. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || (unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* What stands before every name that is offered: "status=" of "status=running". */
static const char *before = "";

static void candidate(const char *word, const char *cur, const char *text)
{
	if (!str_starts(word, cur) || !is_plain(word))
		return;
	if (text && *text)
		printf("%s%s\t%s\n", before, word, text);
	else
		printf("%s%s\n", before, word);
}

static void complete_commands(const char *group, const char *cur)
{
	for (const struct command_name *n = commands; n->path; n++)
		if (command_name_in(n, group))
			candidate(command_name_in(n, group), cur,
				  n->cmd ? n->cmd->summary : n->group);
}

/* Can the command that completes @what do something with it in this state? */
static bool fits(enum opt_complete what, const struct ctr_status *s)
{
	switch (what) {
	case COMPLETE_CONTAINER_RUNNING:
		return s->state == CTR_RUNNING;
	case COMPLETE_CONTAINER_PAUSED:
		return s->state == CTR_RUNNING && s->paused;
	case COMPLETE_CONTAINER_STOPPED:
		return s->state != CTR_RUNNING;
	default:
		return true;
	}
}

static void complete_containers(struct ctr_engine *eng, const char *cur, enum opt_complete what)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;

	if (ctr_container_list(eng, &l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++) {
		const struct ctr_container *c = &l.items[i];
		char id[13];

		if (!fits(what, &c->status))
			continue;
		snprintf(id, sizeof(id), "%.12s", c->req.id);
		candidate(c->req.name, cur, is_plain(c->req.image) ? c->req.image : NULL);
		/* ids only where one has been begun: they double the list */
		if (*cur)
			candidate(id, cur, c->req.name);
	}
	ctr_container_list_done(&l);
}

static void complete_images(struct ctr_engine *eng, const char *cur)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;

	if (ctr_image_list(eng, &l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++) {
		char id[13];

		snprintf(id, sizeof(id), "%.12s", l.items[i].id.hex);
		for (size_t k = 0; k < l.items[i].names.n; k++) {
			const char *ref = l.items[i].names.items[k], *base = strrchr(ref, '/');

			candidate(ref, cur, NULL);
			if (base)
				candidate(base + 1, cur, NULL);
		}
		if (*cur || !l.items[i].names.n)
			candidate(id, cur, NULL);
	}
	ctr_image_list_done(&l);
}

static void complete_secrets(struct ctr_engine *eng, const char *cur)
{
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;

	if (ctr_secret_list(eng, &l, NULL) == 0)
		for (size_t i = 0; i < l.n; i++) {
			candidate(l.items[i].name, cur, NULL);
			if (*cur)
				candidate(l.items[i].id, cur, l.items[i].name);
		}
	ctr_secret_list_done(&l);
}

static void complete_volumes(struct ctr_engine *eng, const char *cur)
{
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;

	if (ctr_volume_list(eng, &l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++)
		if (*cur || !l.items[i].anonymous)
			candidate(l.items[i].name, cur, NULL);
	ctr_volume_list_done(&l);
}

static void complete_objects(const struct place *at, enum opt_complete what, const char *cur)
{
	const struct ctr_engine_opts o = { .root = at->g.root, .runroot = at->g.runroot };
	struct ctr_engine eng = CTR_ENGINE_INIT;

	if (ctr_engine_open(&eng, &o, NULL) < 0)
		return;	/* nothing to offer */
	if (what == COMPLETE_CONTAINER || what == COMPLETE_CONTAINER_RUNNING ||
	    what == COMPLETE_CONTAINER_PAUSED || what == COMPLETE_CONTAINER_STOPPED ||
	    what == COMPLETE_OBJECT)
		complete_containers(&eng, cur, what);
	if (what == COMPLETE_IMAGE || what == COMPLETE_OBJECT)
		complete_images(&eng, cur);
	if (what == COMPLETE_SECRET)
		complete_secrets(&eng, cur);
	if (what == COMPLETE_VOLUME || what == COMPLETE_OBJECT)
		complete_volumes(&eng, cur);
	ctr_engine_close(&eng);
}

static void complete_what(const struct place *at, enum opt_complete what, const char *cur)
{
	switch (what) {
	case COMPLETE_NONE:
	case COMPLETE_COUNT_:
		break;
	case COMPLETE_FILE:
		puts(":file");
		break;
	case COMPLETE_DIR:
		puts(":dir");
		break;
	case COMPLETE_COMMAND:
		complete_commands(NULL, cur);
		break;
	case COMPLETE_CONTAINER:
	case COMPLETE_CONTAINER_RUNNING:
	case COMPLETE_CONTAINER_PAUSED:
	case COMPLETE_CONTAINER_STOPPED:
	case COMPLETE_IMAGE:
	case COMPLETE_OBJECT:
	case COMPLETE_SECRET:
	case COMPLETE_VOLUME:
		complete_objects(at, what, cur);
		break;
	}
}

static enum opt_complete names_of(const char *word)
{
	static const struct {
		const char *word;
		enum opt_complete what;
	} kinds[] = {
		{ "@container", COMPLETE_CONTAINER }, { "@running", COMPLETE_CONTAINER_RUNNING },
		{ "@image", COMPLETE_IMAGE }, { "@volume", COMPLETE_VOLUME }, { "@secret", COMPLETE_SECRET },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (streq(kinds[i].word, word))
			return kinds[i].what;
	return COMPLETE_NONE;
}

/* The end of the beginning that @word has: behind its first "=" or ":". */
static size_t beginning(const char *word)
{
	size_t len = strcspn(word, "=:");

	return word[len] ? len + 1 : 0;
}

static void complete_word(const struct place *at, const char *word, const char *cur)
{
	size_t len = beginning(word);
	const char *rest = word + len;
	auto_free char *begun = strndup(word, len);

	/* "status=running" comes when "status=" is there, which is not offered again */
	if (!begun || (len && streq(word, cur)) || (len && *rest && strncmp(cur, word, len) != 0))
		return;
	if (rest[0] != '@') {
		candidate(word, cur, NULL);
		return;
	}
	before = begun;
	complete_what(at, names_of(rest), cur + len);
	before = "";
}

static bool complete_words(const struct place *at, const struct opt *o, const char *cur)
{
	const char *words = value_words(at->name, o->name);
	auto_strv struct strv list = STRV_INIT;

	if (!words || strv_split(&list, words, ' ') < 0)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (list.items[i][0])
			complete_word(at, list.items[i], cur);
	return true;
}

static void complete_value(const struct place *at, const struct opt *o, const char *cur)
{
	if (o->kind == OPT_ENUM) {
		for (const struct opt_choice *c = o->choices; c->name; c++)
			candidate(c->name, cur, NULL);
		return;
	}
	(void)complete_words(at, o, cur); /* and files, where it takes them too */
	if (streq(o->name, "volume") && !strchr(cur, ':')) {
		complete_what(at, COMPLETE_VOLUME, cur);
		puts(":dir");
	}
	complete_what(at, o->complete, cur);
}

static void complete_options(const struct opt *table, const char *cur)
{
	const struct opt *rows[OPT_SEEN_MAX];
	size_t n = opt_visible(table, rows, OPT_SEEN_MAX);

	for (size_t i = 0; i < n; i++) {
		char word[80];

		snprintf(word, sizeof(word), "--%s%s", rows[i]->name,
			 opt_takes_value(rows[i]) ? "=" : "");
		candidate(word, cur, rows[i]->help);
	}
}

static const struct opt *find_option(const struct opt *table, const char *word)
{
	size_t len;

	if (word[1] != '-')	/* of a bundle only the last may take a value */
		return opt_find_letter(table, word[strlen(word) - 1]);
	len = strcspn(word + 2, "=");
	return opt_find(table, word + 2, len);
}

static const struct opt *option_of(const struct place *at, const char *word)
{
	const struct opt *table = at->name && at->name->cmd ? at->name->cmd->opts : NULL;
	const struct opt *o = find_option(table, word);

	return o ? o : find_option(global_opts, word);
}

/* --root and --runroot say in which store to look. */
static void note_global(struct place *at, const struct opt *o, const char *value)
{
	if (o == opt_find(global_opts, "root", 4))
		at->g.root = value;
	else if (o == opt_find(global_opts, "runroot", 7))
		at->g.runroot = value;
}

static void take_word(struct place *at, const char *const *words, size_t n, size_t *i)
{
	const char *w = words[*i], *eq = strchr(w, '=');
	const struct command_name *found;
	size_t used;

	if (!at->options_end && streq(w, "--")) {
		at->options_end = true;
	} else if (!at->options_end && w[0] == '-' && w[1]) {
		const struct opt *o = option_of(at, w);

		if (!o)
			return;
		if (eq)
			note_global(at, o, eq + 1);
		else if (opt_takes_value(o) && *i + 1 < n)
			note_global(at, o, words[++*i]);
		else if (opt_takes_value(o))
			at->pending = o;
	} else if (!at->name) {
		/* a group is entered with its second word, if that is complete */
		found = command_match(words + *i, n - *i, &used);
		at->name = found;
		*i += found ? used - 1 : 0;
	} else {
		at->n_args++;
		if (at->name->cmd && (at->name->cmd->flags & CMD_STOP_AT_ARG))
			at->options_end = true;
	}
}

static int complete_main(struct cmd *c, void *args, struct err *e)
{
	struct place at = { 0 };
	const char *cur = c->n_args ? c->args[c->n_args - 1] : "";
	const char *eq = strchr(cur, '=');

	(void)args;
	(void)e;
	for (size_t i = 0; i + 1 < c->n_args; i++)
		take_word(&at, c->args, c->n_args - 1, &i);
	if (at.pending) {
		complete_value(&at, at.pending, cur);
	} else if (!at.options_end && eq && str_starts(cur, "--")) {
		const struct opt *o = option_of(&at, cur);

		if (o)
			complete_value(&at, o, eq + 1);
	} else if (!at.options_end && cur[0] == '-') {
		complete_options(at.name ? (at.name->cmd ? at.name->cmd->opts : NULL) : global_opts,
				 cur);
	} else if (!at.name) {
		complete_commands(NULL, cur);
	} else if (!at.name->cmd) {
		complete_commands(at.name->path, cur);
	} else if ((at.name->cmd->flags & CMD_STOP_AT_ARG) && at.n_args) {
		puts(":file");	/* the command line of a program */
	} else if (at.name->cmd->max_args > at.n_args) {
		complete_what(&at, at.name->cmd->complete, cur);
	}
	return 0;
}

const struct command cmd_complete = {
	.summary = "Say what can stand for the last word",
	.usage = "-- [WORD...]",
	.run = complete_main, .max_args = ARGS_ANY,
};
