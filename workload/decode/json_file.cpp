#include "decode/json_file.h"

#include <nlohmann/json.hpp>

#include "decode/mapped_file.h"
#include "text/printable.h"

namespace cbr::decode {

nlohmann::json read_json_file(const std::filesystem::path& path, std::uint64_t largest) {
  const MappedFile file(path, largest);
  return parse_json_object(file.text(), text::printable_path(path));
}

}  // namespace cbr::decode
