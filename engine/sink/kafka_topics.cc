#include "engine/sink/kafka_topics.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "engine/base/limits.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaDestroy;
using source::KafkaInstant;
using source::KafkaTopics;

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, KafkaDestroy<rd_kafka_NewTopic_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, KafkaDestroy<rd_kafka_ConfigResource_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, KafkaDestroy<rd_kafka_AdminOptions_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, KafkaDestroy<rd_kafka_event_destroy>>;
using Outcome = TopicResult::Outcome;

/// One conversation with the cluster.
class Admin {
 public:
  Admin(const source::KafkaSettings& settings, int timeout_ms)
      : settings_(settings), deadline_(source::kafka_deadline(timeout_ms)) {}

  base::Status connect();
  base::Result<KafkaTopics> topics() {
    return list_kafka_topics(client_.get(), context_, settings_.bootstrap, deadline_);
  }
  /// Creates them; answers the outcome of each.
  base::Result<std::vector<TopicResult>> create(const std::vector<const TopicSpec*>& specs);
  /// Compares the configuration of topics that exist.
  base::Result<std::vector<TopicResult>> compare(const std::vector<const TopicSpec*>& specs);
  /// Waits until the brokers name them, so that what is started next finds them.
  base::Status wait_for(const std::vector<const TopicSpec*>& specs);

 private:
  base::Result<Event> answer(rd_kafka_queue_t* queue);
  AdminOptions admin_options(rd_kafka_admin_op_t operation);

  source::KafkaSettings settings_;
  KafkaInstant deadline_;
  source::KafkaContext context_;  // outlives the client
  source::KafkaHandle client_;
};

base::Status Admin::connect() {
  auto conf = make_kafka_conf(settings_, source::KafkaRole::kProducer, context_, {}, {});
  if (!conf.ok()) return conf.error();
  auto client = source::make_kafka_client(RD_KAFKA_PRODUCER, std::move(conf).value());
  if (!client.ok()) return client.error();
  client_ = std::move(client).value();
  return base::success();
}

AdminOptions Admin::admin_options(rd_kafka_admin_op_t operation) {
  AdminOptions options(rd_kafka_AdminOptions_new(client_.get(), operation));
  char why[256];
  const int left_ms = std::max(1, source::kafka_time_left(deadline_, 60'000));
  // Both fail only for values out of range.
  rd_kafka_AdminOptions_set_request_timeout(options.get(), left_ms, why, sizeof why);
  if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS) {
    rd_kafka_AdminOptions_set_operation_timeout(options.get(), left_ms, why, sizeof why);
  }
  return options;
}

base::Result<Event> Admin::answer(rd_kafka_queue_t* queue) {
  Event event(rd_kafka_queue_poll(queue, std::max(1, source::kafka_time_left(deadline_, 60'000)) + 1'000));
  if (!event) return base::Error{"Kafka at " + settings_.bootstrap + " did not answer in time"};
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{"Kafka at " + settings_.bootstrap + ": " + rd_kafka_event_error_string(event.get())};
  }
  return event;
}

std::string explain_creation(rd_kafka_resp_err_t error, const char* text, const TopicSpec& spec) {
  const std::string why = text == nullptr ? rd_kafka_err2str(error) : text;
  switch (error) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "creating topics is not allowed: grant this user CREATE, or have it created with " +
             std::to_string(spec.partitions) + " partitions (" + why + ")";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
      return "the cluster has too few brokers for " + std::to_string(spec.replication) + " replicas (" + why + ")";
    default: return why;
  }
}

base::Result<std::vector<TopicResult>> Admin::create(const std::vector<const TopicSpec*>& specs) {
  std::vector<TopicResult> results;
  std::vector<NewTopic> owned;
  std::vector<rd_kafka_NewTopic_t*> topics;
  std::vector<const TopicSpec*> asked;
  for (const TopicSpec* spec : specs) {
    char why[256];
    NewTopic topic(rd_kafka_NewTopic_new(spec->name.c_str(), spec->partitions, spec->replication, why, sizeof why));
    if (!topic) {
      results.push_back({spec->name, Outcome::kFailed, why});
      continue;
    }
    for (const auto& [name, value] : spec->config)
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    topics.push_back(topic.get());
    owned.push_back(std::move(topic));
    asked.push_back(spec);
  }
  if (topics.empty()) return results;

  const source::KafkaQueue queue(rd_kafka_queue_new(client_.get()));
  const AdminOptions options = admin_options(RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options.get(), queue.get());
  const auto event = answer(queue.get());
  if (!event.ok()) return event.error();
  std::size_t count = 0;
  const rd_kafka_topic_result_t** answers =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_topic_result_name(answers[i]);
    const auto error = rd_kafka_topic_result_error(answers[i]);
    const auto spec =
        std::find_if(asked.begin(), asked.end(), [&](const TopicSpec* each) { return each->name == name; });
    if (spec == asked.end()) continue;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      results.push_back({name, Outcome::kCreated, ""});
    } else {
      results.push_back(
          {name, Outcome::kFailed, explain_creation(error, rd_kafka_topic_result_error_string(answers[i]), **spec)});
    }
  }
  return results;
}

TopicResult compare_config(const TopicSpec& spec, const rd_kafka_ConfigResource_t& found) {
  if (rd_kafka_ConfigResource_error(&found) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* why = rd_kafka_ConfigResource_error_string(&found);
    return {spec.name, Outcome::kDiffers,
            "its configuration could not be read: " + std::string(why == nullptr ? "no reason given" : why)};
  }
  std::size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(&found, &count);
  std::string differences;
  for (const auto& setting : spec.config) {
    const auto& [name, wanted] = setting;
    const auto end = entries + count;
    const auto entry = std::find_if(entries, end, [&](const rd_kafka_ConfigEntry_t* each) {
      return setting.first == rd_kafka_ConfigEntry_name(each);
    });
    const char* value = entry == end ? nullptr : rd_kafka_ConfigEntry_value(*entry);
    if (value != nullptr && wanted == value) continue;
    (differences += differences.empty() ? "" : ", ") +=
        name + " is " + (value == nullptr ? "not set" : value) + ", not " + wanted;
  }
  if (differences.empty()) return {spec.name, Outcome::kPresent, ""};
  return {spec.name, Outcome::kDiffers,
          differences + ". Left as it is: change it with Kafka's own tools if it is not meant so"};
}

base::Result<std::vector<TopicResult>> Admin::compare(const std::vector<const TopicSpec*>& specs) {
  std::vector<TopicResult> results;
  std::vector<ConfigResource> owned;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const TopicSpec* spec : specs) {
    if (spec->config.empty()) {
      results.push_back({spec->name, Outcome::kPresent, ""});
      continue;
    }
    owned.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, spec->name.c_str()));
    resources.push_back(owned.back().get());
  }
  if (resources.empty()) return results;

  const source::KafkaQueue queue(rd_kafka_queue_new(client_.get()));
  const AdminOptions options = admin_options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(), options.get(), queue.get());
  const auto event = answer(queue.get());
  if (!event.ok()) return event.error();
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** found =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    for (const TopicSpec* spec : specs) {
      if (spec->name == rd_kafka_ConfigResource_name(found[i])) results.push_back(compare_config(*spec, *found[i]));
    }
  }
  return results;
}

base::Status Admin::wait_for(const std::vector<const TopicSpec*>& specs) {
  for (;;) {
    const auto known = topics();
    if (!known.ok()) return known.error();
    const bool all =
        std::all_of(specs.begin(), specs.end(), [&](const TopicSpec* spec) { return known->contains(spec->name); });
    if (all) return base::success();
    if (source::kafka_time_left(deadline_, 1) == 0)
      return base::Error{"the topics were created, but the brokers do not name them yet"};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

base::Status check_specs(const std::vector<TopicSpec>& specs) {
  for (auto spec = specs.begin(); spec != specs.end(); ++spec) {
    if (spec->name.empty()) return base::Error{"a topic without a name"};
    if (spec->partitions < 1 || spec->partitions > base::limits::kPartitions) {
      return base::Error{"topic " + spec->name + ": partitions must be 1 to " +
                         std::to_string(base::limits::kPartitions) + ", not " + std::to_string(spec->partitions)};
    }
    if (spec->replication < 1) return base::Error{"topic " + spec->name + ": replication must be at least 1"};
    if (std::any_of(specs.begin(), spec, [&](const TopicSpec& earlier) { return earlier.name == spec->name; })) {
      return base::Error{"topic " + spec->name + " is named twice"};
    }
  }
  return base::success();
}

std::string wrong_partitions(const TopicSpec& spec, std::int32_t found) {
  return "it has " + std::to_string(found) + " partitions, not " + std::to_string(spec.partitions) +
         ". Partitions cannot be taken away, and adding some moves customers between partitions: ask for " +
         std::to_string(found) + " partitions everywhere, or use a new topic name";
}

}  // namespace

std::vector<TopicSpec> pipeline_topics(std::span<const std::string> inputs, std::span<const std::string> outputs,
                                       const std::optional<std::string>& changelog, std::int32_t partitions,
                                       std::int32_t replication) {
  std::vector<TopicSpec> specs;
  for (const std::string& name : inputs) specs.push_back({name, partitions, replication, {}});
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool dead_letters = i + 1 == outputs.size();
    specs.push_back({outputs[i], partitions, replication, {{"cleanup.policy", dead_letters ? "delete" : "compact"}}});
  }
  if (changelog) specs.push_back({*changelog, partitions, replication, {{"cleanup.policy", "compact"}}});
  return specs;
}

base::Result<std::vector<TopicResult>> create_topics(const std::vector<TopicSpec>& specs,
                                                     const source::KafkaSettings& settings, int timeout_ms) {
  if (base::Status checked = check_specs(specs); !checked.ok()) return checked.error();
  Admin admin(settings, timeout_ms);
  if (base::Status connected = admin.connect(); !connected.ok()) return connected.error();
  const auto known = admin.topics();
  if (!known.ok()) return known.error();

  std::vector<TopicResult> found;
  std::vector<const TopicSpec*> missing;
  std::vector<const TopicSpec*> present;
  for (const TopicSpec& spec : specs) {
    const auto topic = known->find(spec.name);
    if (topic == known->end()) {
      missing.push_back(&spec);
    } else if (topic->second != spec.partitions && !spec.takes_any_partitions) {
      found.push_back({spec.name, Outcome::kFailed, wrong_partitions(spec, topic->second)});
    } else {
      present.push_back(&spec);
    }
  }
  auto compared = admin.compare(present);
  if (!compared.ok()) return compared.error();
  std::move(compared->begin(), compared->end(), std::back_inserter(found));
  auto created = admin.create(missing);
  if (!created.ok()) return created.error();
  std::erase_if(missing, [&](const TopicSpec* spec) {
    return std::none_of(created->begin(), created->end(), [&](const TopicResult& result) {
      return result.name == spec->name && result.outcome == Outcome::kCreated;
    });
  });
  std::move(created->begin(), created->end(), std::back_inserter(found));
  if (base::Status waited = admin.wait_for(missing); !waited.ok()) return waited.error();

  std::vector<TopicResult> results;
  for (const TopicSpec& spec : specs) {
    const auto result =
        std::find_if(found.begin(), found.end(), [&](const TopicResult& each) { return each.name == spec.name; });
    results.push_back(result == found.end()
                          ? TopicResult{spec.name, Outcome::kFailed, "the cluster gave no answer about it"}
                          : *result);
  }
  return results;
}

bool usable(std::span<const TopicResult> results) {
  return std::none_of(results.begin(), results.end(),
                      [](const TopicResult& each) { return each.outcome == Outcome::kFailed; });
}

}  // namespace troth::sink
