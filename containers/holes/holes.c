/*
 * Lets mksquashfs find holes in a file's bytes, not in how a file system keeps them.
 *
 * mksquashfs stores no block of zeros. But whether it counts them as holes, which changes the
 * file's inode, it decides by st_blocks: only where the file that it reads takes less room than
 * it has bytes. That differs between file systems and between a file and its copy, so the same
 * tree would give other bytes. Preloaded (LD_PRELOAD) in front of an unchanged mksquashfs, this
 * tells it that every file is kept with holes wherever there are zeros, which is what
 * `rsync --sparse` makes of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

int lstat64(const char *path, struct stat64 *facts)
{
	int result = fstatat64(AT_FDCWD, path, facts, AT_SYMLINK_NOFOLLOW);

	if (result == 0 && S_ISREG(facts->st_mode))
		facts->st_blocks = 0;
	return result;
}
