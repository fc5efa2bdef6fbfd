#include "raster/cache.h"

#include <pthread.h>
#include <stdbool.h>

#include "core/memory.h"

enum { BUCKETS = 4096 };

typedef enum entry_state { LOADING, READY, FAILED } entry_state;

typedef struct entry {
    tb_tile       tile; /* first: a tile's address is its entry's */
    int           image_id;
    int64_t       tx, ty;
    entry_state   state;
    int           users;
    size_t        bytes;
    size_t        samples_room, valid_room; /* bytes of a whole tile's memory, held or not yet */
    tb_error      error;
    struct entry *next;            /* of the same bucket */
    struct entry *older, *younger; /* among those nobody uses */
} entry;

struct tb_cache {
    pthread_mutex_t lock;
    pthread_cond_t  loaded;
    size_t          capacity, held;
    entry          *bucket[BUCKETS];
    entry          *oldest, *youngest;
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
    tb_status status = tb_alloc_zero(out, 1, sizeof **out, "tile cache", err);

    if (status != TB_OK)
        return status;
    (*out)->capacity = capacity_bytes;
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_cond_init(&(*out)->loaded, NULL);
    return TB_OK;
}

static void free_entry(entry *e)
{
    tb_free(e->tile.samples);
    tb_free(e->tile.valid);
    tb_free(e);
}

void tb_cache_free(tb_cache *cache)
{
    if (cache == NULL)
        return;
    for (int b = 0; b < BUCKETS; b++)
        while (cache->bucket[b] != NULL) {
            entry *e = cache->bucket[b];

            cache->bucket[b] = e->next;
            free_entry(e);
        }
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

static entry *find(tb_cache *cache, int image_id, int64_t tx, int64_t ty)
{
    entry *e = *bucket_of(cache, image_id, tx, ty);

    while (e != NULL && (e->image_id != image_id || e->tx != tx || e->ty != ty))
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

static void take_out(tb_cache *cache, entry *e)
{
    entry **at = bucket_of(cache, e->image_id, e->tx, e->ty);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    cache->held -= e->bytes;
}

static void drop(tb_cache *cache, entry *e)
{
    take_out(cache, e);
    free_entry(e);
}

void tb_cache_limit(tb_cache *cache, size_t capacity_bytes)
{
    pthread_mutex_lock(&cache->lock);
    cache->capacity = capacity_bytes;
    while (cache->held > cache->capacity && cache->oldest != NULL) {
        entry *e = cache->oldest;

        unlink_idle(cache, e);
        drop(cache, e);
    }
    pthread_mutex_unlock(&cache->lock);
}

/*
 * With the lock held; counts `bytes` as held and drops what is too much, but for one tile, whose
 * memory can serve again: new pages cost the system more than decoding into them.
 */
static entry *make_room(tb_cache *cache, size_t bytes)
{
    entry *kept = NULL;

    cache->held += bytes;
    while (cache->held > cache->capacity && cache->oldest != NULL) {
        entry *e = cache->oldest;

        unlink_idle(cache, e);
        take_out(cache, e);
        if (kept != NULL)
            free_entry(kept);
        kept = e;
    }
    return kept;
}

/* With the lock held; a new entry for the tile, counted and known, with the memory of a dropped one
 * where that is of its size. */
static tb_status add_entry(tb_cache *cache, const tb_image_info *info, int image_id, int64_t tx,
                           int64_t ty, entry **out, tb_error *err)
{
    size_t  pixels = (size_t)info->tile_width * (size_t)info->tile_height;
    entry   fresh  = {.image_id     = image_id,
                      .tx           = tx,
                      .ty           = ty,
                      .users        = 1,
                      .bytes        = tb_cache_tile_bytes(info),
                      .samples_room = pixels * (size_t)info->bands * tb_sample_size(info->type),
                      .valid_room   = info->has_mask ? pixels : 0};
    entry  *e      = make_room(cache, fresh.bytes);
    entry **bucket = bucket_of(cache, image_id, tx, ty);

    if (e != NULL && (e->samples_room != fresh.samples_room || e->valid_room != fresh.valid_room)) {
        free_entry(e);
        e = NULL;
    }
    if (e != NULL) {
        fresh.tile = e->tile;
    } else if (tb_alloc(&e, 1, sizeof *e, "tile cache entry", err) != TB_OK) {
        cache->held -= fresh.bytes;
        return TB_E_MEMORY;
    }
    *e      = fresh;
    e->next = *bucket;
    *bucket = e;
    *out    = e;
    return TB_OK;
}

static tb_status decode(entry *e, tb_image *image, tb_error *err)
{
    const tb_image_info *info  = tb_image_describe(image);
    tb_rect              whole = {0, 0, info->width, info->height};
    tb_rect   tile   = {e->tx * info->tile_width, e->ty * info->tile_height, info->tile_width,
                        info->tile_height};
    tb_status status = TB_OK;

    e->tile.rect = tb_rect_intersect(tile, whole);
    if (e->tile.samples == NULL)
        TB_TRY(tb_alloc(&e->tile.samples, e->samples_room, 1, "decoded tile", err));
    if (info->has_mask && e->tile.valid == NULL)
        TB_TRY(tb_alloc(&e->tile.valid, e->valid_room, 1, "decoded tile's mask", err));
    TB_TRY(tb_image_read_pixels(image, e->tile.rect, e->tile.samples, &e->tile.is_pixels, err));
    if (!e->tile.is_pixels)
        TB_TRY(tb_image_read(image, e->tile.rect, e->tile.samples, e->tile.valid, err));
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
                       const tb_tile **out, tb_error *err)
{
    tb_status status = TB_OK;
    entry    *e;

    *out = NULL;
    pthread_mutex_lock(&cache->lock);
    e = find(cache, image_id, tx, ty);
    if (e != NULL) {
        status = share(cache, e, out, err);
        goto done;
    }
    TB_TRY(add_entry(cache, tb_image_describe(image), image_id, tx, ty, &e, err));

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
    if (--e->users == 0)
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
