/* Signing what a copy puts, see copy-sign.h. */
#include "copy-sign.h"

#include "reference.h"

int copy_sign(struct image_sink *dest, const struct trust_signers *signers, const struct digest *d,
	      struct err *e)
{
	auto_image_signatures struct image_signatures sigs = IMAGE_SIGNATURES_INIT;
	struct ctr_reference ref;
	char name[REF_STR_MAX];
	int r;

	if (!trust_signs(signers))
		return 0;
	if (dest->where->transport != TRANSPORT_DOCKER || !dest->ops->put_signatures)
		return err_set(e, ERR_UNSUPPORTED, "%s: only images that go to a registry can be signed: no other "
			       "place gives them a name to sign", dest->where->text);
	r = ctr_reference_parse(dest->where->ref, &ref, e);
	if (r == 0 && ctr_reference_is_short(&ref))
		r = ctr_reference_qualify(&ref, "docker.io", &ref, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&ref);
	r = trust_sign(signers, ctr_reference_str(&ref, name), d, &sigs, e);
	return r < 0 ? r : dest->ops->put_signatures(dest, d, &sigs, e);
}
