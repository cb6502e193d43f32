/* Asking the user on the terminal, see ask.h. */
#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "transfer.h"

#define LINE_MAX_BYTES 4096

static int hide(struct termios *old, struct err *e)
{
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, old) < 0)
		return err_sys(e, errno, "ask on the terminal");
	quiet = *old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return err_sys(e, errno, "hide what is typed on the terminal");
	return 0;
}

int transfer_ask(const char *prompt, bool hidden, const char *otherwise, char **ret, struct err *e)
{
	char line[LINE_MAX_BYTES];
	struct termios old;
	int r;

	if (!isatty(STDIN_FILENO))
		return err_set(e, ERR_INVALID, "there is no terminal to ask on: %s", otherwise);
	r = hidden ? hide(&old, e) : 0;
	if (r < 0)
		return r;
	(void)fputs(prompt, stderr);
	(void)fflush(stderr);
	*ret = fgets(line, sizeof(line), stdin) ? strndup(line, strcspn(line, "\r\n")) : NULL;
	explicit_bzero(line, sizeof(line));
	if (hidden) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		(void)fputc('\n', stderr);
	}
	r = transfer_interrupted(e);
	if (r < 0)
		return r;
	return *ret ? 0 : err_set(e, ERR_INVALID, "%send of file", prompt);
}
