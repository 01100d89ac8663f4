/* A variable's values as people write them. */
#pragma once

#include "runner/model/image.h"
#include "schemas/variable.h"

/* The strings of a record, terminated. */
struct variable_strings {
    char name[PMT_VARIABLE_NAME_MAX + 1], type[PMT_VARIABLE_NAME_MAX + 1];
    char function[PMT_VARIABLE_NAME_MAX + 1], file[PMT_VARIABLE_NAME_MAX + 1];
    char text[PMT_VARIABLE_TEXT_MAX + 1];
};

void variable_strings(const struct pmt_variable *variable, struct variable_strings *out);

#define VARIABLE_VALUE_SIZE 80u

/* "-3", "0x5663c1a0", "'a'", "\"cat /proc\"", "true", "1.5"; "" where there is none. Bytes of the
 * program, not escaped. */
void variable_value(const struct pmt_variable *variable, const char *text,
                    char out[VARIABLE_VALUE_SIZE]);
