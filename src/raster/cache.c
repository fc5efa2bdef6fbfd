#include "raster/cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "core/memory.h"
#include "raster/pool.h"

enum {
    BUCKETS = 4096,
    FEW_OF  = 2 /* rows that are fewer than a part in so many of a tile's are worth a copy */
};

typedef enum entry_state { LOADING, READY, FAILED } entry_state;

typedef struct entry {
    tb_tile       tile; /* first: a tile's address is its entry's */
    int           image_id;
    int64_t       tx, ty;
    entry_state   state;
    int           users;
    size_t        row_bytes; /* of a tile that is pixel by pixel */
    size_t        bytes;     /* of its memory, */
    void         *memory;    /* which this is: the pool's, or */
    bool          is_own;    /* of its own, and given back once nobody uses it */
    tb_error      error;
    struct entry *next;            /* of the same bucket */
    struct entry *older, *younger; /* among those nobody uses */
} entry;

struct tb_cache {
    pthread_mutex_t lock;
    pthread_cond_t  loaded;
    tb_pool         pool;
    entry          *bucket[BUCKETS];
    entry          *oldest, *youngest;
    entry          *spare; /* linked by next */
    int64_t         decoded_bytes, decoded_tiles;
};

size_t tb_cache_tile_bytes(const tb_image_info *image)
{
    size_t pixels = (size_t)image->tile_width * (size_t)image->tile_height;

    return pixels *
           ((size_t)image->bands * tb_sample_size(image->type) + (image->has_mask ? 1 : 0));
}

tb_status tb_cache_new(tb_cache **out, size_t capacity_bytes, tb_error *err)
{
    tb_status status = TB_OK;
    tb_cache *cache  = NULL;

    TB_TRY(tb_alloc_zero(&cache, 1, sizeof *cache, "tile cache", err));
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->loaded, NULL);
    TB_TRY(tb_pool_new(&cache->pool, capacity_bytes, err));
done:
    if (status != TB_OK) {
        tb_cache_free(cache);
        cache = NULL;
    }
    *out = cache;
    return status;
}

static void free_all(entry *e)
{
    while (e != NULL) {
        entry *next = e->next;

        if (e->is_own)
            tb_free(e->memory);
        tb_free(e);
        e = next;
    }
}

void tb_cache_free(tb_cache *cache)
{
    if (cache == NULL)
        return;
    for (int b = 0; b < BUCKETS; b++)
        free_all(cache->bucket[b]);
    free_all(cache->spare);
    tb_pool_reset(&cache->pool);
    pthread_cond_destroy(&cache->loaded);
    pthread_mutex_destroy(&cache->lock);
    tb_free(cache);
}

static entry **bucket_of(tb_cache *cache, int image_id, int64_t tx, int64_t ty)
{
    uint64_t h = (uint64_t)image_id * 0x9E3779B97F4A7C15u + (uint64_t)tx * 0xC2B2AE3D27D4EB4Fu +
                 (uint64_t)ty * 0x165667B19E3779F9u;

    return &cache->bucket[(h >> 32) % BUCKETS];
}

/* One that has the tile's rows from `top` on. */
static entry *find(tb_cache *cache, int image_id, int64_t tx, int64_t ty, int64_t top)
{
    entry *e = *bucket_of(cache, image_id, tx, ty);

    while (e != NULL &&
           (e->image_id != image_id || e->tx != tx || e->ty != ty || e->tile.rect.y > top))
        e = e->next;
    return e;
}

static void unlink_idle(tb_cache *cache, entry *e)
{
    *(e->older != NULL ? &e->older->younger : &cache->oldest)     = e->younger;
    *(e->younger != NULL ? &e->younger->older : &cache->youngest) = e->older;
    e->older = e->younger = NULL;
}

static void link_idle(tb_cache *cache, entry *e)
{
    e->older                                                                = cache->youngest;
    *(cache->youngest != NULL ? &cache->youngest->younger : &cache->oldest) = e;
    cache->youngest                                                         = e;
}

/* A tile that nobody uses is one no more. */
static void drop(tb_cache *cache, entry *e)
{
    entry **at = bucket_of(cache, e->image_id, e->tx, e->ty);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    if (e->is_own)
        tb_free(e->memory);
    else if (e->memory != NULL)
        tb_pool_give(&cache->pool, e->memory, e->bytes);
    *e           = (entry){.next = cache->spare};
    cache->spare = e;
}

static void drop_idle(tb_cache *cache, entry *e)
{
    unlink_idle(cache, e);
    drop(cache, e);
}

void tb_cache_limit(tb_cache *cache, size_t capacity_bytes)
{
    pthread_mutex_lock(&cache->lock);
    tb_pool_limit(&cache->pool, capacity_bytes);
    for (entry *e = cache->oldest, *next; e != NULL; e = next) {
        next = e->younger;
        if (tb_pool_is_beyond(&cache->pool, e->memory, e->bytes))
            drop_idle(cache, e);
    }
    tb_pool_limit(&cache->pool, capacity_bytes); /* what they held goes back */
    pthread_mutex_unlock(&cache->lock);
}

static bool is_idle(const entry *e)
{
    return e != NULL && e->state == READY && e->users == 0;
}

void tb_cache_forget(tb_cache *cache, int image_id, int64_t tx, int64_t ty)
{
    entry *e;

    pthread_mutex_lock(&cache->lock);
    while (is_idle(e = find(cache, image_id, tx, ty, INT64_MAX)))
        drop_idle(cache, e);
    pthread_mutex_unlock(&cache->lock);
}

/* With the lock held; room in the pool, for which the tiles not used for longest go, or memory of
 * the entry's own. */
static tb_status find_memory(tb_cache *cache, entry *e, tb_error *err)
{
    while ((e->memory = tb_pool_take(&cache->pool, e->bytes)) == NULL && cache->oldest != NULL)
        drop_idle(cache, cache->oldest);
    e->is_own = e->memory == NULL;
    return e->is_own ? tb_alloc(&e->memory, e->bytes, 1, "decoded tile", err) : TB_OK;
}

/* With the lock held; a new entry for the tile, known to others and without memory yet. */
static tb_status add_entry(tb_cache *cache, int image_id, int64_t tx, int64_t ty, tb_rect rect,
                           entry **out, tb_error *err)
{
    tb_status status = TB_OK;
    entry   **bucket = bucket_of(cache, image_id, tx, ty), *e = cache->spare;

    if (e != NULL)
        cache->spare = e->next;
    else
        TB_TRY(tb_alloc(&e, 1, sizeof *e, "tile cache entry", err));
    *e = (entry){
        .image_id = image_id, .tx = tx, .ty = ty, .tile.rect = rect, .users = 1, .next = *bucket};
    *bucket = e;
    *out    = e;
done:
    return status;
}

/* With the lock held; the rows from `top` on as an entry of their own, taken off a tile. False if
 * there is no room for them. */
static bool take_off(tb_cache *cache, const entry *from, int64_t top)
{
    tb_rect rows   = {from->tile.rect.x, top, from->tile.rect.width,
                      from->tile.rect.y + from->tile.rect.height - top};
    size_t  of_row = from->row_bytes, bytes = (size_t)rows.height * of_row;
    void   *memory = tb_pool_take_last(&cache->pool, bytes);
    entry  *e;

    if (memory == NULL)
        return false;
    if (add_entry(cache, from->image_id, from->tx, from->ty, rows, &e, NULL) != TB_OK) {
        tb_pool_give(&cache->pool, memory, bytes);
        return false;
    }
    memcpy(memory, (const char *)from->memory + (size_t)(top - from->tile.rect.y) * of_row, bytes);
    e->tile.samples   = memory;
    e->tile.is_pixels = true;
    e->state          = READY;
    e->bytes          = bytes;
    e->memory         = memory;
    e->row_bytes      = of_row;
    e->users          = 0;
    link_idle(cache, e);
    return true;
}

void tb_cache_shrink(tb_cache *cache, int image_id, int64_t tx, int64_t ty, int64_t top)
{
    entry *e;

    pthread_mutex_lock(&cache->lock);
    e = find(cache, image_id, tx, ty, top);
    if (is_idle(e) && e->tile.is_pixels && !e->is_own &&
        FEW_OF * (e->tile.rect.y + e->tile.rect.height - top) < e->tile.rect.height &&
        take_off(cache, e, top))
        drop_idle(cache, e);
    pthread_mutex_unlock(&cache->lock);
}

static tb_rect rect_of(const tb_image_info *info, int64_t tx, int64_t ty)
{
    return tb_rect_intersect((tb_rect){tx * info->tile_width, ty * info->tile_height,
                                       info->tile_width, info->tile_height},
                             (tb_rect){0, 0, info->width, info->height});
}

static tb_status decode(entry *e, tb_image *image, tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(image);
    tb_status            status = TB_OK;

    e->tile.samples = e->memory;
    if (info->has_mask)
        e->tile.valid = (uint8_t *)e->memory + e->bytes - info->tile_width * info->tile_height;
    TB_TRY(tb_image_read_pixels(image, e->tile.rect, e->tile.samples, &e->tile.is_pixels, err));
    if (!e->tile.is_pixels)
        TB_TRY(tb_image_read(image, e->tile.rect, e->tile.samples, e->tile.valid, err));
    e->row_bytes = (size_t)(e->tile.rect.width * info->bands) * tb_sample_size(info->type);
done:
    return status;
}

/* With the lock held; waits for another worker's decoding where it is under way. */
static tb_status share(tb_cache *cache, entry *e, const tb_tile **out, tb_error *err)
{
    if (e->state == READY && e->users == 0)
        unlink_idle(cache, e);
    e->users++;
    while (e->state == LOADING)
        pthread_cond_wait(&cache->loaded, &cache->lock);
    if (e->state == READY) {
        *out = &e->tile;
        return TB_OK;
    }

    tb_status status = e->error.status;

    if (err != NULL)
        *err = e->error;
    if (--e->users == 0)
        drop(cache, e);
    return status;
}

tb_status tb_cache_get(tb_cache *cache, tb_image *image, int image_id, int64_t tx, int64_t ty,
                       int64_t top, const tb_tile **out, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info   = tb_image_describe(image);
    tb_rect              rect   = rect_of(info, tx, ty);
    entry               *e;

    *out = NULL;
    pthread_mutex_lock(&cache->lock);
    e = find(cache, image_id, tx, ty, top > rect.y ? top : rect.y);
    if (e != NULL) {
        status = share(cache, e, out, err);
        goto done;
    }
    TB_TRY(add_entry(cache, image_id, tx, ty, rect, &e, err));
    e->bytes = tb_cache_tile_bytes(info);
    status   = find_memory(cache, e, err);
    if (status != TB_OK) {
        drop(cache, e);
        goto done;
    }

    pthread_mutex_unlock(&cache->lock);
    status = decode(e, image, &e->error);
    pthread_mutex_lock(&cache->lock);

    e->state = status == TB_OK ? READY : FAILED;
    cache->decoded_bytes += (int64_t)e->bytes;
    cache->decoded_tiles++;
    pthread_cond_broadcast(&cache->loaded);
    if (status == TB_OK) {
        *out = &e->tile;
    } else {
        if (err != NULL)
            *err = e->error;
        if (--e->users == 0)
            drop(cache, e);
    }
done:
    pthread_mutex_unlock(&cache->lock);
    return status;
}

void tb_cache_release(tb_cache *cache, const tb_tile *tile)
{
    entry *e = (entry *)(uintptr_t)tile;

    pthread_mutex_lock(&cache->lock);
    if (--e->users == 0 && e->is_own)
        drop(cache, e);
    else if (e->users == 0)
        link_idle(cache, e);
    pthread_mutex_unlock(&cache->lock);
}

void tb_cache_counts(tb_cache *cache, int64_t *bytes, int64_t *tiles)
{
    pthread_mutex_lock(&cache->lock);
    *bytes = cache->decoded_bytes;
    *tiles = cache->decoded_tiles;
    pthread_mutex_unlock(&cache->lock);
}
