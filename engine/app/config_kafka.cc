#include "engine/app/config_kafka.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/source/kafka_settings.h"

namespace troth::app {
namespace {

using base::Status;
using base::Value;

constexpr std::string_view kProtocol = "security.protocol";
constexpr std::string_view kHostNameCheck = "ssl.endpoint.identification.algorithm";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each; });
  return text;
}

/// `{file: PATH}` or `{env: NAME}`. Of anything else nothing is shown: it may be a password in braces.
void read_secret_source(Section section, const Value& value, SecretSource& source) {
  const bool is_one = value.map()->size() == 1 && (value.find("file") != nullptr || value.find("env") != nullptr);
  if (!is_one) return section.fail(value, "", "must be {file: PATH} or {env: NAME}; a secret with braces needs quotes");
  source.kind = value.find("file") != nullptr ? SecretSource::Kind::kFile : SecretSource::Kind::kEnvironment;
  section.text("file", source.name);
  section.text("env", source.name);
}

void read_setting(Section& settings, const std::string& name, const Value& value, KafkaConfig& kafka) {
  source::KafkaSettings one;
  one.bootstrap = "any";
  one.extra[name] = "";
  const bool may_be_secret = source::kafka_setting_may_be_secret(name);
  if (const Status good = source::check_kafka_settings(one); !good) {
    settings.fail(value, name, "cannot stand here: " + good.error().message);
  } else if (const auto* string = value.string()) {
    kafka.settings[name] = *string;
  } else if (may_be_secret && value.map() != nullptr) {
    read_secret_source(settings.section(name, value), value, kafka.secret_sources[name]);
  } else if (may_be_secret) {
    // A number would not be taken as it is written: 007 is 7.
    settings.fail(value, name, "must be a string (in quotes), {file: PATH} or {env: NAME}");
  } else if (const auto* number = value.integer()) {
    kafka.settings[name] = std::to_string(*number);
  } else if (const auto* boolean = value.boolean()) {
    kafka.settings[name] = *boolean ? "true" : "false";
  } else {
    settings.fail(value, name, "must be a string, an integer, true or false; only secrets are read from elsewhere");
  }
}

void read_settings(Section section, const Value& value, KafkaConfig& kafka) {
  if (value.map() == nullptr) return;  // said already
  for (const auto& [name, each] : *value.map()) read_setting(section, name, each, kafka);
}

void read_silence(Section section, KafkaConfig& kafka) {
  for (const std::string& input : kafka.inputs) {
    if (section.find(input) != nullptr) section.span(input, kafka.silence[input]);
  }
  section.refuse_unknown();
}

/// The part of an address that names the machine.
std::string host_of(std::string address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  const std::size_t colon = address.rfind(':');
  const bool is_bare_ipv6 = std::count(address.begin(), address.end(), ':') > 1;
  return colon == std::string::npos || is_bare_ipv6 ? address : address.substr(0, colon);
}

std::vector<std::string> addresses_of(const std::string& bootstrap) {
  std::vector<std::string> addresses;
  for (std::size_t from = 0; from <= bootstrap.size();) {
    const std::size_t comma = std::min(bootstrap.find(',', from), bootstrap.size());
    std::string address = bootstrap.substr(from, comma - from);
    while (address.starts_with(' ')) address.erase(0, 1);
    while (address.ends_with(' ')) address.pop_back();
    addresses.push_back(std::move(address));
    from = comma + 1;
  }
  return addresses;
}

/// 127.0.0.0/8 in full: `127.example.com` is a name that may lead anywhere.
bool is_loopback_ipv4(std::string_view host) {
  int parts = 0;
  for (std::size_t from = 0; from <= host.size(); ++parts) {
    const std::size_t dot = std::min(host.find('.', from), host.size());
    unsigned number = 0;
    const auto read = std::from_chars(host.data() + from, host.data() + dot, number);
    if (read.ec != std::errc{} || read.ptr != host.data() + dot || number > 255) return false;
    if (from == 0 && number != 127) return false;
    from = dot + 1;
  }
  return parts == 4;
}

/// The rules, with the places of what they are about.
class Rules {
 public:
  Rules(const Value& document, const KafkaConfig& kafka, ConfigReading& reading)
      : kafka_(kafka), section_(*document.find("kafka"), "kafka", reading), all_(*document.find("kafka")) {
    settings_ = all_.find("settings");
  }

  void check() {
    check_addresses();
    check_protocol();
    if (is_sasl_) check_sasl();
    if (is_tls_) check_host_names();
    check_without_effect();
    if (!is_tls_) check_plaintext();
    check_timeouts();
  }

 private:
  /// Where a setting stands; where one is missing, what asks for it.
  [[nodiscard]] const Value& place(std::string_view setting) const {
    for (const std::string_view name : {setting, kProtocol}) {
      if (const Value* value = settings_ == nullptr ? nullptr : settings_->find(name)) return *value;
    }
    return all_;
  }
  [[nodiscard]] bool has(std::string_view setting) const {
    return settings_ != nullptr && settings_->find(setting) != nullptr;
  }
  [[nodiscard]] std::string value_of(std::string_view setting) const {
    const auto found = kafka_.settings.find(std::string(setting));
    return found == kafka_.settings.end() ? std::string() : found->second;
  }
  void fail(std::string_view setting, std::string_view what) {
    section_.fail(place(setting), "settings." + std::string(setting), what);
  }

  void check_addresses() {
    for (const std::string& address : addresses_of(kafka_.bootstrap)) {
      if (address.empty() || address.find('/') != std::string::npos || address.find(' ') != std::string::npos)
        section_.fail(*all_.find("bootstrap"), "bootstrap", "must be host:port, comma separated, like kafka-1:9093");
    }
  }

  void check_protocol() {
    const std::string protocol = has(kProtocol) ? lower(value_of(kProtocol)) : "plaintext";
    is_tls_ = protocol == "ssl" || protocol == "sasl_ssl";
    is_sasl_ = protocol == "sasl_ssl" || protocol == "sasl_plaintext";
    if (!is_tls_ && !is_sasl_ && protocol != "plaintext")
      fail(kProtocol, "must be plaintext, ssl, sasl_ssl or sasl_plaintext");
    if (protocol == "sasl_plaintext" && !kafka_.insecure_sasl_without_tls) {
      fail(kProtocol,
           "is sasl_plaintext: whoever can listen could read the password and every event. Make it sasl_ssl; or, if "
           "nobody can listen, say so by `kafka.insecure_sasl_without_tls: true`");
    }
  }

  void check_sasl() {
    const std::string mechanism = sasl_mechanism(kafka_);
    if (has("sasl.mechanism") && has("sasl.mechanisms"))
      return fail("sasl.mechanisms", "and sasl.mechanism are two names for one thing: give one of them");
    const std::string_view name = has("sasl.mechanisms") ? "sasl.mechanisms" : "sasl.mechanism";
    if (mechanism.empty())
      return fail(name, "is missing: with SASL it must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI");
    const bool is_scram = mechanism == "SCRAM-SHA-256" || mechanism == "SCRAM-SHA-512";
    if (mechanism == "PLAIN" || is_scram) {
      for (const std::string_view needed : {"sasl.username", "sasl.password"}) {
        if (!has(needed)) return fail(needed, fmt::format("is missing: {} needs it", mechanism));
      }
    } else if (mechanism == "OAUTHBEARER") {
      check_oauthbearer();
    } else if (mechanism != "GSSAPI") {
      fail(name, "must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI");
    }
  }

  void check_oauthbearer() {
    constexpr std::string_view kMethod = "sasl.oauthbearer.method";
    constexpr std::string_view kEndpoint = "sasl.oauthbearer.token.endpoint.url";
    if (lower(value_of(kMethod)) != "oidc")
      return fail(kMethod, "must be oidc: tokens of any other kind are not signed and prove nothing");
    for (const std::string_view needed :
         {std::string_view("sasl.oauthbearer.client.id"), std::string_view("sasl.oauthbearer.client.secret"),
          kEndpoint}) {
      if (!has(needed)) return fail(needed, "is missing: OAUTHBEARER with the method oidc needs it");
    }
    if (!lower(value_of(kEndpoint)).starts_with("https://"))
      fail(kEndpoint, "must begin with https://: the client's secret is sent there");
  }

  void check_host_names() {
    if (!has(kHostNameCheck) || kafka_.insecure_no_host_name_check) return;
    const std::string algorithm = lower(value_of(kHostNameCheck));
    if (algorithm != "https") {
      fail(kHostNameCheck,
           "switches off that the broker's name is compared with its certificate: whoever has any certificate of the "
           "same authority could be the broker. Leave it out; or, if the names cannot be right, say so by "
           "`kafka.insecure_no_host_name_check: true`");
    }
  }

  /// A setting that is ignored may be one that somebody relies on.
  void check_without_effect() {
    if (settings_ == nullptr) return;
    for (const auto& [name, value] : *settings_->map()) {
      if (name.starts_with("ssl.") && !is_tls_) {
        fail(name, "has no effect without TLS: make kafka.settings.security.protocol ssl or sasl_ssl");
      } else if (name.starts_with("sasl.") && !is_sasl_) {
        fail(name, "has no effect without SASL: make kafka.settings.security.protocol sasl_ssl");
      }
    }
  }

  void check_plaintext() {
    std::string other;
    if (is_sasl_ || kafka_.insecure_plaintext || is_loopback(kafka_.bootstrap, other)) return;
    section_.fail(*all_.find("bootstrap"), "bootstrap",
                  fmt::format("leads to {}, another machine, without TLS: whoever is on the way could read and change "
                              "every event. Make kafka.settings.security.protocol ssl or sasl_ssl; or, if nobody is "
                              "on the way, say so by `kafka.insecure_plaintext: true`",
                              other));
  }

  /// The client library refuses to be made with a transaction that is given up before a request can fail.
  void check_timeouts() {
    constexpr std::string_view kSocket = "socket.timeout.ms";
    if (kafka_.delivery != Delivery::kExactlyOnce || !has(kSocket)) return;
    const std::string text = value_of(kSocket);
    std::int64_t timeout_ms = 0;
    std::from_chars(text.data(), text.data() + text.size(), timeout_ms);
    if (timeout_ms > kafka_.transaction_timeout_ms) {
      fail(kSocket, fmt::format("must not exceed kafka.transaction_timeout_ms, which is {}",
                                kafka_.transaction_timeout_ms));
    }
  }

  const KafkaConfig& kafka_;
  Section section_;
  const Value& all_;
  const Value* settings_ = nullptr;
  bool is_tls_ = false;
  bool is_sasl_ = false;
};

}  // namespace

void read_kafka(Section section, KafkaConfig& kafka) {
  section.text("bootstrap", kafka.bootstrap);
  section.text("client_id", kafka.client_id);
  section.text("group", kafka.group);
  section.text("instance", kafka.instance);
  if (const Value* settings = section.find("settings"))
    read_settings(section.section("settings", *settings), *settings, kafka);
  section.texts("inputs", kafka.inputs);
  if (const Value* outputs = section.find("outputs")) {
    Section names = section.section("outputs", *outputs);
    names.text("scores", kafka.outputs[0]);
    names.text("alerts", kafka.outputs[1]);
    names.text("promises", kafka.outputs[2]);
    names.text("deadletters", kafka.outputs[3]);
    names.refuse_unknown();
  }
  std::size_t delivery = 0;
  section.choice("delivery", delivery, {"exactly_once", "at_least_once"});
  kafka.delivery = delivery == 0 ? Delivery::kExactlyOnce : Delivery::kAtLeastOnce;
  section.text("changelog", kafka.changelog);
  if (kafka.changelog == "none") kafka.changelog.reset();
  section.flag("repartition", kafka.repartition);
  section.text("repartition_topic", kafka.repartition_topic);
  section.integer("standby", kafka.standby, 0, 1);
  section.integer("transaction_timeout_ms", kafka.transaction_timeout_ms, 1'000, 900'000);
  section.integer("commit_ms", kafka.commit_ms, 10, 60'000);
  if (const Value* silence = section.find("silence")) read_silence(section.section("silence", *silence), kafka);
  section.flag("insecure_plaintext", kafka.insecure_plaintext);
  section.flag("insecure_sasl_without_tls", kafka.insecure_sasl_without_tls);
  section.flag("insecure_no_host_name_check", kafka.insecure_no_host_name_check);
  section.refuse_unknown();
}

void check_kafka_rules(const Value& document, const KafkaConfig& kafka, ConfigReading& reading) {
  Rules(document, kafka, reading).check();
}

void put_into_folder(KafkaConfig& kafka, const std::string& folder) {
  for (auto& [name, value] : kafka.settings) {
    if (source::kafka_setting_is_path(name) && value != "probe") value = in_folder(value, folder);
  }
  for (auto& [name, source] : kafka.secret_sources) {
    if (source.kind == SecretSource::Kind::kFile) source.name = in_folder(source.name, folder);
  }
}

std::string sasl_mechanism(const KafkaConfig& kafka) {
  for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    const auto found = kafka.settings.find(name);
    if (found == kafka.settings.end()) continue;
    std::string mechanism = found->second;
    for (char& each : mechanism) each = each >= 'a' && each <= 'z' ? static_cast<char>(each - 'a' + 'A') : each;
    return mechanism;
  }
  return {};
}

bool is_loopback(const std::string& bootstrap, std::string& other) {
  for (const std::string& address : addresses_of(bootstrap)) {
    const std::string host = lower(host_of(address));
    if (host == "localhost" || host == "::1" || is_loopback_ipv4(host)) continue;
    other = host;
    return false;
  }
  return true;
}

}  // namespace troth::app
