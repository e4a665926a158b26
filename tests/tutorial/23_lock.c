/* A semaphore with one place is a lock: exclusive, and handed on in order of arrival. */
#include <stdio.h>
#include <greenpatch.h>

static struct gp_semaphore *lock;
static int inside, together;
static int balance = 100;

struct withdrawal {
	const char *name;
	int amount;
};

static void *withdraw(void *arg)
{
	const struct withdrawal *w = arg;
	int seen;

	printf("%s wants the lock\n", w->name);
	gp_semaphore_acquire(lock, GP_NEVER);
	if (++inside > together)
		together = inside;
	printf("%s has the lock\n", w->name);
	seen = balance;
	gp_sleep(0); /* without the lock, an update would get lost here */
	balance = seen - w->amount;
	inside--;
	gp_semaphore_release(lock);
	printf("%s is done\n", w->name);
	return NULL;
}

/* Who releases and asks again at once gets the lock again: a release does not hand it over. */
static void *twice(void *name)
{
	for (int turn = 1; turn <= 2; turn++) {
		gp_semaphore_acquire(lock, GP_NEVER);
		printf("%s has the lock, turn %d\n", (char *)name, turn);
		gp_sleep(0);
		gp_semaphore_release(lock);
	}
	return NULL;
}

static void join(struct gp_greenlet **all, size_t n)
{
	gp_join_all(all, n, GP_NEVER);
	for (size_t i = 0; i < n; i++)
		gp_unref(all[i]);
}

int main(void)
{
	struct withdrawal three[] = { { "dora", 10 }, { "emil", 20 }, { "frida", 30 } };
	struct gp_greenlet *all[3];

	lock = gp_semaphore_new_bounded(1);
	for (int i = 0; i < 3; i++)
		all[i] = gp_spawn(withdraw, &three[i]);
	join(all, 3);
	printf("at most %d inside, balance %d\n", together, balance);

	all[0] = gp_spawn(twice, "gustav");
	all[1] = gp_spawn(twice, "hanna");
	join(all, 2);
	gp_semaphore_free(lock);
	return 0;
}
