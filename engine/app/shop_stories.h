// Stories: what may happen to an order and to a complaint in the simulated shop, from beginning to end. Each writes its
// events into the journal and answers how the customer felt about it. Pure but for dice and journal; one simulation.
#pragma once

#include <cstdint>
#include <string>

#include "engine/app/shop_dice.h"
#include "engine/app/shop_journal.h"
#include "engine/app/shop_service.h"

namespace troth::app {

/// Everything a story needs to be told.
struct Teller {
  Journal& journal;
  Dice& dice;
  const Service& service;
  const Season& season;
  bool is_valued = false;  // spends more than others
};

struct Outcome {
  std::int64_t mood = 0;  // −5 … +1
  event::TimeUs at = 0;   // when it was over
};

struct ComplaintReason {
  std::string order_id;
  const char* category = "delivery";
  bool is_severe = false;
  std::int64_t loss_minor = 0;
};

[[nodiscard]] Outcome tell_order(Teller& teller, event::TimeUs placed, std::int64_t number);
[[nodiscard]] Outcome tell_complaint(Teller& teller, event::TimeUs opened, const ComplaintReason& reason);
/// A question about an order: answered, mostly.
void tell_question(Teller& teller, event::TimeUs asked, const std::string& order_id);

/// `minutes` of the helpdesk's office hours (Monday to Friday, 8 to 18 o'clock) after `time`.
[[nodiscard]] event::TimeUs office_time_after(event::TimeUs time, std::int64_t minutes);
/// The same day at a waking hour.
[[nodiscard]] event::TimeUs waking_hour(Dice& dice, event::TimeUs time);

}  // namespace troth::app
