// A preloaded library that kills its process at one step of a commit or of a recovery on Kafka: it stands between `troth run`
// and librdkafka. exactly_once.py compiles it and arms one kill a life by environment; without a plan it does nothing.
//
//   KILL_AT="STEP N [US]"  at the N-th time (from 1) that STEP is passed, SIGKILL; US: of in_commit, microseconds later
//   KILL_FROM=FILE         counts only from when this file is there
//   KILL_REPORT=FILE       gets the line "STEP N" just before the process dies
//   KILL_SIGNAL=19         SIGSTOP instead: the process stands still there until somebody sends it SIGCONT, and goes on
//
//   step             the process dies
//   ───────────────  ────────────────────────────────────────────────────────────────────────────────────────────────────
//   before_batch     before a batch is written to the store's log
//   torn_batch       with half of it written
//   unsynced_batch   with all of it written, before its sync
//   before_begin     the batch is durable, no transaction has begun
//   in_records       at the N-th record that is produced
//   before_offsets   all records are produced, the positions are not
//   after_offsets    the positions are sent, too
//   before_commit    as the commit is asked for
//   in_commit        some microseconds after it was asked for
//   after_commit     it was answered; the process does not know it yet
//   in_restore       with rows of the changelog read and not yet stored
//   restored_batch   as these rows are written to the store
//   before_committed, after_committed   as recovery asks what the group has, or has the answer
//   in_revoke, in_revoke_commit, after_revoke_commit   in the transaction for partitions that the group takes away; see
//                    consume_for_revoke() for how there comes to be something to send
//   before_init, after_init             as the producer comes under its transactional id, which ends what was open
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name)                                  \
  static __typeof__(&name) real_##name;             \
  if (!real_##name) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static char plan_step[32], report_path[512], from_path[512];
static int plan_signal = SIGKILL;
static unsigned long plan_number, plan_delay_us;
static atomic_ulong passed;
// Of the driver's thread.
static int reads_changelog, has_read_changelog, is_leaving, has_first, in_hand;
static rd_kafka_message_t* kept;

__attribute__((constructor)) static void set_up(void) {
  const char* plan = getenv("KILL_AT");
  const char* report = getenv("KILL_REPORT");
  if (plan) sscanf(plan, "%31s %lu %lu", plan_step, &plan_number, &plan_delay_us);
  if (report) snprintf(report_path, sizeof report_path, "%s", report);
  if (getenv("KILL_FROM")) snprintf(from_path, sizeof from_path, "%s", getenv("KILL_FROM"));
  if (getenv("KILL_SIGNAL")) plan_signal = atoi(getenv("KILL_SIGNAL"));
  unsetenv("LD_PRELOAD");  // this process only
}

static void die(void) {
  REAL(write);
  char line[64];
  const int size = snprintf(line, sizeof line, "%s %lu\n", plan_step, plan_number);
  const int file = open(report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0 || real_write(file, line, (size_t)size) != size) abort();
  close(file);
  kill(getpid(), plan_signal);
  while (plan_signal == SIGKILL) pause();
}

static int is_planned(const char* step) { return strcmp(step, plan_step) == 0; }
/// Whether the process is to die here and now.
static int is_due(const char* step) {
  if (!is_planned(step) || (from_path[0] && access(from_path, F_OK) != 0)) return 0;
  return atomic_fetch_add(&passed, 1) + 1 == plan_number;
}
static void pass(const char* step) {
  if (is_due(step)) die();
}

static void* die_later(void* nothing) {
  usleep((useconds_t)plan_delay_us);
  die();
  return nothing;
}

// --------------------------------------------------------------------------------------------------- the store's log

static int is_store_log(int fd) {
  char link[64], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 4) return 0;
  path[size] = '\0';
  return strcmp(path + size - 4, ".log") == 0;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  const int may_be_due = is_planned("before_batch") || is_planned("torn_batch") || (is_planned("restored_batch") && has_read_changelog);
  if (!may_be_due || !is_store_log(fd)) return real_write(fd, bytes, size);
  pass("before_batch");
  pass("restored_batch");
  if (is_due("torn_batch")) {
    if (real_write(fd, bytes, size / 2) < 0) abort();
    die();
  }
  return real_write(fd, bytes, size);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  if (is_planned("unsynced_batch") && is_store_log(fd)) pass("unsynced_batch");
  return real_fdatasync(fd);
}

// ------------------------------------------------------------------------------------------------------- transactions

rd_kafka_error_t* rd_kafka_init_transactions(rd_kafka_t* client, int timeout_ms) {
  REAL(rd_kafka_init_transactions);
  pass("before_init");
  rd_kafka_error_t* error = real_rd_kafka_init_transactions(client, timeout_ms);
  pass("after_init");
  return error;
}

rd_kafka_error_t* rd_kafka_begin_transaction(rd_kafka_t* client) {
  REAL(rd_kafka_begin_transaction);
  pass("before_begin");
  if (is_leaving) pass("in_revoke");
  return real_rd_kafka_begin_transaction(client);
}

int rd_kafka_produce(rd_kafka_topic_t* topic, int32_t partition, int flags, void* value, size_t value_size, const void* key,
                     size_t key_size, void* opaque) {
  REAL(rd_kafka_produce);
  pass("in_records");
  return real_rd_kafka_produce(topic, partition, flags, value, value_size, key, key_size, opaque);
}

rd_kafka_error_t* rd_kafka_send_offsets_to_transaction(rd_kafka_t* client, const rd_kafka_topic_partition_list_t* offsets,
                                                       const rd_kafka_consumer_group_metadata_t* group, int timeout_ms) {
  REAL(rd_kafka_send_offsets_to_transaction);
  pass("before_offsets");
  rd_kafka_error_t* error = real_rd_kafka_send_offsets_to_transaction(client, offsets, group, timeout_ms);
  if (!error) pass("after_offsets");
  return error;
}

rd_kafka_error_t* rd_kafka_commit_transaction(rd_kafka_t* client, int timeout_ms) {
  REAL(rd_kafka_commit_transaction);
  // Who looks at a process that stands still here may count on its records being on the broker.
  if (plan_signal == SIGSTOP && is_planned("before_commit")) rd_kafka_flush(client, 5000);
  pass("before_commit");
  if (is_leaving) pass("in_revoke_commit");
  if (is_due("in_commit")) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, die_later, NULL) != 0) abort();
  }
  rd_kafka_error_t* error = real_rd_kafka_commit_transaction(client, timeout_ms);
  if (error) return error;
  pass("after_commit");
  if (is_leaving) pass("after_revoke_commit");
  return error;
}

// ----------------------------------------------------------------------------------------------------------- recovery

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions, int timeout_ms) {
  REAL(rd_kafka_committed);
  pass("before_committed");
  const rd_kafka_resp_err_t error = real_rd_kafka_committed(client, partitions, timeout_ms);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) pass("after_committed");
  return error;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t* client, const rd_kafka_topic_partition_list_t* partitions) {
  REAL(rd_kafka_assign);
  reads_changelog = partitions && partitions->cnt > 0 && strstr(partitions->elems[0].topic, "changelog") != NULL;
  if (reads_changelog) {
    has_read_changelog = 1;
  } else if (partitions) {
    has_read_changelog = 0;
  } else {
    is_leaving = in_hand = has_first = 0;
    if (kept) rd_kafka_message_destroy(kept);
    kept = NULL;
  }
  return real_rd_kafka_assign(client, partitions);
}

/// For up to 3 s, until there are `wanted` messages or the group has spoken.
static ssize_t consume_more(rd_kafka_queue_t* queue, rd_kafka_message_t** messages, ssize_t count, size_t wanted, size_t size) {
  REAL(rd_kafka_consume_batch_queue);
  for (int i = 0; i < 60 && !is_leaving && (size_t)count < wanted; ++i) {
    const ssize_t more = real_rd_kafka_consume_batch_queue(queue, 50, messages + count, size - (size_t)count);
    if (more > 0) count += more;
  }
  return count;
}

/// What arrives alone is committed at once, and then for 100 ms nothing is. So the last of several messages is kept for the
/// next poll; the poll after that one waits for the group, with something in hand.
static ssize_t consume_for_revoke(rd_kafka_queue_t* queue, int timeout_ms, rd_kafka_message_t** messages, size_t size) {
  REAL(rd_kafka_consume_batch_queue);
  if (kept) {
    messages[0] = kept;
    kept = NULL;
    in_hand = 1;
    return 1;
  }
  ssize_t count = real_rd_kafka_consume_batch_queue(queue, timeout_ms, messages, size);
  if (count < 0 || is_leaving) return count;
  if (in_hand) {
    in_hand = 0;
    return consume_more(queue, messages, count, size, size);
  }
  if (size == 1) {  // the next call takes the rest of the same poll
    has_first = count == 1;
    return count;
  }
  const ssize_t before = has_first;
  has_first = 0;
  if (count + before == 0) return 0;
  count = consume_more(queue, messages, count, (size_t)(2 - before), size);
  if (count > 0 && count + before > 1 && !is_leaving && messages[count - 1]->err == RD_KAFKA_RESP_ERR_NO_ERROR) kept = messages[--count];
  return count;
}

ssize_t rd_kafka_consume_batch_queue(rd_kafka_queue_t* queue, int timeout_ms, rd_kafka_message_t** messages, size_t size) {
  REAL(rd_kafka_consume_batch_queue);
  if (!reads_changelog && strstr(plan_step, "revoke")) return consume_for_revoke(queue, timeout_ms, messages, size);
  const ssize_t count = real_rd_kafka_consume_batch_queue(queue, timeout_ms, messages, size);
  if (reads_changelog && count > 0 && messages[0]->err == RD_KAFKA_RESP_ERR_NO_ERROR) pass("in_restore");
  return count;
}

int rd_kafka_assignment_lost(rd_kafka_t* client) {
  REAL(rd_kafka_assignment_lost);
  const int is_lost = real_rd_kafka_assignment_lost(client);
  is_leaving = !is_lost;
  return is_lost;
}
