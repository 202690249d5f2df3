// A data race on purpose: the `tsan` group runs this, and fails if the thread sanitizer keeps silent. The second thread
// is a C11 thread, as librdkafka's are: without tsan_threads.cc this program crashes instead.
#include <threads.h>

#include <cstdio>

namespace {

int shared = 0;

int count(void*) {
  for (int i = 0; i < 1000; ++i) ++shared;
  return 0;
}

}  // namespace

int main() {
  thrd_t other;
  if (thrd_create(&other, count, nullptr) != thrd_success) return 1;
  count(nullptr);
  thrd_join(other, nullptr);
  std::printf("%d\n", shared);  // so that nothing of it is optimised away
}
