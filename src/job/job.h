/** A job: what is to be done, from a job file or from a command's options. docs/job.md */
#ifndef TUBAN_JOB_JOB_H
#define TUBAN_JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/text.h"
#include "model/fit.h"
#include "raster/pair.h"
#include "tuban/run.h"

typedef struct tb_job_date {
    char **images;
    int    image_count;
    char  *valid;      /**< NULL: none */
    char  *footprints; /**< NULL: none */
    char   date[11];   /**< YYYY-MM-DD, or empty */
    bool   has_nodata;
    double nodata;
} tb_job_date;

typedef struct tb_job_pair {
    tb_job_date before, after;
} tb_job_pair;

/** A vector layer the job names: docs/layers.md. Texts are NULL where they are not given. */
typedef struct tb_job_layer {
    char *role; /**< "landuse", … */
    char *name; /**< of an extra layer; the stream of an earlier batch */
    char *path, *layer, *where, *crs, *encoding;
} tb_job_layer;

enum { TB_FORMAT_GPKG = 1, TB_FORMAT_SHP = 2 };

typedef struct tb_job {
    char         *name;
    char          month[8];  /**< YYYY-MM, or empty */
    char          stream[8]; /**< "PM", … */
    char         *region;    /**< six digits, or NULL */
    char         *profile;   /**< NULL: no tiers */
    tb_job_layer *layers;
    int           layer_count;
    tb_job_pair  *pairs;
    int           pair_count;
    char         *model;  /**< given, or NULL */
    char         *folder; /**< output */
    unsigned      formats;
    bool          is_gbk; /**< texts of a Shapefile; else UTF-8 */
    tb_sensor     sensor;
    char         *method; /**< NULL: by the sensor */
    tb_prior      prior;
    double        rate;
    bool          is_registered;
    bool          may_flag_all;
    double        sample_share;
    double        smoothing;        /**< pixels; below 0: none, 0: by the method */
    double        threshold_factor; /**< of the value the rule gives; 0: 1 */
    int64_t       min_pixels;
    double        simplify_px; /**< tolerance of the outlines; 0: as traced */
    int64_t       fill_pixels; /**< holes up to that are filled; 0: none */
    int           threads;
    uint64_t      memory_bytes;
    int64_t       block, shards;

    tb_omnibus_options omnibus;
    tb_image_options   as;              /**< of Sentinel-2 products */
    bool               is_not_screened; /**< for clouds, where no mask was delivered */
} tb_job;

/** The defaults. Free with tb_job_free. */
tb_status tb_job_new(tb_job **out, tb_error *err);
void      tb_job_free(tb_job *job);

/** Reads a job file; every complaint names file, line, key, what was found and what is allowed. */
tb_status tb_job_read(tb_job **out, const char *path, tb_error *err);

/** A job of one pair, from a command's options. */
tb_status tb_job_of_images(tb_job **out, const tb_detect_options *options, tb_error *err);

/** Puts the command line over the job. */
tb_status tb_job_override(tb_job *job, const tb_run_options *options, tb_error *err);

/** "auto", "rare", "common" or "rate=F" with F above 0 and below 1. */
bool tb_prior_parse(const char *text, tb_prior *prior, double *rate);

/** "auto", or pixels from 0 to 4.5, as tb_fit_options has it. */
bool tb_smoothing_parse(const char *text, double *smoothing);

/** The method for a pair: the one named, else by the sensor, else by the number of bands. */
const tb_method *tb_job_method(const tb_job *job, const tb_pair *pair);

/** Adds an image to a date; a folder's name loses the slash at its end. */
tb_status tb_job_date_add(tb_job_date *date, const char *image, tb_error *err);

/**
 * Gives dates that have none the day their Sentinel-2 products were captured.
 * @return TB_E_INPUT when a product cannot be read or those of one date are of different days.
 */
tb_status tb_job_take_days(tb_job *job, tb_error *err);

/** Appends the name of a pair's model among the products: model.yaml, model-2.yaml, … */
tb_status tb_job_model_name(tb_text *out, int pair, tb_error *err);

/** Borrowed views of a date for the raster room. */
tb_epoch_options tb_job_epoch(const tb_job *job, const tb_job_date *date);

#endif
