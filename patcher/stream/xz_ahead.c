#include "stream/xz_ahead.h"

#include <stdlib.h>
#include <string.h>

void pp_xz_ahead_init(struct pp_xz_ahead *ahead, const struct pp_codec_env *env) {
    ahead->budget = env->budget;
    ahead->helpers = env->helpers;
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->told, NULL);
    pthread_cond_init(&ahead->decoded, NULL);
}

static struct pp_xz_ahead_block *block_at(struct pp_xz_ahead *ahead, size_t number) {
    return &ahead->blocks[number % PP_XZ_AHEAD_MAX];
}

static void block_done(struct pp_xz_ahead *ahead, struct pp_xz_ahead_block *self) {
    lzma_end(&self->stream);
    free(self->encoded);
    free(self->text);
    pp_budget_give(ahead->budget, self->taken_len);
    ahead->taken_len -= self->taken_len;
}

static void drop_first(struct pp_xz_ahead *ahead) {
    block_done(ahead, block_at(ahead, ahead->head++));
}

void pp_xz_ahead_done(struct pp_xz_ahead *ahead) {
    pthread_mutex_lock(&ahead->mutex);
    ahead->closed = true;
    pthread_cond_broadcast(&ahead->told);
    pthread_mutex_unlock(&ahead->mutex);
    for (unsigned i = 0; i < ahead->thread_count; i++)
        pp_helpers_join(ahead->helpers, ahead->threads[i]);
    while (pp_xz_ahead_holds(ahead))
        drop_first(ahead);
    pthread_cond_destroy(&ahead->decoded);
    pthread_cond_destroy(&ahead->told);
    pthread_mutex_destroy(&ahead->mutex);
}

/* ---- decoding ---- */

/* Where there is no room for the text, it is decoded as it is given. */
static void decode(struct pp_xz_ahead_block *self) {
    size_t room = (size_t)self->block.uncompressed_size + 1;

    self->text = malloc(room);
    if (self->text == NULL)
        return;
    /* With a byte more than the header tells, what is longer is damage and no lack of room. */
    self->stream.next_out = self->text;
    self->stream.avail_out = room;
    do
        self->status = lzma_code(&self->stream, LZMA_RUN);
    while (self->status == LZMA_OK);
    self->text_len = room - self->stream.avail_out;
    lzma_end(&self->stream);
}

/* Decodes one block. Called and left with the mutex locked. */
static void decode_next(struct pp_xz_ahead *ahead) {
    struct pp_xz_ahead_block *self = block_at(ahead, ahead->next++);

    pthread_mutex_unlock(&ahead->mutex);
    decode(self);
    pthread_mutex_lock(&ahead->mutex);
    self->done = true;
    pthread_cond_signal(&ahead->decoded);
}

static void *help(void *arg) {
    struct pp_xz_ahead *ahead = arg;

    pthread_mutex_lock(&ahead->mutex);
    while (!ahead->closed) {
        if (ahead->next < ahead->ready) {
            decode_next(ahead);
            continue;
        }
        ahead->idle++;
        pthread_cond_wait(&ahead->told, &ahead->mutex);
        ahead->idle--;
    }
    pthread_mutex_unlock(&ahead->mutex);
    return NULL;
}

/* The blocks before `ready` are whole: they may be decoded. */
static void tell(struct pp_xz_ahead *ahead, size_t ready) {
    bool busy;

    pthread_mutex_lock(&ahead->mutex);
    ahead->ready = ready;
    busy = ahead->idle == 0;
    pthread_cond_signal(&ahead->told);
    pthread_mutex_unlock(&ahead->mutex);
    if (busy && ahead->thread_count < PP_HELPERS_MAX &&
        pp_helpers_start(ahead->helpers, &ahead->threads[ahead->thread_count], help, ahead))
        ahead->thread_count++;
}

/* ---- the row ---- */

bool pp_xz_ahead_holds(const struct pp_xz_ahead *ahead) {
    return ahead->head < ahead->tail;
}

static size_t row_len(const struct pp_xz_ahead *ahead) {
    return ahead->tail - ahead->head;
}

/* Bytes that the blocks may yet take. */
static uint64_t room_len(const struct pp_xz_ahead *ahead) {
    uint64_t share_len = ahead->budget->limit_len / 2;

    return (share_len < SIZE_MAX / 2 ? share_len : SIZE_MAX / 2) - ahead->taken_len;
}

static uint64_t encoded_len(const lzma_block *block) {
    return lzma_block_total_size(block) - block->header_size;
}

static bool may_join(struct pp_xz_ahead *ahead, const lzma_block *block) {
    if (ahead->helpers == NULL || block->compressed_size == LZMA_VLI_UNKNOWN ||
        block->uncompressed_size == LZMA_VLI_UNKNOWN ||
        block->uncompressed_size < PP_XZ_AHEAD_LEN_MIN)
        return false;
    /* On an error the filters before LZMA2 leave their last bytes as they are, how many depends on
     * how the decoder was called. */
    if (block->filters[1].id != LZMA_VLI_UNKNOWN)
        return false;
    /* A block for each thread, and one that waits for it. */
    if (row_len(ahead) == 0)
        ahead->most = 2 * ((size_t)atomic_load(&ahead->helpers->spare) + ahead->thread_count + 1);
    if (ahead->most > PP_XZ_AHEAD_MAX)
        ahead->most = PP_XZ_AHEAD_MAX;
    return ahead->most > 2 && row_len(ahead) < ahead->most;
}

static bool take_memory(struct pp_xz_ahead *ahead, struct pp_xz_ahead_block *self,
                        uint64_t decoder_len) {
    uint64_t text_len = self->block.uncompressed_size;
    uint64_t room = room_len(ahead);
    struct pp_err busy = PP_ERR_INIT;

    if (encoded_len(&self->block) > room || text_len > room || decoder_len > room)
        return false;
    self->taken_len = encoded_len(&self->block) + text_len + decoder_len;
    if (self->taken_len > room || pp_budget_take(ahead->budget, self->taken_len, true, &busy) < 0)
        return false;
    ahead->taken_len += self->taken_len;
    return true;
}

bool pp_xz_ahead_take(struct pp_xz_ahead *ahead, const lzma_block *block, uint64_t decoder_len) {
    struct pp_xz_ahead_block *self = block_at(ahead, ahead->tail);

    if (!may_join(ahead, block))
        return false;
    *self = (struct pp_xz_ahead_block){.stream = LZMA_STREAM_INIT, .block = *block};
    if (!take_memory(ahead, self, decoder_len))
        return false;
    self->encoded_len = (size_t)encoded_len(block);
    self->encoded = malloc(self->encoded_len);
    /* What is wrong is told where it is decoded without helpers. */
    if (self->encoded == NULL || lzma_block_decoder(&self->stream, &self->block) != LZMA_OK) {
        block_done(ahead, self);
        return false;
    }
    self->block.filters = NULL;
    self->stream.next_in = self->encoded;
    /* One alone is decoded as it is given, which takes no room for its text. */
    if (row_len(ahead) > 0)
        tell(ahead, ahead->tail);
    ahead->tail++;
    return true;
}

int pp_xz_ahead_gather(struct pp_xz_ahead *ahead, struct pp_stage_io *io) {
    struct pp_xz_ahead_block *self = block_at(ahead, ahead->tail - 1);
    size_t len = self->encoded_len - self->gathered_len;

    if (len > io->in_len)
        len = io->in_len;
    memcpy(self->encoded + self->gathered_len, io->in, len);
    self->gathered_len += len;
    self->stream.avail_in = self->gathered_len;
    io->in += len;
    io->in_len -= len;
    return self->gathered_len == self->encoded_len ? PP_STAGE_END : PP_STAGE_MORE;
}

void pp_xz_ahead_turn(struct pp_xz_ahead *ahead) {
    const struct pp_xz_ahead_block *last = block_at(ahead, ahead->tail - 1);
    const struct pp_xz_ahead_block *self = block_at(ahead, ahead->head);

    ahead->giving = true;
    if (last != self && last->gathered_len == last->encoded_len)
        tell(ahead, ahead->tail);
    pthread_mutex_lock(&ahead->mutex);
    if (ahead->ready == ahead->head) {
        /* Nobody was told of it, nor will be: it is decoded as it is given. */
        ahead->next++;
        ahead->ready++;
    } else {
        while (!self->done) {
            if (ahead->next < ahead->ready)
                decode_next(ahead);
            else
                pthread_cond_wait(&ahead->decoded, &ahead->mutex);
        }
    }
    pthread_mutex_unlock(&ahead->mutex);
}

static int give_decoded(struct pp_xz_ahead_block *self, struct pp_stage_io *io,
                        struct pp_err *err) {
    size_t len = self->text_len - self->given_len;

    if (len > io->out_len)
        len = io->out_len;
    memcpy(io->out, self->text + self->given_len, len);
    self->given_len += len;
    io->out += len;
    io->out_len -= len;
    if (self->given_len < self->text_len)
        return PP_STAGE_MORE;
    if (self->status == LZMA_STREAM_END)
        return PP_STAGE_END;
    return len > 0 ? PP_STAGE_MORE : pp_lzma_error(self->status, err);
}

static int give_decoding(struct pp_xz_ahead_block *self, struct pp_stage_io *io,
                         struct pp_err *err) {
    size_t room = io->out_len;

    /* What was decoded before the damage was given with the last step. */
    if (self->status != LZMA_OK)
        return pp_lzma_error(self->status, err);
    self->stream.next_out = io->out;
    self->stream.avail_out = io->out_len;
    self->status = lzma_code(&self->stream, LZMA_RUN);
    io->out = self->stream.next_out;
    io->out_len = self->stream.avail_out;
    if (self->status == LZMA_STREAM_END)
        return PP_STAGE_END;
    /* LZMA_BUF_ERROR only says that nothing moved. */
    if (self->status == LZMA_BUF_ERROR)
        self->status = LZMA_OK;
    return self->status == LZMA_OK || io->out_len < room ? PP_STAGE_MORE
                                                         : pp_lzma_error(self->status, err);
}

int pp_xz_ahead_give(struct pp_xz_ahead *ahead, struct pp_stage_io *io, lzma_block *block,
                     struct pp_err *err) {
    struct pp_xz_ahead_block *self = block_at(ahead, ahead->head);
    int rc = self->text != NULL ? give_decoded(self, io, err) : give_decoding(self, io, err);

    if (rc != PP_STAGE_END)
        return rc;
    *block = self->block;
    drop_first(ahead);
    ahead->giving = false;
    return rc;
}
