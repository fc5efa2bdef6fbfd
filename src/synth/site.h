/**
 * What is built between the dates: where, of what kind and size, under what approval.
 *
 * The list is made of cases a reviewer meets: every kind and every tier, on permanent basic
 * farmland, in a red line, across the border of two units, at the edge of a village; approved
 * before and after the image, in part, for a time only. Sites never overlap.
 */
#ifndef TUBAN_SYNTH_SITE_H
#define TUBAN_SYNTH_SITE_H

#include "core/error.h"
#include "synth/land.h"
#include "synth/scene.h"

typedef enum tb_site_kind {
    TB_SITE_BUILDING,
    TB_SITE_DIGGING,
    TB_SITE_HEAP,
    TB_SITE_LEVELLING,
    TB_SITE_PAVING,
    TB_SITE_ROAD,
    TB_SITE_TRACK,
    TB_SITE_PANELS,
    TB_SITE_LAKE,
    TB_SITE_POND,
    TB_SITE_GREENHOUSE,
    TB_SITE_GOLF,
    TB_SITE_KINDS
} tb_site_kind;

/** The survey's code and the name people use. */
typedef struct tb_site_class {
    const char *code, *name;
} tb_site_class;

const tb_site_class *tb_site_describe(tb_site_kind kind);

/** What papers there are; the order is that of the cases in approval.c. */
typedef enum tb_papers {
    TB_PAPERS_NONE,
    TB_PAPERS_CONVERTED,   /**< 农转用, before the image */
    TB_PAPERS_PARTLY,      /**< the same over two thirds of the ground */
    TB_PAPERS_LATE,        /**< the same, dated after the image */
    TB_PAPERS_TEMPORARY,   /**< 临时用地, still valid */
    TB_PAPERS_ENDED,       /**< 临时用地, ended before the image */
    TB_PAPERS_FACILITY,    /**< 设施农业 */
    TB_PAPERS_TAKEN,       /**< 征收 alone */
    TB_PAPERS_PRELIMINARY, /**< 预审选址 */
    TB_PAPERS_UNDATED,     /**< 农转用 without a date */
} tb_papers;

typedef struct tb_site {
    tb_site_kind kind;
    tb_papers    papers;
    tb_figure    outline;
    tb_point     centre, axis;
    double       area_m2; /**< planar */
    double       radius;  /**< of a circle around the centre that holds it */
    int          date;    /**< of the first image that shows it */
    const char  *note;    /**< what makes it a case; a constant */
} tb_site;

/** Zero-initialised is empty; free with tb_sites_reset. */
typedef struct tb_sites {
    tb_site *items;
    size_t   count, capacity;
} tb_sites;

void tb_sites_reset(tb_sites *sites);

/** Ground of which only is known whether it may be built on. */
typedef struct tb_site_space {
    double width, height; /**< metres */
    double least_m2;      /**< what is smaller would not be seen */
    bool (*is_free)(const void *context, const tb_figure *figure);
    const void *context;
} tb_site_space;

/** Chooses sites of date 1, of every kind and size that fits, wherever the ground is free. */
tb_status tb_sites_scatter(tb_sites *sites, const tb_site_space *space, uint64_t seed,
                           tb_error *err);

/**
 * Chooses sites for dates 1 .. dates-1: on each as many as fit a fortieth of the
 * ground if there are two, less if there are more.
 * Where a small scene has no place for a case, the case is left out.
 */
tb_status tb_sites_choose(tb_sites *sites, const tb_land *land, double width, double height,
                          int dates, uint64_t seed, tb_error *err);

/** Builds a site: lays its things on the scene, from its date on. */
tb_status tb_site_build(const tb_site *site, tb_scene *scene, uint64_t seed, tb_error *err);

#endif
