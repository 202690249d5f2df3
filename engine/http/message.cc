#include "engine/http/message.h"

#include "engine/base/json.h"

namespace troth::http {

Response error_response(int status, std::string_view error) {
  base::JsonWriter json;
  json.begin_map();
  json.field("error", error);
  json.end_map();
  return {status, "application/json", std::move(json).take(), {}};
}

}  // namespace troth::http
