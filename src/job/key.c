#include "job/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

tb_status tb_key_of(const tb_text *text, char key[TB_KEY_SIZE], tb_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int  length;

    if (EVP_Digest(text->data, text->length, digest, &length, EVP_sha256(), NULL) != 1)
        return tb_error_set(err, TB_E_BUG, "hash a key: expected SHA-256 of libcrypto, got none");
    to_hex(digest, TB_KEY_SIZE / 2, key);
    return TB_OK;
}

tb_status tb_key_append_file(tb_text *text, const char *path, tb_error *err)
{
    struct stat file = {0};

    /* What is no file of its own (a subdataset) has its header to tell it by. */
    (void)stat(path, &file);
    return tb_text_append(text, err, "file %lld %lld.%09ld\n", (long long)file.st_size,
                          (long long)file.st_mtim.tv_sec, (long)file.st_mtim.tv_nsec);
}

/* A product is a folder of files, or a .zip that was told of already. */
static tb_status append_product(tb_text *text, const tb_image_info *info, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(text, err, "product %s %s %u", info->product, info->band_names,
                          info->classes));
    for (int b = 0; b < info->bands; b++)
        TB_TRY(tb_text_append(text, err, " %.17g", info->offset[b]));
    TB_TRY(tb_text_append(text, err, "\n"));
    for (int i = 0; info->files != NULL && info->files[i] != NULL; i++)
        TB_TRY(tb_key_append_file(text, info->files[i], err));
done:
    return status;
}

static tb_status append_image(tb_text *text, const tb_image_info *info, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_key_append_file(text, info->path, err));
    TB_TRY(tb_text_append(text, err, "image %lldx%lldx%d %s %d %.17g %d\n", (long long)info->width,
                          (long long)info->height, info->bands, info->type_name, info->has_nodata,
                          info->nodata, info->has_mask));
    if (info->product[0] != '\0')
        TB_TRY(append_product(text, info, err));
    for (int i = 0; i < 6; i++)
        TB_TRY(tb_text_append(text, err, "%.17g ", info->transform[i]));
    TB_TRY(tb_text_append(text, err, "\n%s\n", info->crs != NULL ? info->crs : "no CRS"));
done:
    return status;
}

tb_status tb_key_append_epoch(tb_text *text, const tb_epoch *epoch, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(text, err, "date of %d files\n", tb_epoch_files(epoch)));
    for (int f = 0; f < tb_epoch_files(epoch); f++)
        TB_TRY(append_image(text, tb_epoch_file(epoch, f), err));
    if (tb_epoch_valid(epoch) != NULL)
        TB_TRY(append_image(text, tb_epoch_valid(epoch), err));
    if (tb_epoch_footprints_path(epoch) != NULL)
        TB_TRY(tb_key_append_file(text, tb_epoch_footprints_path(epoch), err));
done:
    return status;
}

tb_status tb_key_append_pair(tb_text *text, const tb_pair *pair, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(text, err, "tuban %s\n", TUBAN_VERSION));
    TB_TRY(tb_key_append_epoch(text, pair->before, err));
    TB_TRY(tb_key_append_epoch(text, pair->after, err));
done:
    return status;
}

tb_status tb_file_sha256(const char *path, char digest[TB_SHA256_SIZE], tb_error *err)
{
    tb_status     status  = TB_OK;
    EVP_MD_CTX   *context = NULL;
    unsigned char bytes[EVP_MAX_MD_SIZE], buffer[65536];
    unsigned int  length;
    size_t        got;
    FILE         *file = fopen(path, "rb");

    if (file == NULL)
        return tb_error_set(err, TB_E_INPUT, "read %s: expected a file, got \"%s\"", path,
                            strerror(errno));
    context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        status =
            tb_error_set(err, TB_E_BUG, "hash %s: expected SHA-256 of libcrypto, got none", path);
        goto done;
    }
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        EVP_DigestUpdate(context, buffer, got);
    if (ferror(file)) {
        status = tb_error_set(err, TB_E_INPUT, "read %s: expected its bytes, got \"%s\"", path,
                              strerror(errno));
        goto done;
    }
    EVP_DigestFinal_ex(context, bytes, &length);
    to_hex(bytes, length, digest);
done:
    EVP_MD_CTX_free(context);
    fclose(file);
    return status;
}
