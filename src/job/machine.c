#include "job/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static void read_meminfo(tb_machine_memory *memory)
{
    FILE   *file = fopen("/proc/meminfo", "r");
    char    line[256];
    int64_t kibibytes;

    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemTotal: %" SCNd64, &kibibytes) == 1)
            memory->total_bytes = kibibytes * 1024;
        else if (sscanf(line, "MemAvailable: %" SCNd64, &kibibytes) == 1)
            memory->available_bytes = kibibytes * 1024;
    }
    fclose(file);
}

/* Lowers *limit to what the file says, if it says a number ("max" is none). */
static void read_limit(const char *path, int64_t *limit)
{
    FILE    *file = fopen(path, "r");
    uint64_t bytes;

    if (file == NULL)
        return;
    /* Version 1 says "no limit" with a number near 2^63. */
    if (fscanf(file, "%" SCNu64, &bytes) == 1 && bytes < (UINT64_C(1) << 60) &&
        (*limit == 0 || (int64_t)bytes < *limit))
        *limit = (int64_t)bytes;
    fclose(file);
}

/* The group and all above it: any of them may hold the limit. */
static void read_limits(const char *mount, const char *group, const char *name, int64_t *limit)
{
    char   path[4096], file[4200];
    size_t mount_length = strlen(mount);
    int    length       = snprintf(path, sizeof path, "%s%s", mount, group);

    if (length < 0 || (size_t)length >= sizeof path)
        return;
    for (;;) {
        snprintf(file, sizeof file, "%s/%s", path, name);
        read_limit(file, limit);

        char *slash = strrchr(path, '/');

        if (slash == NULL || (size_t)(slash - path) < mount_length)
            return;
        *slash = '\0';
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static void read_control_groups(tb_machine_memory *memory)
{
    FILE *file = fopen("/proc/self/cgroup", "r");
    char  line[4096];

    if (file == NULL)
        return;
    /* Each line is ID:CONTROLLERS:GROUP; version 2 has no controllers. */
    while (fgets(line, sizeof line, file) != NULL) {
        char *controllers = strchr(line, ':');
        char *group       = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

        if (group == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        *controllers++            = '\0';
        *group++                  = '\0';
        if (controllers[0] == '\0')
            read_limits("/sys/fs/cgroup", group, "memory.max", &memory->limit_bytes);
        else if (has_word(controllers, "memory"))
            read_limits("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes",
                        &memory->limit_bytes);
    }
    fclose(file);
}

tb_machine_memory tb_machine_memory_read(void)
{
    tb_machine_memory memory = {0};

    read_meminfo(&memory);
    read_control_groups(&memory);
    return memory;
}

bool tb_machine_disk_free(const char *folder, int64_t *bytes)
{
    struct statvfs disk;

    if (statvfs(folder, &disk) != 0)
        return false;
    *bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    return true;
}
