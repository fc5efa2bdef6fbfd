#include "publish/fitting.h"

#include <stdio.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>

/* Bytes of the UTF-8 character a text begins with; 1 where it is none. */
static size_t character_bytes(const char *text)
{
    size_t bytes = 1;

    if (((unsigned char)*text & 0xC0) == 0xC0)
        while (((unsigned char)text[bytes] & 0xC0) == 0x80)
            bytes++;
    return bytes;
}

/* What a character takes of its field's width; 0 where the encoding lacks it. */
static int character_width(const char *encoding, const char *character, size_t bytes)
{
    char  copy[8] = "";
    char *encoded;
    int   width;

    if (encoding == NULL || bytes == 1)
        return 1;
    if (strcmp(encoding, CPL_ENC_UTF8) == 0)
        return (int)bytes;
    if (bytes >= sizeof copy)
        return 0;
    memcpy(copy, character, bytes);
    encoded = CPLRecode(copy, CPL_ENC_UTF8, encoding);
    width   = (int)strlen(encoded);
    CPLFree(encoded);
    return width;
}

static void note_fitting(tb_vector_fitting *fitting, int64_t *count, const tb_vector_field *field)
{
    if (fitting->cut + fitting->replaced == 0)
        snprintf(fitting->example, sizeof fitting->example, "%s", field->name);
    ++*count;
}

tb_status tb_fitting_fit(tb_text *out, tb_vector_fitting *fitting, const char *encoding,
                         const tb_vector_field *field, const char *text, tb_error *err)
{
    static const char MISSING[]   = "〓"; /* GBK has it: what printers set for a missing type */
    tb_status         status      = TB_OK;
    bool              is_replaced = false;
    int               room        = field->width;

    tb_text_reset(out);
    TB_TRY(tb_text_append(out, err, "%s", ""));
    for (size_t bytes; *text != '\0'; text += bytes) {
        int width, length;

        bytes = character_bytes(text);
        width = character_width(encoding, text, bytes);
        if (width == 0)
            is_replaced = true;
        length = width > 0 ? (int)bytes : (int)sizeof MISSING - 1;
        room -= width > 0 ? width : 2;
        if (room < 0) {
            note_fitting(fitting, &fitting->cut, field);
            break;
        }
        TB_TRY(tb_text_append(out, err, "%.*s", length, width > 0 ? text : MISSING));
    }
    if (is_replaced)
        note_fitting(fitting, &fitting->replaced, field);
done:
    return status;
}

bool tb_fitting_is_needed(const char *encoding, const tb_vector_field *field, const char *text)
{
    bool is_ascii = true;

    if (field->width == 0)
        return false;
    if (strlen(text) > (size_t)field->width)
        return true;
    for (const char *c = text; *c != '\0' && is_ascii; c++)
        is_ascii = (unsigned char)*c < 0x80;
    return !is_ascii && encoding != NULL && strcmp(encoding, CPL_ENC_UTF8) != 0;
}
