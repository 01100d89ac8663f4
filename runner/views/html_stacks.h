/* The call stacks of a page, and the source files that they lead to. */
#pragma once

#include "runner/model/view.h"
#include <stdio.h>

/* "fns":[...],"mods":[...],"files":[{"name","path","text"}],"stacks":{ID:[[function, module, file
 * or -1, line], ...]}: numbers lead into the lists. A file is the program's own, and has its text
 * where `with_text` wants it and it can be read. */
void html_stacks_write(FILE *out, const struct model *m, bool with_text);
