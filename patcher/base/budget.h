/* The memory budget of the whole process (--memory), shared by all threads.
 *
 * Whoever needs much memory (decoders, encoders: what their library says they will take) takes it
 * from here first. A request that fits in an idle process waits until others give back; one that
 * never fits is PP_ERR_LIMIT. A thread that already holds something does not wait, so that two
 * threads cannot wait for each other: it gets PP_ERR_BUSY, gives all back, claims the whole budget
 * and starts again. So what fits does not depend on what others do.
 */
#ifndef PP_BASE_BUDGET_H
#define PP_BASE_BUDGET_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct pp_budget {
    pthread_mutex_t mutex;
    pthread_cond_t given_back;
    uint64_t limit_len;
    uint64_t taken_len;
    unsigned waiting_count; /* threads that wait to claim it */
    bool claimed;
    pthread_t owner; /* while it is claimed */
};

void pp_budget_init(struct pp_budget *budget, uint64_t limit_len);
void pp_budget_done(struct pp_budget *budget);
/* Does so much ever fit? PP_ERR_LIMIT when not. Takes nothing. */
int pp_budget_fits(const struct pp_budget *budget, uint64_t len, struct pp_err *err);
/* `holding`: the caller already holds part of the budget and must not wait. PP_ERR_BUSY comes to
 * such callers alone, and never to the one that has claimed the budget. */
int pp_budget_take(struct pp_budget *budget, uint64_t len, bool holding, struct pp_err *err);
void pp_budget_give(struct pp_budget *budget, uint64_t len);
/* Waits until nobody holds anything; until pp_budget_unclaim() only this thread may take. The
 * caller holds nothing. */
void pp_budget_claim(struct pp_budget *budget);
void pp_budget_unclaim(struct pp_budget *budget);
/* Has this thread claimed it? Then no other may take: it must not wait for one that does. */
bool pp_budget_is_claimed(struct pp_budget *budget);

#endif
