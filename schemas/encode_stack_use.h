/* What a JSON event of struct pmt_stack_use has, after its head and before its stack_id. */
#pragma once

#include "schemas/encode.h"
#include "schemas/stack_use.h"

void encode_stack_use(struct encoder *e, const struct pmt_stack_use *use);
