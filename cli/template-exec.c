/* Executing a parsed template on JSON, see template.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "template-tree.h"

#define ARGS_MAX 32
#define VARS_MAX 64
#define STEPS_MAX 10000000	/* nodes visited: a template is no place for a loop without end */

struct variable {
	const char *name;
	struct value v;
};

struct tmpl_run {
	const struct tmpl *t;
	const struct tmpl_data *d;
	struct strbuf *out;
	json_t *pool;			/* array of what was made on the way */
	struct variable vars[VARS_MAX];
	size_t n_vars;
	size_t steps, bytes;		/* nodes visited, text made: both have limits */
	const struct operand *at;	/* for errors */
	struct err *e;
};

enum { FLOW_NORMAL, FLOW_BREAK, FLOW_CONTINUE };

int run_fail(struct tmpl_run *run, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	size_t pos = run->at ? run->at->pos : 0, len = run->at ? run->at->len : 0;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);	/* a cut line is better than none */
	va_end(ap);
	return tmpl_error(run->t, pos, run->e, "executing \"%s\" at <%.*s>: %s", run->t->name,
			  (int)(len > 60 ? 60 : len), run->t->text + pos, text);
}

static int no_memory(struct tmpl_run *run)
{
	return err_sys(run->e, ENOMEM, "execute the template");
}

int run_value(struct tmpl_run *run, json_t *fresh, struct value *ret)
{
	if (!fresh || json_array_append_new(run->pool, fresh) < 0)
		return no_memory(run);
	*ret = (struct value){ .j = fresh };
	return 0;
}

int run_string(struct tmpl_run *run, struct strbuf *take, struct value *ret)
{
	json_t *j = NULL;

	run->bytes += take->len;
	if (run->bytes > TMPL_OUT_MAX_BYTES) {
		strbuf_done(take);
		return run_fail(run, "the template does too much");
	}
	if (!take->failed)
		j = json_stringn_nocheck(take->data ? take->data : "", take->len);
	strbuf_done(take);
	return run_value(run, j, ret);
}

const json_t *run_json_view(const struct tmpl_run *run, const struct value *v)
{
	return v->is_root && run->d->json ? run->d->json : v->j;
}

static int by_bytes(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

const char **value_keys(const struct value *v)
{
	const char **keys = calloc(json_object_size(v->j) + 1, sizeof(*keys));
	size_t n = 0;

	for (void *it = json_object_iter(v->j); keys && it; it = json_object_iter_next(v->j, it))
		keys[n++] = json_object_iter_key(it);
	if (keys)
		qsort(keys, n, sizeof(*keys), by_bytes);
	return keys;
}

struct value value_member(const struct value *v, const char *key)
{
	return (struct value){ .j = json_object_get(v->j, key), .under = v->under };
}

struct value value_element(const struct value *v, size_t i)
{
	return (struct value){ .j = json_array_get(v->j, i),
			       .under = v->under,
			       .is_time = v->is_time };
}

bool value_true(const struct value *v)
{
	switch (v->j ? json_typeof(v->j) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_TRUE:
		return true;
	case JSON_INTEGER:
		return json_integer_value(v->j) != 0;
	case JSON_REAL:
		return json_real_value(v->j) != 0;
	case JSON_STRING:
		return json_string_length(v->j) > 0;
	case JSON_ARRAY:
		return json_array_size(v->j) > 0;
	case JSON_OBJECT:
		return !v->is_map || json_object_size(v->j) > 0;
	}
	return false;
}

/* As strconv.FormatFloat(x, 'g', -1, 64) but with an exponent only from 1e21 on, like %v. */
static void print_real(double x, struct strbuf *out)
{
	char buf[64];
	int digits = 1, exponent;

	for (; digits < 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*e", digits - 1, x);
		if (strtod(buf, NULL) == x)
			break;
	}
	snprintf(buf, sizeof(buf), "%.*e", digits - 1, x);
	exponent = atoi(strchr(buf, 'e') ? strchr(buf, 'e') + 1 : "0");
	if (x == 0 || (exponent >= -4 && exponent < 21))
		strbuf_addf(out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, x);
	else
		strbuf_add(out, buf);
}

/* 2026-11-22T16:32:34.5Z as Go prints a time: 2026-11-22 16:32:34.5 +0000 UTC */
static void print_time(const char *s, struct strbuf *out)
{
	size_t len = strlen(s), body = strcspn(s, "Z");

	if (len < 20 || s[10] != 'T') {
		strbuf_add(out, s);
		return;
	}
	if (body == len)
		body = 19 + strcspn(s + 19, "+-");
	strbuf_addf(out, "%.10s %.*s", s, (int)(body - 11), s + 11);
	if (s[body] == 'Z')
		strbuf_add(out, " +0000 UTC");
	else if (strlen(s + body) == 6)
		strbuf_addf(out, " %.3s%s %.3s%s", s + body, s + body + 4, s + body, s + body + 4);
}

/* @n of a unit of @per, with as much of a fraction as it has. */
static void print_fraction(uint64_t n, uint64_t per, const char *unit, struct strbuf *out)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, per + n % per) - 1;

	strbuf_addf(out, "%" PRIu64, n / per);
	while (len && digits[len] == '0')
		len--;
	if (len)
		strbuf_addf(out, ".%.*s", (int)len, digits + 1);
	strbuf_add(out, unit);
}

/* 90000000000 as Go prints a duration: 1m30s */
static void print_duration(int64_t ns, struct strbuf *out)
{
	uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, s = n / 1000000000;

	if (ns < 0)
		strbuf_addc(out, '-');
	if (!n)
		strbuf_add(out, "0s");
	else if (n < 1000)
		print_fraction(n, 1, "ns", out);
	else if (n < 1000000)
		print_fraction(n, 1000, "µs", out);
	else if (n < 1000000000)
		print_fraction(n, 1000000, "ms", out);
	if (n < 1000000000)
		return;
	if (s >= 3600)
		strbuf_addf(out, "%" PRIu64 "h", s / 3600);
	if (s >= 60)
		strbuf_addf(out, "%" PRIu64 "m", s / 60 % 60);
	print_fraction(n % 60000000000, 1000000000, "s", out);
}

static void print_inner(const struct value *v, struct strbuf *out)
{
	if (!v->j || json_is_null(v->j))
		strbuf_add(out, "<nil>");
	else
		value_print(v, out);
}

static void print_object(const struct value *v, struct strbuf *out)
{
	auto_free const char **keys = v->is_map ? value_keys(v) : NULL;
	bool first = true;

	strbuf_add(out, v->is_map ? "map[" : "{");
	for (size_t i = 0; keys && keys[i]; i++) {
		struct value m = value_member(v, keys[i]);

		strbuf_addf(out, "%s%s:", i ? " " : "", keys[i]);
		if (v->of_lists && json_is_null(m.j))
			strbuf_add(out, "[]");
		else
			print_inner(&m, out);
	}
	if (!v->is_map) {
		for (void *it = json_object_iter(v->j); it; it = json_object_iter_next(v->j, it)) {
			struct value m = { .j = json_object_iter_value(it) };

			if (!first)
				strbuf_addc(out, ' ');
			first = false;
			print_inner(&m, out);
		}
	}
	strbuf_addc(out, v->is_map ? ']' : '}');
}

void value_print(const struct value *v, struct strbuf *out)
{
	if (!v->j) {
		strbuf_add(out, "<no value>");
		return;
	}
	if (v->is_duration && (json_is_null(v->j) || json_is_integer(v->j))) {
		print_duration(json_integer_value(v->j), out);
		return;
	}
	switch (json_typeof(v->j)) {
	case JSON_NULL:
		/* what is null in our JSON is a nil list or map in Go */
		strbuf_add(out, v->is_map ? "map[]" : "<nil>");
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		strbuf_add(out, json_is_true(v->j) ? "true" : "false");
		break;
	case JSON_INTEGER:
		strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v->j));
		break;
	case JSON_REAL:
		print_real(json_real_value(v->j), out);
		break;
	case JSON_STRING:
		if (v->is_time)
			print_time(json_string_value(v->j), out);
		else
			strbuf_addn(out, json_string_value(v->j), json_string_length(v->j));
		break;
	case JSON_ARRAY:
		strbuf_addc(out, '[');
		for (size_t i = 0; i < json_array_size(v->j); i++) {
			struct value m = value_element(v, i);

			if (i)
				strbuf_addc(out, ' ');
			print_inner(&m, out);
		}
		strbuf_addc(out, ']');
		break;
	case JSON_OBJECT:
		print_object(v, out);
		break;
	}
}

static const struct tmpl_field *find_row(const struct tmpl_field *rows, const char *parent,
					 const char *name)
{
	const struct tmpl_field *general = NULL;
	size_t len = parent ? strlen(parent) : 0;

	for (; rows && rows->name; rows++) {
		if (parent && str_starts(rows->name, parent) && rows->name[len] == '.' &&
		    streq(rows->name + len + 1, name))
			return rows;
		if (streq(rows->name, name))
			general = rows;
	}
	return general;
}

static bool same_but_capitals(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	return !*a && !*b;
}

/* The member that a template's @name means. */
static json_t *find_member(json_t *obj, const char *name, const char *key)
{
	json_t *r = json_object_get(obj, key ? key : name);

	if (r || key || !isupper((unsigned char)name[0]))
		return r;
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it))
		if (same_but_capitals(json_object_iter_key(it), name))
			return json_object_iter_value(it);
	return NULL;
}

/* CreatedAt is headed CREATED AT. */
static int heading(struct tmpl_run *run, const char *name, struct value *ret)
{
	json_t *known = json_object_get(run->d->root, name);
	struct strbuf b = STRBUF_INIT;

	if (known) {
		*ret = (struct value){ .j = known };
		return 0;
	}
	for (const char *s = name; *s; s++) {
		if (s != name && isupper((unsigned char)*s) && islower((unsigned char)s[-1]))
			strbuf_addc(&b, ' ');
		strbuf_addc(&b, (char)toupper((unsigned char)*s));
	}
	return run_string(run, &b, ret);
}

static int field(struct tmpl_run *run, const struct value *v, const char *name, struct value *ret,
		 unsigned int *ret_flags)
{
	const struct tmpl_field *row = find_row(run->d->fields, v->under, name);
	struct value r = { .under = name };

	*ret_flags = row ? row->flags : 0;
	if (run->d->headings)
		return heading(run, name, ret);
	if (v->is_map) {
		*ret_flags = 0;
		r.j = json_is_object(v->j) ? json_object_get(v->j, name) : NULL;
		*ret = r;
		return 0;
	}
	if (!v->j) {
		*ret = r;
		return 0;
	}
	if (json_is_null(v->j))
		return run_fail(run, "nil pointer evaluating .%s", name);
	if (!json_is_object(v->j))
		return run_fail(run, "can't evaluate field %s in a value that has no fields", name);
	r.j = find_member(v->j, name, row ? row->key : NULL);
	if (!r.j && row && (row->flags & TMPL_EMPTY))
		return run_value(run, json_string(""), ret);
	if (!r.j && !(row && (row->flags & (TMPL_OPTIONAL | TMPL_DURATION))))
		return run_fail(run, "can't evaluate field %s", name);
	if (!r.j)
		r.j = json_null();	/* a constant: not counted */
	r.is_map = row && (row->flags & TMPL_MAP) != 0;
	r.is_time = row && (row->flags & TMPL_TIME) != 0;
	r.is_duration = row && (row->flags & TMPL_DURATION) != 0;
	r.of_lists = row && (row->flags & TMPL_LISTS) != 0;
	*ret = r;
	return 0;
}

static int eval_pipeline(struct tmpl_run *run, const struct pipeline *p, const struct value *dot,
			 struct value *ret);
static int eval_operand(struct tmpl_run *run, const struct operand *o, const struct value *dot,
			const struct value *args, size_t n_args, struct value *ret);

static struct value *variable(struct tmpl_run *run, const char *name)
{
	for (size_t i = run->n_vars; i-- > 0;)
		if (streq(run->vars[i].name, name))
			return &run->vars[i].v;
	return NULL;
}

/* .Label "key" */
static int call_method(struct tmpl_run *run, const struct value *map, const struct value *args,
		       size_t n_args, struct value *ret)
{
	if (run->d->headings) {
		*ret = *map;
		return 0;
	}
	if (n_args != 1 || !json_is_string(args[0].j))
		return run_fail(run, "one string is expected as argument");
	*ret = value_member(map, json_string_value(args[0].j));
	return ret->j ? 0 : run_value(run, json_string(""), ret);
}

static int eval_chain(struct tmpl_run *run, const struct operand *o, struct value v,
		      const struct value *args, size_t n_args, struct value *ret)
{
	unsigned int flags = 0;
	int r;

	for (const struct name *n = o->chain; n; n = n->next) {
		if (v.is_time && json_is_string(v.j) && !run->d->headings) {
			r = tmpl_time_method(run, &v, n->s, args, n->next ? 0 : n_args, &v);
			if (r < 0)
				return r;
			if (!n->next) {
				*ret = v;
				return 0;
			}
			continue;
		}
		r = field(run, &v, n->s, &v, &flags);
		if (r < 0)
			return r;
		if (!n->next && (flags & TMPL_METHOD))
			return call_method(run, &v, args, n_args, ret);
		if (!n->next && n_args)
			return run_fail(run, "%s is not a method but has arguments", n->s);
	}
	if (!o->chain && n_args)
		return run_fail(run, "can't give argument to non-function %.*s", (int)o->len,
				run->t->text + o->pos);
	*ret = v;
	return 0;
}

/* `and` and `or` stop at the first argument that decides. */
static int eval_and_or(struct tmpl_run *run, const struct operand *o, const struct value *dot,
		       const struct value *last, struct value *ret)
{
	bool is_or = o->func->name[0] == 'o';
	struct value v = { 0 };
	size_t n = 0;
	int r;

	for (const struct operand *a = o->next; a; a = a->next, n++) {
		r = eval_operand(run, a, dot, NULL, 0, &v);
		if (r < 0)
			return r;
		if (value_true(&v) == is_or) {
			*ret = v;
			return 0;
		}
	}
	if (last) {
		v = *last;
		n++;
	}
	if (!n)
		return run_fail(run, "wrong number of args for %s: want at least 1 got 0",
				o->func->name);
	*ret = v;
	return 0;
}

static int eval_args(struct tmpl_run *run, const struct operand *first, const struct value *dot,
		     const struct value *last, struct value args[ARGS_MAX], size_t *ret_n)
{
	size_t n = 0;
	int r;

	for (const struct operand *a = first; a; a = a->next) {
		if (n == ARGS_MAX)
			return run_fail(run, "more than %d arguments", ARGS_MAX);
		r = eval_operand(run, a, dot, NULL, 0, &args[n++]);
		if (r < 0)
			return r;
	}
	if (last) {
		if (n == ARGS_MAX)
			return run_fail(run, "more than %d arguments", ARGS_MAX);
		args[n++] = *last;
	}
	*ret_n = n;
	return 0;
}

static int call_func(struct tmpl_run *run, const struct tmpl_func *f, const struct value *args,
		     size_t n, struct value *ret)
{
	if (n < f->min || n > f->max)
		return run_fail(run, "wrong number of args for %s: want %s%zu got %zu", f->name,
				f->min == f->max ? "" : n < f->min ? "at least " : "at most ",
				n < f->min ? f->min : f->max, n);
	return f->call(run, args, n, ret);
}

static int eval_operand(struct tmpl_run *run, const struct operand *o, const struct value *dot,
			const struct value *args, size_t n_args, struct value *ret)
{
	const struct operand *outer = run->at;
	struct value v = *dot, *var;
	int r = 0;

	run->at = o;
	if (++run->steps > STEPS_MAX)
		return run_fail(run, "the template does too much");
	switch (o->kind) {
	case OPERAND_DOT:
	case OPERAND_FIELD:
		break;
	case OPERAND_VAR:
		var = variable(run, o->ident);
		if (!var)
			return run_fail(run, "undefined variable: %s", o->ident);
		v = *var;
		break;
	case OPERAND_LITERAL:
		v = (struct value){ .j = o->literal };
		break;
	case OPERAND_PAREN:
		r = eval_pipeline(run, o->paren, dot, &v);
		break;
	case OPERAND_FUNC:
		if (!o->func->call)
			return run_fail(run, "%s needs arguments", o->func->name);
		r = call_func(run, o->func, NULL, 0, &v);
		break;
	}
	run->at = o;
	if (r >= 0)
		r = eval_chain(run, o, v, args, n_args, ret);
	if (r >= 0)
		run->at = outer;
	return r;
}

static int eval_invocation(struct tmpl_run *run, const struct invocation *i,
			   const struct value *dot, const struct value *last, struct value *ret)
{
	const struct operand *o = i->first;
	struct value args[ARGS_MAX];
	size_t n = 0;
	int r;

	run->at = o;
	if (o->kind == OPERAND_FUNC && !o->func->call)
		return eval_and_or(run, o, dot, last, ret);
	r = eval_args(run, o->next, dot, last, args, &n);
	if (r < 0)
		return r;
	run->at = o;
	if (o->kind == OPERAND_FUNC) {
		if (++run->steps > STEPS_MAX)
			return run_fail(run, "the template does too much");
		return call_func(run, o->func, args, n, ret);
	}
	return eval_operand(run, o, dot, args, n, ret);
}

static int set_variable(struct tmpl_run *run, const struct pipeline *p, size_t i,
			const struct value *v)
{
	struct value *var = p->assign ? variable(run, p->decl[i]) : NULL;

	if (p->assign && !var)
		return run_fail(run, "undefined variable: %s", p->decl[i]);
	if (var) {
		*var = *v;
		return 0;
	}
	if (run->n_vars == VARS_MAX)
		return run_fail(run, "too many variables");
	run->vars[run->n_vars++] = (struct variable){ p->decl[i], *v };
	return 0;
}

static int eval_pipeline(struct tmpl_run *run, const struct pipeline *p, const struct value *dot,
			 struct value *ret)
{
	struct value v = { 0 };
	int r;

	for (const struct invocation *i = p->first; i; i = i->next) {
		struct value last = v;

		r = eval_invocation(run, i, dot, i == p->first ? NULL : &last, &v);
		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static int run_list(struct tmpl_run *run, const struct node *n, const struct value *dot);

/* One round of a range: its variables live as long as the round. */
static int run_round(struct tmpl_run *run, const struct node *n, const struct value *key,
		     const struct value *element)
{
	const struct pipeline *p = n->pipe;
	size_t vars = run->n_vars;
	int r = 0;

	if (p->n_decl == 2)
		r = set_variable(run, p, 0, key);
	if (r >= 0 && p->n_decl)
		r = set_variable(run, p, p->n_decl - 1, element);
	if (r >= 0)
		r = run_list(run, n->body, element);
	run->n_vars = vars;
	return r;
}

static int range_object(struct tmpl_run *run, const struct node *n, const struct value *over)
{
	auto_free const char **keys = value_keys(over);
	int r = 0;

	if (!keys)
		return no_memory(run);
	for (size_t i = 0; keys[i] && r >= 0 && r != FLOW_BREAK; i++) {
		struct value key, element = value_member(over, keys[i]);

		r = run_value(run, json_string_nocheck(keys[i]), &key);
		if (r >= 0)
			r = run_round(run, n, &key, &element);
	}
	return r < 0 ? r : 0;
}

static int range_array(struct tmpl_run *run, const struct node *n, const struct value *over)
{
	int r = 0;

	for (size_t i = 0; i < json_array_size(over->j) && r >= 0 && r != FLOW_BREAK; i++) {
		struct value key, element = value_element(over, i);

		r = run_value(run, json_integer((json_int_t)i), &key);
		if (r >= 0)
			r = run_round(run, n, &key, &element);
	}
	return r < 0 ? r : 0;
}

static int range_number(struct tmpl_run *run, const struct node *n, json_int_t end)
{
	int r = 0;

	for (json_int_t i = 0; i < end && r >= 0 && r != FLOW_BREAK; i++) {
		struct value v;

		if (++run->steps > STEPS_MAX)
			return run_fail(run, "the template does too much");
		r = run_value(run, json_integer(i), &v);
		if (r >= 0)
			r = run_round(run, n, &v, &v);
	}
	return r < 0 ? r : 0;
}

static int run_range(struct tmpl_run *run, const struct node *n, const struct value *dot)
{
	struct value over;
	int r = eval_pipeline(run, n->pipe, dot, &over);

	if (r < 0)
		return r;
	if (run->d->headings)
		return 0;
	if (json_is_array(over.j) && json_array_size(over.j))
		return range_array(run, n, &over);
	if (json_is_object(over.j) && json_object_size(over.j))
		return range_object(run, n, &over);
	if (json_is_integer(over.j) && n->pipe->n_decl < 2) {
		if (json_integer_value(over.j) > 0)
			return range_number(run, n, json_integer_value(over.j));
		return run_list(run, n->otherwise, dot);
	}
	if (over.j && !json_is_array(over.j) && !json_is_object(over.j) && !json_is_null(over.j))
		return run_fail(run, "range can't iterate over it");
	return run_list(run, n->otherwise, dot);
}

static int run_condition(struct tmpl_run *run, const struct node *n, const struct value *dot)
{
	struct value v;
	size_t vars = run->n_vars;
	int r = eval_pipeline(run, n->pipe, dot, &v);

	if (r >= 0 && n->pipe->n_decl)
		r = set_variable(run, n->pipe, 0, &v);
	if (r >= 0)
		r = value_true(&v) ? run_list(run, n->body, n->kind == NODE_WITH ? &v : dot)
				   : run_list(run, n->otherwise, dot);
	run->n_vars = vars;
	return r;
}

static int run_action(struct tmpl_run *run, const struct node *n, const struct value *dot)
{
	struct value v;
	int r = eval_pipeline(run, n->pipe, dot, &v);

	if (r < 0)
		return r;
	if (n->pipe->n_decl)
		return set_variable(run, n->pipe, 0, &v);
	value_print(&v, run->out);
	return 0;
}

static int run_list(struct tmpl_run *run, const struct node *n, const struct value *dot)
{
	size_t vars = run->n_vars;
	int r = 0;

	for (; n && r == FLOW_NORMAL; n = n->next) {
		if (++run->steps > STEPS_MAX || run->out->len > TMPL_OUT_MAX_BYTES)
			return run_fail(run, "the template does too much");
		switch (n->kind) {
		case NODE_TEXT:
			strbuf_addn(run->out, n->text, n->len);
			break;
		case NODE_ACTION:
			r = run_action(run, n, dot);
			break;
		case NODE_IF:
		case NODE_WITH:
			r = run_condition(run, n, dot);
			break;
		case NODE_RANGE:
			r = run_range(run, n, dot);
			break;
		case NODE_BREAK:
			r = FLOW_BREAK;
			break;
		case NODE_CONTINUE:
			r = FLOW_CONTINUE;
			break;
		}
	}
	run->n_vars = vars;
	return r;
}

int tmpl_exec(const struct tmpl *t, const struct tmpl_data *d, struct strbuf *out, struct err *e)
{
	struct tmpl_run run = { .t = t, .d = d, .out = out, .pool = json_array(), .e = e };
	const struct value dot = { .j = d->root, .is_root = true };
	int r;

	if (!run.pool)
		return no_memory(&run);
	run.vars[run.n_vars++] = (struct variable){ "$", dot };
	r = run_list(&run, t->root, &dot);
	json_decref(run.pool);
	if (r >= 0 && out->failed)
		r = no_memory(&run);
	return r < 0 ? r : 0;
}
