/* The own fields of a fatal event. */
#pragma once

#include "schemas/encode.h"
#include "schemas/fatal.h"

void encode_fatal(struct encoder *e, const struct pmt_fatal *fatal);
