/* `ctr-lite-transfer idmap`: the user's subordinate ids as libsubid reports them. */
#include <errno.h>
#include <pwd.h>
#include <shadow/subid.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"
#include "transfer.h"

typedef int get_ranges(const char *owner, struct subid_range **ranges);

static int add_ranges(struct strbuf *b, const char *word, get_ranges *get, const char *user)
{
	struct subid_range *r = NULL;
	int n = get(user, &r);

	strbuf_addf(b, "%s ", word);
	for (int i = 0; i < n; i++) /* none and "no such owner" are both an empty list */
		strbuf_addf(b, "%s%lu:%lu", i ? "," : "", r[i].start, r[i].count);
	strbuf_addc(b, '\n');
	free(r);
	return n;
}

/* Does nsswitch.conf send "subid" elsewhere than to the files? */
static bool uses_nss(void)
{
	auto_file FILE *f = fopen("/etc/nsswitch.conf", "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		const char *v = str_after(line, "subid:");

		if (v) {
			v += strspn(v, " \t");
			return strncmp(v, "files", 5) != 0;
		}
	}
	return false;
}

int transfer_cmd_idmap(struct transfer *t, int argc, char **argv, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct passwd *pw = getpwuid(geteuid());
	char number[16];
	const char *user, *group;

	(void)t;
	if (argc != 1 && argc != 3)
		return err_set(e, ERR_INVALID, "idmap takes no arguments, or a user and a group");
	/* Lines of /etc/subuid may hold a name or a number; libsubid looks for what it is given. */
	(void)snprintf(number, sizeof(number), "%u", (unsigned int)geteuid());
	(void)subid_init("ctr-lite-transfer", stderr);
	user = group = pw ? pw->pw_name : number;
	if (argc == 3) {
		user = argv[1];
		group = argv[2];
	}
	(void)add_ranges(&b, "uid", subid_get_uid_ranges, user);
	(void)add_ranges(&b, "gid", subid_get_gid_ranges, group);
	strbuf_addf(&b, "nss %d\n", uses_nss());
	if (b.failed)
		return err_sys(e, ENOMEM, "list the id ranges");
	if (fputs(b.data, stdout) == EOF || fflush(stdout) != 0)
		return err_sys(e, errno, "print the id ranges");
	return 0;
}
