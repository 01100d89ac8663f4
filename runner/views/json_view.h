/* Every event as one line of JSON: schemas/event.schema.json. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

struct view *json_view_new(const struct output *output); /* copied */
