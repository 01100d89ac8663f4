/* A reason in JSON: schemas/reasons.md. */
#pragma once

#include "runner/model/reason.h"
#include "schemas/encode.h"

void json_reason(struct encoder *e, const struct reason *reason); /* ,"reason":{...} */
