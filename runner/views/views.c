#include "runner/views/views.h"
#include "runner/views/json_view.h"
#include "runner/views/timeline_view.h"

_Static_assert(VIEW_COUNT <= IMAGE_VIEWS, "an image has room for what each view remembers");

struct view *views_new(unsigned view, const struct output *output)
{
#define VIEW_MAKER(name, option, make) make,
    static struct view *(*const makers[])(const struct output *) = {VIEWS(VIEW_MAKER)};
    return makers[view](output);
}
