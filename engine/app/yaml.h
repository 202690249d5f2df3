// YAML as Troth reads it: YAML 1.2 core schema, restricted to maps, lists, strings, integers and booleans (TRUST_MODEL:
// policy). JSON is YAML. The one file that knows yaml-cpp; its exceptions end here. Pure function; any thread.
//
// What would be read one way by one program and another way by the next is refused with its line, not guessed at: a key
// twice, a null, a number with a fraction, a merge key, a second document. Hostile input is bounded in bytes, in depth
// and in what its aliases expand to.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/value.h"

namespace troth::app {

inline constexpr std::size_t kYamlBytesMax = 1024 * 1024;
inline constexpr int kYamlDepthMax = 64;
/// Nodes and bytes after all aliases are replaced by what they stand for.
inline constexpr std::size_t kYamlNodesMax = 100'000;
inline constexpr std::size_t kYamlExpandedBytesMax = 16 * kYamlBytesMax;

/// The tree of one document, each value with its line. `name` is how errors call the text: a path, say.
[[nodiscard]] base::Result<base::Value> read_yaml(std::string_view text, std::string_view name);

/// An error about a document, fit for a terminal and a log: it may quote keys, which may hold anything and be as long
/// as the text.
[[nodiscard]] base::Error document_error(std::string_view text);

}  // namespace troth::app
