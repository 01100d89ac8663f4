/* The system calls that change the map of a process, in all ABIs of an x86-64 kernel: what they do
 * to it, and where. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

/* Where a call may change the map. */
enum mapcalls_effect {
    MAPCALLS_NOTHING,  /* not at all */
    MAPCALLS_BRK,      /* between the old and the new break */
    MAPCALLS_RESULT,   /* length args[1] from the result */
    MAPCALLS_ARGS,     /* length args[1] from args[0] */
    MAPCALLS_BOTH,     /* mremap: args[0], args[1] and result, args[2] */
    MAPCALLS_NAMED,    /* prctl: length args[3] from args[2] */
    MAPCALLS_ATTACH,   /* shmat: a region from the result */
    MAPCALLS_DETACH,   /* shmdt: the pieces of a segment from args[0] */
    MAPCALLS_ANYWHERE, /* mlockall; io_setup, whose ring lies where the kernel likes */
    MAPCALLS_EXEC,     /* execve: args[0] is the path */
};

enum mapcalls_abi { MAPCALLS_I386, MAPCALLS_X86_64, MAPCALLS_X32, MAPCALLS_ABIS };

#define MAPCALLS_NO_NUMBER (-1) /* not in this ABI */
#define MAPCALLS_X32_BIT 0x40000000u

struct mapcalls_row {
    int16_t nr[MAPCALLS_ABIS]; /* that of x32 without MAPCALLS_X32_BIT */
    uint8_t call;              /* enum pmt_call; EXEC: PMT_CALL_NONE */
    uint8_t effect;            /* enum mapcalls_effect */
    uint8_t arguments;         /* so many words of pmt_kernel.args mean something */
    bool may_block; /* it may read pages, which userfaultfd(2) lets other threads provide */
};
#define MAPCALLS_ROWS 27u
extern const struct mapcalls_row mapcalls_table[MAPCALLS_ROWS];

/* Where one argument tells whether a call changes the map at all. It is an int: its low half
 * counts. */
struct mapcalls_choice {
    unsigned argument;
    const uint32_t *values; /* for which it does */
    size_t count;           /* 0: there is no such argument */
};
struct mapcalls_choice mapcalls_choice(unsigned call);

struct mapcalls_call {
    enum pmt_call call; /* PMT_CALL_NONE: of no interest, or EXEC */
    enum mapcalls_effect effect;
    uint64_t args[6];      /* in the order of pmt_kernel.args */
    uint64_t arguments_at; /* the old mmap of i386: its six arguments lie there, 32 bits each */
    uint64_t result_at;    /* shmat by ipc: its result lies there, 32 bits */
    bool may_block;        /* until other threads have done something */
};

/* Fills in all but call->args, which hold what the kernel gets in registers, like `nr`, and are put
 * in order. In place, as the shim's caller lies on the program's stack. Advice that acts on pages
 * only (MADV_DONTNEED) is a call without an effect. */
void mapcalls_decode(struct mapcalls_call *call, enum mapcalls_abi abi, uint64_t nr);

/* The old mmap: completes `call` by what lies at call->arguments_at. */
void mapcalls_old_mmap(struct mapcalls_call *call, const uint32_t arguments[6]);

/* How many arguments the call has. */
unsigned mapcalls_argument_count(unsigned call);

struct mapcalls_range {
    uint64_t lo, hi;
};

/* What is known after a call. */
struct mapcalls_outcome {
    uint64_t result; /* unless it failed */
    bool failed;     /* it may have done a part of its work before that */
    uint64_t old_brk;
    uint64_t
        region_end; /* shmat: of the region from the result; shmdt: of the segment's last piece */
    uint64_t page_size;
};

/* The ranges in which the map may have changed, in ascending order. Returns how many. */
unsigned mapcalls_ranges(const struct mapcalls_call *call, const struct mapcalls_outcome *outcome,
                         struct mapcalls_range out[2]);

/* Where there is no range: whether all of the map is to be looked at. A region of shared memory
 * whose end could not be found is such a case. */
bool mapcalls_may_be_anywhere(const struct mapcalls_call *call,
                              const struct mapcalls_outcome *outcome);

/* Where a call changes the map, by its code. */
enum mapcalls_effect mapcalls_effect(unsigned call);

/* Whether in these ranges memory that was there may have gone, or become another. */
bool mapcalls_may_unmap(const struct mapcalls_call *call, const struct mapcalls_outcome *outcome);
