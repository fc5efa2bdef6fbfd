/* model.yaml, out. */
#include <math.h>

#include "core/file.h"
#include "model/filter.h"
#include "model/model.h"
#include "model/names.h"

const char *const tb_model_sample_names[] = {"amplitude", "intensity", NULL};
const char *const tb_model_state_names[]  = {"empty", "unfit", "borrowed", "fitted", NULL};

static const char *yes_no(bool value)
{
    return value ? "true" : "false";
}

/* Bytes of the character of UTF-8 at `text` that YAML lets stand as it is; 0 for any other byte. */
static int plain_bytes(const unsigned char *text)
{
    static const unsigned least[5] = {0, 0x20, 0xA0, 0x800, 0x10000};
    unsigned              code     = text[0];
    int                   bytes    = 1;

    if (code >= 0xC2 && code <= 0xF4) {
        bytes = code < 0xE0 ? 2 : code < 0xF0 ? 3 : 4;
        code &= 0x7Fu >> bytes;
        for (int i = 1; i < bytes; i++) {
            if ((text[i] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (text[i] & 0x3F);
        }
    } else if (code >= 0x7F) {
        return 0;
    }
    if (code < least[bytes] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ||
        code == 0xFEFF || code == 0xFFFE || code == 0xFFFF)
        return 0;
    return bytes;
}

tb_status tb_model_write_name(tb_text *out, const char *name, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *at     = name;

    TB_TRY(tb_text_append(out, err, "\""));
    while (*at != '\0') {
        int bytes = plain_bytes((const unsigned char *)at);

        if (bytes == 0)
            TB_TRY(tb_text_append(out, err, "\\x%02X", (unsigned)(unsigned char)*at));
        else
            TB_TRY(tb_text_append(out, err, "%s%.*s", *at == '"' || *at == '\\' ? "\\" : "", bytes,
                                  at));
        at += bytes > 0 ? bytes : 1;
    }
    TB_TRY(tb_text_append(out, err, "\""));
done:
    return status;
}

static tb_status write_row(tb_text *out, const char *before, const double *values, int n,
                           tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "%s[", before));
    for (int i = 0; i < n; i++)
        TB_TRY(tb_text_append(out, err, "%s%.9g", i > 0 ? ", " : "", values[i]));
    TB_TRY(tb_text_append(out, err, "]\n"));
done:
    return status;
}

static tb_status write_list(tb_text *out, const char *indent, const char *key, const double *values,
                            int n, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "%s%s: ", indent, key));
    TB_TRY(write_row(out, "", values, n, err));
done:
    return status;
}

/* A range that has no ends is not written. */
static tb_status write_range(tb_text *out, const tb_model *model, int date, const char *key,
                             tb_error *err)
{
    if (!isfinite(model->high[date]))
        return TB_OK;
    return tb_text_append(out, err, "%s: [%.9g, %.9g]\n", key, model->low[date], model->high[date]);
}

static tb_status write_nodes(tb_text *out, const char *key, const double *values,
                             const tb_field *field, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "      %s:\n", key));
    for (int row = 0; row < field->rows; row++)
        TB_TRY(write_row(out, "        - ", values + row * field->columns, field->columns, err));
done:
    return status;
}

static tb_status write_field(tb_text *out, const tb_model_file *file, tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_field *f      = &file->field;

    TB_TRY(tb_text_append(out, err, "    field:\n      origin: [%lld, %lld]\n      step: %lld\n",
                          (long long)f->x, (long long)f->y, (long long)f->step));
    TB_TRY(write_list(out, "      ", "held_out", file->field_held_out, 2, err));
    TB_TRY(write_list(out, "      ", "correlation", file->field_correlation, 2, err));
    TB_TRY(write_nodes(out, "dx", f->dx, f, err));
    TB_TRY(write_nodes(out, "dy", f->dy, f, err));
done:
    return status;
}

static tb_status write_file(tb_text *out, const tb_model_file *file, const char *path,
                            tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "  - file: "));
    TB_TRY(tb_model_write_name(out, tb_path_name(path), err));
    TB_TRY(tb_text_append(out, err,
                          "\n    dx: %.9g\n    dy: %.9g\n    applied: %s\n"
                          "    residual_px: %.9g\n    windows: %d\n    accepted: %d\n"
                          "    correlation: [%.9g, %.9g]\n    reason: \"%s\"\n",
                          file->dx, file->dy, yes_no(file->applied), file->residual_px,
                          file->windows, file->accepted, file->correlation_before,
                          file->correlation_after, file->reason));
    if (tb_field_exists(&file->field))
        TB_TRY(write_field(out, file, err));
done:
    return status;
}

static tb_status write_mad(tb_text *out, const tb_model_mad *mad, int bands, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "    mad:\n"));
    TB_TRY(write_list(out, "      ", "mean", mad->mean, 2 * bands, err));
    TB_TRY(write_list(out, "      ", "variance", mad->variance, mad->count, err));
    TB_TRY(tb_text_append(out, err, "      coefficient:\n"));
    for (int i = 0; i < mad->count; i++)
        TB_TRY(write_row(out, "        - ", mad->coefficient[i], 2 * bands, err));
done:
    return status;
}

const char *const tb_model_screen_keys[] = {"before", "after"};

static tb_status write_screen(tb_text *out, const tb_screen *screen, int bands, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "    screen:\n      cloud: %.9g\n", screen->cloud));
    for (int date = 0; date < 2; date++) {
        TB_TRY(tb_text_append(out, err, "      %s:\n", tb_model_screen_keys[date]));
        TB_TRY(write_list(out, "        ", "middle", screen->middle[date], bands, err));
        TB_TRY(write_list(out, "        ", "low", screen->low[date], bands, err));
        TB_TRY(write_list(out, "        ", "high", screen->high[date], bands, err));
    }
done:
    return status;
}

static tb_status write_stratum(tb_text *out, const tb_model *model, int index, tb_error *err)
{
    tb_status                 status = TB_OK;
    const tb_model_stratum   *s      = &model->stratum[index];
    const tb_model_threshold *t      = &s->threshold;

    TB_TRY(tb_text_append(out, err,
                          "  - before: %d\n    after: %d\n    state: %s\n    sampled: %lld\n",
                          index / model->after_sources, index % model->after_sources,
                          tb_model_state_names[s->state], (long long)s->sampled));
    if (s->state == TB_STRATUM_BORROWED)
        TB_TRY(tb_text_append(out, err, "    from: %d\n", s->from));
    if (s->state != TB_STRATUM_FITTED) {
        if (t->reason[0] != '\0')
            TB_TRY(tb_text_append(out, err, "    reason: \"%s\"\n", t->reason));
        goto done;
    }
    TB_TRY(tb_text_append(out, err, "    irmad:\n"));
    TB_TRY(write_list(out, "      ", "rho", s->irmad.rho, s->irmad.count, err));
    TB_TRY(tb_text_append(out, err, "      iterations: %d\n      ridge: %.9g\n",
                          s->irmad.iterations, s->irmad.ridge));
    if (s->mad.count > 0)
        TB_TRY(write_mad(out, &s->mad, model->bands, err));
    if (s->screen.is_used)
        TB_TRY(write_screen(out, &s->screen, model->bands, err));
    TB_TRY(tb_text_append(out, err,
                          "    normalisation:\n      rule: \"%s\"\n      unchanged: %lld\n",
                          s->normalisation, (long long)s->unchanged));
    TB_TRY(write_list(out, "      ", "slope", s->slope, model->bands, err));
    TB_TRY(write_list(out, "      ", "intercept", s->intercept, model->bands, err));
    TB_TRY(write_list(out, "      ", "noise", s->noise, model->bands, err));
    TB_TRY(write_list(out, "      ", "mean", s->mean, model->bands, err));
    TB_TRY(write_list(out, "      ", "spread", s->spread, model->bands, err));
    if (model->method->feature != NULL)
        TB_TRY(write_list(out, "      ", "offset", s->offset, model->bands, err));
    if (model->method == &tb_method_omnibus)
        TB_TRY(tb_text_append(out, err, "      looks: %.9g\n", s->looks));
    if (model->filter != NULL) {
        TB_TRY(write_list(out, "      ", "mean_after", s->mean_after, model->bands, err));
        TB_TRY(write_list(out, "      ", "deviation", s->deviation[0], model->bands, err));
        TB_TRY(write_list(out, "      ", "deviation_after", s->deviation[1], model->bands, err));
    }
    TB_TRY(
        tb_text_append(out, err,
                       "    threshold:\n      rule: \"%s\"\n      value: %.9g\n      weak: %.9g\n"
                       "      strong: %.9g\n      contrast: %.9g\n      flagged: %.9g\n"
                       "      reason: \"%s\"\n",
                       t->rule, t->value, t->weak, t->strong, t->contrast, t->flagged, t->reason));
done:
    return status;
}

tb_status tb_model_write(const tb_model *model, const tb_pair *pair, tb_text *out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(
        out, err,
        "# A model of tuban: what was learnt from the sample of one pair of dates.\n"
        "model: 1\nmethod: %s\nbands: %d\nsmoothing: %.9g\nmedian: %s\n"
        "sample: %.9g\n"
        "sources: {before: %d, after: %d}\n",
        model->method->name, model->bands, model->smoothing, yes_no(model->has_median),
        model->sample_share, model->before_sources, model->after_sources));
    if (model->method == &tb_method_omnibus)
        TB_TRY(
            tb_text_append(out, err, "samples: %s\n", tb_model_sample_names[model->is_intensity]));
    TB_TRY(write_range(out, model, 0, "range_before", err));
    TB_TRY(write_range(out, model, 1, "range_after", err));
    if (model->filter != NULL) {
        TB_TRY(tb_text_append(out, err, "filter:\n"));
        TB_TRY(tb_filter_write(model->filter, "  ", out, err));
    }
    TB_TRY(tb_text_append(out, err, "registration:\n"));
    for (int f = 0; f < model->after_files; f++)
        TB_TRY(write_file(out, &model->file[f], tb_epoch_file(pair->after, f)->path, err));
    TB_TRY(tb_text_append(out, err, "strata:\n"));
    for (int s = 0; s < tb_model_strata(model); s++)
        TB_TRY(write_stratum(out, model, s, err));
done:
    return status;
}
