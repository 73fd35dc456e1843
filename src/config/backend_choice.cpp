// Which backend stands in for one that doesn't work.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cbr/config.h>
#include <cbr/errors.h>

namespace cbr {
namespace {

constexpr std::array<std::string_view, 3> order_of_fallback = {"metal", "vulkan", "simulated"};

const BackendCandidate* find(const std::vector<BackendCandidate>& candidates,
                             std::string_view name) {
  const auto found =
      std::find_if(candidates.begin(), candidates.end(),
                   [&](const BackendCandidate& candidate) { return candidate.name == name; });
  return found == candidates.end() ? nullptr : &*found;
}

void open(const std::string& name, const std::vector<BackendCandidate>& candidates) {
  const BackendCandidate* candidate = find(candidates, name);
  if (candidate == nullptr) {
    std::vector<std::string_view> usable;
    usable.reserve(candidates.size());
    for (const BackendCandidate& each : candidates) usable.emplace_back(each.name);
    throw BackendError(fmt::format("backend {} can't be used here, usable are: {}", name,
                                   fmt::join(usable, ", ")));
  }
  candidate->open();
}

/// The names to try: the configured one, then those that may stand in.
std::vector<std::string> names_to_try(const Config& config,
                                      const std::vector<BackendCandidate>& candidates) {
  std::vector<std::string> names;
  const bool automatic = config.backend == "auto";
  if (!automatic) names.push_back(config.backend);
  for (const std::string_view name : order_of_fallback) {
    if (find(candidates, name) != nullptr && name != config.backend) names.emplace_back(name);
  }
  const bool from_flag =
      std::any_of(config.options.begin(), config.options.end(), [](const ConfigOption& option) {
        return option.name == "backend" && option.origin.kind == ConfigOrigin::Kind::flag;
      });
  const bool fixed =
      !config.graceful_fallback || !config.device.empty() || (from_flag && !automatic);
  if (fixed && names.size() > 1) names.resize(1);
  return names;
}

}  // namespace

BackendChoice choose_backend(const Config& config,
                             const std::vector<BackendCandidate>& candidates) {
  const std::vector<std::string> names = names_to_try(config, candidates);
  if (names.empty()) throw BackendError("the program has no backend to use");
  std::vector<std::string> causes;
  causes.reserve(names.size());
  const auto note = [&](const std::string& name, std::string_view cause) {
    // With nothing else to try, the error itself says more than a list of one.
    if (names.size() == 1) throw;
    causes.push_back(fmt::format("{}: {}", name, cause));
  };
  for (const std::string& name : names) {
    try {
      open(name, candidates);
      if (causes.empty()) return {.name = name, .warning = {}};
      return {
          .name = name,
          .warning = fmt::format("{}; using backend {} instead", fmt::join(causes, "; "), name)};
    } catch (const BackendError& error) {
      note(name, error.what());
    } catch (const InputError& error) {
      note(name, error.what());
    }
  }
  throw BackendError(fmt::format("no backend works ({})", fmt::join(causes, "; ")));
}

}  // namespace cbr
