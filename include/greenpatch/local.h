/* greenpatch/local.h - data that each greenlet has for itself.
 *
 * A slot is made once and is the same for all greenlets of a kernel thread; each of
 * them, the main program too, finds in it only what it has put there itself.
 * The greenlets that it spawns begin with empty slots.
 *
 * The request that a server is busy with, without handing it through every
 * function:
 *
 *	static struct gp_local *current;         main: gp_local_new(request_free)
 *
 *	static void *serve(void *connection)     a greenlet for each connection
 *	{
 *		gp_local_set(current, request_read(connection));
 *		answer();                        however deep ...
 *		return NULL;                     request_free() is called here
 *	}
 *
 *	static struct request *request(void)     ... whose request it is
 *	{
 *		return gp_local_get(current);
 *	}
 *
 * Where one greenlet serves many requests one after the other, each ends with
 * gp_local_delete(current), or the next gp_local_set() ends it.
 *
 * Nothing here parks, unless a destructor does. Costs grow with the number of
 * slots in which the greenlet has something, not with the number of greenlets.
 */
#ifndef GREENPATCH_LOCAL_H
#define GREENPATCH_LOCAL_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_local;

/* Makes a slot. destroy(value) is called for each value that is given up: when
 * its greenlet ends (on its own stack, after the functions of gp_defer(); the
 * slot that was set first is the last; what a destructor sets is destroyed,
 * too), when it is deleted or another one is set in its place (on the stack of
 * whoever does so), and by gp_local_free(). It is called for NULL as well, if
 * NULL was set. NULL: nothing is called. The values of the main program are
 * left alone at its end; those of a thread of pthread_create() go after its keys
 * and thread_local objects. NULL: no memory. */
struct gp_local *gp_local_new(void (*destroy)(void *value));

/* Gives up the slot and, in the order in which they came, all that is in it.
 * The others must not use it any more. NULL is allowed. 0; -EINVAL from another
 * kernel thread: nothing was done. */
int gp_local_free(struct gp_local *local);

/* Puts value, which the slot owns from now on, in the place of what the caller
 * had there. 0; -ENOMEM, -EINVAL (NULL, or a slot of another kernel thread):
 * the value stays the caller's. Setting the same value again destroys nothing. */
int gp_local_set(struct gp_local *local, void *value);

/* What the caller has there; NULL: nothing, or NULL. */
void *gp_local_get(const struct gp_local *local);

/* Whether it has put something there, be it NULL. */
bool gp_local_has(const struct gp_local *local);

/* Empties the caller's: 0; -ENOENT: there was nothing; -EINVAL. */
int gp_local_delete(struct gp_local *local);

#ifdef __cplusplus
}
#endif
#endif
