/* ELF files and their DWARF, in this process: what reader.c keeps apart from the run. */
#include "runner/symbols/resolver.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = fuzz_file(data, size, path);
    struct resolver *resolver = resolver_new("/nonexistent", false);
    for (uint64_t offset = 0; offset < size && offset < 8192; offset += 61)
        resolver_find(resolver, path, offset);
    resolver_free(resolver);
    close(fd);
    return 0;
}
