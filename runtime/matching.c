/* Finding containers by regular expression. */
#include "matching.h"

#include <dirent.h>
#include <errno.h>
#include <regex.h>

#include "fd.h"
#include "report.h"
#include "state.h"
#include "str.h"

static int collect(const struct args *a, const regex_t *re, struct strv *ids, struct err *e)
{
	auto_dir DIR *d = NULL;
	struct err ignored;
	struct dirent *de;
	int fd = state_root_open(a->root, false, e);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	while (d && (de = readdir(d)))
		if (state_check_id(de->d_name, &ignored) == 0 &&
		    regexec(re, de->d_name, 0, NULL, 0) == 0 && strv_add(ids, de->d_name) < 0)
			return err_sys(e, ENOMEM, "find containers");
	return d ? 0 : err_sys(e, errno, "find containers");
}

int matching_run(struct args *a, int (*command)(struct args *a, struct err *e), struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	char *const text = a->argc > 0 ? a->argv[0] : NULL;
	regex_t re;
	int r, first = 0;

	if (!text)
		return err_set(e, ERR_INVALID, "a regular expression is missing");
	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, ERR_INVALID, "\"%.200s\" is not a regular expression", text);
	r = collect(a, &re, &ids, e);
	regfree(&re);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct err why = ERR_INIT;
		int one;

		a->argv[0] = ids.items[i];
		one = command(a, &why);
		if (one < 0 && first < 0)
			report_error(&why);
		if (one < 0 && first == 0) {
			*e = why;
			first = one;
		}
	}
	a->argv[0] = text;
	return r < 0 ? r : first;
}
