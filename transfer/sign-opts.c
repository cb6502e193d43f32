/* The options of commands that sign, see sign-opts.h. */
#include "sign-opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "fd.h"
#include "file.h"

#define PASSPHRASE_MAX_BYTES 65536

int sign_set_gpg(void *arg, const char *v, struct err *e)
{
	struct sign_args *a = arg;

	if (!*v)
		return err_set(e, ERR_INVALID, "--sign-by: a key is expected");
	a->signers.gpg_key = v;
	return 0;
}

int sign_set_params(void *arg, const char *v, struct err *e)
{
	struct sign_args *a = arg;

	(void)e;
	a->signers.sigstore_params = v;
	return 0;
}

int sign_set_key(void *arg, const char *v, struct err *e)
{
	struct sign_args *a = arg;

	(void)e;
	a->signers.sigstore_key = v;
	return 0;
}

int sign_set_passphrase_file(void *arg, const char *v, struct err *e)
{
	struct sign_args *a = arg;

	(void)e;
	a->passphrase_file = v;
	return 0;
}

int sign_args_finish(struct sign_args *a, struct err *e)
{
	auto_free char *prompt = NULL;
	size_t len;
	int r = 0;

	if (a->passphrase_file && a->signers.gpg_key && a->signers.sigstore_key)
		return err_set(e, ERR_INVALID, "only one of --sign-by and --sign-by-sigstore-private-key can be "
			       "used with --sign-passphrase-file");
	if (a->passphrase_file) {
		r = file_read_path(a->passphrase_file, PASSPHRASE_MAX_BYTES, &a->passphrase, &len);
		if (r < 0)
			return err_sys(e, r, "read the passphrase of %s", a->passphrase_file);
		a->passphrase[strcspn(a->passphrase, "\n")] = '\0';
	} else if (a->signers.sigstore_key) {
		prompt = str_printf("Passphrase for key %s: ", a->signers.sigstore_key);
		if (!prompt)
			return err_sys(e, ENOMEM, "sign");
		r = transfer_ask(prompt, true, "give the key's passphrase by --sign-passphrase-file",
				 &a->passphrase, e);
	}
	a->signers.passphrase = a->passphrase;
	return r;
}

void sign_args_done(struct sign_args *a)
{
	if (a->passphrase)
		explicit_bzero(a->passphrase, strlen(a->passphrase));
	free(a->passphrase);
}
