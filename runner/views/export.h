/* A view that writes what viewers of others read: --export=FORMAT[:FILE]. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

#define EXPORT_FORMATS(X)                                                                          \
    X(FOLDED, "folded")                                                                            \
    X(FOLDED_PEAK, "folded-peak")                                                                  \
    X(FOLDED_GROWTH, "folded-growth")                                                              \
    X(MASSIF, "massif")                                                                            \
    X(PPROF, "pprof")                                                                              \
    X(PERFETTO, "perfetto")

#define EXPORT_FORMAT(name, text) EXPORT_##name,
enum export_format { EXPORT_FORMATS(EXPORT_FORMAT) EXPORT_FORMAT_COUNT };

const char *export_format_name(unsigned format);

/* Copies the output. NULL: no memory. */
struct view *export_view_new(const struct output *output, enum export_format format);
