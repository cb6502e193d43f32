/* Questions before something is removed. */
#include "confirm.h"

#include <stdio.h>

int confirm(struct err *e)
{
	char line[64];

	printf("Are you sure you want to continue? [y/N] ");
	(void)fflush(stdout); /* a failure to write is met again at the end */
	if (!fgets(line, sizeof(line), stdin))
		return err_set(e, ERR_OS, "EOF");
	return line[0] == 'y' || line[0] == 'Y';
}
