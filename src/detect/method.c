#include "detect/filter.h"

#include <string.h>

static const tb_method *const methods[] = {&tb_method_composite, &tb_method_cva,
                                           &tb_method_logratio, &tb_method_omnibus,
                                           &tb_method_trained};

const tb_method *tb_method_named(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i]->name, name) == 0)
            return methods[i];
    return NULL;
}

const char *const *tb_method_names(void)
{
    static const char *const names[] = {"composite", "cva", "logratio", "omnibus", "trained", NULL};

    return names;
}
