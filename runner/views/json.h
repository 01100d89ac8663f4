/* Every event as one line of JSON: schemas/event.schema.json. */
#ifndef PMT_VIEW_JSON_H
#define PMT_VIEW_JSON_H

#include "runner/model/model.h"

struct view *view_json_new(int fd); /* closed with the view */

#endif
