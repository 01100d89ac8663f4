/* Every event as one line of JSON: schemas/event.schema.json. */
#ifndef PMT_JSON_VIEW_H
#define PMT_JSON_VIEW_H

#include "runner/model/view.h"

struct view *json_view_new(int fd); /* closed with the view */

#endif
