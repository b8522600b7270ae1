#include "base/budget.h"

void pp_budget_init(struct pp_budget *budget, uint64_t limit_len) {
    pthread_mutex_init(&budget->mutex, NULL);
    pthread_cond_init(&budget->given_back, NULL);
    budget->limit_len = limit_len;
    budget->taken_len = 0;
}

void pp_budget_done(struct pp_budget *budget) {
    pthread_cond_destroy(&budget->given_back);
    pthread_mutex_destroy(&budget->mutex);
}

static int refuse(const struct pp_budget *budget, uint64_t len, struct pp_err *err) {
    return pp_err_set(
        err, PP_ERR_LIMIT, "needs %llu MiB of memory, over the budget of %llu MiB (see --memory)",
        (unsigned long long)(len >> 20), (unsigned long long)(budget->limit_len >> 20));
}

int pp_budget_take(struct pp_budget *budget, uint64_t len, bool holding, struct pp_err *err) {
    int rc = 0;

    if (len > budget->limit_len)
        return refuse(budget, len, err);
    pthread_mutex_lock(&budget->mutex);
    while (rc == 0 && len > budget->limit_len - budget->taken_len) {
        if (holding)
            rc = refuse(budget, len, err);
        else
            pthread_cond_wait(&budget->given_back, &budget->mutex);
    }
    if (rc == 0)
        budget->taken_len += len;
    pthread_mutex_unlock(&budget->mutex);
    return rc;
}

void pp_budget_give(struct pp_budget *budget, uint64_t len) {
    pthread_mutex_lock(&budget->mutex);
    budget->taken_len -= len;
    pthread_cond_broadcast(&budget->given_back);
    pthread_mutex_unlock(&budget->mutex);
}
