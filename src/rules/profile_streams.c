/* The streams of a profile's file. */
#include <string.h>

#include "rules/profile_parts.h"

static tb_status read_aliases(const tb_profile_file *file, tb_node node, tb_stream *stream,
                              tb_error *err)
{
    tb_status status = TB_OK;
    int       count;

    TB_TRY(tb_profile_list_size(node, TB_ALIASES_MAX, "names", &count, err));
    stream->alias_count = 0;
    for (int i = 0; i < count; i++) {
        tb_node     item = tb_node_item(node, (size_t)i);
        const char *name;

        TB_TRY(tb_profile_text(item, "another name of the stream", &name, err));
        if (tb_profile_stream(file->profile, name) != NULL) {
            status = tb_node_complain(item, err, "a name no other stream has");
            goto done;
        }
        stream->aliases[stream->alias_count++] = name;
    }
done:
    return status;
}

static tb_status read_stream(const tb_profile_file *file, tb_node node, tb_stream *stream,
                             tb_error *err)
{
    static const char *const allowed[] = {"stream", "title", "aliases", "tiers",
                                          "gate",   "due",   NULL};
    tb_status                status    = TB_OK;
    tb_node                  child;
    bool                     is_there;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(tb_profile_find(file, node, "title", &child, &is_there, err));
    if (is_there)
        TB_TRY(tb_profile_text(child, "the stream's title", &stream->title, err));
    if (tb_node_find(node, "aliases", &child))
        TB_TRY(read_aliases(file, child, stream, err));
    if (tb_node_find(node, "tiers", &child))
        TB_TRY(tb_profile_tiers(file, child, stream, err));
    if (tb_node_find(node, "gate", &child))
        TB_TRY(tb_profile_thresholds(file, child, &stream->gate, err));
    if (tb_node_find(node, "due", &child)) {
        if (stream->has_tiers) {
            status = tb_node_complain(child, err, "dates of a stream with tiers in its tiers");
            goto done;
        }
        TB_TRY(tb_profile_due(file, child, &stream->due, err));
    }
done:
    return status;
}

tb_status tb_profile_streams(const tb_profile_file *file, tb_node list, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    int         count;

    TB_TRY(tb_profile_list_size(list, TB_STREAMS_MAX, "streams", &count, err));
    for (int i = 0; i < count; i++) {
        tb_node     node   = tb_node_item(list, (size_t)i);
        tb_stream  *stream = NULL;
        const char *name;

        TB_TRY(tb_profile_require_code(node, "stream", &name, err));
        for (int s = 0; s < profile->stream_count; s++)
            if (strcmp(profile->stream[s].name, name) == 0)
                stream = &profile->stream[s];
        if (stream == NULL && profile->stream_count == TB_STREAMS_MAX) {
            status = tb_node_complain(node, err, "at most 8 streams");
            goto done;
        }
        if (stream == NULL) {
            stream       = &profile->stream[profile->stream_count++];
            stream->name = name;
        }
        TB_TRY(read_stream(file, node, stream, err));
    }
done:
    return status;
}
