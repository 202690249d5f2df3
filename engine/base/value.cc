#include "engine/base/value.h"

#include "engine/base/json.h"

namespace troth::base {
namespace {

void write(JsonWriter& json, const Value& value) {
  if (const auto* boolean = value.boolean()) return json.boolean(*boolean);
  if (const auto* integer = value.integer()) return json.integer(*integer);
  if (const auto* string = value.string()) return json.string(*string);
  if (const auto* list = value.list()) {
    json.begin_list();
    for (const Value& each : *list) write(json, each);
    return json.end_list();
  }
  if (const auto* map = value.map()) {
    json.begin_map();
    for (const auto& [key, each] : *map) {
      json.key(key);
      write(json, each);
    }
    return json.end_map();
  }
  json.null();
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  const Map* members = map();
  if (members == nullptr) return nullptr;
  const auto at = members->find(key);
  return at == members->end() ? nullptr : &at->second;
}

std::string_view Value::kind_name() const {
  if (map() != nullptr) return "a map";
  if (list() != nullptr) return "a list";
  if (string() != nullptr) return "a string";
  if (integer() != nullptr) return "an integer";
  if (boolean() != nullptr) return "a boolean";
  return "null";
}

Value merged(const Value& under, const Value& over) {
  if (under.map() == nullptr || over.map() == nullptr) return over;
  Value result = under;
  for (const auto& [key, value] : *over.map()) {
    auto& members = *result.map();
    const auto at = members.find(key);
    if (at == members.end()) {
      members.emplace(key, value);
    } else {
      at->second = merged(at->second, value);
    }
  }
  return result;
}

std::string canonical_json(const Value& value) {
  JsonWriter json;
  write(json, value);
  return std::move(json).take();
}

}  // namespace troth::base
