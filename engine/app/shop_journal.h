// Journal: where the simulated shop writes down what happens to one customer: CloudEvents with names of their own.
// Belongs to one simulation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/app/shop.h"
#include "engine/base/value.h"

namespace troth::app {

using ShopData = base::Value::Map;

/// Who reports an event.
enum class Reporter : std::uint8_t { kShop, kCarrier, kHelpdesk, kReviews };

class Journal {
 public:
  /// What happens at `end` or later is not known yet and not written.
  Journal(std::int64_t customer_number, event::TimeUs end, std::vector<ShopEvent>& events);

  void write(event::TimeUs time, Reporter reporter, const char* type, ShopData data = {});

  [[nodiscard]] std::int64_t customer_number() const { return number_; }

 private:
  std::int64_t number_;
  std::string customer_;
  event::TimeUs end_;
  std::vector<ShopEvent>& events_;
  std::int64_t written_ = 0;
};

}  // namespace troth::app
