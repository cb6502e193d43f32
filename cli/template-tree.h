/* The parsed form of a template, between template-parse.c, template-exec.c and template-func.c. */
#ifndef CLI_TEMPLATE_TREE_H
#define CLI_TEMPLATE_TREE_H

#include "template.h"

enum node_kind { NODE_TEXT, NODE_ACTION, NODE_IF, NODE_RANGE, NODE_WITH, NODE_BREAK, NODE_CONTINUE };

/* One .Name of a chain such as .A.B or $x.A.B. */
struct name {
	char *s;
	struct name *next;
};

enum operand_kind { OPERAND_DOT, OPERAND_FIELD, OPERAND_VAR, OPERAND_FUNC, OPERAND_LITERAL, OPERAND_PAREN };

struct operand {
	enum operand_kind kind;
	size_t pos, len;		/* in the template's text, for errors */
	char *ident;			/* of a variable, with its $ */
	const struct tmpl_func *func;
	json_t *literal;		/* owned */
	struct pipeline *paren;
	struct name *chain;
	struct operand *next;
};

/* Operands side by side: a function and its arguments, or one value. */
struct invocation {
	struct operand *first;
	struct invocation *next;	/* behind a | */
};

struct pipeline {
	char *decl[2];			/* variables that it sets */
	size_t n_decl;
	bool assign;			/* = instead of := */
	struct invocation *first;
};

struct node {
	enum node_kind kind;
	const char *text;		/* NODE_TEXT: borrowed from the template's text */
	size_t len;
	struct pipeline *pipe;
	struct node *body, *otherwise;
	struct node *next;
};

struct chunk;				/* memory of a tree */

struct tmpl {
	char *name;
	char *text;
	struct node *root;
	struct chunk *chunks;
};

/* Zeroed memory that lives as long as the tree; NULL when there is none left. */
void *tmpl_alloc(struct tmpl *t, size_t size);

/* "template: ps:1:2: ": where in the text @pos is. */
int tmpl_error(const struct tmpl *t, size_t pos, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A value while executing: borrowed from the data, the tree or the pool of the execution. */
struct value {
	json_t *j;			/* NULL: no value */
	const char *under;		/* name of the field that it was found by; NULL: none */
	bool is_map, is_time, is_duration;
	bool of_lists;			/* a map in which null is an empty list */
	bool is_root;
};

struct tmpl_run;

struct tmpl_func {
	const char *name;
	size_t min, max;		/* arguments */
	/* NULL: `and` and `or`, which look at their arguments one by one */
	int (*call)(struct tmpl_run *run, const struct value *args, size_t n, struct value *ret);
};

extern const struct tmpl_func tmpl_funcs[];
const struct tmpl_func *tmpl_func_find(const char *name, size_t len);

/* For functions: keep a fresh JSON value until the end of the run, and make it *@ret.  NULL is
 * "memory is gone". */
int run_value(struct tmpl_run *run, json_t *fresh, struct value *ret);
int run_string(struct tmpl_run *run, struct strbuf *take, struct value *ret);
/* The message of a function that refuses its arguments; negative errno. */
int run_fail(struct tmpl_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const json_t *run_json_view(const struct tmpl_run *run, const struct value *v);

/* {{.Created.Format "2006"}}: @name of a value that is_time (template-time.c). */
int tmpl_time_method(struct tmpl_run *run, const struct value *v, const char *name,
		     const struct value *args, size_t n_args, struct value *ret);

/* Append as fmt.Print does, %v. */
void value_print(const struct value *v, struct strbuf *out);
bool value_true(const struct value *v);
/* The member @key of an object: exact. */
struct value value_member(const struct value *v, const char *key);
struct value value_element(const struct value *v, size_t i);
/* The keys of an object in order of their bytes; fresh array of borrowed strings, or NULL. */
const char **value_keys(const struct value *v);

#endif
