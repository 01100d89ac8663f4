/* Call stacks: walked by libunwind, interned, sent once as a stack record and then named by their
 * id. */
#ifndef PMT_STACKS_H
#define PMT_STACKS_H

#include <stdbool.h>
#include <stdint.h>

bool stacks_init(void);

/* Loads libunwind, out of the program's sight (RTLD_LOCAL). From a constructor only: never where
 * ld.so's lock may be held. Before that, and where it is missing, stacks have one frame. */
void stacks_load_unwinder(void);

/* Around a fork: no thread is walking then, so that no lock of libunwind's is taken in the child
 * for ever. False if that could not be waited for; the child then has no stacks of more than one
 * frame. */
bool stacks_hold(void);
void stacks_go_on(bool held, bool in_child);

/* key: the return address of a stack of one frame, else the hash of the frames; 0: free.
 * at: STACKS_SINGLE, or the index in the frame pool of their number and the frames; 0: not there
 * yet. */
struct stacks_slot {
    uintptr_t key;
    uint32_t at;
};
#define STACKS_SLOTS (1u << 16)
#define STACKS_SINGLE 0xffffffffu
#define STACKS_LOADER 0xfffffffeu /* likewise, and the frame is ld.so's */
extern struct stacks_slot *stacks_slots;

static inline uint32_t stacks_index(uintptr_t key)
{
    return (uint32_t)(key * 2654435761u) >> 16;
}

uint32_t stacks_intern_caller(uintptr_t caller);

/* The same if it is known, in its first place, and not ld.so's; else 0. */
static inline uint32_t stacks_known_caller(uintptr_t caller)
{
    uint32_t index = stacks_index(caller);
    const struct stacks_slot *slot = &stacks_slots[index];
    bool known =
        slot->key == caller && __atomic_load_n(&slot->at, __ATOMIC_ACQUIRE) == STACKS_SINGLE;
    return __builtin_expect(known, 1) ? index + 1 : 0;
}

/* The id of the stack that is just this return address. */
static inline uint32_t stacks_of_caller(uintptr_t caller)
{
    uint32_t id = stacks_known_caller(caller);
    return __builtin_expect(id != 0, 1) ? id : stacks_intern_caller(caller);
}

/* The id of the stack from here on, without the shim's own frames; of just `caller` (0: not known)
 * where it cannot be walked. Signals must be blocked. */
uint32_t stacks_here(uintptr_t caller);

/* The stack of whatever the program does now: the interposed call's, or from here on. Never walks
 * while ld.so is at work, since libunwind waits for ld.so's lock. Signals must be blocked. */
uint32_t stacks_of_change(void);

#endif
