/* What works here: everything that is needed does, and a misspelt override shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <cpl_vsi.h>

#include "core/memory.h"
#include "job/machine.h"
#include "tuban/doctor.h"

static tb_doctor *examine(void)
{
    tb_doctor *doctor = NULL;
    tb_error   error  = {0};

    if (tb_doctor_examine(&doctor, &error) != TB_OK)
        fail_msg("%s", error.message);
    return doctor;
}

static const tb_doctor_row *find(const tb_doctor *doctor, const char *name)
{
    for (size_t i = 0; i < doctor->count; i++)
        if (strcmp(doctor->rows[i].name, name) == 0)
            return &doctor->rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void everything_needed_works_here(void **state)
{
    static const char *const needed[] = {
        "GDAL",
        "HDF5",
        "FFTW",
        "PROJ",
        "GEOS",
        "libyaml",
        "jansson",
        "cairo",
        "driver GTiff",
        "driver VRT",
        "driver JP2OpenJPEG",
        "driver SENTINEL2",
        "driver GPKG",
        "driver ESRI Shapefile",
        "driver OpenFileGDB",
        "driver GeoJSON",
        "driver LIBKML",
        "GeoTIFF compressions",
        "PROJ database",
        "EPSG:4326 to EPSG:4490",
        "EPSG:4490 to EPSG:4527",
        "instruction sets",
        "kernels",
        "processors",
    };
    tb_doctor *doctor;

    (void)state;
    unsetenv("TUBAN_CPU");
    doctor = examine();
    for (size_t i = 0; i < doctor->count; i++)
        print_message("    %-8s %-24s %s\n", tb_doctor_state_name(doctor->rows[i].state),
                      doctor->rows[i].name, doctor->rows[i].detail);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const tb_doctor_row *row = find(doctor, needed[i]);

        if (row->state != TB_DOCTOR_OK)
            fail_msg("%s: %s", row->name, row->detail);
    }
    assert_non_null(find(doctor, "memory"));
    assert_non_null(find(doctor, "disk of this folder"));
    assert_non_null(find(doctor, "disk of TMPDIR"));
    assert_true(doctor->worst <= TB_DOCTOR_WARNING);
    tb_doctor_free(doctor);
}

static void an_override_is_respected_and_a_misspelt_one_is_bad(void **state)
{
    tb_doctor *doctor;

    (void)state;
    setenv("TUBAN_CPU", "c", 1);
    doctor = examine();
    assert_string_equal(find(doctor, "kernels")->detail, "c, as TUBAN_CPU asks");
    tb_doctor_free(doctor);

    setenv("TUBAN_CPU", "avx1024", 1);
    doctor = examine();
    assert_int_equal(find(doctor, "kernels")->state, TB_DOCTOR_BAD);
    assert_string_equal(tb_doctor_state_name(doctor->worst), "bad");
    assert_non_null(strstr(find(doctor, "kernels")->detail, "avx1024"));
    tb_doctor_free(doctor);
    unsetenv("TUBAN_CPU");
}

static void a_folder_that_is_not_there_is_missing(void **state)
{
    char      *before = getenv("TMPDIR");
    char      *kept   = before != NULL ? strdup(before) : NULL;
    tb_doctor *doctor;

    (void)state;
    setenv("TMPDIR", "/nonexistent/tuban", 1);
    doctor = examine();
    assert_int_equal(find(doctor, "disk of TMPDIR")->state, TB_DOCTOR_MISSING);
    tb_doctor_free(doctor);
    if (kept != NULL)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
}

static void trying_drivers_leaves_nothing_behind(void **state)
{
    char **files;

    (void)state;
    tb_doctor_free(examine());
    files = VSIReadDir("/vsimem/");
    for (int i = 0; files != NULL && files[i] != NULL; i++) {
        assert_null(strstr(files[i], "tuban-doctor"));
        CPLFree(files[i]);
    }
    CPLFree(files);
    tb_doctor_free(NULL);
}

static void the_machine_has_memory_and_disk(void **state)
{
    tb_machine_memory memory = tb_machine_memory_read();
    int64_t           bytes  = -1;

    (void)state;
    assert_true(memory.total_bytes > 0);
    assert_true(memory.available_bytes > 0 && memory.available_bytes <= memory.total_bytes);
    assert_true(memory.limit_bytes >= 0);
    assert_true(tb_machine_disk_free("/", &bytes));
    assert_true(bytes >= 0);
    assert_false(tb_machine_disk_free("/nonexistent/tuban", &bytes));
}

static void every_failed_allocation_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    for (long n = 1;; n += n < 10 ? 1 : 7) {
        size_t     before = tb_memory_in_use();
        tb_doctor *doctor = NULL;
        tb_error   error  = {0};
        tb_status  status;

        tb_memory_fail_at(n);
        status = tb_doctor_examine(&doctor, &error);
        if (!tb_memory_has_failed()) {
            assert_int_equal(status, TB_OK);
            tb_doctor_free(doctor);
            break;
        }
        tb_memory_fail_at(0);
        /* Whether a folder can be written to is a row, whatever the reason that it cannot. */
        if (status == TB_OK) {
            tb_doctor_free(doctor);
        } else {
            assert_int_equal(status, TB_E_MEMORY);
            assert_null(doctor);
        }
        assert_int_equal(tb_memory_in_use(), before);
    }
    tb_memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_needed_works_here),
        cmocka_unit_test(an_override_is_respected_and_a_misspelt_one_is_bad),
        cmocka_unit_test(a_folder_that_is_not_there_is_missing),
        cmocka_unit_test(trying_drivers_leaves_nothing_behind),
        cmocka_unit_test(the_machine_has_memory_and_disk),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
