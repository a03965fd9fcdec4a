/*
 * Compresses the blocks of files ahead, for the store that block_cache.c keeps.
 *
 *     fill_ahead TREE SMALLEST THREADS BLOCK zstd LEVEL
 *     fill_ahead TREE SMALLEST THREADS BLOCK xz [FILTER...]
 *
 * It asks the codec just as mksquashfs 4.6.1 will ask it for these blocks, with block_cache.so
 * preloaded in front of both; nothing else comes of it. So it decides no byte: what it leaves out,
 * or would ask differently, is compressed later. Each file of SMALLEST bytes or more is cut into
 * blocks of BLOCK bytes, the last one shorter, as mksquashfs cuts a file that shares no block.
 * What is mounted in the tree is left out, and what cannot be read.
 *
 * After SIGTERM each thread finishes the block that it is at.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>
#include <zstd.h>

enum { MOST_THREADS = 64, MOST_FILTERS = 8, SLOWER = 10 };

static const struct {
	const char *name;
	lzma_vli id;
} branch_filters[] = {
	{"x86", LZMA_FILTER_X86},           {"powerpc", LZMA_FILTER_POWERPC},
	{"ia64", LZMA_FILTER_IA64},         {"arm", LZMA_FILTER_ARM},
	{"armthumb", LZMA_FILTER_ARMTHUMB}, {"sparc", LZMA_FILTER_SPARC},
};

static size_t block_size;
static int level; /* of zstd; 0 for xz */
static lzma_options_lzma lzma_options;
/* Without a branch filter first, then with each that was asked for; as mksquashfs tries them. */
static lzma_filter chains[MOST_FILTERS][3];
static int chain_count;

static atomic_bool stopped; /* by a signal, or by a thread */
static char **paths;
static size_t path_count;
static atomic_size_t next_path;

/* What a thread needs of its own. */
struct worker {
	uint8_t *block, *room;
	ZSTD_CCtx *context;
};

static void stop(int number)
{
	(void)number;
	stopped = true;
}

static bool add_path(const char *path)
{
	if (path_count % 1024 == 0) {
		char **larger = reallocarray(paths, path_count + 1024, sizeof *paths);

		if (!larger)
			return false;
		paths = larger;
	}
	paths[path_count] = strdup(path);
	return paths[path_count++] != NULL;
}

static bool find_files(char *tree, off_t smallest)
{
	char *trees[] = {tree, NULL};
	FTS *walk = fts_open(trees, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	bool good = walk != NULL;
	FTSENT *entry;

	while (good && !stopped && (entry = fts_read(walk)) != NULL)
		if (entry->fts_info == FTS_F && entry->fts_statp->st_size >= smallest)
			good = add_path(entry->fts_path);
	if (walk)
		fts_close(walk);
	return good;
}

/* Read as much as there is, up to a block; 0 at the end and after an error. */
static size_t read_block(int file, uint8_t *block)
{
	size_t size = 0;

	while (size < block_size) {
		ssize_t got = read(file, block + size, block_size - size);

		if (got <= 0)
			break;
		size += (size_t)got;
	}
	return size;
}

/* Of a block of zeros, mksquashfs makes a hole. */
static bool is_hole(const uint8_t *block, size_t size)
{
	return size == block_size && block[0] == 0 && memcmp(block, block + 1, size - 1) == 0;
}

static void compress(struct worker *worker, size_t size)
{
	if (level > 0) {
		ZSTD_compressCCtx(worker->context, worker->room, block_size, worker->block, size,
				  level);
		return;
	}
	for (int chain = 0; chain < chain_count; chain++) {
		size_t used = 0;
		lzma_ret result = lzma_stream_buffer_encode(chains[chain], LZMA_CHECK_CRC32, NULL,
							    worker->block, size, worker->room,
							    &used, block_size);

		if (result != LZMA_OK && result != LZMA_BUF_ERROR) /* memory is scarce */
			stopped = true;
	}
}

static void compress_file(struct worker *worker, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat facts;
	size_t size;

	if (file < 0)
		return;
	if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode))
		while (!stopped && (size = read_block(file, worker->block)) > 0)
			if (!is_hole(worker->block, size))
				compress(worker, size);
	close(file);
}

static void *work(void *given)
{
	size_t at;

	while (!stopped && (at = atomic_fetch_add(&next_path, 1)) < path_count)
		compress_file(given, paths[at]);
	return NULL;
}

static bool add_chain(const char *name)
{
	lzma_filter lzma2 = {.id = LZMA_FILTER_LZMA2, .options = &lzma_options};
	lzma_filter end = {.id = LZMA_VLI_UNKNOWN};
	lzma_filter *chain = chains[chain_count];
	size_t number = 0;

	if (chain_count == MOST_FILTERS)
		return false;
	if (name) {
		while (strcmp(branch_filters[number].name, name) != 0)
			if (++number == sizeof branch_filters / sizeof *branch_filters)
				return false;
		*chain++ = (lzma_filter){.id = branch_filters[number].id};
	}
	*chain++ = lzma2;
	*chain = end;
	chain_count++;
	return true;
}

static bool understand_codec(int count, char **words)
{
	if (count == 2 && strcmp(words[0], "zstd") == 0)
		return (level = atoi(words[1])) > 0;
	if (count < 1 || strcmp(words[0], "xz") != 0)
		return false;
	if (lzma_lzma_preset(&lzma_options, LZMA_PRESET_DEFAULT))
		return false;
	lzma_options.dict_size = (uint32_t)block_size; /* -Xdict-size 100% */
	if (!add_chain(NULL))
		return false;
	for (int at = 1; at < count; at++)
		if (!add_chain(words[at]))
			return false;
	return true;
}

static bool prepare(struct worker *worker)
{
	worker->block = malloc(block_size);
	worker->room = malloc(block_size);
	worker->context = level > 0 ? ZSTD_createCCtx() : NULL;
	return worker->block && worker->room && (level == 0 || worker->context);
}

int main(int count, char **words)
{
	static struct worker workers[MOST_THREADS];
	static pthread_t threads[MOST_THREADS];
	int wanted = count > 5 ? atoi(words[3]) : 0;
	int started = 0;

	block_size = count > 5 ? strtoul(words[4], NULL, 10) : 0;
	if (wanted < 1 || wanted > MOST_THREADS || block_size < 4096 || block_size > 1 << 20 ||
	    !understand_codec(count - 5, words + 5)) {
		fputs("fill_ahead: TREE SMALLEST THREADS BLOCK zstd LEVEL | xz [FILTER...]\n", stderr);
		return 2;
	}
	signal(SIGTERM, stop);
	if (nice(SLOWER) < 0)
		fputs("fill_ahead: it has to run as fast as the rest\n", stderr);
	if (!find_files(words[1], atoll(words[2])))
		return 1;
	while (started < wanted && prepare(&workers[started]) &&
	       pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
		started++;
	for (int at = 0; at < started; at++)
		pthread_join(threads[at], NULL);
	return 0;
}
