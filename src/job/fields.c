#include "job/fields.h"

#include <string.h>

/* In the order in which tb_row_parcel gives the values; the last one is of rejected ones alone. */
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
    {"YDLBM", "原地类编码(内部)", TB_VECTOR_TEXT, 8, 0},
    {"TBZB", "占地类图斑比例(内部)", TB_VECTOR_REAL, 6, 4},
    {"JXD", "矩形度(内部)", TB_VECTOR_REAL, 6, 4},
    {"CKB", "长宽比(内部)", TB_VECTOR_REAL, 9, 3},
    {"REASON", "剔除原因", TB_VECTOR_TEXT, 60, 0},
};

/* What never leaves the centre: in its own GeoPackages only, not in what is passed on. */
static const char *const internal_fields[] = {
    "CONF",    "HINT_DPF", "HINT_BS", "HINT_GEF", "HINT_HJ", "HINT_JF", "AREA_U",
    "T1_XP",   "NEAR",     "CLUSTER", "CL_TIER",  "PIXELS",  "SCORE",   "SCORE_MAX",
    "EDGE_PX", "YDLBM",    "TBZB",    "JXD",      "CKB"};

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

static tb_fields table(const tb_vector_field *field, size_t bytes)
{
    return (tb_fields){field, (int)(bytes / sizeof *field)};
}

tb_fields tb_fields_rejected(void)
{
    return table(parcel_fields, sizeof parcel_fields);
}

tb_fields tb_fields_parcels(void)
{
    return table(parcel_fields, sizeof parcel_fields - sizeof *parcel_fields);
}

tb_fields tb_fields_observed(void)
{
    return table(observed_fields, sizeof observed_fields);
}

tb_fields tb_fields_units(void)
{
    return table(unit_fields, sizeof unit_fields);
}

tb_fields tb_fields_qc(void)
{
    return table(qc_fields, sizeof qc_fields);
}

bool tb_field_is_internal(const char *name)
{
    for (size_t i = 0; i < sizeof internal_fields / sizeof *internal_fields; i++)
        if (strcmp(internal_fields[i], name) == 0)
            return true;
    return false;
}
