/* A model with all views, which write to nowhere. */
#pragma once

#include "runner/model/model.h"
#include "runner/views/views.h"
#include "tests/fuzz/fuzz.h"

static inline void views_of(struct model *model)
{
    model_init(model, NULL);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        struct output output = {.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
                                .color = true,
                                .width = 100,
                                .all = true};
        model_add_view(model, views_new(i, &output));
    }
}
