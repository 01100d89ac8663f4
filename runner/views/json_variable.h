/* The fields of a variable event. */
#pragma once

#include "runner/model/view.h"
#include "schemas/encode.h"
#include "schemas/variable.h"

void json_variable(struct encoder *e, const struct model *m, const struct pmt_variable *variable);
