// KafkaSettings: how to reach a Kafka cluster, as the configuration gives it: shared by source, sink and `troth
// topics`. Plain data and pure functions; any thread. Knows no Kafka library, so that the configuration can check
// itself without one. Header-only, because the rooms source and sink both need it and neither links the other.
//
// Promise: no message made here holds the value of a setting (one may be a password).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace troth::source {

struct KafkaSettings {
  std::string bootstrap;  // host:port, comma separated
  std::string client_id = "troth";
  std::map<std::string, std::string> extra;  // settings of the client library, passed on if they are on the list below
  std::function<void(const std::string& line)> log = {};  // the library's own log; from several threads; none: dropped
};

enum class KafkaRole : std::uint8_t { kBoth, kConsumer, kProducer };

/// A setting that may be passed on: one that changes how, never what. Whatever decides on delivery, order, positions or
/// membership is the engine's own.
struct KafkaPassed {
  std::string_view name;
  KafkaRole role;  // a setting of the other role is not passed to this client
};

inline constexpr std::array kKafkaPassed = {
    KafkaPassed{"security.protocol", KafkaRole::kBoth},
    KafkaPassed{"ssl.ca.location", KafkaRole::kBoth},
    KafkaPassed{"ssl.ca.pem", KafkaRole::kBoth},
    KafkaPassed{"ssl.certificate.location", KafkaRole::kBoth},
    KafkaPassed{"ssl.certificate.pem", KafkaRole::kBoth},
    KafkaPassed{"ssl.cipher.suites", KafkaRole::kBoth},
    KafkaPassed{"ssl.crl.location", KafkaRole::kBoth},
    KafkaPassed{"ssl.endpoint.identification.algorithm", KafkaRole::kBoth},
    KafkaPassed{"ssl.key.location", KafkaRole::kBoth},
    KafkaPassed{"ssl.key.password", KafkaRole::kBoth},
    KafkaPassed{"ssl.key.pem", KafkaRole::kBoth},
    KafkaPassed{"ssl.keystore.location", KafkaRole::kBoth},
    KafkaPassed{"ssl.keystore.password", KafkaRole::kBoth},
    KafkaPassed{"sasl.kerberos.keytab", KafkaRole::kBoth},
    KafkaPassed{"sasl.kerberos.min.time.before.relogin", KafkaRole::kBoth},
    KafkaPassed{"sasl.kerberos.principal", KafkaRole::kBoth},
    KafkaPassed{"sasl.kerberos.service.name", KafkaRole::kBoth},
    KafkaPassed{"sasl.mechanism", KafkaRole::kBoth},
    KafkaPassed{"sasl.mechanisms", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.client.id", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.client.secret", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.extensions", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.method", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.scope", KafkaRole::kBoth},
    KafkaPassed{"sasl.oauthbearer.token.endpoint.url", KafkaRole::kBoth},
    KafkaPassed{"sasl.password", KafkaRole::kBoth},
    KafkaPassed{"sasl.username", KafkaRole::kBoth},
    KafkaPassed{"broker.address.family", KafkaRole::kBoth},
    KafkaPassed{"broker.address.ttl", KafkaRole::kBoth},
    KafkaPassed{"connections.max.idle.ms", KafkaRole::kBoth},
    KafkaPassed{"message.max.bytes", KafkaRole::kBoth},
    KafkaPassed{"metadata.max.age.ms", KafkaRole::kBoth},
    KafkaPassed{"receive.message.max.bytes", KafkaRole::kBoth},
    KafkaPassed{"reconnect.backoff.max.ms", KafkaRole::kBoth},
    KafkaPassed{"reconnect.backoff.ms", KafkaRole::kBoth},
    KafkaPassed{"socket.connection.setup.timeout.ms", KafkaRole::kBoth},
    KafkaPassed{"socket.keepalive.enable", KafkaRole::kBoth},
    KafkaPassed{"socket.nagle.disable", KafkaRole::kBoth},
    KafkaPassed{"socket.receive.buffer.bytes", KafkaRole::kBoth},
    KafkaPassed{"socket.send.buffer.bytes", KafkaRole::kBoth},
    KafkaPassed{"socket.timeout.ms", KafkaRole::kBoth},
    KafkaPassed{"topic.metadata.refresh.interval.ms", KafkaRole::kBoth},
    KafkaPassed{"fetch.error.backoff.ms", KafkaRole::kConsumer},
    KafkaPassed{"fetch.max.bytes", KafkaRole::kConsumer},
    KafkaPassed{"fetch.message.max.bytes", KafkaRole::kConsumer},
    KafkaPassed{"fetch.min.bytes", KafkaRole::kConsumer},
    KafkaPassed{"fetch.queue.backoff.ms", KafkaRole::kConsumer},
    KafkaPassed{"fetch.wait.max.ms", KafkaRole::kConsumer},
    KafkaPassed{"heartbeat.interval.ms", KafkaRole::kConsumer},
    KafkaPassed{"max.poll.interval.ms", KafkaRole::kConsumer},
    KafkaPassed{"queued.max.messages.kbytes", KafkaRole::kConsumer},
    KafkaPassed{"queued.min.messages", KafkaRole::kConsumer},
    KafkaPassed{"session.timeout.ms", KafkaRole::kConsumer},
    KafkaPassed{"batch.num.messages", KafkaRole::kProducer},
    KafkaPassed{"batch.size", KafkaRole::kProducer},
    KafkaPassed{"compression.codec", KafkaRole::kProducer},
    KafkaPassed{"compression.level", KafkaRole::kProducer},
    KafkaPassed{"linger.ms", KafkaRole::kProducer},
    KafkaPassed{"queue.buffering.max.kbytes", KafkaRole::kProducer},
    KafkaPassed{"queue.buffering.max.messages", KafkaRole::kProducer},
    KafkaPassed{"request.timeout.ms", KafkaRole::kProducer},
    KafkaPassed{"retry.backoff.ms", KafkaRole::kProducer},
};

/// A setting somebody may well ask for, and why he cannot have it.
struct KafkaRefused {
  std::string_view name;
  std::string_view why;
};

inline constexpr std::array kKafkaRefused = {
    KafkaRefused{"bootstrap.servers", "it has a place of its own in the configuration"},
    KafkaRefused{"metadata.broker.list", "the address of the cluster has a place of its own in the configuration"},
    KafkaRefused{"client.id", "it has a place of its own in the configuration"},
    KafkaRefused{"group.id", "it has a place of its own in the configuration"},
    KafkaRefused{"group.instance.id", "it has a place of its own in the configuration"},
    KafkaRefused{"enable.auto.commit", "positions are stored with the state, never by the client"},
    KafkaRefused{"enable.auto.offset.store", "positions are stored with the state, never by the client"},
    KafkaRefused{"auto.offset.reset", "a position that is gone is an error, never a silent skip"},
    KafkaRefused{"isolation.level", "aborted records are never read"},
    KafkaRefused{"check.crcs", "checksums are always verified"},
    KafkaRefused{"enable.partition.eof", "the engine's time depends on it"},
    KafkaRefused{"partition.assignment.strategy", "only `range` keeps the partitions of all inputs together"},
    KafkaRefused{"client.rack", "reading from followers aborts the process in librdkafka 2.0.2"},
    KafkaRefused{"allow.auto.create.topics", "topics are made by `troth topics create`, with the right partitions"},
    KafkaRefused{"partitioner", "inputs, outputs and files must agree on the partition of a key"},
    KafkaRefused{"enable.idempotence", "without it a retry could write twice or out of order"},
    KafkaRefused{"acks", "an output counts as delivered only when all replicas have it"},
    KafkaRefused{"request.required.acks", "an output counts as delivered only when all replicas have it"},
    KafkaRefused{"transactional.id", "it belongs to the engine"},
    KafkaRefused{"message.timeout.ms", "a record that was given up could still arrive, after newer ones of its key"},
    KafkaRefused{"delivery.timeout.ms", "a record that was given up could still arrive, after newer ones of its key"},
    KafkaRefused{"enable.ssl.certificate.verification",
                 "a connection to an unverified broker protects nothing; give `ssl.ca.location`"},
    KafkaRefused{"enable.sasl.oauthbearer.unsecure.jwt", "an unsigned token proves nothing; use the method oidc"},
    KafkaRefused{"sasl.oauthbearer.config", "it makes unsigned tokens, which prove nothing; use the method oidc"},
    KafkaRefused{"sasl.kerberos.kinit.cmd", "it would be run by a shell"},
    KafkaRefused{"plugin.library.paths", "code from elsewhere is not loaded into this process"},
    KafkaRefused{"ssl.engine.location", "code from elsewhere is not loaded into this process"},
    KafkaRefused{"debug", "the library's debug log may show what must not be seen"},
};

/// Whether a value of this setting must never be shown.
[[nodiscard]] inline bool kafka_setting_is_secret(std::string_view name) {
  const auto ends_with = [&](std::string_view end) { return name.size() >= end.size() && name.ends_with(end); };
  return ends_with(".password") || ends_with(".pem") || ends_with(".secret");
}

/// Whether a setting may be read from a file or a variable of the environment: secrets, and the names that go with
/// them. Of these the client library never quotes the value.
[[nodiscard]] inline bool kafka_setting_may_be_secret(std::string_view name) {
  return kafka_setting_is_secret(name) || name == "sasl.username" || name == "sasl.oauthbearer.client.id";
}

/// Whether the value of a setting is a path.
[[nodiscard]] inline bool kafka_setting_is_path(std::string_view name) {
  return name.ends_with(".location") || name.ends_with(".keytab");
}

[[nodiscard]] inline const KafkaPassed* find_kafka_setting(std::string_view name) {
  for (const KafkaPassed& each : kKafkaPassed) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

/// The settings that may be passed on, in one line: those of the same family as `name` if there are any, else all.
[[nodiscard]] inline std::string similar_kafka_settings(std::string_view name) {
  const std::string_view family = name.substr(0, name.find('.'));
  std::string similar;
  std::string all;
  for (const KafkaPassed& each : kKafkaPassed) {
    (all += all.empty() ? "" : ", ") += each.name;
    if (each.name.substr(0, each.name.find('.')) == family) (similar += similar.empty() ? "" : ", ") += each.name;
  }
  return similar.empty() ? all : similar;
}

/// What can be judged without a cluster. Values are judged by the client library when the client is made.
[[nodiscard]] inline base::Status check_kafka_settings(const KafkaSettings& settings) {
  if (settings.bootstrap.empty())
    return base::Error{"Kafka: no bootstrap address given: it must be host:port, comma separated"};
  for (const auto& [name, value] : settings.extra) {
    if (find_kafka_setting(name) != nullptr) continue;
    for (const KafkaRefused& refused : kKafkaRefused) {
      if (refused.name == name) {
        return base::Error{"Kafka setting `" + name + "` cannot be given: " + std::string(refused.why)};
      }
    }
    return base::Error{"Kafka setting `" + name +
                       "` is not one that is passed on. These are: " + similar_kafka_settings(name)};
  }
  return base::success();
}

}  // namespace troth::source
