/*
 * Takes access to the unwind tables of its own ("protect"), removes them ("unmap"), or fills them
 * with a byte, as packers and hardened programs do; then allocates, and maps.
 *
 * Expected: the callers up to here; no crash.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

static uintptr_t low, high; /* the segment of the tables */

static int find(struct dl_phdr_info *info, size_t size, void *tables)
{
    (void)size;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < info->dlpi_phnum; i++) {
            const ElfW(Phdr) *p = &info->dlpi_phdr[i];
            uintptr_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;
            if (p->p_type == PT_GNU_EH_FRAME)
                *(uintptr_t *)tables = from;
            if (p->p_type == PT_LOAD && from <= *(uintptr_t *)tables && *(uintptr_t *)tables < to) {
                low = from & ~(uintptr_t)4095;
                high = (to + 4095) & ~(uintptr_t)4095;
            }
        }
    return 1; /* the program is the first */
}

__attribute__((noinline)) static void *allocate(size_t size)
{
    void *volatile block = malloc(size);
    return block;
}

int main(int argc, char **argv)
{
    uintptr_t tables = 0;
    const char *how = argv[1];
    if (argc < 2 || !dl_iterate_phdr(find, &tables) || !high)
        return 2;
    if (strcmp(how, "unmap") == 0) {
        munmap((void *)low, high - low);
    } else if (strcmp(how, "protect") == 0) {
        mprotect((void *)low, high - low, PROT_NONE);
    } else {
        int byte = atoi(how);
        mprotect((void *)low, high - low, PROT_READ | PROT_WRITE);
        memset((void *)low, byte, high - low);
    }
    for (int i = 0; i < 20; i++)
        free(allocate(200000 + i % 2));
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char said[] = {'o', 'k', '\n'};
    _exit(page == MAP_FAILED || write(STDOUT_FILENO, said, sizeof said) < 0);
}
