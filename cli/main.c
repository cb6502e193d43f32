/* The program ctr-lite. */
#include <errno.h>
#include <signal.h>

#include "cli.h"
#include "fd.h"

/* A result that did not get out is a failure, whatever the command said of itself. */
static int finish(int status)
{
	int saved;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	saved = errno;
	if (saved == EPIPE || !saved) {
		/* nobody reads: end the way that shells expect of a filter's source */
		(void)signal(SIGPIPE, SIG_DFL);
		(void)raise(SIGPIPE);
	}
	fprintf(stderr, "Error: write the output: %s\n", strerror(saved));
	return status ? status : EXIT_ENGINE;
}

int main(int argc, char **argv)
{
	int r = fd_sanitize_std();

	if (r < 0)
		return EXIT_ENGINE;
	/* state must not be left half-written because a reader went away */
	(void)signal(SIGPIPE, SIG_IGN);
	return finish(cli_run(argc, argv));
}
