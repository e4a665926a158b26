/* api.c - patching asked for by the program itself; see greenpatch/patch.h.
 *
 * Called by a program that links the library (or finds these names in one that
 * was preloaded), from a greenlet or before there is one.
 */
#include "greenpatch/patch.h"
#include "preload/init.h"
#include "preload/shim.h"

_Static_assert(GP_PATCH_SOCKET == (int)GP__GROUP_SOCKET && GP_PATCH_SELECT == (int)GP__GROUP_SELECT &&
               GP_PATCH_TIME == (int)GP__GROUP_TIME && GP_PATCH_THREAD == (int)GP__GROUP_THREAD &&
               GP_PATCH_IO == (int)GP__GROUP_IO && GP_PATCH_PROCESS == (int)GP__GROUP_PROCESS &&
               GP_PATCH_SIGNAL == (int)GP__GROUP_SIGNAL && GP_PATCH_DNS == (int)GP__GROUP_DNS &&
               (GP_PATCH_ALL | (int)GP__GROUP_ALWAYS) == (int)GP__GROUP_ALL, "patch.h and config.h");

GP_API int gp_patch(unsigned groups)
{
	int r;

	if (!groups || groups & ~(unsigned)GP_PATCH_ALL)
		return -EINVAL;
	r = gp__shim_need();
	if (r)
		return r;
	gp__shim.config.groups |= groups;
	return 0;
}

GP_API int gp_patch_all(void)
{
	return gp_patch(GP_PATCH_ALL);
}

GP_API bool gp_patched(unsigned groups)
{
	return gp__shim.hub && groups && !(groups & ~gp__shim.config.groups);
}
