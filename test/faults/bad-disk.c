/*
 * A bad or slow disk for every process that has this library preloaded: calls of the C library that read or write below a directory fail
 * with EIO or are delayed, as the page says that bad-disk.ts writes and all those processes share.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { READS = 1, WRITES = 2, REMOVALS = 4 };

/* The same layout as in bad-disk.ts. */
struct page {
  atomic_uint failing;      /* READS, WRITES, REMOVALS */
  atomic_uint delayMicros;  /* of each read and write */
  atomic_uint stallMillis;  /* of the next one alone */
  _Atomic uint64_t longest; /* microseconds that one thread has waited */
  char directory[2048];     /* prefix of the paths that lie on this disk */
};

static struct page *page;
static char hitsPath[PATH_MAX];
static char program[256]; /* a server changes what it is called by later */
static _Thread_local uint64_t waited;
static _Thread_local pid_t waiter;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("PGDRILL_TEST_BAD_DISK");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return;
  snprintf(program, sizeof program, "%s", program_invocation_short_name);
  snprintf(hitsPath, sizeof hitsPath, "%s.hits", path);
  page = mapped;
}

/* The C library's own. */
#define NEXT(name)                                                                          \
  ({                                                                                        \
    static __typeof__(&name) next;                                                          \
    if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                    \
    next;                                                                                   \
  })

/* Notes that this program met the disk: a line for the first time and each kind of call. */
static void note(unsigned kind, const char *call, const char *path) {
  static atomic_uint noted;
  if (atomic_fetch_or(&noted, kind) & kind) return;
  char line[PATH_MAX + 100];
  int length = snprintf(line, sizeof line, "%s %s %s\n", program, call, path);
  int fd = NEXT(open)(hitsPath, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  if (NEXT(write)(fd, line, length) < 0) { /* then it is missing in the list */ }
  close(fd);
}

static void delay(uint64_t micros) {
  struct timespec left = {.tv_sec = micros / 1000000, .tv_nsec = (micros % 1000000) * 1000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
  if (waiter != getpid()) { /* a child begins anew */
    waiter = getpid();
    waited = 0;
  }
  waited += micros;
  uint64_t longest = atomic_load(&page->longest);
  while (waited > longest && !atomic_compare_exchange_weak(&page->longest, &longest, waited)) {}
}

static int armed(void) { return page != NULL && (page->failing != 0 || page->delayMicros != 0 || page->stallMillis != 0); }

/* Whether a call on this path fails; delays it where the disk is slow. */
static int strikes(unsigned kind, const char *call, const char *path) {
  if (strncmp(path, page->directory, strlen(page->directory)) != 0) return 0;
  int kept = errno;
  if ((kind & (READS | WRITES)) != 0) {
    uint64_t micros = page->delayMicros + atomic_exchange(&page->stallMillis, 0) * 1000ULL;
    if (micros > 0) {
      note(kind << 8, call, path);
      delay(micros);
    }
  }
  errno = kept;
  if ((page->failing & kind) == 0) return 0;
  note(kind, call, path);
  errno = EIO;
  return 1;
}

static int onFile(unsigned kind, const char *call, int fd) {
  if (!armed()) return 0;
  int kept = errno;
  char link[40], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length <= 0) return 0;
  path[length] = '\0';
  return strikes(kind, call, path);
}

static int onPath(unsigned kind, const char *call, const char *name) {
  if (!armed()) return 0;
  char path[2 * PATH_MAX];
  if (name[0] == '/' || getcwd(path, PATH_MAX) == NULL) return strikes(kind, call, name);
  size_t length = strlen(path);
  snprintf(path + length, sizeof path - length, "/%s", name);
  return strikes(kind, call, path);
}

#define ON_FILE(kind, type, name, parameters, ...) \
  type name parameters { return onFile(kind, #name, fd) ? -1 : NEXT(name)(__VA_ARGS__); }
#define ON_PATH(kind, name, parameters, ...) \
  int name parameters { return onPath(kind, #name, path) ? -1 : NEXT(name)(__VA_ARGS__); }

ON_FILE(READS, ssize_t, read, (int fd, void *to, size_t size), fd, to, size)
ON_FILE(READS, ssize_t, readv, (int fd, const struct iovec *to, int count), fd, to, count)
ON_FILE(READS, ssize_t, pread, (int fd, void *to, size_t size, off_t at), fd, to, size, at)
ON_FILE(READS, ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), fd, to, size, at)
ON_FILE(READS, ssize_t, preadv, (int fd, const struct iovec *to, int count, off_t at), fd, to, count, at)
ON_FILE(READS, ssize_t, preadv64, (int fd, const struct iovec *to, int count, off64_t at), fd, to, count, at)
ON_FILE(WRITES, ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
ON_FILE(WRITES, ssize_t, writev, (int fd, const struct iovec *from, int count), fd, from, count)
ON_FILE(WRITES, ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), fd, from, size, at)
ON_FILE(WRITES, ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), fd, from, size, at)
ON_FILE(WRITES, ssize_t, pwritev, (int fd, const struct iovec *from, int count, off_t at), fd, from, count, at)
ON_FILE(WRITES, ssize_t, pwritev64, (int fd, const struct iovec *from, int count, off64_t at), fd, from, count, at)
ON_FILE(WRITES, int, fsync, (int fd), fd)
ON_FILE(WRITES, int, fdatasync, (int fd), fd)
ON_FILE(WRITES, int, syncfs, (int fd), fd)
ON_PATH(REMOVALS, unlink, (const char *path), path)
ON_PATH(REMOVALS, rmdir, (const char *path), path)

ssize_t copy_file_range(int from, off64_t *fromAt, int to, off64_t *toAt, size_t size, unsigned flags) {
  if (onFile(READS, "copy_file_range", from) || onFile(WRITES, "copy_file_range", to)) return -1;
  return NEXT(copy_file_range)(from, fromAt, to, toAt, size, flags);
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
  if (onFile(READS, "sendfile", from) || onFile(WRITES, "sendfile", to)) return -1;
  return NEXT(sendfile64)(to, from, at, size);
}

/* What goes through a stream (pg_basebackup writes its files so) calls inside of the C library, where nothing else stands in the way. */
size_t fwrite(const void *from, size_t size, size_t count, FILE *stream) {
  return onFile(WRITES, "fwrite", fileno(stream)) ? 0 : NEXT(fwrite)(from, size, count, stream);
}

int fflush(FILE *stream) {
  return stream != NULL && onFile(WRITES, "fflush", fileno(stream)) ? EOF : NEXT(fflush)(stream);
}
