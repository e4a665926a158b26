/* Two actors play ping-pong for a fixed number of messages. */
#include <stdio.h>
#include <greenpatch.h>

struct player {
	struct gp_actor actor;
	const char *name;
	char *word;
	int limit, seen;
	struct player *partner;
};

static int receive(struct gp_actor *self, void *message)
{
	struct player *p = (struct player *)self;

	p->seen++;
	printf("%s got: %s\n", p->name, (char *)message);
	gp_actor_send(&p->partner->actor, p->word);
	gp_yield();
	return p->seen < p->limit ? 0 : GP_ACTOR_END;
}

int main(void)
{
	struct player pinger = { .name = "pinger", .word = "ping", .limit = 5 };
	struct player ponger = { .name = "ponger", .word = "pong", .limit = 5 };

	gp_actor_init(&pinger.actor, receive, NULL);
	gp_actor_init(&ponger.actor, receive, NULL);
	pinger.partner = &ponger;
	ponger.partner = &pinger;

	gp_actor_start(&pinger.actor);
	gp_actor_start(&ponger.actor);
	gp_actor_send(&pinger.actor, "serve");
	gp_join(pinger.actor.greenlet, GP_NEVER);
	gp_join(ponger.actor.greenlet, GP_NEVER);
	printf("pinger saw %d, ponger saw %d, left over %zu\n", pinger.seen, ponger.seen,
	       gp_actor_pending(&pinger.actor) + gp_actor_pending(&ponger.actor));
	gp_actor_destroy(&pinger.actor);
	gp_actor_destroy(&ponger.actor);
	return 0;
}
