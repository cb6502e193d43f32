/* The default seccomp profile as text, for hosts that have none of their own. */
#include "seccomp-int.h"

const char spec_seccomp_builtin[] =
#include "seccomp-profile.inc"
;
