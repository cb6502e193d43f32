/* Labels of the security modules AppArmor and SELinux. */
#ifndef RUNTIME_LSM_H
#define RUNTIME_LSM_H

#include <stdbool.h>

#include "setup.h"

bool lsm_has_selinux(void);
bool lsm_has_apparmor(void);
/* A label that nothing here would enforce is refused: it would be a confinement that is none.
 * @mount_label may be NULL. */
int lsm_check(const struct oci_process *p, const char *mount_label, struct err *e);
/* Step: the label that the next exec takes on, and that of keys. */
int lsm_labels(struct setup *s, struct err *e);

#endif
