/* What a program says when a signal ends it: where, which address, and how the map is. */
#pragma once

#include <stdint.h>

/* As rt_sigaction(2) has it. */
struct last_words_action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

/* The one of a signal that is to be told. */
struct last_words_action last_words_action(void);

void last_words_init(void);
