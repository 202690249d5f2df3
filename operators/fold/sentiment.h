// Sentiment: what a coded tone in a review or message establishes (TRUST_MODEL: voice). Pure functions.
#pragma once

#include "engine/event/time.h"
#include "operators/fold/case_writer.h"

namespace troth::operators {

/// ⌊s·confidence/10⁶⌋, the sentiment with its sign.
[[nodiscard]] inline std::int64_t weighed_sentiment(const KeptEvent& e) {
  return event::floor_div(number(e, FieldId::kSentimentPpm) * number(e, FieldId::kConfidencePpm, kPpm), kPpm);
}

/// sentiment_good or sentiment_bad, if there is a sentiment.
inline void write_sentiment(const CaseEvent& said, ObjectRef object, CaseWriter& writer) {
  const std::int64_t sentiment = number(said.data, FieldId::kSentimentPpm);
  if (sentiment == 0) return;
  const std::int64_t strength = sentiment < 0 ? -sentiment : sentiment;
  writer.finding(sentiment > 0 ? Kind::kSentimentGood : Kind::kSentimentBad, object, said).magnitude =
      strength * number(said.data, FieldId::kConfidencePpm, kPpm) / kPpm;
}

}  // namespace troth::operators
