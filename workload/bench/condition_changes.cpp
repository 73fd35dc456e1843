#include "bench/condition_changes.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::bench {
namespace {

using nlohmann::json;

/// Walks through both at once.
class Walk {
 public:
  explicit Walk(std::size_t most) : most_(most) {}

  [[nodiscard]] ConditionChanges take() { return std::move(found_); }

  /// The members of both, in the order of their names, which is that of JSON's maps here.
  void compare_members(const json& baseline, const json& candidate) {
    auto a = baseline.begin();
    auto b = candidate.begin();
    while (a != baseline.end() || b != candidate.end()) {
      const bool takes_a = a != baseline.end() && (b == candidate.end() || a.key() <= b.key());
      const bool takes_b = b != candidate.end() && (a == baseline.end() || b.key() <= a.key());
      path_.push_back(takes_a ? a.key() : b.key());
      compare(takes_a ? &*a : nullptr, takes_b ? &*b : nullptr);
      path_.pop_back();
      if (takes_a) ++a;
      if (takes_b) ++b;
    }
  }

 private:
  /// Null: absent.
  void compare(const json* baseline, const json* candidate) {
    if (baseline != nullptr && candidate != nullptr) {
      if (baseline->is_object() && candidate->is_object()) {
        compare_members(*baseline, *candidate);
        return;
      }
      if (*baseline == *candidate) return;
    }
    if (found_.first.size() == most_) {
      ++found_.more;
      return;
    }
    found_.first.push_back({name(), text_of(baseline), text_of(candidate)});
  }

  [[nodiscard]] std::string name() const {
    std::string name;
    for (const std::string_view key : path_) {
      if (!name.empty()) name += '.';
      name += text::printable(key);
    }
    return name;
  }

  static std::string text_of(const json* value) {
    return value == nullptr ? "absent" : decode::describe(*value);
  }

  std::size_t most_;
  ConditionChanges found_;
  std::vector<std::string_view> path_;
};

}  // namespace

ConditionChanges find_condition_changes(const json& baseline, const json& candidate,
                                        std::size_t most) {
  Walk walk(most);
  walk.compare_members(baseline, candidate);
  return walk.take();
}

}  // namespace cbr::bench
