#include "decode/added_tokens.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

namespace cbr::decode {
namespace {

constexpr std::uint32_t root = 0;
constexpr std::uint32_t no_match = std::numeric_limits<std::uint32_t>::max();

// Turns the contents round and sorts them, each content once.
std::vector<Literal> turn_round(std::vector<Literal> literals) {
  for (Literal& literal : literals) std::ranges::reverse(literal.content);
  std::ranges::stable_sort(literals, {}, &Literal::content);
  std::vector<Literal> unique;
  for (Literal& literal : literals) {
    if (!unique.empty() && unique.back().content == literal.content) unique.pop_back();
    unique.push_back(std::move(literal));
  }
  return unique;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<Literal> literals) {
  if (literals.empty()) return;
  const std::vector<Literal> backwards = turn_round(std::move(literals));
  for (const Literal& literal : backwards) {
    matches_.push_back({static_cast<std::uint32_t>(literal.content.size()), literal.token});
  }
  make_nodes(backwards);
  link_nodes();
}

void AddedTokens::make_nodes(const std::vector<Literal>& backwards) {
  // A node is the tokens from `begin` to `end`, which share their first bytes. It stands in `level`
  // while its children are made.
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  bytes_.push_back(0);
  std::vector<Range> level{{0, static_cast<std::uint32_t>(backwards.size())}};
  std::vector<Range> next_level;
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    next_level.clear();
    for (auto [begin, end] : level) {
      first_child_.push_back(static_cast<std::uint32_t>(bytes_.size()));
      // The shortest comes first, and no two are equal.
      const bool is_token = backwards[begin].content.size() == depth;
      match_.push_back(is_token ? begin : no_match);
      if (is_token) ++begin;
      while (begin < end) {
        const char byte = backwards[begin].content[depth];
        std::uint32_t same = begin + 1;
        while (same < end && backwards[same].content[depth] == byte) ++same;
        bytes_.push_back(static_cast<unsigned char>(byte));
        next_level.push_back({begin, same});
        begin = same;
      }
    }
    std::swap(level, next_level);
  }
  first_child_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

void AddedTokens::link_nodes() {
  suffix_.assign(bytes_.size(), root);
  for (std::uint32_t node = first_child_[root]; node < first_child_[root + 1]; ++node) {
    first_level_[bytes_[node]] = node;
  }
  // A suffix is shorter, so it stands on a level above and is ready.
  for (std::uint32_t parent = root; parent < bytes_.size(); ++parent) {
    for (std::uint32_t node = first_child_[parent]; node < first_child_[parent + 1]; ++node) {
      if (parent != root) suffix_[node] = next(suffix_[parent], bytes_[node]);
      if (match_[node] == no_match) match_[node] = match_[suffix_[node]];
    }
  }
}

std::uint32_t AddedTokens::child(std::uint32_t node, unsigned char byte) const {
  if (node == root) return first_level_[byte];
  const auto begin = bytes_.begin() + first_child_[node];
  const auto end = bytes_.begin() + first_child_[node + 1];
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<std::uint32_t>(found - bytes_.begin()) : root;
}

std::uint32_t AddedTokens::next(std::uint32_t node, unsigned char byte) const {
  while (true) {
    const std::uint32_t found = child(node, byte);
    if (found != root || node == root) return found;
    node = suffix_[node];
  }
}

std::vector<TextSpan> AddedTokens::split(std::string_view text) const {
  struct Found {
    std::size_t position = 0;
    std::uint32_t match = 0;
  };
  // The longest token at each place that has one, the last place first.
  std::vector<Found> found;
  std::uint32_t node = root;
  for (std::size_t i = matches_.empty() ? 0 : text.size(); i-- > 0;) {
    node = next(node, static_cast<unsigned char>(text[i]));
    if (match_[node] != no_match) found.push_back({i, match_[node]});
  }

  std::vector<TextSpan> spans;
  std::size_t done = 0;
  for (; !found.empty(); found.pop_back()) {
    const auto [position, number] = found.back();
    if (position < done) continue;
    const Match& match = matches_[number];
    if (position > done) spans.push_back({text.substr(done, position - done), std::nullopt});
    spans.push_back({text.substr(position, match.length), match.token});
    done = position + match.length;
  }
  if (done < text.size()) spans.push_back({text.substr(done), std::nullopt});
  return spans;
}

}  // namespace cbr::decode
