/* The fields of a resident event. */
#pragma once

#include "runner/model/view.h"
#include "schemas/encode.h"
#include "schemas/resident.h"

void json_resident(struct encoder *e, const struct model *m, const struct pmt_resident *resident);
