/* --platform, and --os, --arch and --variant, which together are one. */
#ifndef CLI_PLATFORM_OPTS_H
#define CLI_PLATFORM_OPTS_H

#include "cli.h"

struct platform_args {
	const char *platform, *arch, *os, *variant;
};

/* Rows for a table of options; @at is the offset of a struct platform_args in the command's arguments. */
/* clang-format off */
#define PLATFORM_OPTS(at) \
	{ 0, "arch",     "ARCH",     OPT_STRING, (at) + offsetof(struct platform_args, arch),     "Architecture of the image, instead of the machine's" }, \
	{ 0, "os",       "OS",       OPT_STRING, (at) + offsetof(struct platform_args, os),       "Operating system of the image, instead of the machine's" }, \
	{ 0, "platform", "PLATFORM", OPT_STRING, (at) + offsetof(struct platform_args, platform), "Platform of the image: OS/ARCH[/VARIANT]" }, \
	{ 0, "variant",  "VARIANT",  OPT_STRING, (at) + offsetof(struct platform_args, variant),  "Variant of the architecture of the image" }
/* clang-format on */

/* What was asked for as os/arch[/variant] in fresh memory; *@ret is left alone where nothing was.
 * ERR_INVALID where it is none, and for --platform together with its parts. */
int platform_opts_text(const struct platform_args *a, char **ret, struct err *e);

#endif
