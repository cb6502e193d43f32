/* Reading passwd and group files line by line. */
#include "passwd-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 65536	/* longer lines are passed over */

struct table table_open(const char *text, size_t len)
{
	return (struct table){ .text = text, .end = text ? text + len : NULL };
}

void table_done(struct table *t)
{
	free(t->line);
}

static void cut_fields(struct table *t)
{
	char *p = t->line;

	t->n = 0;
	while (t->n < TABLE_FIELDS) {
		char *colon = strchr(p, ':');

		t->field[t->n++] = p;
		if (!colon)
			return;
		*colon = '\0';
		p = colon + 1;
	}
}

int table_next(struct table *t, unsigned int min)
{
	while (t->text && t->text < t->end) {
		const char *nl = memchr(t->text, '\n', (size_t)(t->end - t->text));
		const char *start = t->text, *stop = nl ? nl : t->end;
		size_t len = (size_t)(stop - start);

		t->text = nl ? nl + 1 : t->end;
		if (len == 0 || len > LINE_MAX_BYTES || *start == '#' || memchr(start, '\0', len))
			continue;
		free(t->line);
		t->line = strndup(start, len);
		if (!t->line)
			return -ENOMEM;
		cut_fields(t);
		if (t->n >= min && *t->field[0])
			return 1;
	}
	return 0;
}
