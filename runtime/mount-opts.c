/* The table of mount options. */
#include "mount-opts.h"

#include <errno.h>
#include <linux/mount.h>
#include <sys/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum what {
	SET, /* an attribute of the mount */
	CLEAR,
	ATIME, /* one of a set: the others are cleared */
	FS,    /* for the file system alone, under the name in the table */
	BIND,
	PROPAGATION,
	COPY_UP,
	IDMAP,
	REMOUNT,
	IVERSION,
	NO_FOLLOW,
	NOTHING, /* the default anyway */
};

struct option {
	const char *name;
	enum what what;
	bool rec;
	uint64_t bits;
	const char *fs; /* also told to the file system as */
};

#define MAX_OPTIONS 256

/* clang-format off */
static const struct option options[] = {
	{ "bind",		BIND,		false,	0 },
	{ "rbind",		BIND,		true,	0 },
	{ "ro",			SET,		false,	MOUNT_ATTR_RDONLY, "ro" },
	{ "rw",			CLEAR,		false,	MOUNT_ATTR_RDONLY, "rw" },
	{ "nosuid",		SET,		false,	MOUNT_ATTR_NOSUID },
	{ "suid",		CLEAR,		false,	MOUNT_ATTR_NOSUID },
	{ "nodev",		SET,		false,	MOUNT_ATTR_NODEV },
	{ "dev",		CLEAR,		false,	MOUNT_ATTR_NODEV },
	{ "noexec",		SET,		false,	MOUNT_ATTR_NOEXEC },
	{ "exec",		CLEAR,		false,	MOUNT_ATTR_NOEXEC },
	{ "nodiratime",		SET,		false,	MOUNT_ATTR_NODIRATIME },
	{ "diratime",		CLEAR,		false,	MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow",	SET,		false,	MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow",		CLEAR,		false,	MOUNT_ATTR_NOSYMFOLLOW },
	{ "relatime",		ATIME,		false,	MOUNT_ATTR_RELATIME },
	{ "norelatime",		ATIME,		false,	MOUNT_ATTR_STRICTATIME },
	{ "noatime",		ATIME,		false,	MOUNT_ATTR_NOATIME },
	{ "atime",		ATIME,		false,	MOUNT_ATTR_RELATIME },
	{ "strictatime",	ATIME,		false,	MOUNT_ATTR_STRICTATIME },
	{ "nostrictatime",	ATIME,		false,	MOUNT_ATTR_RELATIME },
	{ "rro",		SET,		true,	MOUNT_ATTR_RDONLY },
	{ "rrw",		CLEAR,		true,	MOUNT_ATTR_RDONLY },
	{ "rnosuid",		SET,		true,	MOUNT_ATTR_NOSUID },
	{ "rsuid",		CLEAR,		true,	MOUNT_ATTR_NOSUID },
	{ "rnodev",		SET,		true,	MOUNT_ATTR_NODEV },
	{ "rdev",		CLEAR,		true,	MOUNT_ATTR_NODEV },
	{ "rnoexec",		SET,		true,	MOUNT_ATTR_NOEXEC },
	{ "rexec",		CLEAR,		true,	MOUNT_ATTR_NOEXEC },
	{ "rnodiratime",	SET,		true,	MOUNT_ATTR_NODIRATIME },
	{ "rdiratime",		CLEAR,		true,	MOUNT_ATTR_NODIRATIME },
	{ "rnosymfollow",	SET,		true,	MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow",		CLEAR,		true,	MOUNT_ATTR_NOSYMFOLLOW },
	{ "rrelatime",		ATIME,		true,	MOUNT_ATTR_RELATIME },
	{ "rnorelatime",	ATIME,		true,	MOUNT_ATTR_STRICTATIME },
	{ "rnoatime",		ATIME,		true,	MOUNT_ATTR_NOATIME },
	{ "ratime",		ATIME,		true,	MOUNT_ATTR_RELATIME },
	{ "rstrictatime",	ATIME,		true,	MOUNT_ATTR_STRICTATIME },
	{ "rnostrictatime",	ATIME,		true,	MOUNT_ATTR_RELATIME },
	{ "sync",		FS,		false,	0, "sync" },
	{ "async",		FS,		false,	0, "async" },
	{ "dirsync",		FS,		false,	0, "dirsync" },
	{ "lazytime",		FS,		false,	0, "lazytime" },
	{ "nolazytime",		FS,		false,	0, "nolazytime" },
	{ "mand",		FS,		false,	0, "mand" },
	{ "nomand",		FS,		false,	0, "nomand" },
	{ "private",		PROPAGATION,	false,	MS_PRIVATE },
	{ "rprivate",		PROPAGATION,	true,	MS_PRIVATE },
	{ "slave",		PROPAGATION,	false,	MS_SLAVE },
	{ "rslave",		PROPAGATION,	true,	MS_SLAVE },
	{ "shared",		PROPAGATION,	false,	MS_SHARED },
	{ "rshared",		PROPAGATION,	true,	MS_SHARED },
	{ "unbindable",		PROPAGATION,	false,	MS_UNBINDABLE },
	{ "runbindable",	PROPAGATION,	true,	MS_UNBINDABLE },
	{ "idmap",		IDMAP,		false,	0 },
	{ "ridmap",		IDMAP,		true,	0 },
	{ "remount",		REMOUNT,	false,	0 },
	{ "iversion",		IVERSION,	false,	0 },
	{ "noiversion",		NOTHING,	false,	0 },
	{ "tmpcopyup",		COPY_UP,	false,	0 },
	{ "src-nofollow",	NO_FOLLOW,	false,	0 },
	{ "defaults",		NOTHING,	false,	0 },
	{ "loud",		NOTHING,	false,	0 },
	{ "silent",		NOTHING,	false,	0 },
};

/* Words that other runtimes know and that would be wrong as an option of a file system. */
static const struct { const char *word, *why; } refused[] = {
	{ "copy-symlink", "the link would have to be made in the image" },
	{ "idmap=", "use idmap with uidMappings and gidMappings" },
	{ "ridmap=", "use ridmap with uidMappings and gidMappings" },
};
/* clang-format on */
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

const char *mount_opts_name(size_t i)
{
	return i < N_OPTIONS ? options[i].name : NULL;
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (streq(options[i].name, name))
			return &options[i];
	return NULL;
}

unsigned long mount_propagation_parse(const char *word, bool *ret_rec)
{
	const struct option *o = find(word);

	if (!o || o->what != PROPAGATION)
		return 0;
	*ret_rec = o->rec;
	return (unsigned long)o->bits;
}

unsigned long mount_attrs_to_ms(uint64_t attrs)
{
	unsigned long ms = 0;

	ms |= attrs & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0;
	ms |= attrs & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0;
	ms |= attrs & MOUNT_ATTR_NODEV ? MS_NODEV : 0;
	ms |= attrs & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0;
	ms |= attrs & MOUNT_ATTR_NODIRATIME ? MS_NODIRATIME : 0;
	ms |= attrs & MOUNT_ATTR_NOSYMFOLLOW ? MS_NOSYMFOLLOW : 0;
	switch (attrs & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_NOATIME:
		return ms | MS_NOATIME;
	case MOUNT_ATTR_STRICTATIME:
		return ms | MS_STRICTATIME;
	default:
		return ms;
	}
}

/* The last word for a bit wins, as it does on mount(8)'s command line. */
static void apply(const struct option *opt, struct mount_opts *o)
{
	struct mount_attrs *a = opt->rec ? &o->tree : &o->top;

	switch (opt->what) {
	case SET:
		a->set |= opt->bits;
		a->clear &= ~opt->bits;
		return;
	case CLEAR:
		a->clear |= opt->bits;
		a->set &= ~opt->bits;
		return;
	case ATIME:
		a->set = (a->set & ~(uint64_t)MOUNT_ATTR__ATIME) | opt->bits;
		a->clear |= MOUNT_ATTR__ATIME;
		return;
	case BIND:
		o->bind = true;
		o->recursive |= opt->rec;
		return;
	case PROPAGATION:
		o->propagation = opt->bits;
		o->propagation_rec = opt->rec;
		return;
	case COPY_UP:
		o->copy_up = true;
		return;
	case IDMAP:
		o->idmap = true;
		o->idmap_rec |= opt->rec;
		return;
	case REMOUNT:
		o->remount = true;
		return;
	case IVERSION:
		o->iversion = true;
		return;
	case NO_FOLLOW:
		o->src_nofollow = true;
		return;
	case FS:
	case NOTHING:
		return;
	}
}

/* Why the word is refused, or NULL.  A word that ends in "=" stands for all that begin so. */
static const char *refusal(const char *word)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *r = refused[i].word;

		if (r[strlen(r) - 1] == '=' ? str_starts(word, r) : streq(word, r))
			return refused[i].why;
	}
	return NULL;
}

int mount_opts_parse(const json_t *list, struct mount_opts *ret, const char *where, struct err *e)
{
	if (json_array_size(list) > MAX_OPTIONS)
		return err_set(e, ERR_LIMIT, "%s.options: more than %d", where, MAX_OPTIONS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const char *word = json_string_value(v), *why;
		const struct option *opt;

		if (!word || strlen(word) != json_string_length(v))
			return err_set(e, ERR_CORRUPT, "%s.options[%zu]: expected a string", where,
				       i);
		why = refusal(word);
		if (why)
			return err_set(e, ERR_UNSUPPORTED,
				       "%s.options[%zu]: \"%s\" is not supported: %s", where, i,
				       word, why);
		opt = find(word);
		if (opt)
			apply(opt, ret);
		else
			ret->fs_only = true;
		word = opt ? opt->fs : word;
		if (word && strv_add(&ret->fs, word) < 0)
			return err_sys(e, ENOMEM, "%s.options", where);
	}
	if (ret->bind && ret->fs_only)
		return err_set(e, ERR_INVALID,
			       "%s.options: a bind mount has an option that only a "
			       "file system can have",
			       where);
	return 0;
}

void mount_opts_done(struct mount_opts *o)
{
	strv_done(&o->fs);
}
