/*
 * A fuzz target: one file that defines fuzz_one().  Linked with replay.c it replays its corpus and
 * deterministic mutations of it in every test run; with -Dfuzz=true and clang it is a libFuzzer
 * program.  corpus/<target>/accept-* must be accepted and refuse-* refused; other names only must not
 * crash, hang or break an invariant.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* 1 accepted, 0 refused.  Aborts when an invariant is broken. */
int fuzz_one(const uint8_t *data, size_t len);

/* Like assert(), but never compiled out. */
#define FUZZ_CHECK(cond)                                                                          \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			(void)fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* The input as a string (fresh memory), or NULL when it holds a NUL. */
char *fuzz_string(const uint8_t *data, size_t len);

#endif
