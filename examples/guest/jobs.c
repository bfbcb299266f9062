// The guest of the event-loop example: jobs that sleep and work in turn, any number of them at once.
//
// An async export is a function that starts a job and a callback that goes on with it when something has
// happened. Both say what they wait for by what they return; in between, other jobs run.

#include "jobs.h"

#include <stdlib.h>

typedef struct {
    jobs_string_t text;
    uint32_t rounds, pause;
    uint32_t round;
    enum { SLEEP, DIGEST, ROUND_DONE } next;
    uint64_t digest, sum;
    jobs_waitable_set_t set;
} job;

// Whether a call that was started goes on; then the job waits for it.
static bool blocks(job *job, jobs_subtask_status_t status) {
    if (JOBS_SUBTASK_STATE(status) == JOBS_SUBTASK_RETURNED) {
        return false;
    }
    jobs_waitable_join(JOBS_SUBTASK_HANDLE(status), job->set);
    return true;
}

static jobs_callback_code_t finish(job *job) {
    exports_jobs_run_return(job->sum);
    jobs_waitable_set_drop(job->set);
    jobs_string_free(&job->text);
    free(job);
    return JOBS_CALLBACK_CODE_EXIT;
}

// Goes on until something has to be waited for.
static jobs_callback_code_t go_on(job *job) {
    while (job->round < job->rounds) {
        switch (job->next) {
        case SLEEP:
            job->next = DIGEST;
            if (blocks(job, demo_jobs_host_sleep(job->pause))) {
                return JOBS_CALLBACK_CODE_WAIT(job->set);
            }
            break;
        case DIGEST:
            job->next = ROUND_DONE;
            if (blocks(job, demo_jobs_host_digest(job->text, &job->digest))) {
                return JOBS_CALLBACK_CODE_WAIT(job->set);
            }
            break;
        case ROUND_DONE:
            job->next = SLEEP;
            job->sum = job->sum * 31 + job->digest;
            job->round++;
            break;
        }
    }
    return finish(job);
}

jobs_callback_code_t exports_jobs_run(jobs_string_t *text, uint32_t rounds, uint32_t pause) {
    job *new = calloc(1, sizeof *new);
    new->text = *text;
    new->rounds = rounds;
    new->pause = pause;
    new->set = jobs_waitable_set_new();
    jobs_context_set_0(new);
    return go_on(new);
}

jobs_callback_code_t exports_jobs_run_callback(jobs_event_t *event) {
    job *job = jobs_context_get_0();
    if (event->event != JOBS_EVENT_SUBTASK || event->code != JOBS_SUBTASK_RETURNED) {
        return JOBS_CALLBACK_CODE_WAIT(job->set); // it has only started
    }
    jobs_subtask_drop(event->waitable);
    return go_on(job);
}
