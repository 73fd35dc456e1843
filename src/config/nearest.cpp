#include "config/nearest.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cbr::config {
namespace {

/// Longer words are nobody's slip, and the time is the product of the lengths.
constexpr std::size_t longest_word = 100;
/// Shorter ones are in too many words by chance.
constexpr std::size_t shortest_fragment = 4;
/// With more, a suggestion is none.
constexpr std::size_t most_relatives = 3;

std::string letters_of(std::string_view word) {
  std::string letters;
  for (const char each : word) {
    if (each == '-' || each == '_') continue;
    letters += each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  }
  return letters;
}

/// As edit_distance(), of words that are letters alone.
std::size_t letter_distance(std::string_view a, std::string_view b) {
  // Row i holds the distances from the first i letters of `a` to each beginning of `b`.
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::move(last);
    last = std::move(row);
    row.assign(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  return letter_distance(letters_of(left), letters_of(right));
}

std::optional<std::string_view> nearest(std::string_view misspelt,
                                        const std::vector<std::string_view>& words) {
  if (misspelt.size() > longest_word) return std::nullopt;
  const std::string letters = letters_of(misspelt);
  const std::size_t limit = std::max<std::size_t>(1, misspelt.size() / 3);
  std::optional<std::string_view> best;
  std::size_t best_distance = limit + 1;
  for (const std::string_view word : words) {
    const std::string others = letters_of(word);
    // Each letter that only one of them has is a change. Seen without filling a table, this spares
    // most words.
    const auto [shorter, longer] = std::minmax({letters.size(), others.size()});
    if (longer - shorter >= best_distance) continue;
    const std::size_t distance = letter_distance(letters, others);
    if (distance >= best_distance) continue;
    best = word;
    best_distance = distance;
  }
  return best;
}

std::vector<std::string_view> relatives(std::string_view fragment,
                                        const std::vector<std::string_view>& words) {
  std::vector<std::string_view> found;
  const std::string letters = letters_of(fragment.substr(0, longest_word));
  if (letters.size() < shortest_fragment) return found;
  for (const std::string_view word : words) {
    const std::string others = letters_of(word);
    const bool is_part = others.find(letters) != std::string::npos;
    const bool has_part =
        others.size() >= shortest_fragment && letters.find(others) != std::string::npos;
    if (is_part || has_part) found.push_back(word);
  }
  return found;
}

std::string suggestion(std::string_view misspelt, const std::vector<std::string_view>& words) {
  if (const std::optional<std::string_view> word = nearest(misspelt, words)) {
    return fmt::format("; did you mean {}?", *word);
  }
  const std::vector<std::string_view> found = relatives(misspelt, words);
  if (found.empty() || found.size() > most_relatives) return {};
  return fmt::format("; did you mean {}?", fmt::join(found, " or "));
}

}  // namespace cbr::config
