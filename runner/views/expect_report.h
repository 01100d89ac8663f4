/* What came of the demands of --expect: for people what does not hold, or all of them for programs.
 */
#pragma once

#include "runner/expect/demands.h"
#include "runner/model/view.h"
#include <stdio.h>

enum expect_format {
    EXPECT_TEXT,
    EXPECT_TAP, /* the Test Anything Protocol, version 14 */
    EXPECT_JSON /* schemas/expect.schema.json */
};

struct expect_report {
    FILE *out;
    enum expect_format format;
    const struct model *model; /* its image is what the demands are about */
    const struct demands *demands;
    size_t told, failed;
};

void expect_report_begin(struct expect_report *r);
/* `stack_id`: where it was so, 0: nowhere in particular. */
void expect_report_demand(struct expect_report *r, const struct demand *d, uint64_t was,
                          uint32_t stack_id);
void expect_report_end(struct expect_report *r);
