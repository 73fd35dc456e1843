// Files for tests: temporary directories, the shipped model, and a check on error text.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace cbr::test {

/// A new empty directory, removed with all it holds at the end of its life.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file of that name with that content and returns its path.
  [[nodiscard]] std::filesystem::path write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// The directory of the small model that ships with the project.
[[nodiscard]] std::filesystem::path shipped_model();

/// The JSON of a file. Throws what the JSON library throws.
[[nodiscard]] nlohmann::json read_json(const std::filesystem::path& path);

/// Runs `action` and returns the text of the cbr::InputError it throws. Returns a text that says
/// so, which no test expects, if it throws none or if the text has more than one line.
[[nodiscard]] std::string input_error_of(const std::function<void()>& action);

}  // namespace cbr::test
