#include "decode/vocabulary.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace cbr::decode {

Vocabulary::Vocabulary(std::vector<VocabularyEntry> entries)
    : entries_(std::move(entries)), by_id_(entries_.size()) {
  std::ranges::sort(entries_, {}, &VocabularyEntry::text);
  std::iota(by_id_.begin(), by_id_.end(), 0U);
  std::ranges::stable_sort(by_id_, {}, [this](std::uint32_t i) { return entries_[i].id; });
}

std::optional<TokenId> Vocabulary::id_of(std::string_view text) const {
  const auto found = std::ranges::lower_bound(
      entries_, text, {},
      [](const VocabularyEntry& entry) -> std::string_view { return entry.text; });
  if (found == entries_.end() || found->text != text) return std::nullopt;
  return found->id;
}

const std::string* Vocabulary::text_of(TokenId id) const {
  const auto found =
      std::ranges::lower_bound(by_id_, id, {}, [this](std::uint32_t i) { return entries_[i].id; });
  if (found == by_id_.end() || entries_[*found].id != id) return nullptr;
  return &entries_[*found].text;
}

}  // namespace cbr::decode
