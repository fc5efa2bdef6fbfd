#include "synth/use.h"

static const tb_use_class classes[TB_USES] = {
    [TB_USE_PADDY]     = {"0101", "水田", 0.06, true, true},
    [TB_USE_IRRIGATED] = {"0102", "水浇地", 0.08, true, true},
    [TB_USE_DRY]       = {"0103", "旱地", 0.10, true, true},
    [TB_USE_ORCHARD]   = {"0201", "果园", 0.0, false, true},
    [TB_USE_FOREST]    = {"0301", "乔木林地", 0.0, false, false},
    [TB_USE_SHELTER]   = {"0307", "其他林地", 0.0, false, true},
    [TB_USE_GRASS]     = {"0404", "其他草地", 0.0, false, true},
    [TB_USE_INDUSTRY]  = {"0601", "工业用地", 0.0, false, false},
    [TB_USE_VILLAGE]   = {"0702", "农村宅基地", 0.0, false, false},
    [TB_USE_HIGHWAY]   = {"1003", "公路用地", 0.0, false, false},
    [TB_USE_ROAD]      = {"1003", "公路用地", 0.0, false, false},
    [TB_USE_TRACK]     = {"1006", "农村道路", 0.0, false, true},
    [TB_USE_RIVER]     = {"1101", "河流水面", 0.0, false, false},
    [TB_USE_POND]      = {"1104", "坑塘水面", 0.0, false, false},
    [TB_USE_BANK]      = {"1106", "内陆滩涂", 0.0, false, true},
    [TB_USE_DITCH]     = {"1107", "沟渠", 0.0, false, true},
    [TB_USE_FACILITY]  = {"1202", "设施农用地", 0.0, false, false},
    [TB_USE_BARE]      = {"1206", "裸土地", 0.0, false, true},
};

static const tb_unit_name units[TB_UNITS] = {
    {"379921", "临汐县"}, {"379922", "沐阳县"}, {"379971", "沐阳经济开发区"}};

const tb_use_class *tb_use_describe(tb_use use)
{
    return &classes[use];
}

const tb_unit_name *tb_unit_describe(int unit)
{
    return &units[unit];
}
