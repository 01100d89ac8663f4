#include "runner/symbols/inventory_places.h"
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

static const struct inventory_place unknown = {.way = INVENTORY_UNKNOWN};

/* breg and reg come with the register in the number of the operation, bregx and regx as operand. */
static bool is_register_plus(const Dwarf_Op *op, struct inventory_place *out)
{
    bool plain = op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31;
    if (!plain && op->atom != DW_OP_bregx)
        return false;
    *out = (struct inventory_place){.way = INVENTORY_MEMORY};
    out->reg = plain ? (uint8_t)(op->atom - DW_OP_breg0) : (uint8_t)op->number;
    out->offset = (int64_t)(plain ? op->number : op->number2);
    return plain || op->number < UINT8_MAX;
}

static bool is_register(const Dwarf_Op *op, struct inventory_place *out)
{
    bool plain = op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31;
    *out = (struct inventory_place){.way = INVENTORY_REGISTER};
    out->reg = plain ? (uint8_t)(op->atom - DW_OP_reg0) : (uint8_t)op->number;
    return plain || (op->atom == DW_OP_regx && op->number < UINT8_MAX);
}

/* Behind an address: nothing, or that what stands there is one, to which something is added. */
static struct inventory_place with_rest(struct inventory_place place, const Dwarf_Op *ops,
                                        size_t count)
{
    if (count && ops[0].atom == DW_OP_plus_uconst && !place.deref) {
        place.offset += (int64_t)ops[0].number;
        return with_rest(place, ops + 1, count - 1);
    }
    if (count && ops[0].atom == DW_OP_deref && !place.deref) {
        place.deref = 1;
        ops++;
        count--;
    }
    if (count && ops[0].atom == DW_OP_plus_uconst) {
        place.then = (int64_t)ops[0].number;
        ops++;
        count--;
    }
    if (count && ops[0].atom == DW_OP_stack_value)
        return (struct inventory_place){.way = INVENTORY_OPTIMIZED_OUT};
    return count ? unknown : place;
}

/* The base of the function's frame: the canonical frame address, or a register. */
static struct inventory_place frame_base(Dwarf_Die *function, uint64_t at)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    struct inventory_place place;
    if (!function || !dwarf_attr_integrate(function, DW_AT_frame_base, &attribute) ||
        dwarf_getlocation_addr(&attribute, at, &ops, &count, 1) != 1 || !count)
        return unknown;
    if (ops[0].atom == DW_OP_call_frame_cfa)
        return with_rest((struct inventory_place){.way = INVENTORY_FRAME}, ops + 1, count - 1);
    if (is_register(&ops[0], &place)) {
        place.way = INVENTORY_MEMORY; /* the address in it is the base */
        return with_rest(place, ops + 1, count - 1);
    }
    return is_register_plus(&ops[0], &place) ? with_rest(place, ops + 1, count - 1) : unknown;
}

static struct inventory_place constant(Dwarf_Attribute *attribute)
{
    Dwarf_Sword value = 0;
    bool known = dwarf_formsdata(attribute, &value) == 0;
    return (struct inventory_place){.way = known ? INVENTORY_CONSTANT : INVENTORY_OPTIMIZED_OUT,
                                    .offset = value};
}

static bool is_thread_block(const Dwarf_Op *op)
{
    return op->atom == DW_OP_GNU_push_tls_address || op->atom == DW_OP_form_tls_address;
}

static bool is_constant(Dwarf_Attribute *attribute, Dwarf_Op *op, uint64_t *value)
{
    Dwarf_Attribute result;
    Dwarf_Addr address;
    switch (op->atom) {
    case DW_OP_addr:
    case DW_OP_const4u:
    case DW_OP_const8u:
    case DW_OP_constu:
        *value = op->number;
        return true;
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
        if (dwarf_getlocation_attr(attribute, op, &result) != 0 ||
            (dwarf_formaddr(&result, &address) != 0 && dwarf_formudata(&result, &address) != 0))
            return false;
        *value = address;
        return true;
    }
    return false;
}

/* With -gsplit-dwarf (gcc 12) .debug_addr has an address where an offset in the block is meant. */
static struct inventory_place of_constant(const Dwarf_Op *ops, size_t count, uint64_t value,
                                          const struct inventory_bias *bias)
{
    struct inventory_place place = {.way = INVENTORY_ADDRESS,
                                    .offset = (int64_t)(value + bias->dwarf)};
    bool is_offset =
        ops[0].atom == DW_OP_const4u || ops[0].atom == DW_OP_const8u || ops[0].atom == DW_OP_constu;
    if (count == 1)
        return place;
    if (count > 2 || !is_thread_block(&ops[1]))
        return unknown;
    bool in_image = value >= bias->thread_image && value < bias->thread_image_end;
    value -= !is_offset && in_image ? bias->thread_image : 0;
    place.way = INVENTORY_THREAD;
    place.offset = bias->thread + (int64_t)value;
    return place;
}

static struct inventory_place of_operations(Dwarf_Attribute *attribute, Dwarf_Op *ops, size_t count,
                                            Dwarf_Die *in, uint64_t at,
                                            const struct inventory_bias *bias)
{
    struct inventory_place place;
    uint64_t value;
    if (!count)
        return (struct inventory_place){.way = INVENTORY_OPTIMIZED_OUT};
    if (is_constant(attribute, &ops[0], &value))
        return of_constant(ops, count, value, bias);
    if (ops[0].atom == DW_OP_fbreg) {
        place = frame_base(in, at);
        if (place.deref)
            return unknown;
        place.offset += (int64_t)ops[0].number;
        return with_rest(place, ops + 1, count - 1);
    }
    if (is_register(&ops[0], &place))
        return count == 1 ? place : unknown;
    if (is_register_plus(&ops[0], &place))
        return with_rest(place, ops + 1, count - 1);
    if (ops[count - 1].atom == DW_OP_stack_value || ops[0].atom == DW_OP_implicit_value ||
        ops[0].atom == DW_OP_implicit_pointer || ops[0].atom == DW_OP_GNU_implicit_pointer)
        return (struct inventory_place){.way = INVENTORY_OPTIMIZED_OUT};
    return unknown;
}

struct inventory_place inventory_place_of(Dwarf_Die *variable, Dwarf_Die *in, uint64_t at,
                                          const struct inventory_bias *bias)
{
    static const struct inventory_place nowhere = {.way = INVENTORY_OPTIMIZED_OUT};
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_attr_integrate(variable, DW_AT_const_value, &attribute))
        return constant(&attribute);
    if (!dwarf_attr_integrate(variable, DW_AT_location, &attribute))
        return nowhere;
    int found = at ? dwarf_getlocation_addr(&attribute, at, &ops, &count, 1)
                   : dwarf_getlocation(&attribute, &ops, &count) == 0;
    return found == 1 ? of_operations(&attribute, ops, count, in, at, bias) : nowhere;
}

struct inventory_place inventory_frame_at(Dwarf_CFI *cfi, uint64_t at)
{
    Dwarf_Frame *frame = NULL;
    Dwarf_Op *ops;
    size_t count;
    struct inventory_place place = unknown;
    if (!cfi || dwarf_cfi_addrframe(cfi, at, &frame) != 0)
        return unknown;
    if (dwarf_frame_cfa(frame, &ops, &count) == 0 && count && is_register_plus(&ops[0], &place))
        place = with_rest(place, ops + 1, count - 1);
    free(frame);
    return place;
}
