/* Lines of passwd and group files, which belong to an attacker as often as not. */
#ifndef SPEC_PASSWD_TABLE_H
#define SPEC_PASSWD_TABLE_H

#include <stddef.h>

#define TABLE_FIELDS 7

/* A file being read line by line; fields are cut in place in @line. */
struct table {
	const char *text, *end;	/* NULL: no such file */
	char *line;		/* owned */
	char *field[TABLE_FIELDS];
	unsigned int n;
};
/* @text (may be NULL) is borrowed. */
struct table table_open(const char *text, size_t len);
void table_done(struct table *t);
#define auto_table __attribute__((cleanup(table_done)))

/* The next line with at least @min fields: 1, 0 at the end, -ENOMEM.  Comments, lines with NULs and
 * overlong ones are passed over. */
int table_next(struct table *t, unsigned int min);

#endif
