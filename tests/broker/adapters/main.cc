// Tests of the Kafka adapters against a real broker, whose address is in TROTH_KAFKA_BOOTSTRAP
// (tests/broker/adapters/run.py starts one). Without it the program fails with 77: tests that did not run have not
// passed.
//
// `--member GROUP INSTANCE TOPIC…` is the program's own second role: a member of a group to be killed. It prints one
// line when it reads, and stays.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "tests/broker/adapters/cluster.h"

namespace {

int be_a_member(int argc, char** argv) {
  troth::tests::Member member(troth::tests::member_of(argv[2], {argv + 4, argv + argc}, argv[3]));
  bool told = false;
  while (member.step()) {
    if (told || !member.all_at_end()) continue;
    std::printf("reading %zu\n", member.owned.size());
    std::fflush(stdout);
    told = true;
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("TROTH_KAFKA_BOOTSTRAP") == nullptr) {
    std::fprintf(stderr,
                 "NOT RUN: the tests of the Kafka adapters need a broker. Set TROTH_KAFKA_BOOTSTRAP=host:port, or run\n"
                 "  python3 tests/broker/adapters/run.py %s\n",
                 argv[0]);
    return 77;
  }
  if (argc > 4 && std::strcmp(argv[1], "--member") == 0) return be_a_member(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
