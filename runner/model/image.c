#include "runner/model/image.h"
#include "runner/base/memory.h"
#include <string.h>

static char *copy_bytes(const char *bytes, size_t size)
{
    char *copy = memory_get(size + 1);
    memcpy(copy, bytes, size);
    return copy;
}

struct image *image_new(uint32_t number, const struct pmt_process *p, struct symbols *symbols,
                        struct names *names)
{
    const char *exe = (const char *)(p + 1), *libc = exe + p->exe_size, *argv = libc + p->libc_size;
    struct image *image = memory_get(sizeof *image);
    *image = (struct image){.number = number,
                            .pid = p->pid,
                            .ppid = p->ppid,
                            .origin = (enum pmt_origin)p->origin,
                            .fork_id = p->fork_id,
                            .backend = (enum pmt_backend)p->backend,
                            .word_size = p->word_size,
                            .pie = p->pie,
                            .dynamic_threshold = p->dynamic_threshold,
                            .statically_linked = p->statically_linked,
                            .blind = p->blind,
                            .page_size = p->page_size,
                            .exe = copy_bytes(exe, p->exe_size),
                            .libc = copy_bytes(libc, p->libc_size),
                            .allocator = copy_bytes(argv + p->argv_size, p->allocator_size),
                            .argv = copy_bytes(argv, p->argv_size),
                            .argv_size = p->argv_size,
                            .thresholds = {p->mmap_threshold, p->trim_threshold},
                            .mmap_threshold_max = p->mmap_threshold_max};
    memcpy(image->tracer.places, p->tracer, sizeof image->tracer.places);
    allocations_init(&image->allocations);
    stacks_init(&image->stacks, symbols, names);
    return image;
}

void image_free(struct image *image)
{
    thread_notes_free(&image->threads);
    tracer_files_free(&image->tracer.files);
    region_list_free(&image->look.gone);
    region_list_free(&image->look.fresh);
    region_list_free(&image->look.now);
    change_list_free(&image->look.found);
    region_list_free(&image->map.list);
    region_list_free(&image->inherited.list);
    memory_put(image->exe);
    memory_put(image->libc);
    memory_put(image->allocator);
    memory_put(image->argv);
    allocations_free(&image->allocations);
    callers_free(image->callers);
    graves_free(&image->graves);
    freed_blocks_free(&image->freed);
    stacks_free(&image->stacks);
    memory_put(image);
}
