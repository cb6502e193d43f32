/* What is known of files by their inode numbers; for the files of storage/ only. */
#ifndef STORAGE_FILE_SUMS_H
#define STORAGE_FILE_SUMS_H

#include <sys/types.h>
#include <time.h>

#include "file-list.h"

struct file_sum {
	uint64_t ino;		/* 0: a free slot */
	uint64_t content;
	uint64_t size, link;	/* link: which record of a list has it first */
	struct timespec mtime;
	uint32_t mode, uid, gid;
	bool whole;		/* content and the rest are known, not only the link */
};

/* Open addressing: a power of two of slots, half of them used at most. */
struct file_sums_map {
	struct file_sum *slots;
	size_t n, cap;
};
void file_sums_map_done(struct file_sums_map *m);
/* The file's place, made where there was none; NULL: memory is gone, or @max are there. */
struct file_sum *file_sums_map_at(struct file_sums_map *m, uint64_t ino, size_t max);

/* NULL: it must be looked at and read. */
struct file_sum *file_sums_get(struct file_sums *s, uint64_t ino);

/*
 * The content of the regular file @fd.  Dense: XXH3 of all its bytes.  Else of the blocks of
 * SPARSE_BLOCK bytes that are not all zeros, each behind its offset: holes cost nothing, and
 * whether a file system stores zeros or a hole makes no difference.
 */
#define SPARSE_BLOCK (64u << 10)
int file_content_sum(int fd, bool dense, uint64_t *ret);

#endif
