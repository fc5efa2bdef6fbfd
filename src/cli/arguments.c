#include "cli/arguments.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuban/run.h"

static tb_status complain(tb_error *err, const char *usage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static tb_status complain(tb_error *err, const char *usage, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    err->status = TB_E_USAGE;
    snprintf(err->hint, sizeof err->hint, "usage: %s", usage);
    return TB_E_USAGE;
}

static const option *find(const option *table, const char *name, size_t length)
{
    for (; table != NULL && table->name != NULL; table++)
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0)
            return table;
    return NULL;
}

static tb_status set_number(const option *o, const char *value, const char *usage, tb_error *err)
{
    char  *end;
    double number;

    errno  = 0;
    number = strtod(value, &end);
    if (value[0] == '\0' || *end != '\0' || !isfinite(number) || number < o->low ||
        number > o->high || (o->kind == OPTION_INTEGER && number != floor(number)))
        return complain(err, usage, "--%s: expected %s from %.15g to %.15g, got \"%s\"", o->name,
                        o->kind == OPTION_INTEGER ? "a whole number" : "a number", o->low, o->high,
                        value);
    if (o->kind == OPTION_INTEGER)
        *(int64_t *)o->target = (int64_t)number;
    else
        *(double *)o->target = number;
    return TB_OK;
}

static tb_status set_choice(const option *o, const char *value, const char *usage, tb_error *err)
{
    char allowed[256] = "";

    for (int i = 0; o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *(int *)o->target = i;
            return TB_OK;
        }
        snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s",
                 i > 0 ? ", " : "", o->choices[i]);
    }
    return complain(err, usage, "--%s: expected one of %s, got \"%s\"", o->name, allowed, value);
}

static tb_status add_text(const option *o, const char *value, const char *usage, tb_error *err)
{
    text_list *list = o->target;

    if (value[0] == '\0')
        return complain(err, usage, "--%s: expected a value, got an empty one", o->name);
    if (list->count == list->most)
        return complain(err, usage, "--%s: expected at most %d times, got one more", o->name,
                        list->most);
    list->text[list->count++] = value;
    return TB_OK;
}

static tb_status set(const option *o, const char *value, const char *usage, tb_error *err)
{
    tb_error inner = {0};

    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)o->target = true;
        return TB_OK;
    case OPTION_TEXT:
        if (value[0] == '\0')
            return complain(err, usage, "--%s: expected a value, got an empty one", o->name);
        *(const char **)o->target = value;
        return TB_OK;
    case OPTION_LIST:
        return add_text(o, value, usage, err);
    case OPTION_SIZE:
        if (tb_size_parse(value, o->target, &inner) != TB_OK)
            return complain(err, usage, "--%s: %s", o->name, inner.message);
        return TB_OK;
    case OPTION_CHOICE:
        return set_choice(o, value, usage, err);
    case OPTION_INTEGER:
    case OPTION_REAL:
        break;
    }
    return set_number(o, value, usage, err);
}

/* Of "tuban detect BEFORE AFTER": "tuban detect". */
static int name_length(const char *usage)
{
    size_t word = strcspn(usage, " ");

    return (int)(usage[word] == '\0' ? word : word + 1 + strcspn(usage + word + 1, " "));
}

tb_status command_line_read(command_line *line, int argc, char **argv, tb_error *err)
{
    line->count = 0;
    for (int i = 0; i < argc; i++) {
        const char   *argument = argv[i];
        const char   *equals   = strchr(argument, '=');
        const option *o;
        size_t        length;
        tb_status     status;

        if (argument[0] == '-' && argument[1] != '\0' && argument[1] != '-')
            return complain(err, line->usage,
                            "%s: expected a file or an option of this command, got an unknown one",
                            argument);
        if (strncmp(argument, "--", 2) != 0) {
            if (line->count == line->most)
                return complain(err, line->usage,
                                "%s: expected at most %d argument%s, got one more", argument,
                                line->most, line->most == 1 ? "" : "s");
            line->words[line->count++] = argument;
            continue;
        }
        length = equals != NULL ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
        o      = find(line->options, argument + 2, length);
        if (o == NULL)
            o = find(line->more, argument + 2, length);
        if (o == NULL)
            return complain(err, line->usage,
                            "%s: expected an option of this command, got an unknown one", argument);
        if (o->kind == OPTION_FLAG && equals != NULL)
            return complain(err, line->usage, "--%s: expected no value, got \"%s\"", o->name,
                            equals + 1);
        if (o->kind != OPTION_FLAG && equals == NULL && ++i == argc)
            return complain(err, line->usage, "--%s: expected a value, got none", o->name);
        status = set(o,
                     equals != NULL           ? equals + 1
                     : o->kind == OPTION_FLAG ? ""
                                              : argv[i],
                     line->usage, err);
        if (status != TB_OK)
            return status;
    }
    if (line->count < line->least)
        return complain(err, line->usage, "%.*s: expected %d argument%s, got %d",
                        name_length(line->usage), line->usage, line->least,
                        line->least == 1 ? "" : "s", line->count);
    return TB_OK;
}

bool command_line_helps(int argc, char **argv, const char *usage)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            printf("usage: %s\n", usage);
            return true;
        }
    return false;
}
