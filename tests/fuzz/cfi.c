/* Unwind tables: two bytes say where the header is, two which address is asked for; the tables
 * follow. */
#include "shim/stacks/cfi.h"
#include "shim/base/sys.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>

long sys_call_regs(const struct sys_regs *r) /* shim/base/sys_*.S */
{
    long result = syscall((long)r->nr, r->args[0], r->args[1], r->args[2], r->args[3]);
    return result < 0 ? -errno : result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t places[2];
    struct cfi_rule rule;
    if (size <= sizeof places)
        return 0;
    memcpy(places, data, sizeof places);
    size -= sizeof places;
    uint8_t *tables = malloc(size); /* of just that size: AddressSanitizer watches what is read */
    memcpy(tables, data + sizeof places, size);
    uintptr_t low = (uintptr_t)tables;
    struct cfi_object object = {tables + places[0] % size, low, low + size};
    cfi_read(&object, low + places[1] % size, &rule);
    free(tables);
    return 0;
}
