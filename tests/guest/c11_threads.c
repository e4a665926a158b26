/* The threads of C11: thrd_, mtx_, cnd_, tss_, call_once; and read-write locks that prefer one side or the other. */
#include "guest.h"

#include <threads.h>

static mtx_t lock;
static cnd_t changed;
static tss_t slot;
static once_flag once = ONCE_FLAG_INIT;
static int calls, turn, destroyed;

static void count(void)
{
	calls++;
}
static void destroy(void *value)
{
	destroyed += (int)(long)value;
}

/* Each adds its number when it is its turn. */
static int in_turn(void *arg)
{
	int me = (int)(long)arg;

	call_once(&once, count);
	CHECK_INT(tss_set(slot, (void *)1), thrd_success);
	CHECK_INT(mtx_lock(&lock), thrd_success);
	while (turn != me)
		CHECK_INT(cnd_wait(&changed, &lock), thrd_success);
	turn++;
	CHECK_INT(cnd_broadcast(&changed), thrd_success);
	CHECK_INT(mtx_unlock(&lock), thrd_success);
	thrd_yield();
	if (me % 2)
		thrd_exit(me * 10);
	return me * 10;
}

static int busy(void *arg)
{
	mtx_t *m = (mtx_t *)arg;
	struct timespec until;

	CHECK_INT(mtx_trylock(m), thrd_busy);
	until = clock_in(CLOCK_REALTIME, 5);
	CHECK_INT(mtx_timedlock(m, &until), thrd_timedout);
	return 0;
}

static void c11(void)
{
	struct timespec until = clock_in(CLOCK_REALTIME, 5), little = ms_timespec(1);
	thrd_t t[8], other;
	mtx_t recursive;
	int value;

	CHECK_INT(mtx_init(&lock, mtx_plain), thrd_success);
	CHECK_INT(mtx_init(&recursive, mtx_timed | mtx_recursive), thrd_success);
	CHECK_INT(cnd_init(&changed), thrd_success);
	CHECK_INT(tss_create(&slot, destroy), thrd_success);
	CHECK(tss_get(slot) == NULL);
	for (long i = 0; i < 8; i++)
		CHECK_INT(thrd_create(&t[i], in_turn, (void *)(7 - i)), thrd_success);
	for (int i = 0; i < 8; i++) {
		CHECK_INT(thrd_join(t[i], &value), thrd_success);
		CHECK_INT(value, (7 - i) * 10);
	}
	CHECK_INT(calls, 1);
	CHECK_INT(destroyed, 8);

	CHECK_INT(mtx_lock(&recursive), thrd_success);
	CHECK_INT(mtx_lock(&recursive), thrd_success);
	CHECK_INT(thrd_create(&other, busy, &recursive), thrd_success);
	CHECK_INT(thrd_join(other, NULL), thrd_success);
	CHECK_INT(mtx_unlock(&recursive), thrd_success);
	CHECK_INT(mtx_unlock(&recursive), thrd_success);

	CHECK_INT(mtx_lock(&lock), thrd_success);
	CHECK_INT(cnd_timedwait(&changed, &lock, &until), thrd_timedout);
	CHECK_INT(mtx_unlock(&lock), thrd_success);
	CHECK_INT(thrd_sleep(&little, NULL), 0);
	CHECK(thrd_equal(thrd_current(), thrd_current()));
	tss_delete(slot);
	mtx_destroy(&recursive);
	mtx_destroy(&lock);
	cnd_destroy(&changed);
}

/* ---- which side a lock prefers ----------------------------------------------------- */

static pthread_rwlock_t rw;

static void *writes(void *arg)
{
	CHECK_OK(pthread_rwlock_wrlock(&rw));
	*(int *)arg = 1;
	CHECK_OK(pthread_rwlock_unlock(&rw));
	return arg;
}

/* A reader holds the lock, a writer waits: may another reader come in? */
static void prefers(int kind, const char *name)
{
	pthread_rwlockattr_t attr;
	int wrote = 0, r;
	pthread_t t;

	pthread_rwlockattr_init(&attr);
	CHECK_OK(pthread_rwlockattr_setkind_np(&attr, kind));
	CHECK_OK(pthread_rwlock_init(&rw, &attr));
	CHECK_OK(pthread_rwlock_rdlock(&rw));
	t = thread_start(writes, &wrote);
	if (kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) {
		/* Refused as soon as the writer waits. */
		while ((r = pthread_rwlock_tryrdlock(&rw)) == 0) {
			CHECK_OK(pthread_rwlock_unlock(&rw));
			sched_yield();
		}
	} else {
		sleep_ms(10);
		r = pthread_rwlock_tryrdlock(&rw);
		if (!r)
			CHECK_OK(pthread_rwlock_unlock(&rw));
	}
	printf("%s: another reader %s\n", name, r == EBUSY ? "has to wait" : "comes in");
	CHECK_INT(__atomic_load_n(&wrote, __ATOMIC_RELAXED), 0);
	CHECK_OK(pthread_rwlock_unlock(&rw));
	thread_join(t);
	CHECK_INT(wrote, 1);
	CHECK_OK(pthread_rwlock_destroy(&rw));
	pthread_rwlockattr_destroy(&attr);
}

int main(void)
{
	c11();
	prefers(PTHREAD_RWLOCK_PREFER_READER_NP, "readers preferred");
	prefers(PTHREAD_RWLOCK_PREFER_WRITER_NP, "writers preferred");
	prefers(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, "writers preferred, no recursion");
	return guest_done();
}
