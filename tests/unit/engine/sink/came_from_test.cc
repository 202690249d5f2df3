// Where a routed record came from, as its header says it.
#include <gtest/gtest.h>

#include "engine/sink/kafka_repartition.h"

namespace troth::sink {
namespace {

TEST(CameFrom, is_read_back_from_its_header) {
  for (const char* topic : {"orders", "a.b-c_d", "with/slash"}) {
    const auto read = read_came_from(came_from_text({topic, 3, 123'456'789'012}));
    ASSERT_TRUE(read.has_value()) << topic;
    EXPECT_EQ(read->topic, topic);
    EXPECT_EQ(read->partition, 3);
    EXPECT_EQ(read->offset, 123'456'789'012);
  }
}

TEST(CameFrom, is_nothing_for_what_others_may_write_there) {
  for (const char* text : {"", "/", "//", "orders", "orders/1", "orders/1/", "orders//2", "/1/2", "orders/-1/2", "orders/1/x",
                           "orders/1/2 ", "orders/99999999999/1", "orders/1/99999999999999999999"}) {
    EXPECT_FALSE(read_came_from(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace troth::sink
