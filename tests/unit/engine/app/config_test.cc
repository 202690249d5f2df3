// The configuration by itself: variables over the file, secrets from elsewhere, what the rules of security let pass.
// That every example is accepted or refused with its line is in tests/broker/prometheus_test.py.
#include "engine/app/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "engine/app/config_environment.h"
#include "engine/app/config_kafka.h"
#include "engine/app/config_section.h"
#include "engine/app/config_text.h"
#include "engine/app/policy_source.h"
#include "engine/app/secrets.h"
#include "engine/app/yaml.h"
#include "engine/source/kafka_settings.h"
#include "engine/source/kafka_version.h"
#include "tests/unit/engine/app/folder.h"

namespace troth::app {
namespace {

constexpr std::string_view kLocal = "state: st\nkafka:\n  bootstrap: 127.0.0.1:9092\n";
constexpr std::string_view kPassword = "correct-horse";

Config parsed(std::string_view text, const Environment& environment = {}) {
  auto config = parse_config(text, "file", "/folder", environment);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return config.ok() ? *config : Config{};
}

std::string refusal(std::string_view text, const Environment& environment = {}) {
  const auto config = parse_config(text, "file", "/folder", environment);
  EXPECT_FALSE(config.ok());
  return config.ok() ? std::string() : config.error().message;
}

void expect_in(std::string_view part, const std::string& whole) {
  EXPECT_NE(whole.find(part), std::string::npos) << whole;
}

constexpr std::string_view kWithPassword =
    "state: st\nkafka:\n  bootstrap: kafka-1:9093\n  settings:\n    security.protocol: sasl_ssl\n"
    "    sasl.mechanism: PLAIN\n    sasl.username: troth\n    sasl.password: ";

// ------------------------------------------------------------------------------------------------------ environment

TEST(ConfigEnvironment, a_variable_goes_over_the_file) {
  const Config config = parsed(kLocal, {{"TROTH_CONFIG__KAFKA__BOOTSTRAP", "localhost:1"},
                                        {"TROTH_CONFIG__KAFKA__CLIENT_ID", "7"},
                                        {"TROTH_CONFIG__KAFKA__STANDBY", "1"},
                                        {"TROTH_CONFIG__KAFKA__INPUTS", "[a, b]"},
                                        {"TROTH_CONFIG__KAFKA__SILENCE", "{b: 6h}"},
                                        {"TROTH_CONFIG__LOG__LEVEL", "debug"},
                                        {"TROTH_CONFIG__MEMORY__CACHE", "2MiB"},
                                        {"TROTH_CONFIG__HTTP", "false"},
                                        {"TROTH_CONFIG__KAFKA__SETTINGS__SESSION_TIMEOUT_MS", "7000"}});
  EXPECT_EQ(config.kafka->bootstrap, "localhost:1");
  EXPECT_EQ(config.kafka->client_id, "7");  // text as it stands, whatever it looks like
  EXPECT_EQ(config.kafka->standby, 1);
  EXPECT_EQ(config.kafka->inputs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.kafka->silence.at("b"), 6 * event::kHour);
  EXPECT_EQ(config.kafka->settings.at("session.timeout.ms"), "7000");
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.cache_bytes, std::size_t{2} << 20U);
  EXPECT_FALSE(config.http_host.has_value());
  EXPECT_EQ(config.overridden_by.size(), 9U);
}

TEST(ConfigEnvironment, a_variable_may_bring_a_section_that_the_file_has_not) {
  const Config config = parsed("state: st\n", {{"TROTH_CONFIG__FILES__INPUTS", "[events.ndjson]"}});
  EXPECT_EQ(config.files->inputs, std::vector<std::string>{"/folder/events.ndjson"});
  const Config listening = parsed("state: st\nhttp: false\nfiles: {inputs: [a]}\n",
                                  {{"TROTH_CONFIG__HTTP__LISTEN", "127.0.0.1:1"}});
  EXPECT_EQ(listening.http_port, 1);
}

TEST(ConfigEnvironment, a_secret_may_come_as_a_variable_or_as_the_place_of_one) {
  const std::string file = std::string(kWithPassword) + "{file: elsewhere}\n";
  const Config plain = parsed(file, {{"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD", "123"}});
  EXPECT_EQ(plain.kafka->settings.at("sasl.password"), "123");
  EXPECT_TRUE(plain.kafka->secret_sources.empty());
  const Config from_file = parsed(file, {{"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD__FILE", "/run/pw"}});
  EXPECT_EQ(from_file.kafka->secret_sources.at("sasl.password").name, "/run/pw");
  const Config from_variable = parsed(file, {{"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD__ENV", "PW"}});
  EXPECT_EQ(from_variable.kafka->secret_sources.at("sasl.password").kind, SecretSource::Kind::kEnvironment);
  expect_in("set the same", refusal(file, {{"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD__ENV", "PW"},
                                           {"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD", "123"}}));
}

TEST(ConfigEnvironment, an_error_names_the_variable_and_the_key) {
  const std::string message = refusal(kLocal, {{"TROTH_CONFIG__KAFKA__STANDBY", "3"}});
  EXPECT_TRUE(message.starts_with("TROTH_CONFIG__KAFKA__STANDBY: kafka.standby must be an integer from 0 to 1"))
      << message;
  expect_in("TROTH_CONFIG__LOG__FORMAT: log.format", refusal(kLocal, {{"TROTH_CONFIG__LOG__FORMAT", "xml"}}));
  expect_in("TROTH_CONFIG__KAFKA__GROUP: kafka.group is empty", refusal(kLocal, {{"TROTH_CONFIG__KAFKA__GROUP", ""}}));
  expect_in("TROTH_CONFIG__WORKERS:1:", refusal(kLocal, {{"TROTH_CONFIG__WORKERS", "[1"}}));
}

TEST(ConfigEnvironment, a_variable_that_means_no_key_is_refused_with_the_nearest) {
  const auto message_of = [](const std::string& name) { return refusal(kLocal, {{name, "x"}}); };
  expect_in("perhaps TROTH_CONFIG__KAFKA__BOOTSTRAP is meant", message_of("TROTH_CONFIG__KAFKA__BOOTSTRAPS"));
  expect_in("TROTH_CONFIG__KAFKA__BOOTSTRAP is meant", message_of("TROTH_CONFIG_KAFKA_BOOTSTRAP"));
  expect_in("TROTH_CONFIG__KAFKA__CLIENT_ID is meant", message_of("TROTH_CONFIG__KAFKA__CLIENT__ID"));
  expect_in("TROTH_CONFIG__LOG__LEVEL is meant", message_of("TROTH_LOG__LEVEL"));
  expect_in("sets nothing", message_of("TROTH_CONFIG__"));
  expect_in("never a silent skip", message_of("TROTH_CONFIG__KAFKA__SETTINGS__AUTO_OFFSET_RESET"));
}

TEST(ConfigEnvironment, bytes_that_are_no_text_are_refused) {
  for (const char* bytes : {"kafka\xe8", "a\x01", "\xed\xa0\x80"}) {
    expect_in("TROTH_CONFIG__KAFKA__GROUP: holds what is no text",
              refusal(kLocal, {{"TROTH_CONFIG__KAFKA__GROUP", bytes}}));
  }
  EXPECT_EQ(parsed(kLocal, {{"TROTH_CONFIG__KAFKA__GROUP", "grüße"}}).kafka->group, "grüße");
}

TEST(ConfigEnvironment, other_variables_are_left_alone) {
  const Config config = parsed(kLocal, {{"TROTH_LONG", "1"},
                                        {"TROTH_KAFKA_BOOTSTRAP", "elsewhere:1"},
                                        {"TROTH_CONFIG_SERVICE_HOST", "10.0.0.1"},  // made by Kubernetes
                                        {"KAFKA__BOOTSTRAP", "elsewhere:1"}});
  EXPECT_EQ(config.kafka->bootstrap, "127.0.0.1:9092");
  EXPECT_TRUE(config.overridden_by.empty());
}

TEST(ConfigEnvironment, what_is_wrong_in_the_file_is_not_hidden_by_a_variable) {
  expect_in("file:2: kafka is", refusal("state: st\nkafka: 5\n", {{"TROTH_CONFIG__KAFKA__BOOTSTRAP", "localhost:1"}}));
  expect_in("the file is a list", refusal("[state]", {{"TROTH_CONFIG__STATE", "st"}}));
}

/// Paths of the schema's keys: those of maps with free names as one.
void list_keys(const base::Value& schema, const std::string& path, std::set<std::string>& keys) {
  const base::Value* alternatives = schema.find("oneOf");
  if (alternatives != nullptr && !path.empty()) {
    keys.insert(path);  // `http`
    for (const base::Value& each : *alternatives->list()) list_keys(each, path, keys);
  }
  const base::Value* properties = schema.find("properties");
  if (properties == nullptr) return;
  for (const auto& [name, each] : *properties->map()) {
    const std::string full = path.empty() ? name : path + "." + name;
    if (each.find("properties") == nullptr && each.find("oneOf") == nullptr) keys.insert(full);
    list_keys(each, full, keys);
  }
}

TEST(ConfigEnvironment, every_key_of_the_schema_can_be_set_by_a_variable) {
  const auto text = read_small_file(std::string(TROTH_SOURCE_DIR) + "/schemas/config.json", 1U << 20U);
  ASSERT_TRUE(text.ok());
  const auto schema = read_yaml(*text, "config.json");
  ASSERT_TRUE(schema.ok()) << schema.error().message;
  std::set<std::string> described;
  list_keys(*schema, "", described);
  described.erase("kafka.settings");  // one by one
  const auto keys = overridable_keys();
  EXPECT_EQ(described, std::set<std::string>(keys.begin(), keys.end()));
}

TEST(ConfigEnvironment, no_two_keys_share_a_variable) {
  std::set<std::string> variables;
  std::size_t count = 0;
  const auto add = [&](const std::string& key) {
    ++count;
    EXPECT_NE(variable_of(key), "");
    EXPECT_TRUE(variables.insert(variable_of(key)).second) << key;
  };
  for (const std::string& key : overridable_keys()) add(key);
  for (const auto& each : source::kKafkaPassed) add("kafka.settings." + std::string(each.name));
  for (const auto& each : source::kKafkaRefused) add("kafka.settings." + std::string(each.name));
  EXPECT_EQ(variables.size(), count);
}

// ---------------------------------------------------------------------------------------------------------- secrets

TEST(Secrets, are_read_from_a_file_without_its_last_end_of_line) {
  const Folder folder;
  folder.put("password", std::string(kPassword) + "\n");
  folder.put("windows", std::string(kPassword) + "\r\n");
  folder.put("two", std::string(kPassword) + "\n\n");
  for (const auto& [file, expected] : {std::pair<std::string, std::string>{"password", std::string(kPassword)},
                                       {"windows", std::string(kPassword)},
                                       {"two", std::string(kPassword) + "\n"}}) {
    const auto config =
        load_config(folder.put("config.yaml", std::string(kWithPassword) + "{file: " + file + "}\n"), {});
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config.value().kafka->settings.at("sasl.password"), expected);
    EXPECT_TRUE(config.value().warnings.empty());
  }
}

TEST(Secrets, are_read_from_the_environment) {
  const Folder folder;
  const std::string path = folder.put("config.yaml", std::string(kWithPassword) + "{env: PW}\n");
  const auto config = load_config(path, {{"PW", std::string(kPassword)}});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config.value().kafka->settings.at("sasl.password"), kPassword);
  const auto unset = load_config(path, {});
  ASSERT_FALSE(unset.ok());
  expect_in("kafka.settings.sasl.password: the variable PW is not set", unset.error().message);
}

TEST(Secrets, a_secret_that_is_none_is_refused_with_its_key_and_place) {
  const Folder folder;
  folder.put("empty", "\n");
  folder.put("zero", std::string("a\0b", 3));
  folder.put("endless", std::string(100'000, 'x'));
  for (const auto& [file, words] : {std::pair<std::string, std::string>{"empty", "is empty"},
                                    {"zero", "byte 0"},
                                    {"endless", "larger than"},
                                    {"absent", "cannot be opened: No such file"}}) {
    const auto config =
        load_config(folder.put("config.yaml", std::string(kWithPassword) + "{file: " + file + "}\n"), {});
    ASSERT_FALSE(config.ok()) << file;
    expect_in(words, config.error().message);
    expect_in("kafka.settings.sasl.password: ", config.error().message);
    expect_in(file, config.error().message);
  }
}

TEST(Secrets, a_number_is_not_taken_for_a_secret_because_it_would_lose_its_form) {
  for (const char* number : {"007", "1", "true", "0x10"}) {
    expect_in("sasl.password must be a string (in quotes)", refusal(std::string(kWithPassword) + number + "\n"));
    const Config config = parsed(std::string(kWithPassword) + "\"" + number + "\"\n");
    EXPECT_EQ(config.kafka->settings.at("sasl.password"), number);
  }
}

TEST(Secrets, that_others_may_read_are_warned_of) {
  const Folder folder;
  folder.put("password", kPassword, 0640);
  const std::string by_file = std::string(kWithPassword) + "{file: password}\n";
  const std::string by_text = std::string(kWithPassword) + std::string(kPassword) + "\n";
  const auto warnings = [&](const std::string& text, unsigned mode, const Environment& environment = {}) {
    const auto config = load_config(folder.put("config.yaml", text, mode), environment);
    EXPECT_TRUE(config.ok()) << config.error().message;
    return config.ok() ? config.value().warnings : std::vector<std::string>{"refused"};
  };
  ASSERT_EQ(warnings(by_file, 0644).size(), 1U);  // the configuration holds no secret
  expect_in("password holds kafka.settings.sasl.password and can be read by others", warnings(by_file, 0644)[0]);
  ASSERT_EQ(warnings(by_text, 0604).size(), 1U);
  expect_in("config.yaml holds a secret and can be read by others", warnings(by_text, 0604)[0]);
  EXPECT_TRUE(warnings(by_text, 0600).empty());
  EXPECT_TRUE(warnings(by_text, 0644, {{"TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD", "x"}}).empty());
}

TEST(Secrets, a_file_that_a_setting_names_must_be_readable) {
  const Folder folder;
  const std::string path = folder.put(
      "config.yaml",
      "state: st\nkafka:\n  bootstrap: kafka-1:9093\n  settings: {security.protocol: ssl, ssl.ca.location: ca.pem}\n");
  const auto absent = load_config(path, {});
  ASSERT_FALSE(absent.ok());
  expect_in("kafka.settings.ssl.ca.location: ", absent.error().message);
  expect_in("/ca.pem: cannot be opened: No such file", absent.error().message);
  const std::string ca = folder.put("ca.pem", "anything", 0644);
  const auto present = load_config(path, {});
  ASSERT_TRUE(present.ok()) << present.error().message;
  EXPECT_EQ(present.value().kafka->settings.at("ssl.ca.location"), ca);  // from the folder of the file
}

TEST(Secrets, the_digest_of_credentials_follows_secrets_and_files) {
  const Folder folder;
  KafkaConfig kafka;
  kafka.settings = {{"ssl.ca.location", folder.put("ca.pem", "one")}, {"sasl.password", "a"}};
  const std::string first = credentials_digest(kafka);
  EXPECT_EQ(credentials_digest(kafka), first);
  kafka.settings["sasl.password"] = "b";
  const std::string second = credentials_digest(kafka);
  EXPECT_NE(second, first);
  folder.put("ca.pem", "two");
  EXPECT_NE(credentials_digest(kafka), second);
}

// Whatever is wrong beside it.
TEST(Secrets, are_in_no_error_and_in_no_text) {
  const std::string secret(kPassword);
  for (const char* more :
       {"    session.timeout.ms: [1]\n", "    unheard.of: 1\n", "  colour: red\n", "    sasl.mechanisms: PLAIN\n"}) {
    const std::string message = refusal(std::string(kWithPassword) + secret + "\n" + more);
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
  for (const std::string& wrong : {"[" + secret + "]", "{file: [" + secret + "]}", "{env: {" + secret + ": x}}"}) {
    const std::string message = refusal(std::string(kWithPassword) + wrong + "\n");
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
  // As people write passwords that YAML takes for something else.
  for (const std::string& unquoted :
       {"{" + secret + "}", "{" + secret, "[" + secret + "}", "*" + secret, "!" + secret, "@" + secret, "%" + secret,
        "\n      {" + secret + "}", "{" + secret + ": x}", "\"" + secret, "'" + secret, "\"" + secret + "\" x",
        "? " + secret, "{" + secret + ": x, " + secret + ": y}", "&" + secret, "|" + secret}) {
    const std::string message = refusal(std::string(kWithPassword) + unquoted + "\n");
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
  const std::string text = yaml_text(describe(parsed(std::string(kWithPassword) + secret + "\n    ssl.key.pem: " +
                                                     secret + "\n    ssl.key.password: " + secret + "\n")));
  EXPECT_EQ(text.find(secret), std::string::npos) << text;
  expect_in("sasl.password: \"<set>\"", text);
  expect_in("ssl.key.pem: \"<set>\"", text);
}

// ------------------------------------------------------------------------------------------------------------ rules

TEST(ConfigRules, this_machine_has_these_addresses_and_no_others) {
  std::string other;
  for (const char* local : {"127.0.0.1:9092", "127.255.3.9", "localhost:1", "LOCALHOST:1", "[::1]:9092", "::1",
                            "127.0.0.1:1, localhost:2"}) {
    EXPECT_TRUE(is_loopback(local, other)) << local;
  }
  for (const char* remote : {"10.0.0.1:9092", "127.0.0.1.example:1", "127.1:1", "127.0.0.256:1", "localhost.example:1",
                             "[::2]:1", "0.0.0.0:1", "127.0.0.1:1,kafka-1:1", "128.0.0.1:1", ":9092"}) {
    EXPECT_FALSE(is_loopback(remote, other)) << remote;
  }
}

TEST(ConfigRules, an_insecure_key_lets_through_what_it_names_and_nothing_else) {
  const std::string remote = "state: st\nkafka:\n  bootstrap: kafka-1:9092\n";
  expect_in("insecure_plaintext: true", refusal(remote));
  parsed(remote + "  insecure_plaintext: true\n");
  expect_in("insecure_plaintext: true", refusal(remote + "  insecure_sasl_without_tls: true\n"));

  const std::string sasl = std::string(kLocal) +
                           "  settings: {security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: a, "
                           "sasl.password: b}\n";
  expect_in("insecure_sasl_without_tls: true", refusal(sasl));
  expect_in("insecure_sasl_without_tls: true", refusal(sasl + "  insecure_plaintext: true\n"));
  parsed(sasl + "  insecure_sasl_without_tls: true\n");

  const std::string unchecked =
      remote + "  settings: {security.protocol: ssl, ssl.endpoint.identification.algorithm: none}\n";
  expect_in("insecure_no_host_name_check: true", refusal(unchecked));
  parsed(unchecked + "  insecure_no_host_name_check: true\n");
}

TEST(ConfigRules, every_insecure_key_in_force_is_warned_of) {
  const Folder folder;
  const auto config = load_config(
      folder.put("config.yaml", std::string(kLocal) +
                                    "  insecure_plaintext: true\n  insecure_sasl_without_tls: true\n"
                                    "  insecure_no_host_name_check: true\n"),
      {});
  ASSERT_TRUE(config.ok()) << config.error().message;
  ASSERT_EQ(config.value().warnings.size(), 3U);
  for (const std::string& warning : config.value().warnings) expect_in("kafka.insecure_", warning);
}

TEST(ConfigRules, what_the_client_library_cannot_do_is_said_at_once) {
  const Folder folder;
  folder.put("password", kPassword);
  std::string scram = std::string(kWithPassword) + "{file: password}\n";
  scram.replace(scram.find("PLAIN"), 5, "SCRAM-SHA-512");
  const auto warned = load_config(folder.put("config.yaml", scram), {});
  ASSERT_TRUE(warned.ok()) << warned.error().message;
  EXPECT_EQ(warned.value().warnings.size(), source::kafka_library_does_scram_with_4() ? 0U : 1U);
  if (!warned.value().warnings.empty()) expect_in("2.6.1", warned.value().warnings[0]);

  const auto token = load_config(
      folder.put("config.yaml",
                 "state: st\nkafka:\n  bootstrap: kafka-1:9093\n  settings:\n    security.protocol: sasl_ssl\n"
                 "    sasl.mechanism: OAUTHBEARER\n    sasl.oauthbearer.method: oidc\n"
                 "    sasl.oauthbearer.client.id: troth\n    sasl.oauthbearer.client.secret: {file: password}\n"
                 "    sasl.oauthbearer.token.endpoint.url: https://login.example/token\n"),
      {});
  EXPECT_EQ(token.ok(), source::kafka_library_does_oidc());
  if (!token.ok()) expect_in("built without OpenID Connect. Use mTLS", token.error().message);
}

// ------------------------------------------------------------------------------------------------------------- text

TEST(ConfigText, says_every_key_and_is_a_configuration_itself) {
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(TROTH_SOURCE_DIR) / "schemas/examples/config/valid")) {
    SCOPED_TRACE(entry.path());
    const auto config = read_config(entry.path().string());
    ASSERT_TRUE(config.ok()) << config.error().message;
    Config whole = *config;
    if (whole.kafka) {
      for (const auto& [name, source] : whole.kafka->secret_sources) whole.kafka->settings[name] = "x";
    }
    const base::Value described = describe(whole);
    const std::string text = yaml_text(described);
    const auto again = parse_config(text, "again", "/");
    ASSERT_TRUE(again.ok()) << again.error().message << "\n" << text;
    EXPECT_EQ(yaml_text(describe(*again)), text);
    const auto tree = read_yaml(text, "again");
    ASSERT_TRUE(tree.ok());
    EXPECT_EQ(*tree, described) << text;
  }
}

TEST(ConfigText, has_the_defaults_of_what_is_not_said) {
  const std::string text = yaml_text(describe(parsed(kLocal)));
  for (const char* line : {"  delivery: exactly_once\n", "  changelog: trust.changelog\n", "  standby: 0\n",
                           "  transaction_timeout_ms: 30000\n", "  commit_ms: 100\n", "  listen: \"127.0.0.1:9464\"\n",
                           "  cache: \"256MiB\"\n", "state: /folder/st\n", "  insecure_plaintext: false\n",
                           "  silence: {}\n"}) {
    expect_in(line, text);
  }
}

TEST(NearestName, is_near_or_none) {
  const std::vector<std::string> names{"bootstrap", "group", "instance"};
  EXPECT_EQ(nearest_name("boostrap", names), "bootstrap");
  EXPECT_EQ(nearest_name("grp", names), "group");
  EXPECT_EQ(nearest_name("colour", names), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'x'), names), "");
}

}  // namespace
}  // namespace troth::app
