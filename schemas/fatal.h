/* The record of a fatal signal: a program's last words. */
#pragma once

#include "schemas/record.h"

/* What an instruction did at the address that it could not have. */
enum pmt_access {
    PMT_ACCESS_NONE, /* nothing: the signal is not about memory, or says no address */
    PMT_ACCESS_READ,
    PMT_ACCESS_WRITE,
    PMT_ACCESS_EXECUTE,
    PMT_ACCESS_UNKNOWN, /* one of these */
};

/* A signal is about to end the process. Before it comes a look at the map. */
struct pmt_fatal {
    struct pmt_record r;   /* call: the signal, one of PMT_FATAL_SIGNALS; the first frame of the
                            * stack is the address behind `ip` */
    uint64_t ip, sp;       /* registers */
    uint64_t addr;         /* what was accessed */
    uint64_t stack_limit;  /* RLIMIT_STACK in bytes; 0: none */
    int32_t code;          /* si_code, sigaction(2) */
    uint32_t access;       /* enum pmt_access */
    uint32_t sender;       /* pid of the process that sent it; 0: nobody did */
    uint32_t message_size; /* of what glibc says before it aborts */
    uint32_t content_size; /* of the text that lies around `addr`, if there is one ... */
    uint32_t content_at;   /* ... which is so many bytes in it */
    /* message, content */
};
#define PMT_MESSAGE_MAX 1024u
#define PMT_CONTENT_MAX 64u

_Static_assert(sizeof(struct pmt_fatal) == 24 + 32 + 24, "fatal record");
