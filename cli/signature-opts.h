/* Options about signatures that several commands share. */
#ifndef CLI_SIGNATURE_OPTS_H
#define CLI_SIGNATURE_OPTS_H

#include "opt.h"

/* --signature-policy FILE, in the place of policy.json; stores nothing in the command's struct.
 * For commands that bring an image in or send one out by ctr-lite-transfer. */
extern const struct opt signature_policy_opts[];

#endif
