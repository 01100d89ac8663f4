/* An inventory as bytes, between the process that reads files and the one that asks. */
#pragma once

#include "runner/symbols/inventory.h"
#include <stddef.h>

/* To be freed with memory_put(); at most INVENTORY_BYTES_MAX: what has no room there is cut. */
char *inventory_write(const struct inventory *inventory, size_t *size);

/* False if the bytes are no answer: who wrote them is not trusted. */
bool inventory_read(const char *bytes, size_t size, struct names *names, struct inventory *out);
