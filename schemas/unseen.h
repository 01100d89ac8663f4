/* Code that calls the kernel past libc, where the shim does not see it. Of the runner, which looks
 * for it in the files that are mapped; the shim knows nothing of it. */
#pragma once

#include "schemas/record.h"

struct pmt_unseen_site {
    uint64_t offset; /* of the instruction, in the file */
    uint32_t call;   /* enum pmt_call: that it makes, by the number that is put into eax before */
    uint32_t function_size; /* of the name of the function that it is in; 0: not known */
};

struct pmt_unseen {
    struct pmt_record r;
    uint32_t count; /* of the places in the file */
    uint32_t sites; /* of these are told here, at most PMT_UNSEEN_SITES */
    uint32_t path_size;
    uint32_t pad;
    /* the sites; the path; the names of the functions, in the order of the sites */
};
#define PMT_UNSEEN_SITES 8u
#define PMT_UNSEEN_NAME_MAX 200u

_Static_assert(sizeof(struct pmt_unseen) == 40, "unseen record");
_Static_assert(sizeof(struct pmt_unseen_site) == 16, "unseen site");
