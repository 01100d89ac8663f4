/* What made a change of the map. */
#pragma once

#include "schemas/record.h"

enum cause_kind {
    CAUSE_UNATTRIBUTED, /* no call that is seen */
    CAUSE_OVERLOOKED,   /* likewise, while the map could not be looked at */
    CAUSE_KERNEL,       /* a system call, with its arguments */
    CAUSE_CALL,         /* a call whose system calls cannot be seen */
    CAUSE_LOADER,       /* the dynamic loader, by itself or in a call */
    CAUSE_PAGE_FAULT,   /* of a stack that has grown */
    CAUSE_TRACER,       /* procmap-trace itself */
};

/* What an allocator call has done already when it makes a system call. */
struct made {
    unsigned calls;    /* system calls */
    uint64_t old_brk;  /* the break before the first brk(2) that raised it, or 0 */
    bool brk_refused;  /* a brk(2) has failed */
    uint64_t reserved; /* where mmap(2) has reserved address space, or 0 */
    uint64_t reserved_end;
};

struct cause {
    enum cause_kind kind;
    unsigned code;     /* enum pmt_call: the call of the program in which it happened, or the system
                        * call that it made itself; PMT_CALL_NONE: no call */
    bool by_loader;    /* the dynamic loader made the system call, in this call or by itself */
    uint64_t size;     /* the call's size argument */
    uint64_t addr;     /* result of an allocator call, or free's argument; 0: not known */
    uint64_t old_addr; /* realloc */
    uint64_t chunk;    /* pmt_alloc.chunk of the block at `addr`; 0: not known */
    uint64_t seq;      /* of the alloc event, or of the kernel event; 0: none */
    uint64_t t_ns;     /* of the alloc event, where the changes had to wait for it; else 0 */
    unsigned kernel;   /* enum pmt_call of the system call, or PMT_CALL_NONE */
    uint64_t args[6];  /* its arguments, as in struct pmt_kernel */
    int64_t result;
    uint64_t old_brk;
    struct made made;    /* by the same call before */
    uint64_t kernel_seq; /* tells two system calls of one call apart */
    uint32_t stack_id;   /* 0: not known */
    char name[256];      /* library or command, "" if none */
};

/* The last system call of an image: a look at the map says that it came after one, not which. */
struct cause_kernel {
    struct pmt_kernel record;
    char name[256]; /* that of `record.within`, terminated */
    uint64_t seq;   /* 0: there was none yet */
    struct made made;
};

/* Whether it failed: brk(2) says so by not moving the break as asked. */
bool cause_kernel_failed(const struct pmt_kernel *kernel);
/* Another system call of an allocator call. */
void cause_made_add(struct made *made, const struct pmt_kernel *kernel);

/* Whether the system call is mmap(2), in either form. */
static inline bool cause_maps(const struct cause *cause)
{
    return cause->kernel == PMT_CALL_MMAP || cause->kernel == PMT_CALL_MMAP2;
}

/* Whether the system call failed. */
static inline bool cause_failed(const struct cause *cause)
{
    return cause->result < 0 && cause->result >= -4095;
}

/* Whether it is known what made the change. */
static inline bool cause_explains(const struct cause *cause)
{
    return cause->kind != CAUSE_UNATTRIBUTED && cause->kind != CAUSE_OVERLOOKED;
}

/* "malloc", "mmap", "page fault", "unattributed" ...: static text. */
const char *cause_name(const struct cause *cause);

/* What changes are attributed to that a look at the map finds. */
struct cause cause_of_look(const struct pmt_snapshot *look, const struct cause_kernel *last);

/* It was not what the look said, nor anything else that is known. */
void cause_forget(struct cause *cause);

/* The shim's own memory has grown, which it does without a look. */
void cause_tracer(struct cause *cause);

/* It was not what the look said, but a page fault, noticed there. */
void cause_page_fault(struct cause *cause);
