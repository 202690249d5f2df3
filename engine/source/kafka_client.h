// What every Kafka client here shares: ownership of the library's objects, the making of a configuration, health, the
// list of topics, words for errors. Owned by the adapter that includes it (source/kafka_*, sink/kafka_*; nobody else
// may, since librdkafka is confined to them); callbacks run on the thread that polls, the log callback on any.
//
// Promise: no error made here holds a secret; an authentication failure, which the library only tells through its error
// callback while every call just times out, ends up in the message that a person gets.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/result.h"
#include "engine/source/kafka_health.h"
#include "engine/source/kafka_settings.h"

namespace troth::source {

template <auto destroy>
struct KafkaDestroy {
  template <typename T>
  void operator()(T* object) const {
    destroy(object);
  }
};

using KafkaConf = std::unique_ptr<rd_kafka_conf_t, KafkaDestroy<rd_kafka_conf_destroy>>;
using KafkaHandle = std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, KafkaDestroy<rd_kafka_topic_destroy>>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, KafkaDestroy<rd_kafka_queue_destroy>>;
using KafkaErrorPtr = std::unique_ptr<rd_kafka_error_t, KafkaDestroy<rd_kafka_error_destroy>>;
using KafkaPartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, KafkaDestroy<rd_kafka_topic_partition_list_destroy>>;

/// What the callbacks of one client need: its opaque pointer points here, so it must outlive the client.
struct KafkaContext {
  KafkaHealthKeeper health;
  std::function<void(const std::string&)> log;
  void* owner = nullptr;  // the adapter, for its own callbacks
  bool refused = false;   // the broker refused our identity, or we his; polling thread only
};

/// A setting of the engine's. `optional`: this version of the library may not know it.
struct KafkaSetting {
  std::string name;
  std::string value;
  bool optional = false;
};

inline base::Status set_kafka(rd_kafka_conf_t* conf, const KafkaSetting& setting) {
  char why[256];
  const rd_kafka_conf_res_t result =
      rd_kafka_conf_set(conf, setting.name.c_str(), setting.value.c_str(), why, sizeof why);
  if (result == RD_KAFKA_CONF_OK) return base::success();
  if (result == RD_KAFKA_CONF_UNKNOWN && setting.optional) return base::success();
  // The library's own words quote the value.
  return base::Error{"Kafka setting `" + setting.name + "` was refused by the client library" +
                     (kafka_setting_is_secret(setting.name) ? std::string() : ": " + std::string(why))};
}

inline void on_kafka_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto& context = *static_cast<KafkaContext*>(opaque);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    context.health.set_connected(false);  // the cause was told before: keep it
    return;
  }
  // What is wrong with a certificate does not pass by itself either; only the words tell it from a broken connection.
  const bool is_about_certificate = std::string_view(reason).find("certificate") != std::string_view::npos;
  if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION || is_about_certificate) context.refused = true;
  context.health.note_error(std::string(rd_kafka_err2name(error)) + ": " + reason);
}

inline void on_kafka_log(const rd_kafka_t* client, int, const char* facility, const char* text) {
  const auto& context = *static_cast<const KafkaContext*>(rd_kafka_opaque(client));
  if (context.log) context.log(std::string(facility) + ": " + text);
}

/// A configuration: `preferred` first, then what the user passes on, then `fixed`, which nobody changes.
inline base::Result<KafkaConf> make_kafka_conf(const KafkaSettings& settings, KafkaRole role, KafkaContext& context,
                                               const std::vector<KafkaSetting>& preferred,
                                               const std::vector<KafkaSetting>& fixed) {
  if (base::Status checked = check_kafka_settings(settings); !checked.ok()) return checked.error();
  std::vector<KafkaSetting> all = {
      {"socket.nagle.disable", "true"},
      {"socket.timeout.ms", "10000"},
      {"reconnect.backoff.max.ms", "2000"},
  };
  all.insert(all.end(), preferred.begin(), preferred.end());
  for (const auto& [name, value] : settings.extra) {
    const KafkaPassed* passed = find_kafka_setting(name);
    if (passed->role == KafkaRole::kBoth || passed->role == role) all.push_back({name, value});
  }
  all.push_back({"bootstrap.servers", settings.bootstrap});
  all.push_back({"client.id", settings.client_id});
  all.insert(all.end(), fixed.begin(), fixed.end());

  KafkaConf conf(rd_kafka_conf_new());
  for (const KafkaSetting& each : all) {
    if (base::Status set = set_kafka(conf.get(), each); !set.ok()) return set.error();
  }
  context.log = settings.log;
  rd_kafka_conf_set_opaque(conf.get(), &context);
  rd_kafka_conf_set_error_cb(conf.get(), on_kafka_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_kafka_log);
  return conf;
}

inline base::Result<KafkaHandle> make_kafka_client(rd_kafka_type_t type, KafkaConf conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), why, sizeof why);
  if (client == nullptr) return base::Error{"Kafka: the client library refused its configuration: " + std::string(why)};
  static_cast<void>(conf.release());  // the client owns it now
  return KafkaHandle(client);
}

/// Why this client is of no use any more; empty: it is. Asked of the library itself, because a consumer hears of it as
/// a message and a producer through its error callback.
inline std::string kafka_fatal(rd_kafka_t* client) {
  char why[512];
  const rd_kafka_resp_err_t error = rd_kafka_fatal_error(client, why, sizeof why);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::string(rd_kafka_err2name(error)) + ": " + why;
}

using KafkaInstant = std::chrono::steady_clock::time_point;

[[nodiscard]] inline KafkaInstant kafka_deadline(int from_now_ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(from_now_ms);
}

/// Milliseconds left, at most `at_most`, never negative.
[[nodiscard]] inline int kafka_time_left(KafkaInstant deadline, int at_most) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, at_most));
}

/// What to look at, given the library's words on why there is no connection.
inline std::string_view kafka_contact_remedy(std::string_view cause) {
  const auto says = [&](std::string_view words) { return cause.find(words) != std::string_view::npos; };
  if (says("certificate verify failed"))
    return "The broker's certificate must come from an authority in ssl.ca.location, and be made out to the host name "
           "in the address";
  if (says("alert bad certificate") || says("alert certificate") || says("certificate required") || says("unknown ca"))
    return "The broker wants a client certificate from an authority that it trusts: give ssl.certificate.location and "
           "ssl.key.location";
  if (says("invalid credentials with SASL mechanism SCRAM"))
    return "Check sasl.username and sasl.password; librdkafka before 2.6.1 is refused by every broker of version 4 and "
           "later: there use mTLS or PLAIN over TLS";
  if (says("SASL authentication error")) return "Check sasl.mechanism, sasl.username and sasl.password";
  // The library has two wordings, by whether the other side answers or hangs up.
  if (says("SSL handshake failed") || says("in state SSL_HANDSHAKE"))
    return "Check that the broker speaks TLS at this port, and security.protocol";
  return "Check the address, that the broker runs, and the security settings";
}

using KafkaTopics = std::map<std::string, std::int32_t, std::less<>>;  // name → number of partitions

/// The topics of the cluster that we may see; waits for a broker until the deadline. Asks for all of them, because to
/// ask for one by name would create it on a broker that makes topics by itself.
inline base::Result<KafkaTopics> list_kafka_topics(rd_kafka_t* client, KafkaContext& context,
                                                   const std::string& bootstrap, KafkaInstant deadline) {
  for (;;) {
    const rd_kafka_metadata_t* raw = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(client, 1, nullptr, &raw, std::max(1, kafka_time_left(deadline, 1'000)));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::unique_ptr<const rd_kafka_metadata_t, KafkaDestroy<rd_kafka_metadata_destroy>> metadata(raw);
      context.health.set_connected(true);
      KafkaTopics topics;
      for (int i = 0; i < metadata->topic_cnt; ++i) {
        const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
        if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) topics.emplace(topic.topic, topic.partition_cnt);
      }
      return topics;
    }
    rd_kafka_poll(client, 0);  // runs the error callback
    if (context.refused || kafka_time_left(deadline, 1) == 0) {
      const std::string cause = context.health.get().last_error;
      return base::Error{"cannot reach Kafka at " + bootstrap + ": " +
                         (cause.empty() ? rd_kafka_err2str(error) : cause) + ". " +
                         std::string(kafka_contact_remedy(cause))};
    }
  }
}

/// Why an output was not taken, and what to do about it.
inline std::string explain_kafka_write(rd_kafka_resp_err_t error, std::string_view topic, std::size_t bytes) {
  const std::string where = "topic " + std::string(topic) + ": ";
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return where + "it does not exist: create it with `troth topics create`";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return where + "a record of " + std::to_string(bytes) +
             " bytes is too large: raise `max.message.bytes` of the topic and the Kafka setting `message.max.bytes`";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return where + "writing is not allowed: grant this user WRITE and DESCRIBE on it";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return where + "the cluster does not allow idempotent writing: grant this user IDEMPOTENT_WRITE";
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return where +
             "the broker calls a record invalid: a compacted topic takes no record without a key; see the broker's log";
    default: return where + rd_kafka_err2str(error);
  }
}

}  // namespace troth::source
