/* What JSON tells at the end of an image beyond the record: sums, and what is left. */
#pragma once

#include "runner/model/view.h"
#include "schemas/encode.h"

void json_exit(struct encoder *e, const struct model *m, const struct pmt_exit *exit);
