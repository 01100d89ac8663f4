/* Every event as one line of JSON: schemas/event.schema.json. */
#ifndef PMT_JSON_VIEW_H
#define PMT_JSON_VIEW_H

#include "runner/model/view.h"
#include "runner/views/output.h"

struct view *json_view_new(const struct output *output); /* copied */

#endif
