#include "shim/stacks/cfi_bytes.h"
#include "shim/base/sys.h"
#include <string.h>

const uint8_t *cfi_take(struct cfi_reader *r, size_t size)
{
    static const uint8_t none[8];
    if (r->bad || (size_t)(r->end - r->at) < size) {
        r->bad = true;
        return none;
    }
    const uint8_t *at = r->at;
    r->at += size;
    return at;
}

static bool is_readable(struct cfi_reader *r, const uint8_t *at)
{
    uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
    if (page != r->page && !sys_can_read(at))
        return false;
    r->page = page;
    return true;
}

uint64_t cfi_number(struct cfi_reader *r, unsigned size)
{
    uint64_t value = 0;
    const uint8_t *at = cfi_take(r, size);
    r->bad = r->bad || !is_readable(r, at) || !is_readable(r, at + size - 1);
    if (!r->bad)
        memcpy(&value, at, size);
    return value;
}

int64_t cfi_signed(struct cfi_reader *r, unsigned size)
{
    unsigned unused = 64 - 8 * size;
    return (int64_t)(cfi_number(r, size) << unused) >> unused;
}

uint64_t cfi_leb(struct cfi_reader *r, bool is_signed)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)cfi_number(r, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (is_signed && (byte & 0x40) && shift + 7 < 64)
            value |= ~0ull << (shift + 7);
        return value;
    }
    r->bad = true;
    return 0;
}

int64_t cfi_form(struct cfi_reader *r, uint8_t encoding)
{
    switch (encoding & FORM) {
    case 0x0:
        return (int64_t)cfi_number(r, sizeof(uintptr_t));
    case 0x1:
        return (int64_t)ULEB(r);
    case 0x2:
        return (int64_t)cfi_number(r, 2);
    case 0x3:
        return (int64_t)cfi_number(r, 4);
    case 0x4:
    case 0xc:
        return (int64_t)cfi_number(r, 8);
    case 0x9:
        return SLEB(r);
    case 0xa:
        return cfi_signed(r, 2);
    case 0xb:
        return cfi_signed(r, 4);
    }
    r->bad = true;
    return 0;
}

uintptr_t cfi_pointer(struct cfi_reader *r, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)r->at;
    uintptr_t value = (uintptr_t)cfi_form(r, encoding);
    if (encoding & INDIRECT || (encoding & RELATIVE && (encoding & RELATIVE) != RELATIVE_PC))
        r->bad = true;
    return encoding & RELATIVE ? here + value : value;
}
