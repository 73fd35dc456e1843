#include "decode/dispatch_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::decode {
namespace {

using compute::GroupCount;
using compute::spread_groups;

constexpr std::uint32_t threads = 64;
// rms_norm runs in one work group, which should be large.
constexpr std::uint32_t norm_threads = 256;
constexpr std::uint32_t find_best_values = 2048;
constexpr std::uint32_t matvec_thread_rows = 4;  // as in matvec.comp
constexpr std::uint32_t max_head_dim = 256;      // as in attention.comp

std::uint32_t groups_for(std::uint32_t items, std::uint32_t items_per_group) {
  return (items + items_per_group - 1) / items_per_group;
}

enum class Barrier : std::uint8_t { before, none };

// Builds the list, one function for each kernel.
class PlanBuilder {
 public:
  PlanBuilder(const ModelConfig& config, const WorkspaceAddresses& workspace,
              const PlanTuning& tuning)
      : config_(config), workspace_(workspace), tuning_(tuning) {}

  void embed(const GpuMatrix& matrix, GpuAddress outputs) {
    const std::uint32_t words = matrix.columns * matrix.format.bits / 32;
    const EmbedPush push{
        matrix.weights, matrix.scales, matrix.biases, outputs, workspace_.state, matrix.columns, 0};
    add({KernelKind::embed,
         {threads, matrix.format.bits, matrix.format.group_size, matrix.format.bfloat16}},
        {groups_for(words, threads), 1}, Barrier::before, push);
  }

  void rms_norm(GpuAddress inputs, GpuAddress weights, GpuAddress outputs) {
    const RmsNormPush push{inputs, weights, outputs, config_.hidden_size, config_.rms_norm_eps};
    add({KernelKind::rms_norm, {norm_threads}}, {1, 1}, Barrier::before, push);
  }

  // `bias_vector` and `residual` may be 0.
  void matvec(const GpuMatrix& matrix, GpuAddress inputs, GpuAddress outputs,
              GpuAddress bias_vector, GpuAddress residual, Barrier barrier) {
    const std::uint32_t lanes = lanes_per_row(matrix.columns, matrix.format, tuning_.max_lanes);
    const std::uint32_t flags = (bias_vector != 0 ? MatvecPush::has_bias_vector : 0) |
                                (residual != 0 ? MatvecPush::has_residual : 0);
    const MatvecPush push{
        matrix.weights, matrix.scales, matrix.biases,  inputs, outputs, bias_vector,
        residual,       matrix.rows,   matrix.columns, flags,  0};
    add({KernelKind::matvec,
         {threads, matrix.format.bits, matrix.format.group_size, matrix.format.bfloat16, lanes}},
        spread_groups(groups_for(matrix.rows, threads / lanes * matvec_thread_rows)), barrier,
        push);
  }

  void rope_store(std::size_t layer) {
    const RopeStorePush push{workspace_.query,
                             workspace_.key,
                             workspace_.value,
                             workspace_.key_caches[layer],
                             workspace_.value_caches[layer],
                             workspace_.rotations,
                             workspace_.state,
                             config_.num_attention_heads,
                             config_.num_key_value_heads,
                             config_.head_dim,
                             workspace_.capacity};
    const std::uint32_t pairs = (config_.query_size() + config_.key_value_size()) / 2;
    add({KernelKind::rope_store, {threads}},
        {groups_for(pairs + config_.key_value_size(), threads), 1}, Barrier::before, push);
  }

  void attention(std::size_t layer) {
    const AttentionPush push{workspace_.query,
                             workspace_.key_caches[layer],
                             workspace_.value_caches[layer],
                             workspace_.attended,
                             workspace_.state,
                             config_.num_attention_heads / config_.num_key_value_heads,
                             config_.head_dim,
                             workspace_.capacity,
                             1.0F / std::sqrt(static_cast<float>(config_.head_dim))};
    add({KernelKind::attention, {threads, groups_for(config_.head_dim, threads)}},
        {config_.num_attention_heads, 1}, Barrier::before, push);
  }

  void silu_multiply(GpuAddress gate, GpuAddress up, GpuAddress outputs) {
    const SiluMultiplyPush push{gate, up, outputs, config_.intermediate_size, 0};
    add({KernelKind::silu_multiply, {threads}}, {groups_for(config_.intermediate_size, threads), 1},
        Barrier::before, push);
  }

  void find_best() {
    const FindBestPush push{workspace_.logits, workspace_.partials, config_.vocab_size,
                            find_best_values};
    add({KernelKind::find_best, {threads}}, {find_best_groups(config_.vocab_size), 1},
        Barrier::before, push);
  }

  void advance(std::uint32_t partial_count) {
    const AdvancePush push{workspace_.state,    workspace_.prompt, workspace_.outputs,
                           workspace_.partials, partial_count,     0};
    add({KernelKind::advance, {threads}}, {1, 1}, Barrier::before, push);
  }

  [[nodiscard]] DispatchPlan take() { return std::move(plan_); }

 private:
  template <typename Push>
  void add(const KernelKey& kernel, const GroupCount& groups, Barrier barrier, const Push& push) {
    plan_.push_back({kernel, groups, barrier == Barrier::before, PushConstants(push)});
  }

  const ModelConfig& config_;
  const WorkspaceAddresses& workspace_;
  const PlanTuning& tuning_;
  DispatchPlan plan_;
};

// Fills the layer's caches and leaves the rotated query.
void plan_keys_and_values(PlanBuilder& plan, const GpuLayer& layer, std::size_t index,
                          const WorkspaceAddresses& at) {
  plan.rms_norm(at.hidden, layer.input_norm, at.normed);
  plan.matvec(layer.q, at.normed, at.query, layer.q_bias, 0, Barrier::before);
  plan.matvec(layer.k, at.normed, at.key, layer.k_bias, 0, Barrier::none);
  plan.matvec(layer.v, at.normed, at.value, layer.v_bias, 0, Barrier::none);
  plan.rope_store(index);
}

void plan_rest_of_layer(PlanBuilder& plan, const GpuLayer& layer, std::size_t index,
                        const WorkspaceAddresses& at) {
  plan.attention(index);
  plan.matvec(layer.o, at.attended, at.hidden, 0, at.hidden, Barrier::before);
  plan.rms_norm(at.hidden, layer.post_attention_norm, at.normed);
  plan.matvec(layer.gate, at.normed, at.gate, 0, 0, Barrier::before);
  plan.matvec(layer.up, at.normed, at.up, 0, 0, Barrier::none);
  plan.silu_multiply(at.gate, at.up, at.gate);
  plan.matvec(layer.down, at.gate, at.hidden, 0, at.hidden, Barrier::before);
}

}  // namespace

PlanTuning tuning_for(const vulkan::DeviceInfo& device) {
  return {.max_lanes = device.type == "CPU" ? 2U : 32U};
}

std::uint32_t lanes_per_row(std::uint32_t columns, const QuantFormat& format,
                            std::uint32_t max_lanes) {
  const std::uint32_t chunks = columns / (128 / format.bits);
  return std::clamp<std::uint32_t>(std::bit_floor(chunks), 1, max_lanes);
}

std::uint32_t find_best_groups(std::uint32_t vocab_size) {
  return groups_for(vocab_size, find_best_values);
}

DispatchPlan make_dispatch_plan(const ModelConfig& config, const GpuWeights& weights,
                                const WorkspaceAddresses& workspace, StepKind kind,
                                const PlanTuning& tuning) {
  if (config.head_dim > max_head_dim) {
    throw InputError(fmt::format("the model's head_dim is {}; the attention kernel's limit is {}",
                                 config.head_dim, max_head_dim));
  }
  PlanBuilder plan(config, workspace, tuning);
  plan.embed(weights.embedding, workspace.hidden);
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    plan_keys_and_values(plan, weights.layers[i], i, workspace);
    // A step that chooses nothing has no use for what the last layer puts out.
    const bool wanted = kind == StepKind::choose || i + 1 < weights.layers.size();
    if (wanted) plan_rest_of_layer(plan, weights.layers[i], i, workspace);
  }
  if (kind == StepKind::prompt) {
    plan.advance(0);
    return plan.take();
  }
  plan.rms_norm(workspace.hidden, weights.norm, workspace.normed);
  plan.matvec(weights.head, workspace.normed, workspace.logits, 0, 0, Barrier::before);
  plan.find_best();
  plan.advance(find_best_groups(config.vocab_size));
  return plan.take();
}

}  // namespace cbr::decode
