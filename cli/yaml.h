/* A JSON document as YAML for people, the way `info` prints it. */
#ifndef CLI_YAML_H
#define CLI_YAML_H

#include <jansson.h>

/* To stdout; strings are quoted where YAML would read something else, control bytes escaped. */
void yaml_print(const json_t *j);

#endif
