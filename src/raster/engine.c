#include "raster/engine.h"

tb_status tb_engine_take_cache(const tb_engine *engine, size_t bytes, tb_cache **out, tb_error *err)
{
    *out = engine->cache;
    if (engine->cache == NULL)
        return tb_cache_new(out, bytes, err);
    tb_cache_limit(engine->cache, bytes);
    return TB_OK;
}

void tb_engine_return_cache(const tb_engine *engine, tb_cache *cache)
{
    if (cache != engine->cache)
        tb_cache_free(cache);
}
