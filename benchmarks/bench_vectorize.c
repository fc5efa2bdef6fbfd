/*
 * CPU seconds of vectorising a random mask, step by step, and of a peer on a smaller one.
 *
 *   bench_vectorize [SIDE [PERCENT [PEER_SIDE [FOLDER]]]]      10000 40 2000 /tmp
 *
 * Only ratios within one run mean anything on a shared machine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cpl_string.h>
#include <gdal.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "region/assemble.h"
#include "region/label.h"
#include "region/record.h"
#include "region/runs.h"
#include "region/sheet.h"
#include "region/trace.h"
#include "tuban/vectorize.h"

enum { STRIP_ROWS = 256 };

static double seconds_of(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double peak_mb(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static void lap(const char *what, double *since)
{
    double now = seconds_of(RUSAGE_SELF);

    printf("%-36s %8.2f s   peak so far %6.0f MB, own %6.0f MB\n", what, now - *since, peak_mb(),
           (double)tb_memory_peak() / 1048576.0);
    tb_memory_peak_reset();
    *since = seconds_of(RUSAGE_SELF);
}

static void fill_randomly(uint8_t *pixels, size_t count, int percent)
{
    uint64_t seed = 88172645463325252u;

    for (size_t i = 0; i < count; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        pixels[i] = (seed >> 11) % 100 < (uint64_t)percent ? TB_RUN_STRONG : TB_RUN_NONE;
    }
}

static tb_status write_shard(const char *path, const uint8_t *pixels, int64_t side, double *since,
                             tb_error *err)
{
    const tb_evidence_layout *layout   = tb_evidence_fixed();
    tb_status                 status   = TB_OK;
    tb_run_writer            *writer   = NULL;
    tb_label                 *label    = NULL;
    int64_t                  *evidence = NULL;
    int64_t                   runs = 0, parts = 0;
    tb_run_block              block;

    TB_TRY(tb_label_new(&label, err));
    for (int64_t y = 0; y < side; y += STRIP_ROWS)
        TB_TRY(tb_label_block(label, pixels + y * side, (size_t)side,
                              (tb_rect){0, y, side, side - y < STRIP_ROWS ? side - y : STRIP_ROWS},
                              TB_CONNECT_8, &block, err));
    lap("label all strips", since);
    TB_TRY(tb_run_writer_create(&writer, path, (tb_rect){0, 0, side, side}, layout, err));
    TB_TRY(tb_alloc(&evidence, (size_t)(STRIP_ROWS * side),
                    (size_t)layout->columns * sizeof *evidence, "evidence", err));
    for (int64_t y = 0; y < side; y += STRIP_ROWS) {
        TB_TRY(tb_label_block(label, pixels + y * side, (size_t)side,
                              (tb_rect){0, y, side, side - y < STRIP_ROWS ? side - y : STRIP_ROWS},
                              TB_CONNECT_8, &block, err));
        tb_evidence_clear(layout, evidence, block.part_count);
        for (size_t r = 0; r < block.run_count; r++)
            evidence[(size_t)block.runs[r].part * (size_t)layout->columns + TB_EVIDENCE_PIXELS] +=
                block.runs[r].last - block.runs[r].first + 1;
        block.evidence = evidence;
        runs += (int64_t)block.run_count;
        parts += (int64_t)block.part_count;
        TB_TRY(tb_run_writer_append(writer, &block, err));
    }
    TB_TRY(tb_run_writer_finish(writer, err));
    printf("%" PRId64 " runs, %" PRId64 " parts\n", runs, parts);
    lap("label again and write the shard", since);
done:
    tb_free(evidence);
    tb_run_writer_close(writer);
    tb_label_free(label);
    return status;
}

typedef struct tracer {
    tb_trace *trace;
    int64_t   components, polygons, rings, corners, largest;
} tracer;

static tb_status hear_component(void *context, const tb_component *component, tb_error *err)
{
    tracer   *t = context;
    tb_shape  shape;
    tb_status status = TB_OK;

    t->components++;
    t->largest = component->pixels > t->largest ? component->pixels : t->largest;
    if (t->trace == NULL)
        return TB_OK;
    TB_TRY(tb_trace_component(t->trace, component, &shape, err));
    t->polygons += (int64_t)shape.polygon_count;
    t->rings += (int64_t)shape.ring_count;
    t->corners += (int64_t)shape.corner_count;
done:
    return status;
}

static tb_status assemble(const char *shard, const char *record_path, double *since, tb_error *err)
{
    tb_status           status  = TB_OK;
    tb_run_reader      *reader  = NULL;
    tb_record          *record  = NULL;
    tracer              t       = {0};
    tb_assemble_visitor visitor = {.component = hear_component, .context = &t};

    TB_TRY(tb_run_reader_open(&reader, shard, err));

    tb_assemble_options options = {.shards = &reader, .shard_count = 1};

    TB_TRY(tb_assemble_shards(&options, &visitor, NULL, err));
    lap("assemble", since);
    TB_TRY(tb_trace_new(&t.trace, err));
    TB_TRY(tb_assemble_shards(&options, &visitor, NULL, err));
    printf("%" PRId64 " components, the largest of %" PRId64 " pixels; %" PRId64
           " polygons, %" PRId64 " rings, %" PRId64 " corners\n",
           t.components / 2, t.largest, t.polygons, t.rings, t.corners);
    lap("assemble and trace", since);
    tb_trace_free(t.trace);
    t.trace = NULL;
    TB_TRY(tb_record_create(&record, record_path, tb_run_reader_layout(reader), err));
    visitor = tb_record_visitor(record);
    TB_TRY(tb_assemble_shards(&options, &visitor, NULL, err));
    TB_TRY(tb_record_finish(record, err));
    lap("assemble and write runs.h5", since);
done:
    tb_record_close(record);
    tb_trace_free(t.trace);
    tb_run_reader_close(reader);
    return status;
}

/* What tuban vectorize does between the raster and the file. */
static tb_status tell_sheet(const char *work, const uint8_t *pixels, int64_t side, bool traces,
                            double *since, tb_error *err)
{
    tb_status          status = TB_OK;
    tb_sheet          *sheet  = NULL;
    uint8_t           *strip  = NULL;
    tracer             t      = {0};
    tb_sheet_options   how    = {.component = hear_component, .context = &t};
    tb_assemble_totals totals;

    TB_TRY(tb_alloc(&strip, (size_t)(STRIP_ROWS * side), 1, "strip", err));
    TB_TRY(tb_sheet_new(&sheet, side, side, TB_CONNECT_8, work, err));
    for (int64_t y = 0; y < side; y += STRIP_ROWS) {
        int64_t rows = side - y < STRIP_ROWS ? side - y : STRIP_ROWS;

        for (int64_t i = 0; i < rows * side; i++)
            strip[i] = pixels[y * side + i] != TB_RUN_NONE;
        TB_TRY(tb_sheet_add(sheet, strip, rows, err));
    }
    lap("sheet: runs joined", since);
    if (traces)
        TB_TRY(tb_trace_new(&t.trace, err));
    TB_TRY(tb_sheet_tell(sheet, &how, &totals, err));
    lap(traces ? "sheet: components told and traced" : "sheet: components told", since);
done:
    tb_trace_free(t.trace);
    tb_sheet_free(sheet);
    tb_free(strip);
    return status;
}

static void write_tiff(const char *path, const uint8_t *pixels, int side)
{
    char       **options = CSLSetNameValue(NULL, "TILED", "YES");
    GDALDatasetH dataset;
    double       transform[6] = {500000, 2, 0, 4000000, 0, -2};
    CPLErr       code;

    GDALAllRegister();
    dataset = GDALCreate(GDALGetDriverByName("GTiff"), path, side, side, 1, GDT_Byte, options);
    CSLDestroy(options);
    GDALSetGeoTransform(dataset, transform);
    code = GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Write, 0, 0, side, side, (void *)pixels,
                        side, side, GDT_Byte, 0, 0);
    GDALClose(dataset);
    if (code != CE_None)
        exit(1);
}

static tb_status vectorize(const char *tiff, const char *out, tb_error *err)
{
    tb_vectorize_options options = {.change = tiff, .out = out};

    return tb_vectorize(&options, NULL, err);
}

static tb_status compare_with_peer(const char *folder, const uint8_t *pixels, int side,
                                   tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   tiff = {0}, ours = {0}, theirs = {0}, command = {0};
    double    own, peer, since;

    TB_TRY(tb_text_append(&tiff, err, "%s/peer.tif", folder));
    TB_TRY(tb_text_append(&ours, err, "%s/ours.gpkg", folder));
    TB_TRY(tb_text_append(&theirs, err, "%s/theirs.gpkg", folder));
    TB_TRY(tb_text_append(
        &command, err, "gdal_polygonize.py -q -8 -mask %s %s -f GPKG %s parcels > /dev/null 2>&1",
        tiff.data, tiff.data, theirs.data));
    write_tiff(tiff.data, pixels, side);
    since = seconds_of(RUSAGE_SELF);
    TB_TRY(vectorize(tiff.data, ours.data, err));
    own   = seconds_of(RUSAGE_SELF) - since;
    since = seconds_of(RUSAGE_CHILDREN);
    if (system(command.data) != 0) {
        printf("gdal_polygonize.py is not installed: no peer\n");
        goto done;
    }
    peer = seconds_of(RUSAGE_CHILDREN) - since;
    printf("%d x %d to GeoPackage: tuban %.2f s, gdal_polygonize.py %.2f s: %.1f times\n", side,
           side, own, peer, peer / own);
done:
    tb_file_remove(tiff.data);
    tb_file_remove(ours.data);
    tb_file_remove(theirs.data);
    tb_text_reset(&tiff);
    tb_text_reset(&ours);
    tb_text_reset(&theirs);
    tb_text_reset(&command);
    return status;
}

int main(int argc, char **argv)
{
    int         side      = argc > 1 ? atoi(argv[1]) : 10000;
    int         percent   = argc > 2 ? atoi(argv[2]) : 40;
    int         peer_side = argc > 3 ? atoi(argv[3]) : 2000;
    const char *folder    = argc > 4 ? argv[4] : "/tmp";
    size_t      count     = (size_t)side * (size_t)side;
    tb_status   status    = TB_OK;
    tb_error    error     = {0};
    uint8_t    *pixels    = NULL;
    tb_text     shard = {0}, record = {0}, tiff = {0}, out = {0};
    double      since;

    setvbuf(stdout, NULL, _IOLBF, 0);
    TB_TRY(tb_text_append(&shard, &error, "%s/bench-shard.h5", folder));
    TB_TRY(tb_text_append(&record, &error, "%s/bench-runs.h5", folder));
    TB_TRY(tb_text_append(&tiff, &error, "%s/bench.tif", folder));
    TB_TRY(tb_text_append(&out, &error, "%s/bench.gpkg", folder));
    TB_TRY(tb_alloc(&pixels, count, 1, "mask", &error));
    fill_randomly(pixels, count, percent);
    if (peer_side > 0 && peer_side <= side)
        TB_TRY(compare_with_peer(folder, pixels, peer_side, &error));
    printf("%d x %d, %d %% changed, CPU seconds:\n", side, side, percent);
    tb_memory_peak_reset();
    since = seconds_of(RUSAGE_SELF);
    TB_TRY(write_shard(shard.data, pixels, side, &since, &error));
    TB_TRY(assemble(shard.data, record.data, &since, &error));
    tb_file_remove(shard.data);
    tb_file_remove(record.data);
    since = seconds_of(RUSAGE_SELF);
    TB_TRY(tell_sheet(shard.data, pixels, side, false, &since, &error));
    TB_TRY(tell_sheet(shard.data, pixels, side, true, &since, &error));
    write_tiff(tiff.data, pixels, side);
    tb_free(pixels);
    pixels = NULL;
    since  = seconds_of(RUSAGE_SELF);
    tb_memory_peak_reset();
    TB_TRY(vectorize(tiff.data, out.data, &error));
    lap("the whole, GeoTIFF to GeoPackage", &since);
done:
    if (status != TB_OK)
        fprintf(stderr, "%s\n", error.message);
    tb_file_remove(shard.data);
    tb_file_remove(record.data);
    tb_file_remove(tiff.data);
    tb_file_remove(out.data);
    tb_free(pixels);
    tb_text_reset(&shard);
    tb_text_reset(&record);
    tb_text_reset(&tiff);
    tb_text_reset(&out);
    return (int)status;
}
