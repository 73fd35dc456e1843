// JSON files.
#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "text/json_object.h"

namespace cbr::decode {

using text::deepest_json;
using text::describe;
using text::JsonObject;
using text::parse_json_object;

/// Reads and parses a file of at most `largest` bytes. Throws as MappedFile and
/// parse_json_object() do, and for a larger file.
[[nodiscard]] nlohmann::json read_json_file(const std::filesystem::path& path,
                                            std::uint64_t largest);

}  // namespace cbr::decode
