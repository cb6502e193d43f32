/* Text of a template to a tree, see template.h.  The grammar is that of Go's text/template. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "template-tree.h"

#define DEPTH_MAX 100		/* of nested blocks and parentheses */
#define TOKEN_TEXT_MAX 4096	/* of one string in an action */

struct chunk {
	struct chunk *next;
	max_align_t data[];
};

void *tmpl_alloc(struct tmpl *t, size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = t->chunks;
	t->chunks = c;
	return c->data;
}

static void free_pipeline(struct pipeline *p);

/* Only the literals of the tree are not in its chunks. */
static void free_nodes(struct node *n)
{
	for (; n; n = n->next) {
		free_pipeline(n->pipe);
		free_nodes(n->body);
		free_nodes(n->otherwise);
	}
}

static void free_pipeline(struct pipeline *p)
{
	for (struct invocation *i = p ? p->first : NULL; i; i = i->next) {
		for (struct operand *o = i->first; o; o = o->next) {
			json_decref(o->literal);
			free_pipeline(o->paren);
		}
	}
}

void tmpl_free(struct tmpl *t)
{
	if (!t)
		return;
	free_nodes(t->root);
	while (t->chunks) {
		struct chunk *next = t->chunks->next;

		free(t->chunks);
		t->chunks = next;
	}
	free(t->name);
	free(t->text);
	free(t);
}

void auto_tmpl_done(struct tmpl **t)
{
	int saved = errno;

	tmpl_free(*t);
	*t = NULL;
	errno = saved;
}

int tmpl_error(const struct tmpl *t, size_t pos, struct err *e, const char *fmt, ...)
{
	size_t line = 1, column = 0;
	char text[ERR_TEXT_MAX];
	va_list ap;

	for (size_t i = 0; i < pos && t->text[i]; i++) {
		column = t->text[i] == '\n' ? 0 : column + 1;
		line += t->text[i] == '\n';
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);	/* a cut line is better than none */
	va_end(ap);
	return err_set(e, ERR_INVALID, "template: %s:%zu:%zu: %s", t->name, line, column, text);
}

enum token {
	TOKEN_END,		/* }} */
	TOKEN_DOT, TOKEN_FIELD, TOKEN_VAR, TOKEN_IDENT, TOKEN_LITERAL,
	TOKEN_PIPE, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_DECLARE, TOKEN_ASSIGN, TOKEN_COMMA,
};

struct parser {
	struct tmpl *t;
	const char *s;		/* the text */
	size_t p;		/* where the next token begins */
	/* the present token */
	enum token token;
	size_t pos, len;
	bool blank_before;
	bool trim;		/* of TOKEN_END: -}} */
	json_t *literal;	/* owned until the tree takes it */
	unsigned int depth;
	unsigned int loops;	/* enclosing ranges */
	struct err *e;
	/* variables that are in scope */
	const char *vars[64];
	size_t n_vars;
};

static int fail(struct parser *ps, size_t pos, const char *what)
{
	return tmpl_error(ps->t, pos, ps->e, "%s", what);
}

static int no_memory(struct parser *ps)
{
	return err_sys(ps->e, ENOMEM, "parse the template");
}

static void *get(struct parser *ps, size_t size)
{
	void *r = tmpl_alloc(ps->t, size);

	if (!r)
		(void)no_memory(ps);
	return r;
}

static char *copy(struct parser *ps, const char *s, size_t n)
{
	char *r = get(ps, n + 1);

	if (r)
		memcpy(r, s, n);
	return r;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void add_utf8(struct strbuf *b, unsigned int c)
{
	if (c < 0x80) {
		strbuf_addc(b, (char)c);
	} else if (c < 0x800) {
		strbuf_addc(b, (char)(0xc0 | c >> 6));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		strbuf_addc(b, (char)(0xe0 | c >> 12));
		strbuf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		strbuf_addc(b, (char)(0xf0 | c >> 18));
		strbuf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* What stands behind a backslash at @s; returns how many bytes it takes, 0 if it is no escape. */
static size_t unescape(const char *s, struct strbuf *b)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	const char *simple = *s ? strchr(from, *s) : NULL;
	size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
	unsigned int c = 0;

	if (simple) {
		strbuf_addc(b, to[simple - from]);
		return 1;
	}
	if (!digits)
		return 0;
	for (size_t i = 1; i <= digits; i++) {
		int d = hex_digit(s[i]);

		if (d < 0)
			return 0;
		c = c << 4 | (unsigned int)d;
	}
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (*s == 'x')
		strbuf_addc(b, (char)c);
	else
		add_utf8(b, c);
	return digits + 1;
}

static int lex_string(struct parser *ps)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const char *s = ps->s + ps->p + 1;
	char quote = s[-1];

	for (; *s && *s != quote && (*s != '\n' || quote == '`'); s++) {
		if (*s == '\\' && quote != '`') {
			size_t n = unescape(s + 1, &b);

			if (!n)
				return fail(ps, ps->p, "invalid syntax in a quoted string");
			s += n;
		} else {
			strbuf_addc(&b, *s);
		}
	}
	if (*s != quote)
		return fail(ps, ps->p, quote == '`' ? "unterminated raw quoted string"
						    : "unterminated quoted string");
	ps->len = (size_t)(s + 1 - (ps->s + ps->p));
	if (ps->len > TOKEN_TEXT_MAX)
		return fail(ps, ps->p, "a string is too long");
	ps->literal = b.failed ? NULL : json_stringn_nocheck(b.data ? b.data : "", b.len);
	if (quote == '\'' && ps->literal) {
		/* a character constant is its number; one byte is all that the escapes need */
		if (b.len != 1)
			return fail(ps, ps->p, "malformed character constant");
		json_decref(ps->literal);
		ps->literal = json_integer((unsigned char)b.data[0]);
	}
	ps->token = TOKEN_LITERAL;
	return ps->literal ? 0 : no_memory(ps);
}

static int lex_number(struct parser *ps)
{
	const char *s = ps->s + ps->p;
	char text[64], *end;
	size_t n = 0;

	while (is_word(s[n]) || s[n] == '.' || ((s[n] == '+' || s[n] == '-') &&
	       (n == 0 || ((s[n - 1] == 'e' || s[n - 1] == 'E') && s[1] != 'x'))))
		n++;
	if (n >= sizeof(text))
		return fail(ps, ps->p, "bad number syntax");
	memcpy(text, s, n);
	text[n] = '\0';
	ps->len = n;
	ps->token = TOKEN_LITERAL;
	errno = 0;
	if (strcspn(text, ".eE") == n || str_starts(text, "0x")) {
		long long v = strtoll(text, &end, 0);

		if (*end || errno)
			return fail(ps, ps->p, "bad number syntax");
		ps->literal = json_integer(v);
	} else {
		double v = strtod(text, &end);

		if (*end || errno)
			return fail(ps, ps->p, "bad number syntax");
		ps->literal = json_real(v);
	}
	return ps->literal ? 0 : no_memory(ps);
}

static void lex_simple(struct parser *ps, enum token token, size_t len)
{
	ps->token = token;
	ps->len = len;
}

/* Make the next token of an action the present one. */
static int next(struct parser *ps)
{
	const char *s;
	size_t n = 0;
	int r = 0;

	json_decref(ps->literal);
	ps->literal = NULL;
	ps->blank_before = false;
	while (ps->s[ps->p] && strchr(" \t\r\n", ps->s[ps->p])) {
		ps->p++;
		ps->blank_before = true;
	}
	s = ps->s + ps->p;
	ps->pos = ps->p;
	ps->trim = false;
	if (str_starts(s, "}}")) {
		lex_simple(ps, TOKEN_END, 2);
	} else if (ps->blank_before && str_starts(s, "-}}")) {
		ps->trim = true;
		lex_simple(ps, TOKEN_END, 3);
	} else if (*s == '.' && isdigit((unsigned char)s[1])) {
		r = lex_number(ps);
	} else if (*s == '.') {
		while (is_word(s[1 + n]))
			n++;
		lex_simple(ps, n ? TOKEN_FIELD : TOKEN_DOT, 1 + n);
	} else if (*s == '$') {
		while (is_word(s[1 + n]))
			n++;
		lex_simple(ps, TOKEN_VAR, 1 + n);
	} else if (*s == '"' || *s == '`' || *s == '\'') {
		r = lex_string(ps);
	} else if (isdigit((unsigned char)*s) ||
		   ((*s == '-' || *s == '+') && isdigit((unsigned char)s[1]))) {
		r = lex_number(ps);
	} else if (is_word(*s)) {
		while (is_word(s[n]))
			n++;
		lex_simple(ps, TOKEN_IDENT, n);
	} else if (*s == '|') {
		lex_simple(ps, TOKEN_PIPE, 1);
	} else if (*s == '(') {
		lex_simple(ps, TOKEN_OPEN, 1);
	} else if (*s == ')') {
		lex_simple(ps, TOKEN_CLOSE, 1);
	} else if (*s == ',') {
		lex_simple(ps, TOKEN_COMMA, 1);
	} else if (str_starts(s, ":=")) {
		lex_simple(ps, TOKEN_DECLARE, 2);
	} else if (*s == '=') {
		lex_simple(ps, TOKEN_ASSIGN, 1);
	} else if (!*s) {
		return fail(ps, ps->p, "unclosed action");
	} else {
		return tmpl_error(ps->t, ps->p, ps->e, "unexpected \"%.1s\" in an action", s);
	}
	ps->p += r < 0 ? 0 : ps->len;
	return r;
}

static bool token_is(const struct parser *ps, const char *word)
{
	return ps->token == TOKEN_IDENT && ps->len == strlen(word) &&
	       !memcmp(ps->s + ps->pos, word, ps->len);
}

static int unexpected(struct parser *ps, const char *where)
{
	return tmpl_error(ps->t, ps->pos, ps->e, "unexpected \"%.*s\" in %s",
			  (int)(ps->len > 60 ? 60 : ps->len), ps->s + ps->pos, where);
}

static int parse_pipeline(struct parser *ps, enum token closing, bool in_range,
			  struct pipeline **ret);

/* The present token is a field: its name at the end of a chain. */
static int add_name(struct parser *ps, struct name ***tail)
{
	struct name *n = get(ps, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->s = copy(ps, ps->s + ps->pos + 1, ps->len - 1);
	if (!n->s)
		return -ENOMEM;
	**tail = n;
	*tail = &n->next;
	return 0;
}

/* The present token is an operand: make it one, with the .Names that touch it. */
static int parse_operand(struct parser *ps, struct operand **ret)
{
	struct operand *o = get(ps, sizeof(*o));
	struct name **tail;
	int r;

	if (!o)
		return -ENOMEM;
	o->pos = ps->pos;
	tail = &o->chain;
	*ret = o;
	switch (ps->token) {
	case TOKEN_DOT:
		o->kind = OPERAND_DOT;
		break;
	case TOKEN_FIELD:
		o->kind = OPERAND_FIELD;
		break;
	case TOKEN_VAR:
		o->kind = OPERAND_VAR;
		o->ident = copy(ps, ps->s + ps->pos, ps->len);
		if (!o->ident)
			return -ENOMEM;
		r = 0;
		for (size_t i = 0; i < ps->n_vars; i++)
			r |= streq(ps->vars[i], o->ident);
		if (!r)
			return tmpl_error(ps->t, ps->pos, ps->e, "undefined variable \"%.60s\"",
					  o->ident);
		break;
	case TOKEN_LITERAL:
		o->kind = OPERAND_LITERAL;
		o->literal = take_ptr(&ps->literal);
		break;
	case TOKEN_IDENT:
		o->kind = OPERAND_LITERAL;
		if (token_is(ps, "true") || token_is(ps, "false")) {
			o->literal = json_boolean(token_is(ps, "true"));
		} else if (token_is(ps, "nil")) {
			o->literal = json_null();
		} else {
			o->kind = OPERAND_FUNC;
			o->func = tmpl_func_find(ps->s + ps->pos, ps->len);
			if (!o->func)
				return tmpl_error(ps->t, ps->pos, ps->e,
						  "function \"%.*s\" not defined",
						  (int)(ps->len > 60 ? 60 : ps->len),
						  ps->s + ps->pos);
		}
		break;
	case TOKEN_OPEN:
		o->kind = OPERAND_PAREN;
		if (++ps->depth > DEPTH_MAX)
			return fail(ps, ps->pos, "parentheses are nested too deeply");
		r = parse_pipeline(ps, TOKEN_CLOSE, false, &o->paren);
		if (r < 0)
			return r;
		ps->depth--;
		break;
	case TOKEN_END:
	case TOKEN_PIPE:
	case TOKEN_CLOSE:
	case TOKEN_DECLARE:
	case TOKEN_ASSIGN:
	case TOKEN_COMMA:
		return unexpected(ps, "operand");
	}
	r = o->kind == OPERAND_FIELD ? add_name(ps, &tail) : 0;
	for (;;) {
		if (r < 0)
			return r;
		o->len = ps->p - o->pos;
		r = next(ps);
		if (r < 0)
			return r;
		if (ps->token != TOKEN_FIELD || ps->blank_before)
			return 0;
		if (o->kind != OPERAND_FIELD && o->kind != OPERAND_VAR && o->kind != OPERAND_PAREN)
			return unexpected(ps, "operand");
		r = add_name(ps, &tail);
	}
}

/* Operands up to a |, the end or a closing parenthesis; the present token is the first. */
static int parse_invocation(struct parser *ps, enum token closing, struct invocation **ret)
{
	struct invocation *i = get(ps, sizeof(*i));
	struct operand **tail;
	int r;

	if (!i)
		return -ENOMEM;
	*ret = i;
	tail = &i->first;
	while (ps->token != closing && ps->token != TOKEN_PIPE) {
		if (ps->token == TOKEN_END || ps->token == TOKEN_CLOSE)
			return fail(ps, ps->pos, closing == TOKEN_CLOSE ? "unclosed left paren"
									: "unexpected right paren");
		if (i->first && !ps->blank_before && ps->token != TOKEN_OPEN)
			return unexpected(ps, "operand");
		r = parse_operand(ps, tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
	}
	if (!i->first)
		return fail(ps, ps->pos, "missing value for command");
	return 0;
}

static int declare(struct parser *ps, struct pipeline *p, const char *name)
{
	if (p->n_decl == 2)
		return fail(ps, ps->pos, "too many declarations");
	p->decl[p->n_decl] = copy(ps, name, strlen(name));
	return p->decl[p->n_decl++] ? 0 : -ENOMEM;
}

/* "$x :=", "$x =", and in a range "$i, $x :=".  Leaves the present token behind it. */
static int parse_declaration(struct parser *ps, bool in_range, struct pipeline *p)
{
	size_t back_p = ps->p, back_pos = ps->pos, back_len = ps->len;
	bool back_blank = ps->blank_before;
	char name[2][64];
	size_t n = 0;
	int r;

	while (ps->token == TOKEN_VAR && n < 2 && ps->len < sizeof(name[0])) {
		memcpy(name[n], ps->s + ps->pos, ps->len);
		name[n++][ps->len] = '\0';
		r = next(ps);
		if (r < 0)
			return r;
		if (ps->token != TOKEN_COMMA || !in_range)
			break;
		r = next(ps);
		if (r < 0)
			return r;
	}
	if (!n || (ps->token != TOKEN_DECLARE && ps->token != TOKEN_ASSIGN)) {
		/* it was no declaration: read it again as a value */
		if (n) {
			json_decref(ps->literal);
			ps->literal = NULL;
			ps->p = back_p;
			ps->pos = back_pos;
			ps->len = back_len;
			ps->blank_before = back_blank;
			ps->token = TOKEN_VAR;
		}
		return 0;
	}
	p->assign = ps->token == TOKEN_ASSIGN;
	for (size_t i = 0; i < n; i++) {
		r = declare(ps, p, name[i]);
		if (r < 0)
			return r;
	}
	return next(ps);
}

/* From behind the word or parenthesis that opens it up to @closing, which becomes the present
 * token. */
static int parse_pipeline(struct parser *ps, enum token closing, bool in_range,
			  struct pipeline **ret)
{
	struct pipeline *p = get(ps, sizeof(*p));
	struct invocation **tail;
	int r;

	if (!p)
		return -ENOMEM;
	*ret = p;
	r = next(ps);
	if (r >= 0)
		r = parse_declaration(ps, in_range, p);
	if (r < 0)
		return r;
	tail = &p->first;
	for (;;) {
		r = parse_invocation(ps, closing, tail);
		if (r < 0)
			return r;
		if (*tail != p->first && (*tail)->first->kind != OPERAND_FUNC &&
		    (*tail)->first->kind != OPERAND_FIELD && (*tail)->first->kind != OPERAND_VAR)
			return fail(ps, (*tail)->first->pos,
				    "non executable command in pipeline stage 2");
		tail = &(*tail)->next;
		if (ps->token == closing)
			break;
		r = next(ps);	/* behind the | */
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < p->n_decl && !p->assign; i++) {
		if (ps->n_vars == sizeof(ps->vars) / sizeof(*ps->vars))
			return fail(ps, ps->pos, "too many variables");
		ps->vars[ps->n_vars++] = p->decl[i];
	}
	return 0;
}

enum list_end { LIST_EOF, LIST_END, LIST_ELSE };

static int parse_list(struct parser *ps, struct node **ret, enum list_end *ret_end);

/* The words "if", "range", "with" up to their {{end}}; an "else if" is one within the else. */
static int parse_block(struct parser *ps, struct node *n)
{
	size_t vars = ps->n_vars, at = ps->pos;
	enum list_end how;
	int r;

	if (++ps->depth > DEPTH_MAX)
		return fail(ps, ps->pos, "blocks are nested too deeply");
	r = parse_pipeline(ps, TOKEN_END, n->kind == NODE_RANGE, &n->pipe);
	if (r < 0)
		return r;
	ps->loops += n->kind == NODE_RANGE;
	r = parse_list(ps, &n->body, &how);
	ps->loops -= n->kind == NODE_RANGE;
	if (r < 0)
		return r;
	if (how == LIST_ELSE) {
		r = next(ps);
		if (r < 0)
			return r;
		if (ps->token == TOKEN_END) {
			r = parse_list(ps, &n->otherwise, &how);
			if (r >= 0 && how == LIST_ELSE)
				return fail(ps, at, "expected end; found {{else}}");
		} else if ((token_is(ps, "if") && n->kind == NODE_IF) ||
			   (token_is(ps, "with") && n->kind == NODE_WITH)) {
			n->otherwise = get(ps, sizeof(*n));
			if (!n->otherwise)
				return -ENOMEM;
			n->otherwise->kind = n->kind;
			r = parse_block(ps, n->otherwise);	/* takes the one {{end}} of both */
			how = LIST_END;
		} else {
			return unexpected(ps, "else");
		}
		if (r < 0)
			return r;
	}
	if (how == LIST_EOF)
		return fail(ps, at, "unexpected EOF");
	ps->depth--;
	ps->n_vars = vars;
	return 0;
}

/* An action behind its {{.  Sets @ret_end where it closes the list. */
static int parse_action(struct parser *ps, struct node **ret, enum list_end *ret_end)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} blocks[] = { { "if", NODE_IF }, { "range", NODE_RANGE }, { "with", NODE_WITH } };
	static const char *const refused[] = { "define", "template", "block" };
	size_t back = ps->p;
	struct node *n;
	int r = next(ps);

	if (r < 0)
		return r;
	*ret = NULL;
	*ret_end = LIST_EOF;
	if (token_is(ps, "else")) {
		*ret_end = LIST_ELSE;	/* parse_block() reads on */
		return 0;
	}
	if (token_is(ps, "end")) {
		*ret_end = LIST_END;
		r = next(ps);
		return r < 0 || ps->token == TOKEN_END ? r : unexpected(ps, "end");
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (token_is(ps, refused[i]))
			return tmpl_error(ps->t, ps->pos, ps->e, "{{%s}} is not supported",
					  refused[i]);
	n = get(ps, sizeof(*n));
	if (!n)
		return -ENOMEM;
	*ret = n;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		if (token_is(ps, blocks[i].word)) {
			n->kind = blocks[i].kind;
			return parse_block(ps, n);
		}
	}
	if (token_is(ps, "break") || token_is(ps, "continue")) {
		n->kind = token_is(ps, "break") ? NODE_BREAK : NODE_CONTINUE;
		if (!ps->loops)
			return fail(ps, ps->pos,
				    n->kind == NODE_BREAK ? "{{break}} outside {{range}}"
							  : "{{continue}} outside {{range}}");
		r = next(ps);
		return r < 0 || ps->token == TOKEN_END ? r : unexpected(ps, "break or continue");
	}
	n->kind = NODE_ACTION;
	ps->p = back;
	return parse_pipeline(ps, TOKEN_END, false, &n->pipe);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* {{/ * comment * /}}: returns whether it was one, and moves behind it. */
static bool skip_comment(struct parser *ps, bool *ret_trim)
{
	const char *s = ps->s + ps->p, *end;

	if (!str_starts(s, "/*"))
		return false;
	end = strstr(s + 2, "*/");
	if (!end)
		return false;
	end += 2;
	*ret_trim = false;
	if (blank(*end)) {
		while (blank(*end))
			end++;
		if (*end != '-')
			return false;
		*ret_trim = true;
		end++;
	}
	if (!str_starts(end, "}}"))
		return false;
	ps->p = (size_t)(end + 2 - ps->s);
	return true;
}

static int add_text(struct parser *ps, size_t from, size_t to, struct node ***tail)
{
	struct node *n;

	if (from >= to)
		return 0;
	n = get(ps, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->kind = NODE_TEXT;
	n->text = ps->s + from;
	n->len = to - from;
	**tail = n;
	*tail = &n->next;
	return 0;
}

/* Text and actions up to {{end}}, {{else}} or the end of the text. */
static int parse_list(struct parser *ps, struct node **ret, enum list_end *ret_end)
{
	struct node **tail = ret;
	int r;

	for (;;) {
		const char *open = strstr(ps->s + ps->p, "{{");
		size_t from = ps->p, to = open ? (size_t)(open - ps->s) : strlen(ps->s);
		struct node *n = NULL;

		/* -}} before: the blanks that follow it do not count */
		if (ps->trim)
			while (from < to && blank(ps->s[from]))
				from++;
		ps->trim = false;
		if (!open) {
			*ret_end = LIST_EOF;
			ps->p = to;
			return add_text(ps, from, to, &tail);
		}
		ps->p = to + 2;
		if (ps->s[ps->p] == '-' && blank(ps->s[ps->p + 1])) {
			while (to > from && blank(ps->s[to - 1]))
				to--;
			ps->p++;
			while (blank(ps->s[ps->p]))
				ps->p++;
		}
		r = add_text(ps, from, to, &tail);
		if (r < 0)
			return r;
		if (skip_comment(ps, &ps->trim))
			continue;
		r = parse_action(ps, &n, ret_end);
		if (n) {
			*tail = n;	/* also when it failed: it is freed with the tree */
			tail = &n->next;
		}
		if (r < 0 || *ret_end != LIST_EOF)
			return r;
	}
}

int tmpl_parse(const char *name, const char *text, struct tmpl **ret, struct err *e)
{
	auto_tmpl struct tmpl *t = calloc(1, sizeof(*t));
	struct parser ps = { .t = t, .e = e, .vars = { "$" }, .n_vars = 1 };
	enum list_end how;
	int r;

	if (strlen(text) > TMPL_TEXT_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "a template may have at most %u bytes",
			       TMPL_TEXT_MAX_BYTES);
	if (!t || !(t->name = strdup(name)) || !(t->text = strdup(text)))
		return err_sys(e, ENOMEM, "parse the template");
	ps.s = t->text;
	r = parse_list(&ps, &t->root, &how);
	if (r >= 0 && how != LIST_EOF)
		r = fail(&ps, ps.pos,
			 how == LIST_END ? "unexpected {{end}}" : "unexpected {{else}}");
	json_decref(ps.literal);
	if (r < 0)
		return r;
	*ret = take_ptr(&t);
	return 0;
}
