/* Option tables: pflag's rules, each spelling and each mistake. */
#include "opt.h"
#include "test.h"

struct args {
	bool all, it_i, it_t, verify;
	const char *name, *pull;
	struct strv env, dns;
	uint64_t memory, count;
	int64_t last, wait_ns;
	double cpus;
	int color;
	char custom[32];
};

static int parse_custom(const char *value, void *dst, struct err *e)
{
	if (strlen(value) > 20)
		return err_set(e, ERR_INVALID, "too long");
	snprintf(dst, 32, "<%s>", value);
	return 0;
}

static const struct opt_choice colors[] = { { "red", 1 }, { "blue", 2 }, { NULL, 0 } };

#define ARG(m) offsetof(struct args, m)
static const struct opt shared[] = {
	{ 'e', "env", "K=V", OPT_LIST, ARG(env), "" },
	{ 0, "dns", "IP", OPT_CSVLIST, ARG(dns), "" },
	{ 0 },
};
static const struct opt table[] = {
	{ 'a', "all", NULL, OPT_FLAG, ARG(all), "" },
	{ 'i', "interactive", NULL, OPT_FLAG, ARG(it_i), "" },
	{ 't', "tty", NULL, OPT_FLAG, ARG(it_t), "" },
	{ 0, "verify", NULL, OPT_FLAG, ARG(verify), "" },
	{ 'n', "name", "NAME", OPT_STRING, ARG(name), "" },
	{ 0, "title", "NAME", OPT_ALIAS, .text = "name" },
	{ 'm', "memory", "SIZE", OPT_SIZE, ARG(memory), "" },
	{ 0, "count", "N", OPT_U64, ARG(count), "" },
	{ 'l', "last", "N", OPT_I64, ARG(last), "" },
	{ 0, "wait", "TIME", OPT_DURATION, ARG(wait_ns), "" },
	{ 0, "cpus", "N", OPT_FLOAT, ARG(cpus), "" },
	{ 'p', "pull", "POLICY", OPT_OPTIONAL, ARG(pull), "", .text = "always" },
	{ 0, "color", "COLOR", OPT_ENUM, ARG(color), "", .choices = colors },
	{ 0, "custom", "X", OPT_CUSTOM, ARG(custom), "", .parse = parse_custom },
	{ 0, "swap", "SIZE", OPT_REFUSED, .text = "swap is not limited" },
	{ 0, "privileged", NULL, OPT_REFUSED, .text = "everything is confined" },
	{ 0, NULL, NULL, OPT_INCLUDE, .table = shared },
	{ 0 },
};

struct global {
	const char *root;
	bool version;
};
#undef ARG
#define ARG(m) offsetof(struct global, m)
static const struct opt globals[] = {
	{ 0, "root", "DIR", OPT_STRING, ARG(root), "" },
	{ 'v', "version", NULL, OPT_FLAG, ARG(version), "", OPT_FIRST },
	{ 0 },
};

struct parsed {
	struct args a;
	struct global g;
	struct opt_parse p;
	struct err e;
	int r;
	char words[32][128];
	char *argv[32];
};

/* Parse words that are separated by one blank each ("|" stands for an empty word). */
static void parse(struct parsed *x, const char *line, bool stop)
{
	size_t n = 0;

	memset(x, 0, sizeof(*x));
	for (const char *s = line; *s && n < 31; n++) {
		size_t len = strcspn(s, " ");

		CHECK(len < sizeof(x->words[n]));
		memcpy(x->words[n], s, len);
		if (streq(x->words[n], "|"))
			x->words[n][0] = '\0';
		x->argv[n] = x->words[n];
		s += len + (s[len] == ' ');
	}
	x->p = (struct opt_parse){ .table = table,
				   .dst = &x->a,
				   .global = globals,
				   .global_dst = &x->g,
				   .stop_at_arg = stop };
	x->r = opt_parse(&x->p, n, x->argv, &x->e);
}

static void refuses(const char *line, const char *message)
{
	struct parsed x;

	parse(&x, line, false);
	CHECK_MSG(x.r < 0, "\"%s\" was accepted", line);
	CHECK_STR(x.e.text, message);
	opt_parse_done(&x.p);
}

TEST(takes_values_in_every_spelling)
{
	static const char *const spellings[] = { "--name v",  "--name=v",
						 "-nv",	      "-n v",
						 "-n=v",      "--title v",
						 "--title=v", "--name first --name v",
						 "-an v",     "-anv" };
	struct parsed x;

	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		parse(&x, spellings[i], false);
		CHECK_OK(x.r, x.e);
		CHECK_STR(x.a.name, "v");
		CHECK(opt_seen(&x.p, "name"));
		CHECK_INT(x.p.n_args, 0);
		opt_parse_done(&x.p);
	}
}

TEST(flags_take_a_value_only_behind_an_equals_sign)
{
	struct parsed x;

	parse(&x, "-itd=x", false);
	CHECK_INT(x.r, -EINVAL);
	opt_parse_done(&x.p);
	parse(&x, "-it --all=false --verify=T rest", false);
	CHECK_OK(x.r, x.e);
	CHECK(x.a.it_i && x.a.it_t && !x.a.all && x.a.verify);
	CHECK_INT(x.p.n_args, 1);
	CHECK_STR(x.p.args[0], "rest");
	opt_parse_done(&x.p);
	parse(&x, "-a=0 --verify false", false);
	CHECK_OK(x.r, x.e);
	CHECK(!x.a.all && x.a.verify);
	CHECK_STR(x.p.args[0], "false");
	opt_parse_done(&x.p);
}

TEST(lists_append_and_only_csv_lists_split)
{
	struct parsed x;

	parse(&x, "-e A=1,2 --env=B --dns 1.1.1.1,2.2.2.2 --dns \"a,b\",c --dns |", false);
	CHECK_OK(x.r, x.e);
	CHECK_INT(x.a.env.n, 2);
	CHECK_STR(x.a.env.items[0], "A=1,2");
	CHECK_INT(x.a.dns.n, 4);
	CHECK_STR(x.a.dns.items[1], "2.2.2.2");
	CHECK_STR(x.a.dns.items[2], "a,b");
	CHECK_STR(x.a.dns.items[3], "c");
	opt_parse_done(&x.p);
	CHECK_INT(x.a.dns.n, 0);
}

TEST(reads_every_kind_of_value)
{
	struct parsed x;

	parse(&x,
	      "-m 2g --count 7 --last -3 --wait 1m30s --cpus 1.5 --pull --color blue --custom z",
	      false);
	CHECK_OK(x.r, x.e);
	CHECK_UINT(x.a.memory, 2ull << 30);
	CHECK_UINT(x.a.count, 7);
	CHECK_INT(x.a.last, -3);
	CHECK_INT(x.a.wait_ns, 90000000000);
	CHECK(x.a.cpus == 1.5);
	CHECK_STR(x.a.pull, "always");
	CHECK_INT(x.a.color, 2);
	CHECK_STR(x.a.custom, "<z>");
	opt_parse_done(&x.p);
	/* the optional value stands behind "=" only */
	parse(&x, "--pull never", false);
	CHECK_STR(x.a.pull, "always");
	CHECK_STR(x.p.args[0], "never");
	opt_parse_done(&x.p);
	parse(&x, "--pull=never -p=newer", false);
	CHECK_STR(x.a.pull, "newer");
	opt_parse_done(&x.p);
}

TEST(arguments_may_stand_between_options_or_end_them)
{
	struct parsed x;

	parse(&x, "one -a two -- -i --name", false);
	CHECK_OK(x.r, x.e);
	CHECK(x.a.all && !x.a.it_i);
	CHECK_INT(x.p.n_args, 4);
	CHECK_STR(x.p.args[2], "-i");
	CHECK_STR(x.p.args[4], NULL);
	opt_parse_done(&x.p);
	parse(&x, "-a image ls -i --foo", true);
	CHECK_OK(x.r, x.e);
	CHECK_INT(x.p.n_args, 4);
	CHECK_STR(x.p.args[2], "-i");
	CHECK(!x.a.it_i);
	opt_parse_done(&x.p);
	parse(&x, "- -a", true);
	CHECK_INT(x.p.n_args, 2);
	CHECK_STR(x.p.args[0], "-");
	opt_parse_done(&x.p);
}

TEST(global_options_are_taken_but_not_those_for_the_front)
{
	struct parsed x;

	parse(&x, "--root /x -a", false);
	CHECK_OK(x.r, x.e);
	CHECK_STR(x.g.root, "/x");
	opt_parse_done(&x.p);
	refuses("--version", "unknown flag: --version");
	refuses("-v", "unknown shorthand flag: 'v' in -v");
}

TEST(help_is_known_everywhere)
{
	struct parsed x;

	parse(&x, "-ah", false);
	CHECK_OK(x.r, x.e);
	CHECK(x.p.help);
	opt_parse_done(&x.p);
	parse(&x, "--help", true);
	CHECK(x.p.help);
	opt_parse_done(&x.p);
}

TEST(says_what_is_wrong_as_pflag_does)
{
	refuses("--foo", "unknown flag: --foo");
	refuses("--foo=bar", "unknown flag: --foo");
	refuses("-aZi", "unknown shorthand flag: 'Z' in -aZi");
	refuses("--name", "flag needs an argument: --name");
	refuses("-n", "flag needs an argument: 'n' in -n");
	refuses("-an", "flag needs an argument: 'n' in -an");
	refuses("--=x", "bad flag syntax: --=x");
	refuses("---x", "bad flag syntax: ---x");
	refuses("--all=maybe",
		"invalid argument \"maybe\" for \"-a, --all\" flag: strconv.ParseBool: "
		"parsing \"maybe\": invalid syntax");
	refuses("--last x",
		"invalid argument \"x\" for \"-l, --last\" flag: strconv.ParseInt: parsing "
		"\"x\": invalid syntax");
	refuses("--count 99999999999999999999",
		"invalid argument \"99999999999999999999\" for \"--count\" "
		"flag: strconv.ParseUint: parsing \"99999999999999999999\": value out of range");
	refuses("--cpus nan",
		"invalid argument \"nan\" for \"--cpus\" flag: strconv.ParseFloat: parsing "
		"\"nan\": invalid syntax");
	refuses("--color green",
		"invalid argument \"green\" for \"--color\" flag: \"green\" is not a valid value.  Choose from: \"red, blue\"");
	refuses("--memory 5x",
		"invalid argument \"5x\" for \"-m, --memory\" flag: not a size; a number "
		"with an optional unit b, k, m, g or t is expected");
	refuses("--dns a\"b",
		"invalid argument \"a\\\"b\" for \"--dns\" flag: parse error: stray \" in a "
		"comma-separated list");
	refuses("--custom xxxxxxxxxxxxxxxxxxxxxxxxx", "--custom: too long");
}

TEST(refuses_what_does_not_exist_yet_by_name)
{
	struct parsed x;

	refuses("--swap 1g", "--swap is not supported yet: swap is not limited");
	refuses("--swap=1g", "--swap is not supported yet: swap is not limited");
	refuses("--privileged", "--privileged is not supported yet: everything is confined");
	refuses("--privileged=true", "--privileged is not supported yet: everything is confined");
	/* asks for nothing */
	parse(&x, "--privileged=false", false);
	CHECK_OK(x.r, x.e);
	opt_parse_done(&x.p);
}

TEST(two_options_that_exclude_each_other)
{
	struct parsed x;
	struct err e = ERR_INIT;

	parse(&x, "-a --title x", false);
	CHECK_ERR(opt_exclusive(&x.p, "all", "name", &e), e, ERR_INVALID);
	CHECK_STR(e.text, "--all and --name cannot be used together");
	CHECK_INT(opt_exclusive(&x.p, "all", "count", NULL), 0);
	opt_parse_done(&x.p);
}

TEST(csv_by_the_rules_of_go)
{
	static const struct {
		const char *text;
		const char *joined;	/* fields with | between; NULL: refused */
	} cases[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a,b", "a|b" },
		{ "a,,b", "a||b" },
		{ ",", "|" },
		{ "\"a\"", "a" },
		{ "\"a,b\",c", "a,b|c" },
		{ "\"a\"\"b\"", "a\"b" },
		{ "\"\"", "" },
		{ "a\"b", NULL },
		{ "\"a", NULL },
		{ "\"a\"b", NULL },
		{ "\"", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strv v = STRV_INIT;
		struct strbuf b = STRBUF_INIT;
		int r = opt_split_csv(cases[i].text, &v);

		CHECK_MSG((r == 0) == (cases[i].joined != NULL), "%s: %d", cases[i].text, r);
		for (size_t k = 0; k < v.n; k++)
			strbuf_addf(&b, "%s%s", k ? "|" : "", v.items[k]);
		if (cases[i].joined)
			CHECK_STR(b.data ? b.data : "", cases[i].joined);
		strbuf_done(&b);
		strv_done(&v);
	}
}

TEST(help_and_completion_see_the_rows_by_name)
{
	const struct opt *rows[64];
	size_t n = opt_visible(table, rows, 64);

	for (size_t i = 0; i < n; i++) {
		CHECK(rows[i]->kind != OPT_REFUSED && rows[i]->kind != OPT_ALIAS);
		CHECK(!i || strcmp(rows[i - 1]->name, rows[i]->name) < 0);
	}
	CHECK_INT(n, 15);
	CHECK_STR(opt_find(table, "dns", 3)->name, "dns");
	CHECK(opt_find_letter(table, 'e') == &shared[0]);
	CHECK(!opt_find(table, "dn", 2));
}
