// From a member of the options to a ConfigValue and back, by the member's type.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <cbr/config.h>

namespace cbr::config {

inline ConfigValue to_value(bool member) {
  return member;
}
inline ConfigValue to_value(std::uint32_t member) {
  return std::uint64_t{member};
}
inline ConfigValue to_value(std::uint64_t member) {
  return member;
}
inline ConfigValue to_value(const std::string& member) {
  return member;
}
inline ConfigValue to_value(const std::vector<std::uint32_t>& member) {
  return std::vector<std::uint64_t>(member.begin(), member.end());
}
inline ConfigValue to_value(AllocationStrategy member) {
  return std::string(to_string(member));
}
inline ConfigValue to_value(WaitStrategy member) {
  return std::string(to_string(member));
}
inline ConfigValue to_value(GpuTimes member) {
  return std::string(to_string(member));
}
/// In whole milliseconds; 0 stands for ever, as in a file. What a file can't say, a limit of less
/// than one, becomes one.
inline ConfigValue to_value(const Timeout& member) {
  if (!member.has_value()) return std::uint64_t{0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*member.value()).count();
  return static_cast<std::uint64_t>(std::max(ms, decltype(ms){1}));
}
inline ConfigValue to_value(const std::optional<std::chrono::nanoseconds>& member) {
  if (!member) return std::monostate();
  return static_cast<std::uint64_t>(member->count());
}

inline void from_value(const ConfigValue& value, bool& member) {
  member = std::get<bool>(value);
}
inline void from_value(const ConfigValue& value, std::uint32_t& member) {
  // "auto" is worked out once all options are known.
  if (std::holds_alternative<std::monostate>(value)) return;
  member = static_cast<std::uint32_t>(std::get<std::uint64_t>(value));
}
inline void from_value(const ConfigValue& value, std::uint64_t& member) {
  member = std::get<std::uint64_t>(value);
}
inline void from_value(const ConfigValue& value, std::string& member) {
  member = std::get<std::string>(value);
}
inline void from_value(const ConfigValue& value, std::vector<std::uint32_t>& member) {
  const auto& numbers = std::get<std::vector<std::uint64_t>>(value);
  member.resize(numbers.size());
  std::transform(numbers.begin(), numbers.end(), member.begin(),
                 [](std::uint64_t number) { return static_cast<std::uint32_t>(number); });
}
inline void from_value(const ConfigValue& value, AllocationStrategy& member) {
  member = parse_allocation_strategy(std::get<std::string>(value)).value();
}
inline void from_value(const ConfigValue& value, WaitStrategy& member) {
  member = parse_wait_strategy(std::get<std::string>(value)).value();
}
inline void from_value(const ConfigValue& value, GpuTimes& member) {
  member = parse_gpu_times(std::get<std::string>(value)).value();
}
inline void from_value(const ConfigValue& value, Timeout& member) {
  const std::uint64_t ms = std::get<std::uint64_t>(value);
  member = {};
  if (ms > 0) member = std::chrono::duration<std::uint64_t, std::milli>(ms);
}
inline void from_value(const ConfigValue& value, std::optional<std::chrono::nanoseconds>& member) {
  member.reset();
  if (std::holds_alternative<std::monostate>(value)) return;
  member = std::chrono::nanoseconds(static_cast<std::int64_t>(std::get<std::uint64_t>(value)));
}

template <typename Member>
const Member& member_of(const Config& config, Member Config::*member) {
  return config.*member;
}
template <typename Member>
const Member& member_of(const Config& config, Member RingOptions::*member) {
  return config.ring.*member;
}
template <typename Member>
Member& member_of(Config& config, Member Config::*member) {
  return config.*member;
}
template <typename Member>
Member& member_of(Config& config, Member RingOptions::*member) {
  return config.ring.*member;
}

/// The member of a Config or of its RingOptions.
template <auto member>
ConfigValue get(const Config& config) {
  return to_value(member_of(config, member));
}
template <auto member>
void set(Config& config, const ConfigValue& value) {
  from_value(value, member_of(config, member));
}

}  // namespace cbr::config
