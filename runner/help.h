/* What --help says. */
#pragma once

#include <stdio.h>

void help_usage(FILE *out);
void help_print(FILE *out);
