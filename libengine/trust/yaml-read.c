/* YAML to JSON, see yaml-read.h. */
#include "yaml-read.h"

#include <errno.h>
#include <yaml.h>

#include "fd.h"
#include "json.h"
#include "str.h"

struct reader {
	yaml_document_t doc;
	size_t nodes;	/* converted so far */
	const char *what;
};

static int convert(struct reader *r, int index, unsigned int depth, json_t **ret, struct err *e);

static json_t *scalar(const yaml_node_t *n)
{
	const char *s = (const char *)n->data.scalar.value;

	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (streq(s, "true") || streq(s, "false"))
			return json_boolean(streq(s, "true"));
		if (streq(s, "null") || streq(s, "~") || !*s)
			return json_null();
	}
	return json_stringn(s, n->data.scalar.length);
}

static int sequence(struct reader *r, const yaml_node_t *n, unsigned int depth, json_t *ret, struct err *e)
{
	int x = 0;

	for (const yaml_node_item_t *i = n->data.sequence.items.start;
	     x == 0 && i < n->data.sequence.items.top; i++) {
		json_t *item = NULL;

		x = convert(r, *i, depth + 1, &item, e);
		if (x == 0 && json_array_append_new(ret, item) < 0)
			x = err_sys(e, ENOMEM, "read %s", r->what);
	}
	return x;
}

static int mapping(struct reader *r, const yaml_node_t *n, unsigned int depth, json_t *ret, struct err *e)
{
	int x = 0;

	for (const yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     x == 0 && p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);
		const char *key = k && k->type == YAML_SCALAR_NODE ? (const char *)k->data.scalar.value : NULL;
		json_t *value = NULL;

		if (!key || strlen(key) != k->data.scalar.length)
			return err_set(e, ERR_CORRUPT, "%s: line %zu: a key that is no string", r->what,
				       n->start_mark.line + 1);
		if (json_object_get(ret, key))
			return err_set(e, ERR_CORRUPT, "%s: line %zu: \"%.60s\" stands twice", r->what,
				       k->start_mark.line + 1, key);
		x = convert(r, p->value, depth + 1, &value, e);
		if (x == 0 && json_object_set_new(ret, key, value) < 0)
			x = err_sys(e, ENOMEM, "read %s", r->what);
	}
	return x;
}

/* Document node @index; aliases make it a graph, which may have circles. */
static int convert(struct reader *r, int index, unsigned int depth, json_t **ret, struct err *e)
{
	const yaml_node_t *n = yaml_document_get_node(&r->doc, index);
	auto_json json_t *j = NULL;
	int x = 0;

	if (!n || depth > YAML_DEPTH_MAX || r->nodes++ > YAML_NODES_MAX)
		return err_set(e, ERR_LIMIT, "%s: nested deeper than %d, or more than %d nodes", r->what,
			       YAML_DEPTH_MAX, YAML_NODES_MAX);
	if (n->type == YAML_SCALAR_NODE)
		j = scalar(n);
	else
		j = n->type == YAML_MAPPING_NODE ? json_object() : json_array();
	if (!j)
		return err_set(e, ERR_CORRUPT, "%s: line %zu: a string that is not UTF-8", r->what,
			       n->start_mark.line + 1);
	if (n->type == YAML_MAPPING_NODE)
		x = mapping(r, n, depth, j, e);
	else if (n->type == YAML_SEQUENCE_NODE)
		x = sequence(r, n, depth, j, e);
	if (x == 0)
		*ret = take_ptr(&j);
	return x;
}

int yaml_read(const char *buf, size_t len, const char *what, json_t **ret, struct err *e)
{
	struct reader r = { .what = what };
	yaml_parser_t parser;
	int x;

	if (len > YAML_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "%s: larger than %u bytes", what, YAML_MAX_BYTES);
	if (!yaml_parser_initialize(&parser))
		return err_sys(e, ENOMEM, "read %s", what);
	yaml_parser_set_input_string(&parser, (const unsigned char *)buf, len);
	if (!yaml_parser_load(&parser, &r.doc)) {
		x = err_set(e, ERR_CORRUPT, "%s: line %zu: %s", what, parser.problem_mark.line + 1,
			    parser.problem ? parser.problem : "no YAML");
		yaml_parser_delete(&parser);
		return x;
	}
	yaml_parser_delete(&parser);
	if (yaml_document_get_root_node(&r.doc)) {
		x = convert(&r, 1, 0, ret, e);
	} else {
		*ret = json_object();
		x = *ret ? 0 : err_sys(e, ENOMEM, "read %s", what);
	}
	yaml_document_delete(&r.doc);
	return x;
}
