/* Generated names: adjective_surname, as users of other engines know them. */
#include "names.h"

#include <sys/random.h>
#include <stdint.h>

#include "str.h"

static const char *const adjectives[] = {
	"agile", "amber", "ample", "ardent", "blithe", "bold", "brave", "bright", "brisk", "calm",
	"candid", "cheery", "civil", "clear", "clever", "cordial", "crisp", "curious", "daring",
	"deft", "eager", "earnest", "easy", "fair", "fervent", "festive", "frank", "fresh",
	"gentle", "glad", "golden", "graceful", "grand", "handy", "happy", "hardy", "hearty",
	"honest", "humble", "jolly", "jovial", "keen", "kind", "lively", "loyal", "lucid", "lucky",
	"mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "placid",
	"polite", "prompt", "proud", "quick", "quiet", "rapid", "ready", "serene", "sharp",
	"silent", "sincere", "smart", "snug", "sober", "spry", "steady", "stoic", "sunny", "swift",
	"tender", "tidy", "trusty", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zesty",
};
static const char *const surnames[] = {
	"abel", "ampere", "archimedes", "avogadro", "babbage", "bartik", "becquerel", "bell",
	"bernoulli", "bessel", "boole", "bose", "boyle", "brahe", "cantor", "carson", "cauchy",
	"cavendish", "chandrasekhar", "copernicus", "coulomb", "curie", "dalton", "darwin",
	"descartes", "dijkstra", "dirac", "edison", "einstein", "erdos", "euclid", "euler",
	"faraday", "fermat", "fermi", "feynman", "fibonacci", "fourier", "franklin", "galileo",
	"galois", "gauss", "germain", "goedel", "goodall", "hamilton", "heisenberg", "hertz",
	"hilbert", "hodgkin", "hopper", "hubble", "huygens", "hypatia", "jacobi", "jemison",
	"johnson", "joule", "kelvin", "kepler", "kilby", "knuth", "kovalevskaya", "lagrange",
	"lamarr", "laplace", "leavitt", "leibniz", "liskov", "lovelace", "maxwell", "mayer",
	"mcclintock", "meitner", "mendel", "mendeleev", "mirzakhani", "napier", "newton",
	"noether", "nobel", "ohm", "pascal", "pasteur", "pauli", "perlman", "planck", "poincare",
	"ptolemy", "ramanujan", "riemann", "ritchie", "rubin", "rutherford", "sagan", "shannon",
	"swirles", "tesla", "thompson", "turing", "volta", "weierstrass", "wiles", "wozniak", "wu",
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

char *container_random_name(unsigned int attempt)
{
	uint32_t v[3];
	const char *adj, *sur;

	if (getrandom(v, sizeof(v), 0) != (ssize_t)sizeof(v))
		return NULL;
	adj = adjectives[v[0] % N(adjectives)];
	sur = surnames[v[1] % N(surnames)];
	/* With thousands of containers most pairs are taken: a number makes room. */
	return attempt < 4 ? str_printf("%s_%s", adj, sur)
			   : str_printf("%s_%s%u", adj, sur, v[2] % 100000);
}
