#include "bootstrap/bootstrap_coded.h"

#include <lzma.h>
#include <string.h>
#include <zstd.h>

/* What the index of an xz file may take in memory: that of some 500,000 blocks. */
#define INDEX_MEMORY_MAX ((uint64_t)16 << 20)
#define HEAD_LEN 18

/* Feeds the decoder from where it asks for. */
static int read_index(lzma_stream *stream, const struct pp_blob *blob, struct pp_err *err) {
    uint8_t data[4096];
    uint64_t at = 0;
    lzma_ret rc;

    do {
        ssize_t count = 0;

        if (stream->avail_in == 0) {
            count = pp_blob_read(blob, at, data, sizeof(data), err);
            if (count < 0)
                return (int)count;
            stream->next_in = data;
            stream->avail_in = (size_t)count;
            at += (uint64_t)count;
        }
        rc = lzma_code(stream, LZMA_RUN);
        if (rc == LZMA_SEEK_NEEDED) {
            at = stream->seek_pos;
            stream->avail_in = 0;
        } else if (rc == LZMA_OK && stream->avail_in == 0 && at >= blob->len) {
            rc = LZMA_DATA_ERROR;
        }
    } while (rc == LZMA_OK || rc == LZMA_SEEK_NEEDED);
    return 0;
}

static int xz_len(const struct pp_blob *blob, uint64_t *len, struct pp_err *err) {
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_index *index = NULL;
    int rc;

    if (lzma_file_info_decoder(&stream, &index, INDEX_MEMORY_MAX, blob->len) != LZMA_OK)
        return pp_err_nomem(err);
    rc = read_index(&stream, blob, err);
    if (index != NULL)
        *len = lzma_index_uncompressed_size(index);
    lzma_index_end(index, NULL);
    lzma_end(&stream);
    return rc;
}

static int gzip_len(const struct pp_blob *blob, uint64_t *len, struct pp_err *err) {
    uint8_t end[4];
    ssize_t count = pp_blob_read(blob, blob->len - sizeof(end), end, sizeof(end), err);

    if (count == (ssize_t)sizeof(end))
        *len = end[0] | (uint64_t)end[1] << 8 | (uint64_t)end[2] << 16 | (uint64_t)end[3] << 24;
    return count < 0 ? (int)count : 0;
}

int pp_bootstrap_coded_len(const struct pp_blob *blob, uint64_t *len, struct pp_err *err) {
    uint8_t head[HEAD_LEN];
    ssize_t count = pp_blob_read(blob, 0, head, sizeof(head), err);
    unsigned long long told;

    *len = 0;
    if (count < HEAD_LEN)
        return count < 0 ? (int)count : 0;
    if (memcmp(head,
               "\xfd"
               "7zXZ",
               5) == 0)
        return xz_len(blob, len, err);
    if (memcmp(head, "\x1f\x8b", 2) == 0)
        return gzip_len(blob, len, err);
    told = ZSTD_getFrameContentSize(head, sizeof(head));
    if (told != ZSTD_CONTENTSIZE_UNKNOWN && told != ZSTD_CONTENTSIZE_ERROR)
        *len = told;
    return 0;
}
