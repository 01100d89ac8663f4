#include "runner/ring/unheard.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/ring/pidfd.h"
#include "runner/ring/ring.h"
#include <unistd.h>

static bool may_ask(const struct unheard_of *item)
{
    return item->pid ? !pidfd_has_ended(item->fd) : ring_is_mapped(item->fd);
}

/* Those that cannot ask any more, and the process `asked`. */
static void forget(struct unheard *u, pid_t asked)
{
    size_t kept = 0;
    for (size_t i = 0; i < u->count; i++) {
        const struct unheard_of item = u->items[i];
        if (may_ask(&item) && !(asked && item.pid == asked))
            u->items[kept++] = item;
        else
            close(item.fd);
    }
    u->count = kept;
}

static void add(struct unheard *u, struct unheard_of item)
{
    forget(u, 0);
    *array_add(u->items, u->count, u->room) = item;
}

void unheard_add_ring(struct unheard *u, int memfd)
{
    add(u, (struct unheard_of){.fd = memfd});
}

void unheard_add_process(struct unheard *u, pid_t pid)
{
    int fd = pid > 0 ? pidfd_of(pid) : -1;
    if (fd >= 0)
        add(u, (struct unheard_of){fd, pid});
}

void unheard_remove_process(struct unheard *u, pid_t pid)
{
    forget(u, pid);
}

bool unheard_any(struct unheard *u)
{
    forget(u, 0);
    return u->count > 0;
}

void unheard_free(struct unheard *u)
{
    for (size_t i = 0; i < u->count; i++)
        close(u->items[i].fd);
    memory_put(u->items);
    *u = (struct unheard){0};
}
