/* Words as a shell needs them to be typed. */
#pragma once

#include <stddef.h>

/* `word` to `out`, terminated, cut where `size` ends: as it is where that will do, else in quotes;
 * what cannot be printed as \xNN in $'', so that no control character and no byte that is not UTF-8
 * is left. Returns its length. */
size_t shell_word(char *out, size_t size, const char *word);
