// A preloaded library that numbers the file operations of one process and lets a chosen one go wrong. crash.py compiles
// it and says by environment what it shall do; without a plan it only counts. It touches nothing outside its roots.
//
//   FAULTY_ROOTS=state=/a:out=/b  what is watched; names, and paths as the process gives them
//   FAULTY_REPORT=FILE            "count STEP N" for each step at exit; "hit STEP K HOW" when the plan came true
//   FAULTY_PLAN=HOW STEP K        at the K-th occurrence (from 1) of STEP, or of all operations if STEP is `any`:
//        kill-before kill-after kill-half  SIGKILL; half: after half of the bytes of a write
//        short                             a write or read takes half of the bytes and says so
//        EIO ENOSPC EDQUOT ...             it does nothing and answers this error; a close closes all the same
//   FAULTY_LOSE=SEED              at a kill what was not synced is lost, as in a power cut: files lose a random part of
//                                 the tail behind their last sync, or find zeros there; of the creations, renames and
//                                 removals that no sync of their folder covers, a random number, the latest, never were
//   FAULTY_LIES=CLASS             syncs of this class of files succeed and keep nothing: proves that FAULTY_LOSE bites
//   FAULTY_ASIDE=DIR              where files are kept that an undone rename or removal would need again
//
// A step is a class of file and an operation: wal.sync, sst.write, current.rename, sink.truncate. One lock is held over
// each operation, so numbers and losses are consistent however many threads there are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kPath = 512, kName = 48, kFds = 1024, kSteps = 256, kFiles = 1024, kDeeds = 4096, kRoots = 8 };

#define REAL(name)                                             \
  static __typeof__(&name) real_##name;                        \
  if (!real_##name) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

struct root { char name[kName], path[kPath]; };
struct step { char name[kName]; unsigned long count; };
struct file { char path[kPath]; off_t synced; };
enum deed_kind { kCreated, kMadeFolder, kRenamed, kRemoved };
struct deed { enum deed_kind kind; char from[kPath], to[kPath], saved[kPath]; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct root roots[kRoots];
static struct step steps[kSteps];
static struct file files[kFiles];
static struct deed deeds[kDeeds];
static char fd_paths[kFds][kPath];
static int root_count, step_count, file_count, deed_count, saved_count;
static unsigned long any_count;
static char plan_how[kName], plan_step[kName], lies[kName], report_path[kPath], aside[kPath];
static unsigned long plan_number;
static int loses;
static unsigned long long dice;

static unsigned long roll(unsigned long below) {
  dice ^= dice << 13;
  dice ^= dice >> 7;
  dice ^= dice << 17;
  return below == 0 ? 0 : (unsigned long)(dice % below);
}

static void copy(char* to, size_t size, const char* from) { snprintf(to, size, "%s", from ? from : ""); }

static void set_up(void) {
  copy(report_path, sizeof report_path, getenv("FAULTY_REPORT"));
  copy(aside, sizeof aside, getenv("FAULTY_ASIDE"));
  copy(lies, sizeof lies, getenv("FAULTY_LIES"));
  const char* plan = getenv("FAULTY_PLAN");
  if (plan) sscanf(plan, "%47s %47s %lu", plan_how, plan_step, &plan_number);
  const char* seed = getenv("FAULTY_LOSE");
  loses = seed != NULL;
  dice = 0x9E3779B97F4A7C15ULL ^ (seed ? strtoull(seed, NULL, 10) * 0xBF58476D1CE4E5B9ULL : 0);
  for (int i = 0; i < 8; ++i) roll(2);
  char all[4 * kPath];
  copy(all, sizeof all, getenv("FAULTY_ROOTS"));
  char* rest = NULL;
  for (char* each = strtok_r(all, ":", &rest); each && root_count < kRoots; each = strtok_r(NULL, ":", &rest)) {
    char* path = strchr(each, '=');
    if (!path) continue;
    *path++ = '\0';
    copy(roots[root_count].name, kName, each);
    copy(roots[root_count++].path, kPath, path);
  }
  unsetenv("LD_PRELOAD");  // this process only
}

// ------------------------------------------------------------------------------------------------- which file is it

static int starts(const char* text, const char* with) { return strncmp(text, with, strlen(with)) == 0; }
static int ends(const char* text, const char* with) {
  const size_t a = strlen(text), b = strlen(with);
  return a >= b && strcmp(text + a - b, with) == 0;
}

/// The class of a watched path; NULL if it is not watched.
static const char* class_of(const char* path) {
  pthread_once(&once, set_up);
  if (!path) return NULL;
  const struct root* root = NULL;
  for (int i = 0; i < root_count && !root; ++i) {
    const size_t size = strlen(roots[i].path);
    if (strncmp(path, roots[i].path, size) == 0 && (path[size] == '\0' || path[size] == '/')) root = &roots[i];
  }
  if (!root) return NULL;
  const char* name = path + strlen(root->path);
  while (*name == '/') ++name;
  if (*name == '\0') return root->name;
  if (strrchr(name, '/')) name = strrchr(name, '/') + 1;
  if (strcmp(name, "store") == 0) return "storedir";
  if (starts(name, "TROTH")) return "marker";
  if (starts(name, "policy.json")) return "policy";
  if (starts(name, "OPTIONS")) return "options";
  if (starts(name, "MANIFEST")) return "manifest";
  if (starts(name, "IDENTITY") || strcmp(name, "000000.dbtmp") == 0) return "identity";
  if (starts(name, "CURRENT") || ends(name, ".dbtmp")) return "current";
  if (strcmp(name, "LOCK") == 0) return "lock";
  if (starts(name, "LOG")) return "log";
  if (ends(name, ".log")) return "wal";
  if (ends(name, ".sst")) return "sst";
  if (ends(name, ".ndjson")) return "sink";
  return root->name;
}

static const char* path_of(int fd) { return fd >= 0 && fd < kFds && fd_paths[fd][0] ? fd_paths[fd] : NULL; }

static void folder_of(const char* path, char* folder) {
  copy(folder, kPath, path);
  char* slash = strrchr(folder, '/');
  if (slash) *slash = '\0';
}

// --------------------------------------------------------------------------------------------- what a power cut takes

static struct file* file_at(const char* path) {
  for (int i = 0; i < file_count; ++i) {
    if (strcmp(files[i].path, path) == 0) return &files[i];
  }
  return NULL;
}

static void remember_file(const char* path, int is_empty) {
  struct file* file = file_at(path);
  struct stat status;
  if (!file) {
    if (file_count == kFiles) return;
    file = &files[file_count++];
    copy(file->path, kPath, path);
    file->synced = stat(path, &status) == 0 ? status.st_size : 0;
  }
  if (is_empty) file->synced = 0;
}

static void forget_file(const char* path) {
  struct file* file = file_at(path);
  if (file) *file = files[--file_count];
}

static struct deed* remember_deed(enum deed_kind kind, const char* from, const char* to) {
  if (deed_count == kDeeds) return NULL;
  struct deed* deed = &deeds[deed_count++];
  deed->kind = kind;
  copy(deed->from, kPath, from);
  copy(deed->to, kPath, to);
  deed->saved[0] = '\0';
  return deed;
}

/// Keeps what stands at `path` from vanishing, since a power cut may bring it back. Answers its name or "".
static void save(const char* path, char* saved) {
  snprintf(saved, kPath, "%.480s/%d", aside, saved_count++);
  if (link(path, saved) != 0) saved[0] = '\0';
}

static void folder_was_synced(const char* folder) {
  int kept = 0;
  for (int i = 0; i < deed_count; ++i) {
    char of[kPath];
    folder_of(deeds[i].from, of);
    if (strcmp(of, folder) != 0) deeds[kept++] = deeds[i];
  }
  deed_count = kept;
}

static void lose(void) {
  REAL(rename);
  REAL(unlink);
  REAL(open);
  REAL(ftruncate);
  REAL(close);
  for (int i = 0; i < file_count; ++i) {
    const int fd = real_open(files[i].path, O_WRONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0) continue;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > files[i].synced) {
      const off_t kept = files[i].synced + (off_t)roll((unsigned long)(status.st_size - files[i].synced) + 1);
      int failed = real_ftruncate(fd, kept);
      // The length may have reached the disk before the bytes did: then zeros stand there.
      if (!failed && roll(3) == 0) failed = real_ftruncate(fd, status.st_size);
      if (failed) abort();
    }
    real_close(fd);
  }
  for (int kept = (int)roll((unsigned long)deed_count + 1); deed_count > kept;) {
    const struct deed* deed = &deeds[--deed_count];
    switch (deed->kind) {
      case kCreated: real_unlink(deed->from); break;
      case kMadeFolder: rmdir(deed->from); break;
      case kRenamed: real_rename(deed->to, deed->from);  // and then what stood there before:
      // fall through
      case kRemoved:
        if (deed->saved[0]) real_rename(deed->saved, deed->to);
        break;
    }
  }
}

// --------------------------------------------------------------------------------------------------------- the plan

static void report(const char* format, ...) {
  REAL(open);
  REAL(write);
  REAL(close);
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  const int fd = report_path[0] ? real_open(report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  if (fd < 0) return;
  if (real_write(fd, line, (size_t)size) != size) abort();
  real_close(fd);
}

__attribute__((destructor)) static void report_counts(void) {
  for (int i = 0; i < step_count; ++i) report("count %s %lu\n", steps[i].name, steps[i].count);
}

static void die(void) {
  if (loses) lose();
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

struct call { int is_chosen; };

static int plans(const struct call* call, const char* how) { return call->is_chosen && strcmp(plan_how, how) == 0; }

static int errno_planned(void) {
  static const struct { const char* name; int value; } known[] = {
      {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE}, {"EROFS", EROFS}, {"EACCES", EACCES}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    if (strcmp(plan_how, known[i].name) == 0) return known[i].value;
  }
  return 0;
}

/// Takes the lock and counts the step. The error that it must answer, or 0.
static int begin(struct call* call, const char* class, const char* operation) {
  pthread_mutex_lock(&lock);
  char name[kName];
  snprintf(name, sizeof name, "%.32s.%s", class, operation);
  int at = 0;
  while (at < step_count && strcmp(steps[at].name, name) != 0) ++at;
  if (at == kSteps) abort();
  if (at == step_count) copy(steps[step_count++].name, kName, name);
  const unsigned long count = ++steps[at].count;
  ++any_count;
  call->is_chosen = plan_number > 0 && (strcmp(plan_step, "any") == 0 ? any_count : count) == plan_number &&
                    (strcmp(plan_step, "any") == 0 || strcmp(plan_step, name) == 0);
  if (!call->is_chosen) return 0;
  report("hit %s %lu %s\n", name, count, plan_how);
  if (plans(call, "kill-before")) die();
  return errno_planned();
}

static void end(const struct call* call) {
  const int kept = errno;
  if (call->is_chosen && starts(plan_how, "kill")) die();
  pthread_mutex_unlock(&lock);
  errno = kept;
}

static int answers(const struct call* call, int error) {
  end(call);
  errno = error;
  return -1;
}

// ------------------------------------------------------------------------------------------------------ open and close

static void opened(int fd, const char* path, int flags, int is_new) {
  if (fd < 0 || fd >= kFds) return;
  copy(fd_paths[fd], kPath, path);
  if ((flags & O_ACCMODE) == O_RDONLY) return;
  remember_file(path, is_new || (flags & O_TRUNC));
  if (is_new) remember_deed(kCreated, path, "");
}

static void forget_fd(int fd) {
  if (fd >= 0 && fd < kFds) fd_paths[fd][0] = '\0';
}

#define OPENING(call_real)                                                          \
  const char* class = class_of(path);                                         \
  if (!class) {                                                                     \
    const int plain = call_real;                                                    \
    forget_fd(plain);                                                               \
    return plain;                                                                   \
  }                                                                                 \
  const int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;                  \
  struct call call;                                                                 \
  const int error = begin(&call, class, is_new ? "create" : "open");                \
  if (error) return answers(&call, error);                                          \
  const int fd = call_real;                                                         \
  opened(fd, path, flags, is_new);                                                  \
  end(&call);                                                                       \
  return fd

#define MODE(flags)                                      \
  mode_t mode = 0;                                       \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {               \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    mode = va_arg(arguments, mode_t);                    \
    va_end(arguments);                                   \
  }

int open(const char* path, int flags, ...) {
  REAL(open);
  MODE(flags);
  OPENING(real_open(path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  REAL(open64);
  MODE(flags);
  OPENING(real_open64(path, flags, mode));
}
int openat(int folder, const char* path, int flags, ...) {
  REAL(openat);
  MODE(flags);
  OPENING(real_openat(folder, path, flags, mode));
}
int creat(const char* path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

static FILE* open_stream(const char* path, const char* mode, FILE* (*real)(const char*, const char*)) {
  const char* class = class_of(path);
  if (!class) {
    FILE* plain = real(path, mode);
    if (plain) forget_fd(fileno(plain));
    return plain;
  }
  const int writes = mode[0] != 'r' || strchr(mode, '+') != NULL;
  const int is_new = writes && access(path, F_OK) != 0;
  struct call call;
  const int error = begin(&call, class, is_new ? "create" : "open");
  if (error) {
    answers(&call, error);
    return NULL;
  }
  FILE* stream = real(path, mode);
  if (stream) opened(fileno(stream), path, (writes ? O_WRONLY : O_RDONLY) | (mode[0] == 'w' ? O_TRUNC : 0), is_new);
  end(&call);
  return stream;
}
FILE* fopen(const char* path, const char* mode) {
  REAL(fopen);
  return open_stream(path, mode, real_fopen);
}
FILE* fopen64(const char* path, const char* mode) {
  REAL(fopen64);
  return open_stream(path, mode, real_fopen64);
}

int close(int fd) {
  REAL(close);
  const char* path = path_of(fd);
  if (!path) return real_close(fd);
  struct call call;
  const int error = begin(&call, class_of(path), "close");
  forget_fd(fd);
  const int done = real_close(fd);
  if (error) return answers(&call, error);
  end(&call);
  return done;
}
int fclose(FILE* stream) {
  REAL(fclose);
  forget_fd(fileno(stream));
  return real_fclose(stream);
}

// ---------------------------------------------------------------------------------------------------- bytes in and out

/// `half` does the call with half of the bytes, `whole` with all.
#define MOVING(operation, size, half, whole)                                            \
  const char* path = path_of(fd);                                                       \
  if (!path) return whole;                                                              \
  struct call call;                                                                     \
  const int error = begin(&call, class_of(path), operation);                      \
  if (error) return answers(&call, error);                                              \
  const int is_cut = (size) > 1 && (plans(&call, "short") || plans(&call, "kill-half")); \
  const ssize_t done = is_cut ? half : whole;                                           \
  end(&call);                                                                           \
  return done

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  MOVING("write", size, real_write(fd, bytes, size / 2), real_write(fd, bytes, size));
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  REAL(pwrite);
  MOVING("write", size, real_pwrite(fd, bytes, size / 2, at), real_pwrite(fd, bytes, size, at));
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  REAL(pwrite64);
  MOVING("write", size, real_pwrite64(fd, bytes, size / 2, at), real_pwrite64(fd, bytes, size, at));
}
static ssize_t write_half(int fd, const struct iovec* parts) {
  REAL(write);
  return real_write(fd, parts->iov_base, (parts->iov_len + 1) / 2);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(writev);
  MOVING("write", parts->iov_len, write_half(fd, parts), real_writev(fd, parts, count));
}
ssize_t read(int fd, void* bytes, size_t size) {
  REAL(read);
  MOVING("read", size, real_read(fd, bytes, size / 2), real_read(fd, bytes, size));
}
ssize_t pread(int fd, void* bytes, size_t size, off_t at) {
  REAL(pread);
  MOVING("read", size, real_pread(fd, bytes, size / 2, at), real_pread(fd, bytes, size, at));
}
ssize_t pread64(int fd, void* bytes, size_t size, off64_t at) {
  REAL(pread64);
  MOVING("read", size, real_pread64(fd, bytes, size / 2, at), real_pread64(fd, bytes, size, at));
}
size_t(fread_unlocked)(void* bytes, size_t size, size_t count, FILE* stream) {
  REAL(fread_unlocked);
  const char* path = path_of(fileno(stream));
  if (!path) return real_fread_unlocked(bytes, size, count, stream);
  struct call call;
  const int error = begin(&call, class_of(path), "read");
  if (error) {
    answers(&call, error);
    return 0;  // without the mark of the end: an error
  }
  const size_t done = real_fread_unlocked(bytes, size, count, stream);
  end(&call);
  return done;
}

// -------------------------------------------------------------------------------------------------- length, durability

/// A call that only has a descriptor; `then` runs if it went well.
#define ON_DESCRIPTOR(operation, whole, then)                          \
  const char* path = path_of(fd);                                      \
  if (!path) return whole;                                             \
  struct call call;                                                    \
  const int error = begin(&call, class_of(path), operation);     \
  if (error) return answers(&call, error);                             \
  const int done = whole;                                              \
  if (done == 0) then;                                                 \
  end(&call);                                                          \
  return done

static void was_synced(int fd, const char* path) {
  struct stat status;
  if (fstat(fd, &status) != 0 || strcmp(lies, class_of(path)) == 0) return;
  if (S_ISDIR(status.st_mode)) {
    folder_was_synced(path);
    return;
  }
  struct file* file = file_at(path);
  if (file) file->synced = status.st_size;
}
static void was_cut(const char* path, off_t length) {
  struct file* file = file_at(path);
  if (file && file->synced > length) file->synced = length;
}

int fsync(int fd) {
  REAL(fsync);
  ON_DESCRIPTOR("sync", real_fsync(fd), was_synced(fd, path));
}
int fdatasync(int fd) {
  REAL(fdatasync);
  ON_DESCRIPTOR("sync", real_fdatasync(fd), was_synced(fd, path));
}
int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
  REAL(sync_file_range);
  if (flags == 0) return real_sync_file_range(fd, from, size, flags);  // a question whether there is such a call
  ON_DESCRIPTOR("flush", real_sync_file_range(fd, from, size, flags), (void)0);  // promises nothing
}
int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  ON_DESCRIPTOR("truncate", real_ftruncate(fd, length), was_cut(path, length));
}
int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  ON_DESCRIPTOR("truncate", real_ftruncate64(fd, length), was_cut(path, length));
}
int fallocate(int fd, int mode, off_t from, off_t size) {
  REAL(fallocate);
  ON_DESCRIPTOR("allocate", real_fallocate(fd, mode, from, size), (void)0);
}
int fallocate64(int fd, int mode, off64_t from, off64_t size) {
  REAL(fallocate64);
  ON_DESCRIPTOR("allocate", real_fallocate64(fd, mode, from, size), (void)0);
}

// ---------------------------------------------------------------------------------------------------------- folders

int rename(const char* from, const char* to) {
  REAL(rename);
  const char* class = class_of(to);
  if (!class) return real_rename(from, to);
  struct call call;
  const int error = begin(&call, class, "rename");
  if (error) return answers(&call, error);
  char saved[kPath] = "";
  if (loses) save(to, saved);
  const int done = real_rename(from, to);
  if (done == 0) {
    struct deed* deed = remember_deed(kRenamed, from, to);
    if (deed) copy(deed->saved, kPath, saved);
    forget_file(to);
    struct file* file = file_at(from);
    if (file) copy(file->path, kPath, to);
  }
  end(&call);
  return done;
}
int unlink(const char* path) {
  REAL(unlink);
  const char* class = class_of(path);
  if (!class) return real_unlink(path);
  struct call call;
  const int error = begin(&call, class, "unlink");
  if (error) return answers(&call, error);
  char saved[kPath] = "";
  if (loses) save(path, saved);
  const int done = real_unlink(path);
  if (done == 0) {
    struct deed* deed = remember_deed(kRemoved, path, path);
    if (deed) copy(deed->saved, kPath, saved);
    forget_file(path);
  }
  end(&call);
  return done;
}
int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  const char* class = class_of(path);
  if (!class) return real_mkdir(path, mode);
  struct call call;
  const int error = begin(&call, class, "mkdir");
  if (error) return answers(&call, error);
  const int done = real_mkdir(path, mode);
  if (done == 0) remember_deed(kMadeFolder, path, "");
  end(&call);
  return done;
}
