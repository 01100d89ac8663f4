/* Events about what is not seen, as JSON: code, children. */
#pragma once

#include "schemas/encode.h"
#include "schemas/unseen.h"

void encode_unseen(struct encoder *e, const struct pmt_unseen *unseen);
void encode_unfollowed(struct encoder *e, const struct pmt_unfollowed *unfollowed);
