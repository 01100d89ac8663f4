#include "runner/views/timeline_region.h"
#include "runner/base/translate.h"
#include "runner/views/wording.h"

static const struct {
    char sign;
    enum style style;
} looks[] = {
    [CHANGE_ADDED] = {'+', STYLE_GREEN},  [CHANGE_REMOVED] = {'-', STYLE_RED},
    [CHANGE_GROWN] = {'^', STYLE_GREEN},  [CHANGE_SHRUNK] = {'v', STYLE_YELLOW},
    [CHANGE_MOVED] = {'>', STYLE_YELLOW}, [CHANGE_PROTECTION] = {'*', STYLE_YELLOW},
    [CHANGE_SPLIT] = {'<', STYLE_YELLOW}, [CHANGE_MERGED] = {'=', STYLE_YELLOW},
};

void timeline_region(struct timeline *t, const struct change *change)
{
    char note[64];
    struct lines *l = &t->lines;
    wording_note(change, note, sizeof note);
    line_style(l, looks[change->type].style);
    fprintf(l->out, "%c %-*s", looks[change->type].sign, LINE_INDENT - 2,
            _(change_name(change->type)));
    line_region(l, change->type == CHANGE_SPLIT ? change->before : change_region(change), note);
    for (size_t i = 0; change->type == CHANGE_SPLIT && i < change->parts.count; i++) {
        line_indent(l);
        line_region(l, change->parts.items[i], i + 1 < change->parts.count ? "|-" : "`-");
    }
}
