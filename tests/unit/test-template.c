/* Go templates: what text/template prints for the same data, and what it refuses. */
#include "json.h"
#include "template.h"
#include "test.h"

static const char data_text[] =
	"{\"Id\": \"0123456789abcdef\", \"Name\": \"web\", \"Size\": 2048, \"Ratio\": 1.5, \"On\": "
	"true,"
	" \"Off\": false, \"Empty\": \"\", \"None\": null, \"Zero\": 0,"
	" \"List\": [\"a\", \"b\", \"c\"], \"Nothing\": [],"
	" \"Labels\": {\"b\": \"2\", \"a\": \"1\", \"x.y/z\": \"slash\"}, \"NoLabels\": null,"
	" \"Created\": \"2026-11-22T16:32:34.5Z\", \"Zoned\": \"2026-11-22T16:32:34+02:00\","
	" \"D1\": 90000000000, \"D2\": 1500000, \"D3\": 999, \"D4\": 3600000000000, \"D5\": -1250000000,"
	" \"D6\": 0,"
	" \"State\": {\"Status\": \"running\", \"Pid\": 7, \"Config\": {\"k\": \"v\"}},"
	" \"Config\": {\"Cmd\": [\"sh\", \"-c\", \"x y\"], \"User\": \"me\"},"
	" \"Ports\": {\"80/tcp\": [{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"8080\"}], \"90/udp\": "
	"null},"
	" \"Mounts\": [{\"Source\": \"/s\", \"Destination\": \"/d\"}], \"host\": {\"ociRuntime\": "
	"\"r\"},"
	" \"Html\": \"<a href='x'>&\\\"\", \"Utf\": \"h\u00e4\u00df\"}";

static const struct tmpl_field fields[] = {
	{ "Labels", NULL, TMPL_MAP }, { "NoLabels", NULL, TMPL_MAP }, { "Ports", NULL, TMPL_MAP },
	{ "Label", "Labels", TMPL_MAP | TMPL_METHOD }, { "Created", NULL, TMPL_TIME },
	{ "Zoned", NULL, TMPL_TIME }, { "Health", NULL, TMPL_OPTIONAL }, { "Src", "Source", 0 },
	{ "D1", NULL, TMPL_DURATION }, { "D2", NULL, TMPL_DURATION }, { "D3", NULL, TMPL_DURATION },
	{ "D4", NULL, TMPL_DURATION }, { "D5", NULL, TMPL_DURATION }, { "D6", NULL, TMPL_DURATION },
	{ "NoD", NULL, TMPL_DURATION },
	{ "State.Config", NULL, TMPL_MAP }, { NULL, NULL, 0 },
};

static int render(const char *text, struct strbuf *out, struct err *e)
{
	auto_tmpl struct tmpl *t = NULL;
	auto_json json_t *j = json_loads(data_text, 0, NULL);
	const struct tmpl_data d = { .root = j, .fields = fields };
	int r = tmpl_parse("test", text, &t, e);

	CHECK(j != NULL);
	return r < 0 ? r : tmpl_exec(t, &d, out, e);
}

static void prints(const char *text, const char *want)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	int r = render(text, &b, &e);

	CHECK_MSG(r >= 0, "%s: %s", text, e.text);
	CHECK_MSG(test_streq(b.data ? b.data : "", want), "%s prints \"%s\", want \"%s\"", text,
		  b.data ? b.data : "", want);
}

static void refuses(const char *text, const char *message)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	int r = render(text, &b, &e);

	CHECK_MSG(r < 0, "%s is accepted and prints \"%s\"", text, b.data ? b.data : "");
	CHECK_MSG(strstr(e.text, message) != NULL, "%s says \"%s\", want \"%s\"", text, e.text,
		  message);
}

TEST(fields)
{
	prints("", "");
	prints("plain } text {", "plain } text {");
	prints("{{.Name}}", "web");
	prints("<{{ .Name }}>", "<web>");
	prints("{{.ID}} {{.Id}}", "0123456789abcdef 0123456789abcdef");
	prints("{{.State.Status}}:{{.State.Pid}}", "running:7");
	prints("{{.Host.OCIRuntime}}", "r");
	prints("{{.Size}} {{.Ratio}} {{.On}} {{.Off}}", "2048 1.5 true false");
	prints("{{.None}}", "<nil>");
	prints("{{.List}} {{.Labels}} {{.Nothing}} {{.NoLabels}}",
	       "[a b c] map[a:1 b:2 x.y/z:slash] [] map[]");
	prints("{{.Config}}", "{[sh -c x y] me}");
	prints("{{.Labels.a}} {{.Labels.zz}}", "1 <no value>");
	prints("{{.State.Config.zz}}", "<no value>");
	prints("{{.Health}}", "<nil>");
	prints("{{.Created}}", "2026-11-22 16:32:34.5 +0000 UTC");
	prints("{{.D1}} {{.D2}} {{.D3}} {{.D4}} {{.D5}} {{.D6}} {{.NoD}}", "1m30s 1.5ms 999ns 1h0m0s -1.25s 0s 0s");
	prints("{{if .D6}}a{{end}}{{if .D1}}b{{end}} {{json .D1}}", "b 90000000000");
	prints("{{.Zoned}}", "2026-11-22 16:32:34 +0200 +0200");
	prints("{{.Label \"b\"}}|{{.Label \"none\"}}", "2|");
	prints("{{(index .Mounts 0).Src}}", "/s");
	refuses("{{.Foo}}",
		"template: test:1:2: executing \"test\" at <.Foo>: can't evaluate field Foo");
	refuses("{{.name}}", "can't evaluate field name");
	refuses("{{.State.Foo}}", "can't evaluate field Foo");
	refuses("{{.Name.Foo}}", "can't evaluate field Foo");
	refuses("{{.Config.zz}}", "can't evaluate field zz");
	refuses("{{.Health.Status}}", "nil pointer evaluating");
	refuses("{{.Name \"x\"}}", "Name is not a method but has arguments");
	refuses("line\n  {{.Foo}}", "template: test:2:4:");
}

TEST(pipelines_and_literals)
{
	prints("{{.Name | upper}}", "WEB");
	prints("{{.Name | printf \"%s-%s\" \"a\"}}", "a-web");
	prints("{{\"q\\\"\\t\\u00e4\\x41\"}}", "q\"\t\u00e4A");
	prints("{{`raw\\n`}}", "raw\\n");
	prints("{{1}} {{-5}} {{0x10}} {{1.5}} {{1e3}} {{'a'}} {{true}}",
	       "1 -5 16 1.5 1000 97 true");
	prints("{{(.Name)}} {{(printf \"%d\" 3)}}", "web 3");
	prints("{{$x := .Name}}{{$x}}{{$x = \"new\"}}{{$x}}", "webnew");
	refuses("{{$x}}", "undefined variable");
	refuses("{{\"x}}", "unterminated quoted string");
	refuses("{{`x}}", "unterminated raw quoted string");
	refuses("{{.Name", "unclosed action");
	refuses("{{}}", "missing value for command");
	refuses("{{.Name | }}", "missing value for command");
	refuses("{{(.Name}}", "unclosed left paren");
	refuses("{{.Name)}}", "unexpected right paren");
	refuses("{{nofunc 1}}", "function \"nofunc\" not defined");
	refuses("{{1 | 2}}", "non executable command");
	refuses("{{1 2}}", "can't give argument to non-function");
	refuses("{{#}}", "unexpected");
	refuses("{{1x}}", "bad number");
	refuses("{{\"\\q\"}}", "invalid syntax");
	refuses("{{define \"x\"}}{{end}}", "{{define}} is not supported");
}

TEST(the_root_prints_its_json)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_json json_t *view = json_pack("{s:s}", "A", "v"),
			 *whole = json_pack("{s:s}", "B", "w");
	auto_tmpl struct tmpl *t = NULL;
	const struct tmpl_data d = { .root = view, .json = whole };
	struct err e = ERR_INIT;

	CHECK_OK(tmpl_parse("x", "{{json .}} {{.A}} {{json .A}}", &t, &e), e);
	CHECK_OK(tmpl_exec(t, &d, &b, &e), e);
	CHECK_STR(b.data, "{\"B\":\"w\"} v \"v\"");
}

TEST(conditions)
{
	prints("{{if .On}}y{{end}}{{if .Off}}n{{end}}", "y");
	prints("{{if .Empty}}1{{else if .Zero}}2{{else if .Nothing}}3{{else}}4{{end}}", "4");
	prints("{{if .None}}1{{else}}2{{end}}{{if .NoLabels}}1{{else}}2{{end}}", "22");
	prints("{{if $x := .Name}}{{$x}}{{end}}", "web");
	prints("{{with .State}}{{.Status}}{{$.Name}}{{end}}", "runningweb");
	prints("{{with .Empty}}x{{else}}e{{end}}", "e");
	prints("{{with .Empty}}x{{else with .Name}}{{.}}{{end}}", "web");
	prints("{{with $s := .State}}{{$s.Pid}}{{end}}", "7");
	refuses("{{if .On}}", "unexpected EOF");
	refuses("{{end}}", "unexpected {{end}}");
	refuses("{{else}}", "unexpected {{else}}");
	refuses("{{if .On}}{{else}}{{else}}{{end}}", "expected end; found {{else}}");
	refuses("{{if}}{{end}}", "missing value");
	refuses("{{with $s := .State}}{{end}}{{$s}}", "undefined variable");
}

TEST(loops)
{
	prints("{{range .List}}{{.}},{{end}}", "a,b,c,");
	prints("{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=a 1=b 2=c ");
	prints("{{range $v := .List}}{{$v}}{{end}}", "abc");
	prints("{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}", "a:1;b:2;x.y/z:slash;");
	prints("{{range .Nothing}}x{{else}}none{{end}}", "none");
	prints("{{range .None}}x{{else}}none{{end}}", "none");
	prints("{{range $p, $c := .Ports}}{{$p}}->{{(index $c 0).HostPort}}{{break}}{{end}}",
	       "80/tcp->8080");
	prints("{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac");
	prints("{{range .List}}{{$.Name}}{{break}}{{end}}", "web");
	prints("{{range .List}}{{println .}}{{end}}", "a\nb\nc\n");
	prints("{{$n := 0}}{{range .List}}{{$n = .}}{{end}}{{$n}}", "c");
	refuses("{{break}}", "{{break}} outside {{range}}");
	refuses("{{range .Ratio}}{{end}}", "range can't iterate");
	refuses("{{range $i, $v := .List}}{{end}}{{$v}}", "undefined variable");
}

TEST(trimming_and_comments)
{
	prints("a {{- .Name -}} b", "awebb");
	prints("a {{- /* no */ -}} b", "ab");
	prints("a {{/* no */}} b", "a  b");
	prints("{{range .List -}}\n  {{.}}\n{{- end}}", "abc");
	prints("{{if .On -}} x {{- else -}} y {{- end}}", "x");
	prints("x {{-5}}", "x -5");
}

TEST(functions)
{
	prints("{{json .List}} {{json .Html}} {{json .None}} {{json .Health}}",
	       "[\"a\",\"b\",\"c\"] \"<a href='x'>&\\\"\" null null");
	prints("{{join .List \", \"}}|{{join .Nothing \",\"}}", "a, b, c|");
	prints("{{upper .Name}} {{lower \"ABC\"}} {{title \"two words\"}}", "WEB abc Two Words");
	prints("{{split \"\" \"\"}}{{split \"h\u00e4\" \"\"}}", "[][h \u00e4]");
	prints("{{split \"a,b\" \",\"}} {{len (split \"\" \",\")}} {{split \"ab\" \"\"}}",
	       "[a b] 1 [a b]");
	prints("[{{pad .Name 1 2}}] [{{pad .Empty 1 2}}]", "[ web  ] []");
	prints("{{truncate .Id 4}} {{truncate .Name 10}}", "0123 web");
	prints("{{index .List 1}} {{index .Labels \"x.y/z\"}} [{{index .Labels \"no\"}}]",
	       "b slash []");
	prints("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080");
	prints("{{(index .Ports \"80/tcp\" 0).HostIP}}", "0.0.0.0");
	prints("{{len .List}} {{len .Name}} {{len .Labels}} {{len .None}}", "3 3 3 0");
	prints("{{slice .Name 1}} {{slice .List 0 2}} {{slice .Name 1 2}}", "eb [a b] e");
	prints("{{eq .Name \"web\"}} {{eq .Size 1 2048}} {{ne .Name \"x\"}}", "true true true");
	prints("{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2.5}}", "true true true false");
	prints("{{and .On .Name}} {{and .Off .Foo}} {{or .Empty .Name}} {{or .On .Foo}} {{not "
	       ".On}}",
	       "web false web true false");
	prints("{{eq .None nil}}", "true");
	prints("{{print .Name .Size 1 2}} {{println}}", "web2048 1 2 \n");
	prints("{{html .Html}}", "&lt;a href=&#39;x&#39;&gt;&amp;&#34;");
	prints("{{urlquery \"a b/\u00e4\"}}", "a+b%2F%C3%A4");
	prints("{{js \"<'\"}}", "\\u003C\\'");
	refuses("{{index .List 3}}", "index out of range: 3");
	refuses("{{index .List -1}}", "index out of range: -1");
	refuses("{{index .Size 1}}", "can't index item of type int");
	refuses("{{len .Size}}", "len of type int");
	refuses("{{join .Name \",\"}}", "join needs a list and a string");
	refuses("{{eq 1}}", "wrong number of args for eq: want at least 2 got 1");
	refuses("{{not}}", "wrong number of args for not: want 1 got 0");
	refuses("{{lt 1 \"a\"}}", "incompatible types for comparison");
	refuses("{{eq .List .List}}", "non-comparable type");
	refuses("{{slice .Name 2 1}}", "index out of range");
	refuses("{{pad .Name 1 100000}}", "pad takes widths");
	refuses("{{and}}", "wrong number of args for and");
	refuses("{{truncate .Name -1}}", "no negative length");
}

TEST(printf_verbs)
{
	prints("{{printf \"%s|%q|%v|%d|%5d|%-5d|%05d|%+d\" .Name .Name .List 3 3 3 3 3}}",
	       "web|\"web\"|[a b c]|3|    3|3    |00003|+3");
	prints("{{printf \"%.2f|%8.3f|%e\" .Ratio 2.0 1.5}}", "1.50|   2.000|1.500000e+00");
	prints("{{printf \"%x|%X|%o|%b|%c|%x\" 255 255 8 5 65 \"hi\"}}", "ff|FF|10|101|A|6869");
	prints("{{printf \"%10s|%-6s|%.2s|%5.1s\" .Name .Name .Name .Name}}",
	       "       web|web   |we|    w");
	prints("{{printf \"%6s|%.2s\" .Utf .Utf}}", "   h\u00e4\u00df|h\u00e4");
	prints("{{printf \"%t %%\" .On}}", "true %");
	prints("{{printf \"%d\" .Name}}", "%!d(string=web)");
	prints("{{printf \"%s\"}}", "%!s(MISSING)");
	prints("{{printf \"x\" 1 .Name}}", "x%!(EXTRA int=1, string=web)");
	prints("{{printf \"%\"}}", "%!(NOVERB)");
	prints("{{printf \"%x\" -255}}", "-ff");
	refuses("{{printf 1}}", "wrong type for value of printf; expected string; got int");
	refuses("{{printf \"%99999999999d\" 1}}", "widths up to");
}

TEST(limits)
{
	char deep[2048], *s = deep;
	struct strbuf b = STRBUF_INIT;

	for (int i = 0; i < 300; i++)
		s = stpcpy(s, i ? "(" : "{{");
	strcpy(s, "1}}");
	refuses(deep, "nested too deeply");
	for (int i = 0; i < 150; i++)
		strbuf_add(&b, "{{if 1}}");
	refuses(b.data, "nested too deeply");
	strbuf_done(&b);
}

TEST(headings_of_a_table)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_json json_t *known = json_pack("{s:s}", "ID", "CONTAINER ID");
	auto_tmpl struct tmpl *t = NULL;
	const struct tmpl_data d = { .root = known, .fields = fields, .headings = true };
	struct err e = ERR_INIT;

	CHECK_OK(tmpl_parse("x",
			    "{{.ID}}\t{{.CreatedAt}}\t{{.Names}}\t{{.Label \"a\"}}\t{{.State.Pid}}",
			    &t, &e),
		 e);
	CHECK_OK(tmpl_exec(t, &d, &b, &e), e);
	CHECK_STR(b.data, "CONTAINER ID\tCREATED AT\tNAMES\tLABEL\tPID");
}

TEST(methods_of_times)
{
	prints("{{.Created.Year}} {{.Created.Month}} {{.Created.Day}} {{.Created.YearDay}}",
	       "2026 November 22 326");
	prints("{{.Created.Unix}} {{.Created.UnixNano}} {{.Created.Weekday}}",
	       "1795365154 1795365154500000000 Sunday");
	prints("{{.Zoned.Hour}} {{.Zoned.UTC.Hour}} {{.Zoned.UTC}}", "16 14 2026-11-22 14:32:34 +0000 UTC");
	prints("{{.Created.Format \"2006-01-02 15:04:05.000 -0700 MST\"}}",
	       "2026-11-22 16:32:34.500 +0000 UTC");
	prints("{{.Zoned.Format \"Mon, 02 Jan 06 3:04PM Z07:00\"}}", "Sun, 22 Nov 26 4:32PM +02:00");
	prints("{{.Created.Format \"Monday January _2 1 2 03 4 5 pm .999 x\"}}",
	       "Sunday November 22 11 22 04 32 34 pm .5 x");
	prints("{{.Zoned.Format \"15:04:05.999\"}} {{.Created.IsZero}}", "16:32:34 false");
	prints("{{len .Created.String}} {{.Created.String | upper}}", "31 2026-11-22 16:32:34.5 +0000 UTC");
	refuses("{{.Created.Nothing}}", "can't evaluate field Nothing");
	refuses("{{.Created.Format}}", "wrong number of args");
	refuses("{{.Created.Year 1}}", "wrong number of args");
}

TEST(range_over_a_number)
{
	prints("{{range 3}}{{.}}{{end}}", "012");
	prints("{{range $i := 2}}<{{$i}}>{{end}}{{range .Zero}}x{{else}}none{{end}}", "<0><1>none");
	prints("{{range 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}", "02");
	refuses("{{range 99999999}}{{end}}", "the template does too much");
	refuses("{{range .Ratio}}{{end}}", "range can't iterate over");
	prints("{{printf \"%T %T\" .Name .Size}}", "string int");
}
