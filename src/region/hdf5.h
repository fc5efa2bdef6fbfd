/**
 * What every use of HDF5 here needs: its printing off, and its complaints as errors.
 *
 * HDF5 has one lock for the whole library: all use is from one thread.
 */
#ifndef TUBAN_REGION_HDF5_H
#define TUBAN_REGION_HDF5_H

#include <hdf5.h>

#include "region/store.h"

/** What HDF5 does with its error stack, kept while it is told to keep quiet. */
typedef struct tb_hdf5_quiet {
    H5E_auto2_t function;
    void       *data;
} tb_hdf5_quiet;

/** Turns HDF5's printing off; what is returned goes to tb_hdf5_quiet_end. */
tb_hdf5_quiet tb_hdf5_quiet_begin(void);
void          tb_hdf5_quiet_end(tb_hdf5_quiet before);

/** Sets TB_E_OUTPUT for `path` with HDF5's innermost complaint, and returns it. */
tb_status tb_hdf5_write_error(const char *path, tb_error *err);

/** Sets TB_E_INPUT likewise; `what` could not be read. */
tb_status tb_hdf5_read_error(const char *path, const char *what, tb_error *err);

/** The open file of a store, for what is not a table. */
hid_t tb_store_file(const tb_store *store);

#endif
