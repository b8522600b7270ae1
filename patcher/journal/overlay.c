#include "journal/overlay.h"

#include "base/cleanup.h"

#include <string.h>

#define CHUNK_LEN ((size_t)128 << 10)

/* Up to the first span all versions are one. */
struct digesters {
    struct pp_digester each[PP_OVERLAY_VERSION_COUNT];
    bool apart;
};

static void digest_common(const struct pp_overlay *overlay, struct digesters *digesters,
                          const uint8_t *data, size_t len) {
    if (!digesters->apart) {
        pp_digester_update(&digesters->each[0], data, len);
        return;
    }
    for (int i = 0; i < PP_OVERLAY_VERSION_COUNT; i++)
        if (overlay->wanted[i])
            pp_digester_update(&digesters->each[i], data, len);
}

static void digest_apart(const struct pp_overlay *overlay, struct digesters *digesters, size_t span,
                         const uint8_t *found) {
    const uint8_t *versions[PP_OVERLAY_VERSION_COUNT] = {
        [PP_OVERLAY_FOUND] = found,
        [PP_OVERLAY_SHIPPED] = overlay->shipped[span],
        [PP_OVERLAY_PUT] = overlay->spans[span].put,
    };

    for (int i = 1; i < PP_OVERLAY_VERSION_COUNT && !digesters->apart; i++)
        digesters->each[i] = digesters->each[0];
    digesters->apart = true;
    for (int i = 0; i < PP_OVERLAY_VERSION_COUNT; i++)
        if (overlay->wanted[i])
            pp_digester_update(&digesters->each[i], versions[i], overlay->spans[span].len);
}

static int take_span(struct pp_overlay *overlay, size_t span, const uint8_t *data,
                     struct digesters *digesters, struct pp_sink *out, struct pp_err *err) {
    enum pp_span_state state = pp_span_compare(&overlay->spans[span], data);

    if (state == PP_SPAN_OTHER || (state == PP_SPAN_TORN && !overlay->torn))
        return pp_err_set(err, PP_ERR_CHANGED, "other bytes than expected at %llu",
                          (unsigned long long)overlay->spans[span].offset);
    if (state != PP_SPAN_OLD)
        overlay->started = true;
    digest_apart(overlay, digesters, span, data);
    return out == NULL
               ? 0
               : pp_sink_write(out, overlay->spans[span].put, overlay->spans[span].len, err);
}

/* Takes what the buffer holds, from `start` in the content on, up to a span that is not whole.
 * Returns how much that was. */
static ssize_t take(struct pp_overlay *overlay, size_t *span, uint64_t start, const uint8_t *data,
                    size_t len, struct digesters *digesters, struct pp_sink *out,
                    struct pp_err *err) {
    size_t done = 0;

    while (done < len) {
        size_t until = len;
        int rc = 0;

        if (*span < overlay->span_count && overlay->spans[*span].offset - start < len)
            until = (size_t)(overlay->spans[*span].offset - start);
        if (until > done) {
            digest_common(overlay, digesters, data + done, until - done);
            rc = out != NULL ? pp_sink_write(out, data + done, until - done, err) : 0;
            done = until;
        } else if (len - done < overlay->spans[*span].len) {
            break;
        } else {
            rc = take_span(overlay, *span, data + done, digesters, out, err);
            done += overlay->spans[(*span)++].len;
        }
        if (rc < 0)
            return rc;
    }
    return (ssize_t)done;
}

int pp_overlay_read(struct pp_overlay *overlay, const struct pp_blob *blob, struct pp_sink *out,
                    struct pp_err *err) {
    PP_AUTO_FREE uint8_t *buffer = malloc(CHUNK_LEN);
    struct digesters digesters = {.apart = false};
    uint64_t start = 0; /* of the buffer in the content */
    size_t len = 0;     /* of the buffer */
    size_t span = 0;

    if (buffer == NULL)
        return pp_err_nomem(err);
    pp_digester_init(&digesters.each[0], overlay->md5);
    overlay->started = false;
    for (;;) {
        ssize_t count = pp_blob_read(blob, start + len, buffer + len, CHUNK_LEN - len, err);
        ssize_t done;

        if (count < 0)
            return (int)count;
        if (count == 0)
            break;
        len += (size_t)count;
        done = take(overlay, &span, start, buffer, len, &digesters, out, err);
        if (done < 0)
            return (int)done;
        len -= (size_t)done;
        start += (uint64_t)done;
        memmove(buffer, buffer + done, len);
    }
    if (len > 0 || span < overlay->span_count)
        return pp_err_set(err, PP_ERR_CHANGED, "shorter than it was");
    for (int i = 0; i < PP_OVERLAY_VERSION_COUNT; i++)
        if (overlay->wanted[i])
            pp_digester_final(&digesters.each[digesters.apart ? i : 0], &overlay->digests[i]);
    return 0;
}
