#include "decode/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <tuple>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::decode {
namespace {

constexpr std::uint32_t no_symbol = std::numeric_limits<std::uint32_t>::max();

// A token of the word, in a doubly linked list through one vector.
struct Symbol {
  TokenId token = 0;
  std::uint32_t previous = no_symbol;
  std::uint32_t next = no_symbol;
  bool is_alive = true;
};

// A merge that was possible when it was queued.
struct Candidate {
  std::uint32_t rank = 0;
  std::uint32_t position = 0;
  TokenId left = 0;
  TokenId right = 0;
  TokenId merged = 0;

  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

using Queue = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

std::uint64_t key_of(TokenId left, TokenId right) {
  return (std::uint64_t{left} << 32U) | right;
}

// Whether the pair of the candidate still stands where it stood.
bool is_current(const Candidate& candidate, const std::vector<Symbol>& word) {
  const Symbol& left = word[candidate.position];
  return left.is_alive && left.token == candidate.left && left.next != no_symbol &&
         word[left.next].token == candidate.right;
}

void merge(const Candidate& candidate, std::vector<Symbol>& word) {
  Symbol& left = word[candidate.position];
  Symbol& right = word[left.next];
  left.token = candidate.merged;
  left.next = right.next;
  right.is_alive = false;
  if (left.next != no_symbol) word[left.next].previous = candidate.position;
}

}  // namespace

Bpe::Bpe(const ByteTokens& byte_tokens, const std::vector<Merge>& merges)
    : byte_tokens_(byte_tokens) {
  std::vector<std::uint32_t> ranks(merges.size());
  std::iota(ranks.begin(), ranks.end(), 0U);
  const auto pair_of = [&](std::uint32_t rank) {
    return key_of(merges[rank].left, merges[rank].right);
  };
  std::ranges::stable_sort(ranks, {}, pair_of);
  pairs_.reserve(ranks.size());
  rules_.reserve(ranks.size());
  for (const std::uint32_t rank : ranks) {
    const Rule rule{rank, merges[rank].merged};
    if (!pairs_.empty() && pairs_.back() == pair_of(rank)) {
      rules_.back() = rule;
    } else {
      pairs_.push_back(pair_of(rank));
      rules_.push_back(rule);
    }
  }
}

const Bpe::Rule* Bpe::find(TokenId left, TokenId right) const {
  const std::uint64_t pair = key_of(left, right);
  const auto found = std::ranges::lower_bound(pairs_, pair);
  return found != pairs_.end() && *found == pair ? &rules_[found - pairs_.begin()] : nullptr;
}

void Bpe::encode(std::string_view word, std::vector<TokenId>& tokens) const {
  if (word.size() >= no_symbol) throw InputError(fmt::format("a word has {} bytes", word.size()));
  std::vector<Symbol> symbols(word.size());
  for (std::uint32_t i = 0; i < symbols.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    if (!byte_tokens_[byte]) {
      throw InputError(fmt::format("text: byte 0x{:02x} has no token in the vocabulary", byte));
    }
    symbols[i].token = *byte_tokens_[byte];
    symbols[i].previous = i > 0 ? i - 1 : no_symbol;
    symbols[i].next = i + 1 < symbols.size() ? i + 1 : no_symbol;
  }

  Queue queue;
  const auto consider = [&](std::uint32_t position) {
    const std::uint32_t next = position != no_symbol ? symbols[position].next : no_symbol;
    if (next == no_symbol) return;
    const TokenId left = symbols[position].token;
    const TokenId right = symbols[next].token;
    const Rule* rule = find(left, right);
    if (rule != nullptr) queue.push({rule->rank, position, left, right, rule->merged});
  };
  for (std::uint32_t i = 0; i < symbols.size(); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    // Candidates are not removed when a neighbour merges; stale ones are skipped here.
    if (!is_current(candidate, symbols)) continue;
    merge(candidate, symbols);
    consider(symbols[candidate.position].previous);
    consider(candidate.position);
  }

  for (std::uint32_t i = symbols.empty() ? no_symbol : 0; i != no_symbol; i = symbols[i].next) {
    tokens.push_back(symbols[i].token);
  }
}

}  // namespace cbr::decode
