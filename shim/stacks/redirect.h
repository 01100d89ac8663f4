/* Calls of one library go to functions of ours, all others to the system's own: whoever else
 * defines them, an interceptor for example, has not reckoned with such calls. */
#pragma once

#include <link.h>

struct redirection {
    const char *name;
    void (*function)(void);
};

/* In the table by which `library` calls the functions of others. Ends with a name of NULL. */
void redirect(const struct link_map *library, const struct redirection *list);
