/*
 * The container's own user namespace where its ids are not those of the default map: a child of the
 * stage's.  The stage stays outside, where the store and the bus are its own.
 */
#ifndef MONITOR_INNER_H
#define MONITOR_INNER_H

#include <stdbool.h>

#include "err.h"
#include "userns.h"

/*
 * Make it, with the maps @m (in ids of our namespace): *@ret_user_fd.  With @new_net we are
 * afterwards in a new network namespace that belongs to it, loopback up.
 */
int inner_make(const struct idmap *m, bool new_net, int *ret_user_fd, struct err *e);

/* In a new network namespace that belongs to the user namespace @user_fd, loopback up. */
int inner_make_net(int user_fd, struct err *e);

/* Bring the loopback device of our network namespace up. */
int loopback_up(struct err *e);

#endif
