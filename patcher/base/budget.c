#include "base/budget.h"

void pp_budget_init(struct pp_budget *budget, uint64_t limit_len) {
    pthread_mutex_init(&budget->mutex, NULL);
    pthread_cond_init(&budget->given_back, NULL);
    budget->limit_len = limit_len;
    budget->taken_len = 0;
    budget->waiting_count = 0;
    budget->claimed = false;
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

int pp_budget_fits(const struct pp_budget *budget, uint64_t len, struct pp_err *err) {
    return len <= budget->limit_len ? 0 : refuse(budget, len, err);
}

static bool is_owner(const struct pp_budget *budget) {
    return budget->claimed && pthread_equal(budget->owner, pthread_self());
}

int pp_budget_take(struct pp_budget *budget, uint64_t len, bool holding, struct pp_err *err) {
    int rc = pp_budget_fits(budget, len, err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&budget->mutex);
    if (!holding && !is_owner(budget))
        while (budget->claimed || budget->waiting_count > 0 ||
               len > budget->limit_len - budget->taken_len)
            pthread_cond_wait(&budget->given_back, &budget->mutex);
    if (len <= budget->limit_len - budget->taken_len)
        budget->taken_len += len;
    else if (is_owner(budget))
        rc = refuse(budget, len, err);
    else
        rc = pp_err_set(err, PP_ERR_BUSY, "others hold the memory that it takes");
    pthread_mutex_unlock(&budget->mutex);
    return rc;
}

void pp_budget_give(struct pp_budget *budget, uint64_t len) {
    pthread_mutex_lock(&budget->mutex);
    budget->taken_len -= len;
    pthread_cond_broadcast(&budget->given_back);
    pthread_mutex_unlock(&budget->mutex);
}

void pp_budget_claim(struct pp_budget *budget) {
    pthread_mutex_lock(&budget->mutex);
    budget->waiting_count++;
    while (budget->claimed || budget->taken_len > 0)
        pthread_cond_wait(&budget->given_back, &budget->mutex);
    budget->waiting_count--;
    budget->claimed = true;
    budget->owner = pthread_self();
    pthread_mutex_unlock(&budget->mutex);
}

bool pp_budget_is_claimed(struct pp_budget *budget) {
    bool claimed;

    pthread_mutex_lock(&budget->mutex);
    claimed = is_owner(budget);
    pthread_mutex_unlock(&budget->mutex);
    return claimed;
}

void pp_budget_unclaim(struct pp_budget *budget) {
    pthread_mutex_lock(&budget->mutex);
    budget->claimed = false;
    pthread_cond_broadcast(&budget->given_back);
    pthread_mutex_unlock(&budget->mutex);
}
