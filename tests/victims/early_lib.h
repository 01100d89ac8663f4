#pragma once

/* The block that the constructor allocated, reallocated to 20002 bytes. Stays the library's. */
char *early_block(void);
