#include "runner/model/classify.h"
#include "runner/base/text.h"
#include "runner/model/own_region.h"
#include <string.h>
#include <sys/mman.h>

/* A shared library by its name: "libm.so.6", "ld-linux.so.2", "libfoo-1.so (deleted)"; not
 * "ld.so.cache". */
static bool is_library(const char *path)
{
    const char *base = strrchr(path, '/');
    for (const char *at = base; at && (at = strstr(at, ".so")); at += 3)
        if (at[3] == '\0' || at[3] == ' ' || (at[3] == '.' && at[4] >= '0' && at[4] <= '9'))
            return true;
    return false;
}

static bool is_executable(const struct image *image, const char *path)
{
    return image->exe && *image->exe && strcmp(path, image->exe) == 0;
}

static enum kind kind_of_file(const struct image *image, const struct region *r)
{
    unsigned perms = r->raw.perms;
    bool program = is_executable(image, r->path);
    if ((perms & PMT_PERM_SHARED) &&
        (text_starts(r->path, "/SYSV") || text_starts(r->path, "/dev/shm/") ||
         text_starts(r->path, "/dev/zero") || text_starts(r->path, "/memfd:") ||
         text_starts(r->path, "/anon_hugepage")))
        return KIND_SHARED_MEMORY;
    if ((perms & PMT_PERM_SHARED) || (!program && !is_library(r->path)))
        return KIND_MAPPED_FILE;
    if (perms & PMT_PERM_EXEC)
        return program ? KIND_CODE : KIND_LIB_CODE;
    if (perms & PMT_PERM_WRITE)
        return program ? KIND_DATA : KIND_LIB_DATA;
    return program ? KIND_RODATA : KIND_LIB_RODATA;
}

static enum kind kind_of_name(const struct region *r)
{
    static const struct {
        const char *name;
        enum kind kind;
    } names_of_kernel[] = {{"[heap]", KIND_HEAP}, {"[stack]", KIND_STACK},
                           {"[vdso]", KIND_VDSO}, {"[vsyscall]", KIND_VDSO},
                           {"[vvar", KIND_VVAR},  {"[anon_shmem:", KIND_SHARED_MEMORY}};
    for (unsigned i = 0; i < sizeof names_of_kernel / sizeof *names_of_kernel; i++)
        if (text_starts(r->path, names_of_kernel[i].name))
            return names_of_kernel[i].kind;
    return KIND_ANONYMOUS;
}

static enum kind kind_of_cause(const struct image *image, const struct region *r,
                               const struct cause *cause)
{
    if (cause->kind == CAUSE_CALL && cause->code == PMT_CALL_PTHREAD_CREATE)
        return region_is_closed(r) ? KIND_GUARD : KIND_THREAD_STACK;
    if (cause_maps(cause) && (cause->args[3] & MAP_STACK))
        return KIND_THREAD_STACK;
    return call_allocates(cause->code) ? own_region_kind(image, r, cause) : KIND_ANONYMOUS;
}

/* As the dynamic loader maps a .bss, where it is seen at work. */
static bool is_fixed(const struct cause *cause)
{
    return cause_maps(cause) && (cause->args[3] & MAP_FIXED);
}

/* Anonymous memory right behind the writable data of an ELF file is its .bss. */
static enum kind kind_of_place(const struct image *image, const struct region *r)
{
    size_t at = regions_index(&image->map, r->raw.start);
    const struct region *below = at > 0 ? image->map.list.items[at - 1] : NULL;
    bool writable = (r->raw.perms & (PMT_PERM_WRITE | PMT_PERM_SHARED)) == PMT_PERM_WRITE;
    if (!below || !writable || below->raw.end != r->raw.start)
        return KIND_ANONYMOUS;
    if (below->kind == KIND_DATA)
        return KIND_BSS;
    return below->kind == KIND_LIB_DATA ? KIND_LIB_BSS : KIND_ANONYMOUS;
}

enum kind classify(const struct image *image, const struct region *r, const struct cause *cause,
                   const struct region *before)
{
    if (r->tracer)
        return KIND_TRACER;
    if (r->path[0] == '/')
        return kind_of_file(image, r);
    if (r->path[0] == '[' && kind_of_name(r) != KIND_ANONYMOUS)
        return kind_of_name(r);
    if (r->raw.perms & PMT_PERM_SHARED)
        return KIND_SHARED_MEMORY;
    enum kind kind = cause ? kind_of_cause(image, r, cause) : KIND_ANONYMOUS;
    /* even where the kernel made one region of it and an older guard page */
    if (kind == KIND_THREAD_STACK)
        return kind;
    if (before && before->path[0] != '/' && !before->tracer) {
        bool closed = region_is_closed(r);
        if (before->kind == KIND_THREAD_STACK && closed && region_size(r) < region_size(before))
            return KIND_GUARD;
        if (before->kind == KIND_GUARD && !closed)
            return KIND_THREAD_STACK;
        return before->kind;
    }
    bool placed = !cause || cause->kind == CAUSE_LOADER || is_fixed(cause);
    return kind == KIND_ANONYMOUS && placed ? kind_of_place(image, r) : kind;
}
