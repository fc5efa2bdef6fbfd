/** What the machine has: memory and disk, as the kernel tells this process. */
#ifndef TUBAN_JOB_MACHINE_H
#define TUBAN_JOB_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes; 0 where the kernel does not tell. */
typedef struct tb_machine_memory {
    int64_t total_bytes;
    int64_t available_bytes; /**< what can be had without swapping */
    int64_t limit_bytes; /**< the least of the control groups this process is in; 0 for no limit */
} tb_machine_memory;

/** Reads /proc/meminfo and the memory limits of control groups, version 1 or 2, up to the root. */
tb_machine_memory tb_machine_memory_read(void);

/** Bytes free to this user on the disk a folder lies on; false when it cannot be asked. */
bool tb_machine_disk_free(const char *folder, int64_t *bytes);

#endif
