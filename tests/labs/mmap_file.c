/*
 * mmap_file: a file in the map, twice.
 *
 * The same file is mapped shared (s in the map: what we write reaches the file) and private (p:
 * what we write stays in a copy of our own). Both regions show the file's name; the file is
 * deleted at the end.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "lab.h"

int main(void)
{
    char name[] = "/tmp/mmap_file.XXXXXX";
    size_t length = 3 * 4096;
    int file = mkstemp(name);

    check(file >= 0, "mkstemp");
    check(ftruncate(file, (off_t)length) == 0, "ftruncate");
    check(write(file, "written by write()", 18) == 18, "write");
    printf("@ file %s\n", name);

    char *shared = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    printf("@ mmap %zu %p line %d\n", length, (void *)shared, __LINE__ - 1);
    check(shared != MAP_FAILED, "mmap");

    /* Only from the second page on: look at the offset column of the map. */
    char *tail = mmap(NULL, length - 4096, PROT_READ, MAP_PRIVATE, file, 4096);
    printf("@ mmap %zu %p line %d\n", length - 4096, (void *)tail, __LINE__ - 1);
    check(tail != MAP_FAILED, "mmap");

    char *private = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    printf("@ mmap %zu %p line %d\n", length, (void *)private, __LINE__ - 1);
    check(private != MAP_FAILED, "mmap");

    close(file); /* the mappings do not need the descriptor any more */

    printf("shared:  \"%s\"\nprivate: \"%s\"\n", shared, private);
    strcpy(private, "only in my copy");
    printf("after a write to the private one:  shared \"%s\", private \"%s\"\n", shared, private);
    strcpy(shared, "in the file");
    printf("after a write to the shared one:   shared \"%s\", private \"%s\"\n", shared, private);

    check(munmap(private, length) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)private, length, __LINE__ - 1);
    check(munmap(tail, length - 4096) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)tail, length - 4096, __LINE__ - 1);
    check(munmap(shared, length) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)shared, length, __LINE__ - 1);
    unlink(name);
    return 0;
}
