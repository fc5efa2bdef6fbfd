#include "raster/tiff.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <isa-l/igzip_lib.h>
#include <tiffio.h>
#include <zstd.h>

#include "core/memory.h"

typedef enum codec { STORED, DEFLATE, ZSTD } codec;

struct tb_tiff {
    char          *path;
    int            file; /* -1: not opened yet */
    int64_t        width, height;
    int64_t        block_width, block_height; /* as GDAL shows them */
    int64_t        across;                    /* blocks */
    int64_t        blocks;                    /* of a plane, or of all bands beside each other */
    int            planes;                    /* bands that have blocks of their own, or 1 */
    int            samples;                   /* of a pixel of a block */
    bool           is_strips, is_swapped;
    int64_t        rows_of_first; /* > 0: one strip without compression, of so many rows */
    int            predictor;
    codec          codec;
    tb_tiff_sample sample;
    uint64_t      *offset, *bytes; /* [planes][blocks] */
    uint64_t       most_bytes;     /* of `bytes` */
    int64_t        step;           /* rows of a block that are decoded at once */
    uint64_t       file_bytes;     /* at the first read */

    unsigned char        *packed, *block, *row;
    struct inflate_state *inflater;
    ZSTD_DCtx            *unzstd;
};

/* Blocks beyond are decoded by GDAL, in pieces where it can. */
static const uint64_t BLOCK_MOST = (uint64_t)128 << 20;

/* What is stored as it is, is read and handed out in pieces that stay in the processor's cache. */
static const uint64_t PIECE_BYTES = (uint64_t)128 << 10;

static size_t size_of(tb_tiff_sample sample)
{
    static const size_t sizes[] = {1, 2, 2, 4, 4, 4, 8};

    return sizes[sample];
}

/* ---- the directory ---- */

/* GDAL has opened the file and told what is wrong with it. */
static int silence(TIFF *tiff, void *user, const char *module, const char *format, va_list words)
{
    (void)tiff;
    (void)user;
    (void)module;
    (void)format;
    (void)words;
    return 1;
}

static TIFF *open_silently(const char *path)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF            *tiff;

    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, silence, NULL);
    TIFFOpenOptionsSetWarningHandlerExtR(options, silence, NULL);
    tiff = TIFFOpenExt(path, "rC", options); /* C: strips as they are, not chopped up */
    TIFFOpenOptionsFree(options);
    return tiff;
}

static uint16_t tag16(TIFF *tiff, uint32_t tag)
{
    uint16_t value = 0;

    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static uint32_t tag32(TIFF *tiff, uint32_t tag)
{
    uint32_t value = 0;

    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static bool is_sample(TIFF *tiff, tb_tiff_sample sample)
{
    static const uint16_t formats[] = {SAMPLEFORMAT_UINT,  SAMPLEFORMAT_UINT, SAMPLEFORMAT_INT,
                                       SAMPLEFORMAT_UINT,  SAMPLEFORMAT_INT,  SAMPLEFORMAT_IEEEFP,
                                       SAMPLEFORMAT_IEEEFP};
    uint16_t              format    = tag16(tiff, TIFFTAG_SAMPLEFORMAT);

    if (format == SAMPLEFORMAT_VOID)
        format = SAMPLEFORMAT_UINT;
    return format == formats[sample] && tag16(tiff, TIFFTAG_BITSPERSAMPLE) == 8 * size_of(sample);
}

/* What the file is called where it is not one of the three that are decoded here. */
static const char *foreign_codec(uint16_t compression)
{
    static const struct {
        uint16_t    number;
        const char *name;
    } names[] = {{COMPRESSION_LZW, "LZW"},           {COMPRESSION_JPEG, "JPEG"},
                 {COMPRESSION_PACKBITS, "PackBits"}, {COMPRESSION_LZMA, "LZMA"},
                 {COMPRESSION_LERC, "LERC"},         {COMPRESSION_WEBP, "WebP"},
                 {COMPRESSION_JXL, "JPEG XL"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == compression)
            return names[i].name;
    return "another compression";
}

static bool find_codec(tb_tiff *of, TIFF *tiff, const char **why)
{
    uint16_t compression = tag16(tiff, TIFFTAG_COMPRESSION);

    switch (compression) {
    case COMPRESSION_NONE:
        of->codec     = STORED;
        of->predictor = PREDICTOR_NONE;
        return true;
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
        of->codec = DEFLATE;
        break;
    case COMPRESSION_ZSTD:
        of->codec = ZSTD;
        break;
    default:
        *why = foreign_codec(compression);
        return false;
    }
    of->predictor = tag16(tiff, TIFFTAG_PREDICTOR);
    *why          = "another predictor";
    if (of->predictor == PREDICTOR_FLOATINGPOINT)
        return of->sample == TB_TIFF_F32 || of->sample == TB_TIFF_F64;
    return of->predictor == PREDICTOR_NONE || of->predictor == PREDICTOR_HORIZONTAL;
}

/* The blocks are of the directory's own size, or rows of the one strip of a file that is stored as
 * it is. */
static bool find_blocks(tb_tiff *of, TIFF *tiff, const tb_tiff_expected *expected)
{
    int64_t width = expected->width, height;

    of->is_strips = !TIFFIsTiled(tiff);
    if (of->is_strips) {
        int64_t rows = tag32(tiff, TIFFTAG_ROWSPERSTRIP);

        height = rows < expected->height ? rows : expected->height;
    } else {
        width  = tag32(tiff, TIFFTAG_TILEWIDTH);
        height = tag32(tiff, TIFFTAG_TILELENGTH);
    }
    of->width        = expected->width;
    of->height       = expected->height;
    of->block_width  = expected->block_width;
    of->block_height = expected->block_height;
    if (width < 1 || height < 1 || width != expected->block_width)
        return false;
    of->across = (of->width + width - 1) / width;
    of->blocks = of->across * ((of->height + height - 1) / height);
    if (height == expected->block_height)
        return true;
    of->rows_of_first = height;
    return of->is_strips && of->codec == STORED && height == of->height && of->blocks == 1;
}

static tb_status take_places(tb_tiff *of, TIFF *tiff, bool *is_whole, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   count  = of->blocks * of->planes;

    *is_whole =
        count == (int64_t)(of->is_strips ? TIFFNumberOfStrips(tiff) : TIFFNumberOfTiles(tiff));
    if (!*is_whole)
        return TB_OK;
    TB_TRY(tb_alloc(&of->offset, (size_t)count, sizeof *of->offset, "places of blocks", err));
    TB_TRY(tb_alloc(&of->bytes, (size_t)count, sizeof *of->bytes, "places of blocks", err));
    for (int64_t i = 0; i < count && *is_whole; i++) {
        int error = 0, also = 0;

        of->offset[i] = TIFFGetStrileOffsetWithErr(tiff, (uint32_t)i, &error);
        of->bytes[i]  = TIFFGetStrileByteCountWithErr(tiff, (uint32_t)i, &also);
        *is_whole     = error == 0 && also == 0;
        if (of->bytes[i] > of->most_bytes)
            of->most_bytes = of->bytes[i];
    }
done:
    return status;
}

static uint64_t bytes_of_rows(const tb_tiff *of, int64_t rows)
{
    return (uint64_t)of->block_width * (uint64_t)rows * (uint64_t)of->samples * size_of(of->sample);
}

/* Nothing that would make GDAL show other numbers than those stored. */
static bool is_plain(tb_tiff *of, TIFF *tiff, const tb_tiff_expected *expected, const char **why)
{
    uint16_t colours   = tag16(tiff, TIFFTAG_PHOTOMETRIC);
    bool     is_planar = tag16(tiff, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;

    *why = "another order of bits or colours";
    if (tag16(tiff, TIFFTAG_FILLORDER) != FILLORDER_MSB2LSB ||
        (colours != PHOTOMETRIC_MINISBLACK && colours != PHOTOMETRIC_MINISWHITE &&
         colours != PHOTOMETRIC_RGB && colours != PHOTOMETRIC_PALETTE))
        return false;
    *why = "samples of another size or format";
    if (!is_sample(tiff, expected->sample))
        return false;
    of->sample = expected->sample;
    if (!find_codec(of, tiff, why))
        return false;
    *why = "a directory GDAL takes otherwise";
    if (tag32(tiff, TIFFTAG_IMAGEWIDTH) != expected->width ||
        tag32(tiff, TIFFTAG_IMAGELENGTH) != expected->height ||
        tag16(tiff, TIFFTAG_SAMPLESPERPIXEL) != expected->bands)
        return false;
    of->planes     = is_planar ? expected->bands : 1;
    of->samples    = is_planar ? 1 : expected->bands;
    of->is_swapped = TIFFIsByteSwapped(tiff) != 0;
    *why           = "blocks that GDAL divides";
    if (!find_blocks(of, tiff, expected))
        return false;
    *why = "blocks too large to decode at once";
    return of->block_width < INT32_MAX && of->block_height < INT32_MAX &&
           (uint64_t)of->block_width * (uint64_t)of->block_height < BLOCK_MOST &&
           bytes_of_rows(of, of->block_height) <= BLOCK_MOST;
}

tb_status tb_tiff_open(tb_tiff **out, const char *path, const tb_tiff_expected *expected,
                       char *reason, size_t reason_size, tb_error *err)
{
    tb_status   status   = TB_OK;
    const char *why      = "not a file libtiff can open";
    tb_tiff    *of       = NULL;
    bool        is_whole = false;
    TIFF       *tiff     = open_silently(path);

    *out      = NULL;
    reason[0] = '\0';
    if (tiff == NULL)
        goto done;
    TB_TRY(tb_alloc_zero(&of, 1, sizeof *of, "TIFF", err));
    of->file = -1;
    TB_TRY(tb_copy_text(&of->path, path, err));
    if (!is_plain(of, tiff, expected, &why))
        goto done;
    TB_TRY(take_places(of, tiff, &is_whole, err));
    why = "a table of blocks that is damaged";
    if (!is_whole || of->most_bytes > 2 * BLOCK_MOST)
        goto done;
    why = "a directory GDAL takes otherwise";
    if (expected->first_offset != 0 && expected->first_offset != of->offset[0])
        goto done;
    of->step = of->block_height;
    if (of->codec == STORED && bytes_of_rows(of, of->step) > PIECE_BYTES)
        of->step = (int64_t)(PIECE_BYTES / bytes_of_rows(of, 1)) + 1;
    *out = of;
    of   = NULL;
    why  = "";
done:
    if (tiff != NULL)
        TIFFClose(tiff);
    tb_tiff_close(of);
    snprintf(reason, reason_size, "%s", why);
    return status;
}

void tb_tiff_close(tb_tiff *of)
{
    if (of == NULL)
        return;
    if (of->file >= 0)
        close(of->file);
    tb_free(of->inflater);
    ZSTD_freeDCtx(of->unzstd);
    tb_free(of->packed);
    tb_free(of->block);
    tb_free(of->row);
    tb_free(of->offset);
    tb_free(of->bytes);
    tb_free(of->path);
    tb_free(of);
}

size_t tb_tiff_bytes(const tb_tiff *of)
{
    return (size_t)(bytes_of_rows(of, of->step + 1) + (of->codec == STORED ? 0 : of->most_bytes));
}

bool tb_tiff_is_stored(const tb_tiff *of)
{
    return of->codec == STORED;
}

bool tb_tiff_can_read_alpha(const tb_tiff *of)
{
    return of->sample == TB_TIFF_U8 || of->sample == TB_TIFF_U16;
}

bool tb_tiff_has_pixels(const tb_tiff *of, int bands, const int *band)
{
    bool is_all = of->planes == 1 && of->samples == bands && bands > 1 && size_of(of->sample) <= 2;

    for (int b = 0; b < bands && is_all; b++)
        is_all = band[b] == b + 1;
    return is_all;
}

/* ---- blocks ---- */

/* The file and what decodes it, at the first read. A file that is gone is GDAL's to tell of. */
static tb_status prepare(tb_tiff *of, bool *is_ready, tb_error *err)
{
    tb_status status = TB_OK;

    if (of->row == NULL)
        TB_TRY(tb_alloc(&of->row, (size_t)bytes_of_rows(of, 1), 1, "row of a block", err));
    if (of->packed == NULL && of->codec != STORED)
        TB_TRY(tb_alloc(&of->packed, (size_t)of->most_bytes, 1, "packed block", err));
    if (of->block == NULL)
        TB_TRY(tb_alloc(&of->block, (size_t)bytes_of_rows(of, of->step), 1, "block", err));
    if (of->codec == DEFLATE && of->inflater == NULL)
        TB_TRY(tb_alloc(&of->inflater, 1, sizeof *of->inflater, "decoder of DEFLATE", err));
    if (of->codec == ZSTD && of->unzstd == NULL)
        of->unzstd = ZSTD_createDCtx();
    if (of->file < 0) {
        off_t end;

        of->file       = open(of->path, O_RDONLY | O_CLOEXEC);
        end            = of->file >= 0 ? lseek(of->file, 0, SEEK_END) : 0;
        of->file_bytes = end > 0 ? (uint64_t)end : 0;
    }
    if (of->codec == ZSTD && of->unzstd == NULL)
        status = tb_error_set(err, TB_E_MEMORY, "out of memory, decoding %s", of->path);
    *is_ready = of->file >= 0;
done:
    return status;
}

static bool read_bytes(int file, void *to, uint64_t count, uint64_t at)
{
    while (count > 0) {
        ssize_t got = at <= INT64_MAX ? pread(file, to, count, (off_t)at) : -1;

        if (got <= 0)
            return false;
        to = (char *)to + got;
        count -= (uint64_t)got;
        at += (uint64_t)got;
    }
    return true;
}

/* Rows of a block that are stored: of a tile all, of a strip those of the image. */
static int64_t rows_of(const tb_tiff *of, int64_t by)
{
    int64_t left = of->height - by * of->block_height;

    return of->is_strips && left < of->block_height ? left : of->block_height;
}

/* True if bytes begin as zlib's wrapper does (RFC 1950), without a dictionary. */
static bool is_zlib(const unsigned char *bytes)
{
    enum { METHOD = 0x0f, DEFLATED = 8, WINDOW_MOST = 7, HAS_DICTIONARY = 0x20 };

    return (bytes[0] & METHOD) == DEFLATED && bytes[0] >> 4 <= WINDOW_MOST &&
           (bytes[0] << 8 | bytes[1]) % 31 == 0 && (bytes[1] & HAS_DICTIONARY) == 0;
}

/* True if the block is whole and of exactly `size` bytes, and has the sum that stands at its end:
 * which is made here, for ISA-L's own takes three times as long. */
static bool inflate(struct inflate_state *state, unsigned char *packed, uint64_t packed_size,
                    unsigned char *to, uint64_t size, const tb_kernels *kernels)
{
    enum { HEADER = 2, SUM = 4 };
    const unsigned char *end;

    if (packed_size < HEADER + SUM || !is_zlib(packed))
        return false;
    isal_inflate_init(state);
    state->crc_flag  = ISAL_DEFLATE;
    state->next_in   = packed + HEADER;
    state->avail_in  = (uint32_t)packed_size - HEADER;
    state->next_out  = to;
    state->avail_out = (uint32_t)size;
    if (isal_inflate_stateless(state) != ISAL_DECOMP_OK || state->avail_out > 0 ||
        state->avail_in < SUM)
        return false;
    end = state->next_in;
    return kernels->adler(to, size) ==
           ((uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 | end[3]);
}

/*
 * Decodes a block, or of one that is stored as it is the rows of `piece`. True if the block is
 * there and is of exactly its size.
 */
static bool decode(tb_tiff *of, int plane, int64_t bx, int64_t by, tb_rect piece, unsigned char *to,
                   const tb_kernels *kernels)
{
    int64_t  index = of->rows_of_first > 0 ? plane : plane * of->blocks + by * of->across + bx;
    int64_t  rows  = rows_of(of, by);
    uint64_t size = bytes_of_rows(of, rows), at = of->offset[index], packed = of->bytes[index];

    if (at == 0 || packed == 0 || at > of->file_bytes || packed > of->file_bytes - at)
        return false;
    if (of->codec == STORED) {
        int64_t before = piece.y - (of->rows_of_first > 0 ? 0 : by * of->block_height);

        if (packed != (of->rows_of_first > 0 ? bytes_of_rows(of, of->rows_of_first) : size))
            return false;
        return read_bytes(of->file, to, bytes_of_rows(of, piece.height),
                          at + bytes_of_rows(of, before));
    }
    if (!read_bytes(of->file, of->packed, packed, at))
        return false;
    if (of->codec == ZSTD)
        return ZSTD_decompressDCtx(of->unzstd, to, size, of->packed, packed) == size;
    return inflate(of->inflater, of->packed, packed, to, size, kernels);
}

/* Bytes the right way round and differences summed: `n` samples in place, or at of->row. */
static void *restore_row(const tb_tiff *of, unsigned char *row, size_t n, const tb_kernels *k)
{
    size_t size = size_of(of->sample), stride = (size_t)of->samples;
    void  *samples = row;

    if (of->predictor == PREDICTOR_FLOATINGPOINT) {
        k->sum_u8(row, stride, n * size);
        samples = of->row;
        if (size == 8)
            k->join_u64(samples, row, n);
        else
            k->join_u32(samples, row, n);
        return samples;
    }
    if (of->is_swapped && size == 2)
        k->swap_u16(samples, n);
    else if (of->is_swapped && size == 4)
        k->swap_u32(samples, n);
    else if (of->is_swapped && size == 8)
        k->swap_u64(samples, n);
    if (of->predictor != PREDICTOR_HORIZONTAL)
        return samples;
    if (size == 1)
        k->sum_u8(samples, stride, n);
    else if (size == 2)
        k->sum_u16(samples, stride, n);
    else if (size == 4)
        k->sum_u32(samples, stride, n);
    else
        k->sum_u64(samples, stride, n);
    return samples;
}

static void pick(const tb_tiff *of, void *plane, size_t at, const void *row, size_t band, size_t n,
                 const tb_kernels *k)
{
    size_t stride = (size_t)of->samples;

    switch (of->sample) {
    case TB_TIFF_U8:
        k->pick_u8((uint8_t *)plane + at, (const uint8_t *)row + band, stride, n);
        return;
    case TB_TIFF_U16:
    case TB_TIFF_I16:
        k->pick_u16((uint16_t *)plane + at, (const uint16_t *)row + band, stride, n);
        return;
    case TB_TIFF_F32:
        k->pick_u32((uint32_t *)plane + at, (const uint32_t *)row + band, stride, n);
        return;
    case TB_TIFF_U32:
        k->pick_u32_float((float *)plane + at, (const uint32_t *)row + band, stride, n);
        return;
    case TB_TIFF_I32:
        k->pick_i32_float((float *)plane + at, (const int32_t *)row + band, stride, n);
        return;
    case TB_TIFF_F64:
        k->pick_f64_float((float *)plane + at, (const double *)row + band, stride, n);
        return;
    }
}

static void pick_alpha(const tb_tiff *of, uint8_t *valid, const void *row, size_t band, size_t n)
{
    size_t stride = (size_t)of->samples;

    for (size_t x = 0; x < n; x++) {
        unsigned value = of->sample == TB_TIFF_U8 ? ((const uint8_t *)row)[band + x * stride]
                                                  : ((const uint16_t *)row)[band + x * stride];

        valid[x] = (uint8_t)(value < UINT8_MAX ? value : UINT8_MAX);
    }
}

/* Where a band's samples begin in the rows of a plane's blocks; -1: it is not of this plane. */
static int place_in(const tb_tiff *of, int plane, int band)
{
    if (of->planes == 1)
        return band - 1;
    return band - 1 == plane ? 0 : -1;
}

/* Hands out decoded rows, those of the image's rows and columns `part`. */
static void unpack(tb_tiff *of, int plane, tb_rect part, tb_rect window,
                   const tb_tiff_target *target, const tb_kernels *k)
{
    size_t pixels = (size_t)tb_rect_area(window), width = (size_t)part.width;
    size_t sample = size_of(of->sample) < sizeof(float) ? size_of(of->sample) : sizeof(float);

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        void  *row = restore_row(of, of->block + bytes_of_rows(of, y - part.y),
                                 (size_t)(of->block_width * of->samples), k);
        size_t at  = (size_t)((y - window.y) * window.width + part.x - window.x);

        for (int b = 0; b < target->bands; b++) {
            int place = place_in(of, plane, target->band[b]);

            if (place >= 0)
                pick(of, (char *)target->samples + (size_t)b * pixels * sample, at, row,
                     (size_t)place, width, k);
        }
        if (target->alpha > 0 && place_in(of, plane, target->alpha) >= 0)
            pick_alpha(of, target->valid + at, row, (size_t)place_in(of, plane, target->alpha),
                       width);
    }
}

/* Decoded rows at `from`, those of the image's rows and columns `part`, pixel by pixel. */
static void copy_pixels(tb_tiff *of, unsigned char *from, tb_rect part, tb_rect window,
                        const tb_tiff_target *target, const tb_kernels *k)
{
    int64_t pixel = of->samples * (int64_t)size_of(of->sample);

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        int64_t at  = (y - window.y) * window.width + part.x - window.x;
        char   *dst = (char *)target->samples + at * pixel;
        char   *row = restore_row(of, from + bytes_of_rows(of, y - part.y),
                                  (size_t)(of->block_width * of->samples), k);

        if (row != dst)
            memcpy(dst, row, (size_t)(part.width * pixel));
    }
}

/* A block's part of the window, pixel by pixel: where its rows are the window's, decoded in place.
 */
static bool read_pixels(tb_tiff *of, tb_rect part, tb_rect window, const tb_tiff_target *target,
                        const tb_kernels *kernels)
{
    int64_t bx = part.x / of->block_width, by = part.y / of->block_height;
    bool    is_whole = part.width == of->block_width && part.width == window.width &&
                    (of->codec == STORED || part.height == rows_of(of, by));

    for (int64_t row = 0; row < part.height; row += of->step) {
        tb_rect piece =
            tb_rect_intersect((tb_rect){part.x, part.y + row, part.width, of->step}, part);
        unsigned char *to = of->block;

        if (is_whole)
            to = (unsigned char *)target->samples + bytes_of_rows(of, piece.y - window.y);
        if (!decode(of, 0, bx, by, piece, to, kernels))
            return false;
        copy_pixels(of, to, piece, window, target, kernels);
    }
    return true;
}

/* A block's part of the window, piece by piece; false where GDAL has to be asked. */
static bool read_block(tb_tiff *of, int plane, tb_rect part, tb_rect window,
                       const tb_tiff_target *target, const tb_kernels *kernels)
{
    int64_t bx = part.x / of->block_width, by = part.y / of->block_height;

    if (target->is_pixels)
        return read_pixels(of, part, window, target, kernels);

    for (int64_t row = 0; row < part.height; row += of->step) {
        tb_rect piece =
            tb_rect_intersect((tb_rect){part.x, part.y + row, part.width, of->step}, part);

        if (!decode(of, plane, bx, by, piece, of->block, kernels))
            return false;
        unpack(of, plane, piece, window, target, kernels);
    }
    return true;
}

static bool wants_plane(const tb_tiff *of, int plane, const tb_tiff_target *target)
{
    for (int b = 0; b < target->bands; b++)
        if (place_in(of, plane, target->band[b]) >= 0)
            return true;
    return target->alpha > 0 && place_in(of, plane, target->alpha) >= 0;
}

/* Whole blocks; of what is stored as it is any rows of them. */
static bool is_of_blocks(const tb_tiff *of, tb_rect r)
{
    int64_t right = r.x + r.width, bottom = r.y + r.height;

    return r.x % of->block_width == 0 && (right % of->block_width == 0 || right == of->width) &&
           (of->codec == STORED || (r.y % of->block_height == 0 &&
                                    (bottom % of->block_height == 0 || bottom == of->height)));
}

tb_status tb_tiff_read(tb_tiff *of, tb_rect window, const tb_tiff_target *target,
                       const tb_kernels *kernels, bool *is_done, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   left = window.x / of->block_width, top = window.y / of->block_height;
    int64_t   right  = (window.x + window.width - 1) / of->block_width;
    int64_t   bottom = (window.y + window.height - 1) / of->block_height;

    *is_done = is_of_blocks(of, window);
    if (!*is_done)
        return TB_OK;
    TB_TRY(prepare(of, is_done, err));
    for (int plane = 0; plane < of->planes; plane++)
        for (int64_t by = top; by <= bottom && *is_done && wants_plane(of, plane, target); by++)
            for (int64_t bx = left; bx <= right && *is_done; bx++) {
                tb_rect block = {bx * of->block_width, by * of->block_height, of->block_width,
                                 of->block_height};

                *is_done = read_block(of, plane, tb_rect_intersect(block, window), window, target,
                                      kernels);
            }
done:
    return status;
}
