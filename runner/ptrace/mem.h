/* The memory of a stopped program, process_vm_readv(2) and /proc/PID/mem. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

bool mem_read(pid_t tid, uint64_t address, void *out, size_t size);
size_t mem_read_some(pid_t tid, uint64_t address, void *out, size_t size); /* bytes read */
bool mem_write(pid_t tid, uint64_t address, const void *bytes, size_t size);
bool mem_write_code(pid_t tid, uint64_t address, const void *bytes, size_t size);
void mem_read_text(pid_t tid, uint64_t address, char *out, size_t size);
uint64_t mem_read_word(pid_t tid, uint64_t address, unsigned word_size); /* 0 if there is none */
