/* Lists, tables and JSON on stdout, see out.h. */
#include "out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"

#define COLUMN_MIN 12
#define COLUMN_GAP 2
#define COLUMNS_MAX 32

static bool is_control(const unsigned char *s, size_t len, size_t *ret_n)
{
	*ret_n = 1;
	if (len > 1 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
		*ret_n = 2;	/* C1: a terminal may take it for an escape sequence */
		return true;
	}
	return s[0] < 0x20 || s[0] == 0x7f;
}

void out_text(const char *s, size_t len)
{
	bool terminal = isatty(STDOUT_FILENO);

	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char *c = (const unsigned char *)s + i;

		if (!is_control(c, len - i, &n) || !terminal || *c == '\n' || *c == '\t') {
			fwrite(c, 1, n, stdout);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			printf("\\x%02x", c[k]);
	}
}

static size_t width_of(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* Call @fn for each cell of a line. */
static void each_cell(const char *line, void (*fn)(void *arg, size_t column, const char *s,
						   size_t len, bool last), void *arg)
{
	for (size_t column = 0;; column++) {
		size_t len = strcspn(line, "\t");
		bool last = !line[len];

		fn(arg, column, line, len, last);
		if (last)
			return;
		line += len + 1;
	}
}

static void measure(void *arg, size_t column, const char *s, size_t len, bool last)
{
	size_t *widths = arg, w = width_of(s, len) + COLUMN_GAP;

	if (!last && column < COLUMNS_MAX && w > widths[column])
		widths[column] = w;
}

static void print_cell(void *arg, size_t column, const char *s, size_t len, bool last)
{
	const size_t *widths = arg;
	size_t have = width_of(s, len), want = column < COLUMNS_MAX ? widths[column] : COLUMN_MIN;

	fwrite(s, 1, len, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(want > have ? want - have : COLUMN_GAP), "");
}

int out_table_print(const struct out_table *t, struct err *e)
{
	size_t widths[COLUMNS_MAX];

	(void)e;
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		widths[i] = COLUMN_MIN;
	for (size_t i = 0; i < t->cells.n; i++)
		each_cell(t->cells.items[i], measure, widths);
	for (size_t i = 0; i < t->cells.n; i++)
		each_cell(t->cells.items[i], print_cell, widths);
	return 0;
}

void out_format_done(struct out_format *f)
{
	tmpl_free(f->tmpl);
	f->tmpl = NULL;
}

/* Backslash sequences that shells leave alone; in a table blanks between two actions part cells. */
static char *normal_format(const char *s, bool table)
{
	struct strbuf b = STRBUF_INIT;

	for (; *s; s++) {
		if (*s == '\\' && (s[1] == 't' || s[1] == 'n')) {
			strbuf_addc(&b, s[1] == 't' ? '\t' : '\n');
			s++;
		} else if (table && str_starts(s, "}} ") &&
			   str_starts(s + 2 + strspn(s + 2, " "), "{{")) {
			strbuf_add(&b, "}}\t");
			s += 1 + strspn(s + 2, " ");
		} else {
			strbuf_addc(&b, *s);
		}
	}
	return strbuf_take(&b);
}

static bool is_json_word(const char *s, bool json_list)
{
	static const char *const words[] = { "{{json .}}", "{{ json .}}", "{{json . }}",
					     "{{ json . }}" };

	if (streq(s, "json"))
		return true;
	for (size_t i = 0; json_list && i < sizeof(words) / sizeof(*words); i++)
		if (streq(s, words[i]))
			return true;
	return false;
}

int out_format_parse(const char *name, const char *text, const char *table, bool json_list,
		     struct out_format *ret, struct err *e)
{
	auto_free char *format = NULL, *line = NULL;
	const char *rest;

	if (text && is_json_word(text, json_list)) {
		ret->kind = OUT_JSON;
		return 0;
	}
	if (!text || !*text || streq(text, "table"))
		rest = table;
	else
		rest = str_after(text, "table ");
	ret->kind = rest ? OUT_TABLE : OUT_TEMPLATE;
	format = normal_format(rest ? rest + strspn(rest, " ") : text, rest != NULL);
	if (!format)
		return err_sys(e, ENOMEM, "read --format");
	/* The template gets a newline, whatever its output ends with.  Errors are those of what was
	 * typed. */
	if (!str_ends(format, "\n"))
		line = str_printf("%s\n", format);
	if (line && tmpl_parse(name, line, &ret->tmpl, NULL) == 0)
		return 0;
	return tmpl_parse(name, format, &ret->tmpl, e);
}

static bool is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

static void add_clean(struct strbuf *b, const char *s, size_t len)
{
	auto_free char *cell = strndup(s, len);
	auto_free char *clean = cell ? str_printable(cell) : NULL;

	strbuf_add(b, clean ? clean : "");
}

/* A cell must stay in its line: control bytes in it are shown. */
static int add_line(struct out_table *t, const char *line)
{
	struct strbuf b = STRBUF_INIT;

	for (;;) {
		size_t len = strcspn(line, "\t");

		if (is_plain(line, len))
			strbuf_addn(&b, line, len);
		else
			add_clean(&b, line, len);
		if (!line[len])
			break;
		strbuf_addc(&b, '\t');
		line += len + 1;
	}
	return strv_add_take(&t->cells, strbuf_take(&b));
}

static int exec_line(const struct out_format *f, const struct tmpl_data *d, struct out_table *t,
		     struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int r = tmpl_exec(f->tmpl, d, &b, e);
	bool newline = b.len && b.data[b.len - 1] == '\n';

	if (f->kind == OUT_TEMPLATE) {
		/* what came before a failure is shown, as podman does */
		if (b.len)
			out_text(b.data, b.len);
		return r;
	}
	if (r < 0)
		return r;
	if (newline)
		b.data[--b.len] = '\0';
	r = add_line(t, b.data ? b.data : "");
	return r < 0 ? err_sys(e, r, "make the table") : 0;
}

int out_list_print(const struct out_format *f, const struct out_list *l, bool no_heading,
		   struct err *e)
{
	struct out_table t = OUT_TABLE_INIT;
	struct tmpl_data d = { .root = l->headings, .fields = l->fields, .headings = true };
	int r = 0;

	if (f->kind == OUT_JSON)
		return out_json(l->json, l->indent, e);
	if (f->kind == OUT_TABLE && !no_heading)
		r = exec_line(f, &d, &t, e);
	d.headings = false;
	for (size_t i = 0; r >= 0 && i < json_array_size(l->views); i++) {
		d.root = json_array_get(l->views, i);
		d.json = json_array_get(l->json, i);
		r = exec_line(f, &d, &t, e);
	}
	if (r >= 0 && f->kind == OUT_TABLE)
		r = out_table_print(&t, e);
	strv_done(&t.cells);
	return r;
}

/* jansson leaves DEL and C1 as they are: they can only stand in strings. */
static int json_write(const char *s, size_t len, void *arg)
{
	size_t plain = 0;

	(void)arg;
	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char *c = (const unsigned char *)s + i;

		if (!is_control(c, len - i, &n) || *c == '\n')
			continue;
		fwrite(s + plain, 1, i - plain, stdout);
		printf("\\u00%02x", n == 2 ? c[1] : c[0]);
		plain = i + n;
	}
	fwrite(s + plain, 1, len - plain, stdout);
	return 0;
}

int out_json(const json_t *j, int indent, struct err *e)
{
	size_t flags = JSON_ENCODE_ANY | JSON_INDENT((size_t)indent);

	if (json_dump_callback(j, json_write, NULL, flags) < 0)
		return err_set(e, ERR_CORRUPT, "print as JSON: a string in it is not UTF-8");
	putchar('\n');
	return 0;
}
