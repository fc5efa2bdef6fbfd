#include "region/record.h"

#include "core/memory.h"
#include "region/store.h"

enum { VERSION = 1, RUN_COLUMNS = 4, COMPONENT_COLUMNS = 6 };

struct tb_record {
    tb_store *store;
    int       runs, kinds, components, evidence;
};

tb_status tb_record_create(tb_record **out, const char *path, const tb_evidence_layout *layout,
                           tb_error *err)
{
    tb_status  status  = TB_OK;
    tb_record *record  = NULL;
    int64_t    version = VERSION;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&record, 1, sizeof *record, "record of runs", err));
    TB_TRY(tb_store_create(&record->store, path, err));
    TB_TRY(tb_store_set_text(record->store, "format", "tuban assembled runs", err));
    TB_TRY(tb_store_set_integers(record->store, "version", &version, 1, err));
    TB_TRY(tb_store_set_layout(record->store, layout, err));
    TB_TRY(
        tb_store_add_table(record->store, "runs", TB_STORE_I64, RUN_COLUMNS, &record->runs, err));
    TB_TRY(tb_store_add_table(record->store, "kinds", TB_STORE_U8, 1, &record->kinds, err));
    TB_TRY(tb_store_add_table(record->store, "components", TB_STORE_I64, COMPONENT_COLUMNS,
                              &record->components, err));
    TB_TRY(tb_store_add_table(record->store, "evidence", TB_STORE_I64, layout->columns,
                              &record->evidence, err));
done:
    if (status == TB_OK)
        *out = record;
    else
        tb_record_close(record);
    return status;
}

static tb_status write_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    tb_record *record               = context;
    tb_status  status               = TB_OK;
    int64_t    numbers[RUN_COLUMNS] = {run->row, run->first, run->last, run->component};
    uint8_t    kind                 = (uint8_t)run->kind;

    TB_TRY(tb_store_append(record->store, record->runs, numbers, 1, err));
    TB_TRY(tb_store_append(record->store, record->kinds, &kind, 1, err));
done:
    return status;
}

static tb_status write_component(void *context, const tb_component *component, tb_error *err)
{
    tb_record     *record                     = context;
    tb_status      status                     = TB_OK;
    const tb_rect *bounds                     = &component->bounds;
    int64_t        numbers[COMPONENT_COLUMNS] = {component->number, component->verdict, bounds->x,
                                                 bounds->y,         bounds->width,      bounds->height};

    TB_TRY(tb_store_append(record->store, record->components, numbers, 1, err));
    TB_TRY(tb_store_append(record->store, record->evidence, component->evidence, 1, err));
done:
    return status;
}

tb_assemble_visitor tb_record_visitor(tb_record *record)
{
    return (tb_assemble_visitor){.run = write_run, .component = write_component, .context = record};
}

tb_status tb_record_finish(tb_record *record, tb_error *err)
{
    return tb_store_finish(record->store, err);
}

void tb_record_close(tb_record *record)
{
    if (record == NULL)
        return;
    tb_store_close(record->store);
    tb_free(record);
}
