#include "engine/source/kafka_settings.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/source/kafka_client.h"
#include "engine/source/kafka_source.h"

namespace troth::source {
namespace {

KafkaSettings with(const std::string& name, const std::string& value) {
  KafkaSettings settings;
  settings.bootstrap = "127.0.0.1:1";
  settings.extra[name] = value;
  return settings;
}

std::string refusal(const std::string& name, const std::string& value = "x") {
  const base::Status checked = check_kafka_settings(with(name, value));
  return checked.ok() ? "" : checked.error().message;
}

TEST(KafkaSettings, a_setting_on_the_list_is_passed_on) {
  EXPECT_EQ(refusal("ssl.ca.location", "/etc/ca.pem"), "");
  EXPECT_EQ(refusal("session.timeout.ms", "6000"), "");
  EXPECT_EQ(refusal("linger.ms", "1"), "");
}

TEST(KafkaSettings, what_decides_on_delivery_is_refused_with_its_reason) {
  EXPECT_NE(refusal("auto.offset.reset", "latest").find("never a silent skip"), std::string::npos);
  EXPECT_NE(refusal("partition.assignment.strategy").find("range"), std::string::npos);
  EXPECT_NE(refusal("acks", "1").find("`acks`"), std::string::npos);
  EXPECT_NE(refusal("client.rack").find("2.0.2"), std::string::npos);
}

TEST(KafkaSettings, an_unknown_setting_is_refused_and_the_like_of_it_are_named) {
  const std::string ssl = refusal("ssl.ca.loction");
  EXPECT_NE(ssl.find("`ssl.ca.loction`"), std::string::npos);
  EXPECT_NE(ssl.find("ssl.ca.location"), std::string::npos);
  EXPECT_EQ(ssl.find("linger.ms"), std::string::npos);
  EXPECT_NE(refusal("nonsense").find("linger.ms"), std::string::npos);
}

TEST(KafkaSettings, an_address_is_needed) { EXPECT_FALSE(check_kafka_settings(KafkaSettings{}).ok()); }

TEST(KafkaSettings, no_setting_is_both_passed_on_and_refused_and_none_is_named_twice) {
  std::set<std::string_view> names;
  for (const KafkaPassed& each : kKafkaPassed) EXPECT_TRUE(names.insert(each.name).second) << each.name;
  for (const KafkaRefused& each : kKafkaRefused) EXPECT_TRUE(names.insert(each.name).second) << each.name;
}

TEST(KafkaSettings, every_setting_passed_on_is_known_to_the_library_or_to_a_newer_one) {
  const KafkaConf conf(rd_kafka_conf_new());
  for (const KafkaPassed& each : kKafkaPassed) {
    char why[256];
    const auto set = rd_kafka_conf_set(conf.get(), std::string(each.name).c_str(), "1", why, sizeof why);
    const bool may_be_unknown = each.name == "fetch.queue.backoff.ms";  // since 2.2
    EXPECT_TRUE(set != RD_KAFKA_CONF_UNKNOWN || may_be_unknown) << each.name;
  }
}

TEST(KafkaSettings, a_value_is_never_shown) {
  const std::string secret = "correct-horse";
  EXPECT_EQ(refusal("unheard.of", secret).find(secret), std::string::npos);
  EXPECT_EQ(refusal("acks", secret).find(secret), std::string::npos);
  for (const char* name : {"ssl.key.pem", "ssl.ca.pem", "ssl.certificate.pem", "ssl.keystore.password",
                           "ssl.key.password", "sasl.password", "sasl.oauthbearer.client.secret"}) {
    EXPECT_TRUE(kafka_setting_is_secret(name)) << name;
    EXPECT_TRUE(kafka_setting_may_be_secret(name)) << name;
  }
  for (const char* name : {"sasl.username", "ssl.ca.location", "security.protocol"})
    EXPECT_FALSE(kafka_setting_is_secret(name)) << name;
  // Whatever the library says of a bad one, at whatever stage.
  for (const char* name : {"ssl.key.pem", "ssl.ca.pem", "ssl.certificate.pem"}) {
    KafkaSourceOptions options;
    options.kafka = with(name, secret);
    options.kafka.extra["security.protocol"] = "ssl";
    std::string seen;
    options.kafka.log = [&](const std::string& line) { seen += line; };
    options.start_timeout_ms = 100;
    const auto opened = KafkaSource::open(options);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ((opened.error().message + seen).find(secret), std::string::npos) << opened.error().message;
  }
}

TEST(KafkaSettings, what_would_run_or_trust_the_unknown_is_refused) {
  EXPECT_NE(refusal("enable.ssl.certificate.verification", "false").find("ssl.ca.location"), std::string::npos);
  EXPECT_NE(refusal("sasl.kerberos.kinit.cmd", "reboot").find("shell"), std::string::npos);
  EXPECT_NE(refusal("plugin.library.paths", "x.so").find("code from elsewhere"), std::string::npos);
  EXPECT_NE(refusal("enable.sasl.oauthbearer.unsecure.jwt", "true").find("unsigned"), std::string::npos);
}

TEST(KafkaContact, the_remedy_fits_the_words_of_the_library) {
  const auto expect = [](std::string_view cause, std::string_view remedy) {
    EXPECT_NE(kafka_contact_remedy(cause).find(remedy), std::string_view::npos) << kafka_contact_remedy(cause);
  };
  // As librdkafka 2.0.2 with OpenSSL 3 said them to brokers of 3.9.1 and 4.1.0.
  expect("SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate", "host name");
  expect("Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42",
         "ssl.certificate.location");
  expect("Receive failed: error:0A000416:SSL routines::sslv3 alert certificate unknown", "authority that it trusts");
  expect("SASL authentication error: Authentication failed: Invalid username or password", "sasl.password");
  expect("SASL authentication error: failed due to invalid credentials with SASL mechanism SCRAM-SHA-512", "2.6.1");
  expect("SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading", "speaks TLS at this port");
  expect("Connect to ipv4#127.0.0.1:9092 failed: Connection refused", "that the broker runs");
  expect("", "that the broker runs");
}

TEST(KafkaSettings, a_value_that_the_library_refuses_is_an_error_that_names_the_setting) {
  KafkaSourceOptions options;
  options.kafka = with("session.timeout.ms", "soon");
  const auto opened = KafkaSource::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("session.timeout.ms"), std::string::npos) << opened.error().message;
}

TEST(KafkaSource, a_cluster_that_cannot_be_reached_is_an_error_with_its_cause_after_the_time_given) {
  KafkaSourceOptions options;
  options.kafka.bootstrap = "127.0.0.1:1";
  options.start_timeout_ms = 300;
  const auto start = std::chrono::steady_clock::now();
  const auto opened = KafkaSource::open(options);
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("127.0.0.1:1"), std::string::npos);
  EXPECT_NE(opened.error().message.find("refused"), std::string::npos) << opened.error().message;
  EXPECT_LT(took, std::chrono::seconds(5));
}

}  // namespace
}  // namespace troth::source
