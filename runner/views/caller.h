/* Where in the program something happened, in a few words. */
#pragma once

#include "runner/model/view.h"

/* "main map3.c:21", "main map3.c:14 -> printf" (the library function that the program called
 * there), "push (inlined in main) map3.c:7", "main (map3)" without line, "map3+0x1234" without
 * function. Of C++ the short name, see demangle_short(). A function from a header of the system, as
 * of a template of the C++ library, counts as the library's. What the dynamic loader does before
 * the program runs is its own: "ld-linux.so.2". Bytes of the program, not escaped.
 * Returns its length, 0 if nothing is known. */
size_t caller_text(const struct model *model, uint32_t stack_id, char *out, size_t size);

/* Whether the call was made by the program itself, in a function of which no line is known. Nobody
 * has compiled a program of the system himself. */
bool caller_lacks_line(const struct model *model, uint32_t stack_id);

/* One frame of a stack, likewise, and whether it is one of the program itself, which
 * the start of it is not. */
void caller_frame(const struct model *model, const struct stack *stack, uint32_t frame, char *out,
                  size_t size);
bool caller_is_own(const struct model *model, const struct stack *stack, uint32_t frame);
