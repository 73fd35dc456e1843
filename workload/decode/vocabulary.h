// The entries of a vocabulary and their ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/token_id.h"

namespace cbr::decode {

/// An entry as the file writes it, and its id.
struct VocabularyEntry {
  std::string text;
  TokenId id = 0;
};

/// A set of entries, found by text or by id. Immutable. It is sorted and not hashed: whoever writes
/// a file chooses its ids, and could choose such as make a hash table slow.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// The entries must differ in text; of those with one id, by_id() has each.
  explicit Vocabulary(std::vector<VocabularyEntry> entries);

  /// The id of the entry with that text. Takes O(log n) comparisons.
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view text) const;
  /// The text of the entry with that id, or nothing. Takes O(log n) comparisons.
  [[nodiscard]] const std::string* text_of(TokenId id) const;
  /// The entries, ordered by text.
  [[nodiscard]] std::span<const VocabularyEntry> entries() const { return entries_; }
  /// Positions in entries(), ordered by id.
  [[nodiscard]] std::span<const std::uint32_t> by_id() const { return by_id_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::vector<VocabularyEntry> entries_;
  std::vector<std::uint32_t> by_id_;
};

}  // namespace cbr::decode
