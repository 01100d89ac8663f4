/* A sentence for each reason, for people. What stands in braces is an argument of the reason, or of
 * the change: {call} that the program made, {system call} in it, {bytes} that the map has more or
 * less, {parts} of a region, its permissions {before} and {after}. Whole sentences, so that a
 * translator is free in the order of the words. */
#pragma once

#include "runner/model/reason.h"

struct sentence {
    const char *text;
    const char *part; /* where it is about a part of a region; NULL: the same */
};

extern const struct sentence sentences[REASON_COUNT];
