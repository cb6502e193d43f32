/*
 * Which ids a user's containers get: container 0 is the user, 1.. are the user's ranges of
 * /etc/subuid and /etc/subgid as libsubid reports them (files or another nsswitch source).
 */
#ifndef CTRLITE_IDMAP_H
#define CTRLITE_IDMAP_H

#include "userns.h"

/*
 * The default map of the calling user.  Without any range: the single-id map, which works
 * everywhere, and *@ret_single (may be NULL) is set.  Ranges in one file only, or newuidmap
 * missing, is ERR_UNSUPPORTED naming the file and the command that fixes it.
 *
 * libsubid lives in ctr-lite-transfer (loading it costs more than the rest of a run); what it
 * says is kept in <runroot>/idmap together with the identity of the files that it came from, and
 * asked again when one of them changes.
 */
int ctr_idmap_default(int run_fd, struct idmap *ret, bool *ret_single, struct err *e);

/*
 * All subordinate ids of @user and @group (names in /etc/subuid and /etc/subgid), as ids 0, 1, ...
 * of a container.  ERR_NOT_FOUND when one of them has none.
 */
int ctr_idmap_of_names(const char *user, const char *group, struct idmap *ret, struct err *e);

#endif
