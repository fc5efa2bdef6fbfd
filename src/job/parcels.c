#include "job/parcels.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "publish/vector.h"
#include "raster/capture.h"

#define DATE "2000-01-01T00:00:00Z" /* products hold no times */

/* Of all layers of parcels, in the order in which fill_parcel gives the values. */
static const tb_vector_field parcel_fields[] = {
    {"DRAFT_ID", "草案编号", TB_VECTOR_TEXT, 24, 0},
    {"JCBH", "图斑编号", TB_VECTOR_TEXT, 24, 0},
    {"EVENT_ID", "事件编号", TB_VECTOR_TEXT, 24, 0},
    {"BATCH", "监测批次", TB_VECTOR_TEXT, 6, 0},
    {"REV", "版本", TB_VECTOR_INTEGER, 4, 0},
    {"PARENT", "来源图斑", TB_VECTOR_TEXT, 24, 0},
    {"STREAM", "图斑来源", TB_VECTOR_TEXT, 8, 0},
    {"MQ_JCBH", "部级季度图斑编号", TB_VECTOR_TEXT, 40, 0},
    {"AY_JCBH", "年度图斑编号", TB_VECTOR_TEXT, 40, 0},
    {"DUP_OF", "重复于", TB_VECTOR_TEXT, 24, 0},
    {"LAST_SEEN", "最近发现", TB_VECTOR_TEXT, 8, 0},
    {"XZQDM", "行政区代码", TB_VECTOR_TEXT, 12, 0},
    {"XMC", "县名称", TB_VECTOR_TEXT, 60, 0},
    {"GLDYDM", "管理单元代码", TB_VECTOR_TEXT, 12, 0},
    {"GLDYMC", "管理单元", TB_VECTOR_TEXT, 60, 0},
    {"ZLDWDM", "坐落单位代码", TB_VECTOR_TEXT, 19, 0},
    {"ZLDWMC", "坐落单位名称", TB_VECTOR_TEXT, 60, 0},
    {"XZB", "经度", TB_VECTOR_REAL, 13, 8},
    {"YZB", "纬度", TB_VECTOR_REAL, 12, 8},
    {"QSX", "前时相", TB_VECTOR_TEXT, 8, 0},
    {"HSX", "后时相", TB_VECTOR_TEXT, 8, 0},
    {"QSXY", "前时相影像", TB_VECTOR_TEXT, 80, 0},
    {"HSXY", "后时相影像", TB_VECTOR_TEXT, 80, 0},
    {"FIRST_DT", "首次发现", TB_VECTOR_TEXT, 8, 0},
    {"CONF_DT", "确认日期", TB_VECTOR_TEXT, 8, 0},
    {"ISSUE_DT", "下发日期", TB_VECTOR_TEXT, 8, 0},
    {"TBLX", "图斑类型", TB_VECTOR_TEXT, 8, 0},
    {"TZ", "特征", TB_VECTOR_TEXT, 40, 0},
    {"BHCD", "变化程度", TB_VECTOR_INTEGER, 1, 0},
    {"YSLX", "疑似类型", TB_VECTOR_TEXT, 60, 0},
    {"YSLX_BY", "疑似类型判定人", TB_VECTOR_TEXT, 30, 0},
    {"YSLX_DT", "疑似类型判定日期", TB_VECTOR_TEXT, 8, 0},
    {"JCMJ", "监测面积(平方米)", TB_VECTOR_REAL, 15, 2},
    {"JCMJ_M", "监测面积(亩)", TB_VECTOR_REAL, 15, 4},
    {"GDMJ", "占耕地面积", TB_VECTOR_REAL, 15, 2},
    {"GDMJ_G", "占耕地面积(含田坎)", TB_VECTOR_REAL, 15, 2},
    {"GDMJ_XP", "占永久基本农田以外耕地面积", TB_VECTOR_REAL, 15, 2},
    {"JBNTMJ", "占永久基本农田面积", TB_VECTOR_REAL, 15, 2},
    {"JBNTMJ_G", "占永久基本农田面积(含田坎)", TB_VECTOR_REAL, 15, 2},
    {"STHXMJ", "占生态保护红线面积", TB_VECTOR_REAL, 15, 2},
    {"PRUNION", "占永农或红线面积", TB_VECTOR_REAL, 15, 2},
    {"FGNYDMJ", "非耕农用地面积", TB_VECTOR_REAL, 15, 2},
    {"WLYDMJ", "未利用地面积", TB_VECTOR_REAL, 15, 2},
    {"JSYDMJ", "建设用地面积", TB_VECTOR_REAL, 15, 2},
    {"WZMJ", "无调查面积", TB_VECTOR_REAL, 15, 2},
    {"CZKFMJ", "城镇开发边界内面积", TB_VECTOR_REAL, 15, 2},
    {"LJ_GD", "累计占耕地面积", TB_VECTOR_REAL, 15, 2},
    {"LJ_JBNT", "累计占永久基本农田面积", TB_VECTOR_REAL, 15, 2},
    {"LJ_HX", "累计占生态保护红线面积", TB_VECTOR_REAL, 15, 2},
    {"LJ_MJ", "累计监测面积", TB_VECTOR_REAL, 15, 2},
    {"AREA_U", "面积不确定度(内部)", TB_VECTOR_REAL, 15, 2},
    {"SPMJ", "用地手续已覆盖面积", TB_VECTOR_REAL, 15, 2},
    {"WSPMJ", "用地手续未覆盖面积", TB_VECTOR_REAL, 15, 2},
    {"DZJGH", "电子监管号", TB_VECTOR_TEXT, 40, 0},
    {"PZWH", "批准文号", TB_VECTOR_TEXT, 80, 0},
    {"SPLX", "审批类型", TB_VECTOR_TEXT, 30, 0},
    {"SP_LATE", "后时相以后批准", TB_VECTOR_INTEGER, 1, 0},
    {"TIER", "图斑等级", TB_VECTOR_INTEGER, 1, 0},
    {"TIER_PRE", "扣减前等级", TB_VECTOR_INTEGER, 1, 0},
    {"TIER_INC", "本月等级", TB_VECTOR_INTEGER, 1, 0},
    {"T1", "重点监测图斑", TB_VECTOR_INTEGER, 1, 0},
    {"T2", "大图斑", TB_VECTOR_INTEGER, 1, 0},
    {"T3", "重大疑似问题图斑", TB_VECTOR_INTEGER, 1, 0},
    {"T3_WHY", "重大疑似依据", TB_VECTOR_TEXT, 40, 0},
    {"CITY_WY", "市级外业核查", TB_VECTOR_TEXT, 40, 0},
    {"GATE", "达到部级下发标准", TB_VECTOR_INTEGER, 1, 0},
    {"RULESET", "规则版本", TB_VECTOR_TEXT, 60, 0},
    {"T1_XP", "按永农以外耕地计为重点(内部)", TB_VECTOR_INTEGER, 1, 0},
    {"NEAR", "临近阈值(内部)", TB_VECTOR_TEXT, 120, 0},
    {"CLUSTER", "图斑群(内部)", TB_VECTOR_INTEGER, 9, 0},
    {"CL_TIER", "图斑群等级(内部)", TB_VECTOR_INTEGER, 1, 0},
    {"DUE_CNTY", "县级上报市局期限", TB_VECTOR_TEXT, 10, 0},
    {"DUE_NOTE", "期限说明", TB_VECTOR_TEXT, 40, 0},
    {"LATE_ISSUE", "下发时已过期限", TB_VECTOR_INTEGER, 1, 0},
    {"DLTB_V", "地类图斑版本", TB_VECTOR_TEXT, 80, 0},
    {"YN_V", "永久基本农田版本", TB_VECTOR_TEXT, 80, 0},
    {"HX_V", "生态保护红线版本", TB_VECTOR_TEXT, 80, 0},
    {"SP_V", "用地管理信息版本", TB_VECTOR_TEXT, 80, 0},
    {"MODEL_V", "模型版本", TB_VECTOR_TEXT, 40, 0},
    {"SOURCE", "来源", TB_VECTOR_TEXT, 10, 0},
    {"QA", "质量标记", TB_VECTOR_INTEGER, 9, 0},
    {"PIXELS", "像元数(内部)", TB_VECTOR_INTEGER, 18, 0},
    {"CONF", "可信度(内部)", TB_VECTOR_REAL, 5, 3},
    {"SCORE", "平均变化强度(内部)", TB_VECTOR_REAL, 12, 4},
    {"SCORE_MAX", "最大变化强度(内部)", TB_VECTOR_REAL, 12, 4},
    {"EDGE_PX", "邻接未观测像元(内部)", TB_VECTOR_INTEGER, 18, 0},
    {"REASON", "剔除原因", TB_VECTOR_TEXT, 60, 0},
};

/* What never leaves the centre: in its own GeoPackages only, not in what is passed on. */
static const char *const internal_fields[] = {
    "CONF", "HINT_DPF", "HINT_BS", "HINT_GEF", "HINT_HJ", "HINT_JF",   "AREA_U", "T1_XP",
    "NEAR", "CLUSTER",  "CL_TIER", "PIXELS",   "SCORE",   "SCORE_MAX", "EDGE_PX"};

enum {
    REJECTED_FIELDS = sizeof parcel_fields / sizeof *parcel_fields,
    PARCEL_FIELDS   = REJECTED_FIELDS - 1,
    EXTRA_FIELDS    = REJECTED_FIELDS + TB_EXTRA_MAX
};

static const tb_vector_field observed_fields[] = {
    {"STATE", "观测状态", TB_VECTOR_TEXT, 12, 0},  {"QSX", "前时相", TB_VECTOR_TEXT, 8, 0},
    {"HSX", "后时相", TB_VECTOR_TEXT, 8, 0},       {"QSXY", "前时相影像", TB_VECTOR_TEXT, 80, 0},
    {"HSXY", "后时相影像", TB_VECTOR_TEXT, 80, 0}, {"PIXELS", "像元数", TB_VECTOR_INTEGER, 0, 0},
};

static const tb_vector_field unit_fields[] = {
    {"GLDYDM", "管理单元代码", TB_VECTOR_TEXT, 12, 0},
    {"GLDYMC", "管理单元", TB_VECTOR_TEXT, 60, 0},
    {"DRAFT_ID", "草案编号", TB_VECTOR_TEXT, 24, 0},
    {"JCMJ", "监测面积(平方米)", TB_VECTOR_REAL, 15, 2},
    {"GDMJ", "占耕地面积", TB_VECTOR_REAL, 15, 2},
    {"JBNTMJ", "占永久基本农田面积", TB_VECTOR_REAL, 15, 2},
    {"STHXMJ", "占生态保护红线面积", TB_VECTOR_REAL, 15, 2},
    {"TIER", "图斑等级(整图斑)", TB_VECTOR_INTEGER, 1, 0},
};

/* Texts of features are the files' own; numbers are those of the files. */
static const tb_vector_field qc_fields[] = {
    {"ROLE", "图层用途", TB_VECTOR_TEXT, 20, 0},
    {"FILE", "文件", TB_VECTOR_TEXT, 80, 0},
    {"LAYER", "图层", TB_VECTOR_TEXT, 60, 0},
    {"FEATURE", "要素编号", TB_VECTOR_INTEGER, 18, 0},
    {"FINDING", "问题", TB_VECTOR_TEXT, 20, 0},
    {"ACTION", "处理", TB_VECTOR_TEXT, 60, 0},
    {"BEFORE_M2", "原面积", TB_VECTOR_REAL, 20, 2},
    {"AFTER_M2", "现面积", TB_VECTOR_REAL, 20, 2},
    {"DETAIL", "说明", TB_VECTOR_TEXT, 96, 0},
};

/* ---- values ---- */

/* A row being filled, field by field. */
typedef struct row {
    tb_vector_value value[EXTRA_FIELDS];
    int             count;
} row;

static void put(row *r, tb_vector_value value)
{
    assert(r->count < EXTRA_FIELDS);
    r->value[r->count++] = value;
}

static void put_null(row *r, int count)
{
    for (int i = 0; i < count; i++)
        put(r, (tb_vector_value){0});
}

static void put_text(row *r, const char *text)
{
    put(r, (tb_vector_value){.is_set = text != NULL && text[0] != '\0', .text = text});
}

static void put_integer(row *r, int64_t value)
{
    put(r, (tb_vector_value){.is_set = true, .integer = value});
}

static void put_answer(row *r, bool has, tb_answer answer)
{
    put(r, (tb_vector_value){.is_set = has && answer != TB_UNKNOWN, .integer = answer == TB_YES});
}

static void put_tier(row *r, bool has, int tier)
{
    put(r, (tb_vector_value){.is_set = has && tier >= 0, .integer = tier});
}

static void put_real(row *r, double value)
{
    put(r, (tb_vector_value){.is_set = true, .real = value});
}

static void put_area(row *r, int64_t dm2)
{
    put(r, (tb_vector_value){.is_set = dm2 >= 0, .real = (double)dm2 / 100.0});
}

/* Mu to four decimals, from the integer: dm2 * 3 / 200000. */
static void put_mu(row *r, int64_t dm2)
{
    put_real(r, (double)((dm2 * 3 + 10) / 20) / 10000.0);
}

static void compact_date(const char *date, char out[9])
{
    out[0] = '\0';
    if (date[0] != '\0')
        snprintf(out, 9, "%.4s%.2s%.2s", date, date + 5, date + 8);
}

static const char *scene_of(const tb_job_date *date)
{
    return tb_path_name(date->images[0]);
}

static const char *layer_of(const tb_job *job, const char *role)
{
    for (int l = 0; l < job->layer_count; l++)
        if (strcmp(job->layers[l].role, role) == 0)
            return tb_path_name(job->layers[l].path);
    return NULL;
}

/* Texts of a row that are made for it. */
typedef struct notes {
    char before[9], after[9], batch[7], ruleset[TB_RULESET_SIZE], due[TB_DAY_TEXT_SIZE], why[64];
} notes;

static void make_notes(notes *n, const tb_job *job, const tb_judge *judge, const tb_candidate *it,
                       const tb_judgement *found)
{
    tb_day month = {0};

    *n = (notes){0};
    compact_date(job->pairs[it->pair].before.date, n->before);
    compact_date(job->pairs[it->pair].after.date, n->after);
    if (job->month[0] != '\0')
        snprintf(n->batch, sizeof n->batch, "%.4s%.2s", job->month, job->month + 5);
    if (judge->profile == NULL)
        return;
    tb_day_parse(job->month, &month);
    tb_profile_stamp(judge->profile, month, n->ruleset);
    if (!found->has_tier || found->tier.due.year == 0)
        return;
    tb_day_text(found->tier.due, n->due);
    snprintf(n->why, sizeof n->why, "%s；草案：按当月下发计",
             tb_weekday_name(tb_day_weekday(found->tier.due)));
}

/*
 * From 0 to 1: how strong the evidence is, for ranking, not a probability. Where seasons changed
 * what was built stands out by its mean, its greatest score and its size: docs/parcels.md.
 */
static double confidence_of(const tb_candidate *it)
{
    double evidence = it->score * it->score_max * pow((double)it->pixels, 0.1);

    return floor(1000.0 * evidence / (evidence + 2.5) + 0.5) / 1000.0;
}

static void fill_parcel(row *r, const tb_job *job, const tb_candidate *it,
                        const tb_judgement *found, const notes *n)
{
    const tb_areas       *a    = &found->areas;
    const tb_tier_result *tier = &found->tier;
    bool                  has  = found->has_tier;

    r->count = 0;
    put_text(r, it->id);
    put_null(r, 2);
    put_text(r, n->batch);
    put_integer(r, 1);
    put_null(r, 1);
    put_text(r, job->stream);
    put_null(r, 4);
    put_text(r, found->district_code);
    put_text(r, found->district_name);
    put_text(r, found->unit_code);
    put_text(r, found->unit_name);
    put_text(r, found->place_code);
    put_text(r, found->place_name);
    put_real(r, floor(found->longitude * 1e8 + 0.5) / 1e8);
    put_real(r, floor(found->latitude * 1e8 + 0.5) / 1e8);
    put_text(r, n->before);
    put_text(r, n->after);
    put_text(r, scene_of(&job->pairs[it->pair].before));
    put_text(r, scene_of(&job->pairs[it->pair].after));
    put_text(r, n->after);
    put_null(r, 5);
    put_text(r, it->classes);
    put_text(r, it->classes_by);
    put_text(r, it->classes_day);
    put_area(r, a->total);
    put_mu(r, a->total);
    put_area(r, a->farmland);
    put_area(r, a->farmland_gross);
    put_area(r, a->farmland_beyond_pbf);
    put_area(r, a->pbf);
    put_area(r, a->pbf_gross);
    put_area(r, a->redline);
    put_area(r, a->pbf_or_redline);
    put_area(r, a->other_agricultural);
    put_area(r, a->unused);
    put_area(r, a->construction);
    put_area(r, a->unsurveyed);
    put_area(r, a->urban);
    put_area(r, a->farmland);
    put_area(r, a->pbf);
    put_area(r, a->redline);
    put_area(r, a->total);
    put_area(r, a->uncertainty);
    put_area(r, a->approved);
    put_area(r, a->unapproved);
    put_text(r, found->registered);
    put_text(r, found->document);
    put_text(r, found->kind);
    put(r, (tb_vector_value){.is_set = a->approved >= 0, .integer = found->is_approved_late});
    put_tier(r, has, tier->tier);
    put_tier(r, has, found->tier_before.tier);
    put_tier(r, has, tier->tier);
    put_answer(r, has, tier->is_tier[1]);
    put_answer(r, has, tier->is_tier[2]);
    put_answer(r, has, tier->is_tier[3]);
    put_text(r, tier->t3_why);
    put_text(r, tier->city_check);
    put_answer(r, has && tier->has_gate, tier->gate);
    put_text(r, n->ruleset);
    put_answer(r, has, tier->is_t1_outside_pbf);
    put_text(r, tier->near);
    put(r, (tb_vector_value){.is_set = found->cluster > 0, .integer = found->cluster});
    put_tier(r, found->cluster > 0, found->cluster_tier);
    put_text(r, n->due);
    put_text(r, n->why);
    put(r, (tb_vector_value){.is_set = has, .integer = tier->is_late});
    put_text(r, layer_of(job, "landuse"));
    put_text(r, layer_of(job, "pbf"));
    put_text(r, layer_of(job, "redline"));
    put_text(r, layer_of(job, "approvals"));
    put_text(r, "tuban " TUBAN_VERSION);
    put_text(r, it->source);
    put_integer(r, found->qa);
    if (it->is_given) {
        put_null(r, 5);
    } else {
        put_integer(r, it->pixels);
        put_real(r, confidence_of(it));
        put_real(r, it->score);
        put_real(r, it->score_max);
        put_integer(r, it->edge_pixels);
    }
    put_text(r, found->reason);
    assert(r->count == REJECTED_FIELDS);
}

/* ---- layers ---- */

/* WKT of EPSG:4490 (free with tb_free). */
static tb_status make_crs(char **out, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH crs    = OSRNewSpatialReference(NULL);
    char                *wkt    = NULL;
    tb_capture           capture;

    tb_capture_begin(&capture);
    if (OSRImportFromEPSG(crs, 4490) != OGRERR_NONE || OSRExportToWkt(crs, &wkt) != OGRERR_NONE)
        status =
            tb_error_set(err, TB_E_BUG, "CRS EPSG:4490: expected it in PROJ's database, got: %s",
                         tb_capture_text(&capture, "none"));
    else
        status = tb_copy_text(out, wkt, err);
    tb_capture_end(&capture);
    CPLFree(wkt);
    OSRDestroySpatialReference(crs);
    return status;
}

static tb_vector_outline outline_of(const tb_outline_copy *copy)
{
    return (tb_vector_outline){.points        = copy->points,
                               .rings         = copy->rings,
                               .polygons      = copy->polygons,
                               .polygon_count = copy->polygon_count};
}

/* What is written, and where. */
typedef struct writer {
    const tb_job        *job;
    const tb_candidates *candidates;
    const tb_judge      *judge;
    const tb_progress   *notes;
    tb_vector           *vector;
    char                *crs;
    int                  parcels, rejected, observed, units, qc; /* layers */
} writer;

/* Each candidate is in one of them. */
typedef enum list { LIST_PARCELS, LIST_REJECTED, LIST_RESTRICTED } list;

static list list_of(const tb_judgement *found)
{
    return found->is_withheld      ? LIST_RESTRICTED
           : found->reason != NULL ? LIST_REJECTED
                                   : LIST_PARCELS;
}

/* Some fields of a layer, and the place of each in a row. */
typedef struct selection {
    tb_vector_field field[REJECTED_FIELDS];
    int             from[REJECTED_FIELDS];
    int             count;
} selection;

/* `fields` NULL: all a row has, in its order. */
static tb_status add_parcels(writer *w, list which, int layer, const selection *fields,
                             tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->count; i++) {
        const tb_candidate *it      = &w->candidates->item[i];
        const tb_judgement *found   = &w->judge->item[i];
        tb_vector_outline   outline = outline_of(&it->outline);
        tb_vector_value     selected[REJECTED_FIELDS];
        notes               n;
        row                 r;

        if (list_of(found) != which)
            continue;
        make_notes(&n, w->job, w->judge, it, found);
        fill_parcel(&r, w->job, it, found, &n);
        for (int f = 0; fields != NULL && f < fields->count; f++)
            selected[f] = r.value[fields->from[f]];
        TB_TRY(tb_vector_add(w->vector, layer, &outline, fields != NULL ? selected : r.value, err));
    }
done:
    return status;
}

/* Ends a file, and tells of texts that were made to fit. */
static tb_status finish(writer *w, const char *name, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_vector_fitting fitted = tb_vector_fitted(w->vector);
    char              line[200];

    TB_TRY(tb_vector_finish(w->vector, err));
    if (fitted.cut + fitted.replaced == 0 || w->notes == NULL || w->notes->note == NULL)
        goto done;
    snprintf(line, sizeof line,
             "%s: %lld texts longer than their field were cut, %lld have characters its encoding "
             "lacks (〓 in their place); the first in %s",
             name, (long long)fitted.cut, (long long)fitted.replaced, fitted.example);
    w->notes->note(w->notes->context, line);
done:
    return status;
}

static tb_status add_observed(writer *w, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->observed_count; i++) {
        const tb_observed *it      = &w->candidates->observed[i];
        const tb_job_pair *pair    = &w->job->pairs[it->pair];
        tb_vector_outline  outline = outline_of(&it->outline);
        char               before[9], after[9];
        row                r = {.count = 0};

        compact_date(pair->before.date, before);
        compact_date(pair->after.date, after);
        put_text(&r, it->state);
        put_text(&r, before);
        put_text(&r, after);
        put_text(&r, scene_of(&pair->before));
        put_text(&r, scene_of(&pair->after));
        put_integer(&r, it->pixels);
        TB_TRY(tb_vector_add(w->vector, w->observed, &outline, r.value, err));
    }
done:
    return status;
}

/* One row a parcel and unit: what lies across a line is shared. */
static tb_status add_units(writer *w, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->count; i++) {
        const tb_judgement *found = &w->judge->item[i];

        if (list_of(found) != LIST_PARCELS)
            continue;
        for (int s = 0; s < found->share_count; s++) {
            const tb_share *share = &found->share[s];
            row             r     = {.count = 0};

            put_text(&r, share->code);
            put_text(&r, share->name);
            put_text(&r, w->candidates->item[i].id);
            put_area(&r, share->areas.total);
            put_area(&r, share->areas.farmland);
            put_area(&r, share->areas.pbf);
            put_area(&r, share->areas.redline);
            put_tier(&r, found->has_tier, found->tier.tier);
            TB_TRY(tb_vector_add(w->vector, w->units, NULL, r.value, err));
        }
    }
done:
    return status;
}

/* Of every layer the first findings; summary.json counts them all. */
static tb_status add_qc(writer *w, tb_error *err)
{
    const tb_qc *qc     = &w->judge->survey.qc;
    tb_status    status = TB_OK;

    for (size_t i = 0; i < qc->row_count; i++) {
        const tb_qc_row   *it    = &qc->row[i];
        const tb_qc_layer *layer = &qc->layer[it->layer];
        row                r     = {.count = 0};

        put_text(&r, layer->role);
        put_text(&r, layer->path);
        put_text(&r, layer->name);
        put_integer(&r, it->fid);
        put_text(&r, tb_finding_name(it->finding));
        put_text(&r, tb_finding_action(it->finding));
        put(&r, (tb_vector_value){.is_set = it->before_m2 >= 0.0, .real = it->before_m2});
        put(&r, (tb_vector_value){.is_set = it->after_m2 >= 0.0, .real = it->after_m2});
        put_text(&r, it->detail);
        TB_TRY(tb_vector_add(w->vector, w->qc, NULL, r.value, err));
    }
done:
    return status;
}

static tb_status write_geopackage(writer *w, tb_set *set, tb_error *err)
{
    static const char *const       indexed[] = {"SPATIAL_INDEX=YES", NULL};
    static const tb_vector_options options   = {.driver = "GPKG", .date = DATE};
    const tb_vector_layer          layers[]  = {
                  {"parcels", "变化图斑。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON, w->crs, parcel_fields,
                   PARCEL_FIELDS, indexed},
                  {"rejected", "剔除图斑，各有原因。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON, w->crs,
                   parcel_fields, REJECTED_FIELDS, indexed},
                  {"observed", "观测范围：两期均观测到的，与未观测到的。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON,
                   w->crs, observed_fields, sizeof observed_fields / sizeof *observed_fields, indexed},
                  {"units", "图斑在各管理单元内的面积。" TB_NOTICE, TB_VECTOR_NO_GEOMETRY, NULL, unit_fields,
                   sizeof unit_fields / sizeof *unit_fields, NULL},
                  {"qc", "输入图层质量问题。" TB_NOTICE, TB_VECTOR_NO_GEOMETRY, NULL, qc_fields,
                   sizeof qc_fields / sizeof *qc_fields, NULL},
    };
    tb_status status = TB_OK;
    char     *path   = NULL;

    TB_TRY(tb_set_path(set, "parcels.gpkg", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[0], &w->parcels, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[1], &w->rejected, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[2], &w->observed, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[3], &w->units, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[4], &w->qc, err));
    TB_TRY(add_parcels(w, LIST_PARCELS, w->parcels, NULL, err));
    TB_TRY(add_parcels(w, LIST_REJECTED, w->rejected, NULL, err));
    TB_TRY(add_observed(w, err));
    TB_TRY(add_units(w, err));
    TB_TRY(add_qc(w, err));
    TB_TRY(finish(w, "parcels.gpkg", err));
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

/* The parcels that touch withheld ground, in a file of their own that only its owner may read. */
static tb_status write_restricted(writer *w, tb_set *set, tb_error *err)
{
    static const char *const       indexed[] = {"SPATIAL_INDEX=YES", NULL};
    static const tb_vector_options options   = {.driver = "GPKG", .date = DATE};
    const tb_vector_layer          layer     = {"restricted",
                                                "涉及限制区域的图斑，不得外传。" TB_NOTICE,
                                                TB_VECTOR_MULTIPOLYGON,
                                                w->crs,
                                                parcel_fields,
                                                REJECTED_FIELDS,
                                                indexed};
    tb_status                      status    = TB_OK;
    char                          *path      = NULL;
    int                            number;

    TB_TRY(tb_set_path(set, "restricted.gpkg", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layer, &number, err));
    TB_TRY(add_parcels(w, LIST_RESTRICTED, number, NULL, err));
    TB_TRY(finish(w, "restricted.gpkg", err));
    if (chmod(path, S_IRUSR | S_IWUSR) != 0)
        status = tb_file_complain("restrict", path, err);
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

/* ---- Shapefile ---- */

static bool is_internal(const char *name)
{
    for (size_t i = 0; i < sizeof internal_fields / sizeof *internal_fields; i++)
        if (strcmp(internal_fields[i], name) == 0)
            return true;
    return false;
}

static void select_delivered(selection *out)
{
    out->count = 0;
    for (int f = 0; f < PARCEL_FIELDS; f++) {
        if (is_internal(parcel_fields[f].name))
            continue;
        out->from[out->count]    = f;
        out->field[out->count++] = parcel_fields[f];
    }
}

/*
 * A Shapefile has no place for a notice, nor for the names people read. ArcGIS shows the metadata
 * beside it (FGDC, and its own elements for the limits of use), QGIS a .qmd.
 */
static tb_status write_metadata(tb_set *set, const selection *fields, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};
    char     *path   = NULL;

    TB_TRY(tb_text_append(
        &text, err,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xml:lang=\"zh\">\n"
        "  <idinfo>\n    <citation><citeinfo><title>变化图斑</title></citeinfo></citation>\n"
        "    <descript><abstract>%s</abstract></descript>\n    <useconst>%s</useconst>\n"
        "  </idinfo>\n  <dataIdInfo>\n    <idCitation><resTitle>变化图斑</resTitle></idCitation>\n"
        "    <idAbs>%s</idAbs>\n"
        "    <resConst><Consts><useLimit>%s</useLimit></Consts></resConst>\n"
        "  </dataIdInfo>\n  <eainfo><detailed>\n",
        TB_NOTICE, TB_NOTICE, TB_NOTICE, TB_NOTICE));
    for (int f = 0; f < fields->count; f++)
        TB_TRY(tb_text_append(&text, err,
                              "    <attr><attrlabl>%s</attrlabl><attalias>%s</attalias></attr>\n",
                              fields->field[f].name, fields->field[f].alias));
    TB_TRY(tb_text_append(&text, err, "  </detailed></eainfo>\n</metadata>\n"));
    TB_TRY(tb_set_path(set, "parcels.shp.xml", &path, err));
    TB_TRY(tb_file_write(path, text.data, text.length, err));
    tb_text_reset(&text);
    tb_free(path);
    path = NULL;
    TB_TRY(tb_text_append(&text, err,
                          "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
                          "<qgis version=\"3.22\">\n  <language>zh</language>\n"
                          "  <type>dataset</type>\n  <title>变化图斑</title>\n"
                          "  <abstract>%s</abstract>\n  <rights>%s</rights>\n</qgis>\n",
                          TB_NOTICE, TB_NOTICE));
    TB_TRY(tb_set_path(set, "parcels.qmd", &path, err));
    TB_TRY(tb_file_write(path, text.data, text.length, err));
done:
    tb_text_reset(&text);
    tb_free(path);
    return status;
}

static tb_status write_shapefile(writer *w, tb_set *set, tb_error *err)
{
    static const char *const utf8[] = {"ENCODING=UTF-8", NULL}, *const gbk[] = {"ENCODING=GBK",
                                                                                NULL};
    static const tb_vector_options options = {.driver = "ESRI Shapefile", .date = DATE};
    selection                      fields;
    tb_vector_layer                layer  = {.name     = "parcels",
                                             .geometry = TB_VECTOR_MULTIPOLYGON,
                                             .crs      = w->crs,
                                             .fields   = fields.field,
                                             .options  = w->job->is_gbk ? gbk : utf8};
    tb_status                      status = TB_OK;
    char                          *path   = NULL;
    int                            number;

    select_delivered(&fields);
    layer.field_count = fields.count;
    TB_TRY(tb_set_path(set, "parcels.shp", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layer, &number, err));
    TB_TRY(add_parcels(w, LIST_PARCELS, number, &fields, err));
    TB_TRY(finish(w, "parcels.shp", err));
    TB_TRY(write_metadata(set, &fields, err));
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

tb_status tb_parcels_write(tb_set *set, const tb_job *job, const tb_candidates *candidates,
                           const tb_judge *judge, const tb_progress *heard, tb_error *err)
{
    writer    w      = {.job = job, .candidates = candidates, .judge = judge, .notes = heard};
    tb_status status = TB_OK;

    TB_TRY(make_crs(&w.crs, err));
    TB_TRY(write_geopackage(&w, set, err));
    if (judge->survey.has_withheld)
        TB_TRY(write_restricted(&w, set, err));
    if (job->formats & TB_FORMAT_SHP)
        TB_TRY(write_shapefile(&w, set, err));
done:
    tb_free(w.crs);
    return status;
}
