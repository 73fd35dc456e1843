#include "decode/dispatch_plan.h"

#include <algorithm>
#include <cstddef>

#include <gtest/gtest.h>

#include <cbr/errors.h>

namespace cbr::decode {
namespace {

// Qwen2.5 7B, whose sizes are the largest that the kernels must take.
ModelConfig large_config() {
  ModelConfig config;
  config.hidden_size = 3584;
  config.intermediate_size = 18944;
  config.num_hidden_layers = 28;
  config.num_attention_heads = 28;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  config.vocab_size = 152064;
  config.bits = 4;
  config.group_size = 64;
  return config;
}

GpuMatrix matrix(std::uint32_t rows, std::uint32_t columns) {
  GpuMatrix result;
  result.rows = rows;
  result.columns = columns;
  return result;
}

GpuWeights make_weights(const ModelConfig& config) {
  GpuLayer layer;
  layer.q = matrix(config.query_size(), config.hidden_size);
  layer.k = layer.v = matrix(config.key_value_size(), config.hidden_size);
  layer.q_bias = layer.k_bias = layer.v_bias = 1;
  layer.o = matrix(config.hidden_size, config.query_size());
  layer.gate = layer.up = matrix(config.intermediate_size, config.hidden_size);
  layer.down = matrix(config.hidden_size, config.intermediate_size);
  GpuWeights weights;
  weights.layers.assign(config.num_hidden_layers, layer);
  weights.embedding = weights.head = matrix(config.vocab_size, config.hidden_size);
  return weights;
}

WorkspaceAddresses make_workspace(const ModelConfig& config) {
  WorkspaceAddresses workspace;
  workspace.hidden = 4096;
  workspace.query = 8192;
  workspace.capacity = 32768;
  for (std::uint32_t i = 0; i < config.num_hidden_layers; ++i) {
    workspace.key_caches.push_back(1000 + i);
    workspace.value_caches.push_back(2000 + i);
  }
  return workspace;
}

DispatchPlan make_plan(StepKind kind) {
  const ModelConfig config = large_config();
  return make_dispatch_plan(config, make_weights(config), make_workspace(config), kind);
}

std::ptrdiff_t count(const DispatchPlan& plan, KernelKind kind) {
  return std::count_if(plan.begin(), plan.end(), [kind](const PlannedDispatch& dispatch) {
    return dispatch.kernel.kind == kind;
  });
}

TEST(DispatchPlanTest, AStepThatChoosesRunsEveryLayerAndTheHead) {
  const DispatchPlan plan = make_plan(StepKind::choose);
  EXPECT_EQ(plan.front().kernel.kind, KernelKind::embed);
  EXPECT_EQ(plan.back().kernel.kind, KernelKind::advance);
  EXPECT_EQ(count(plan, KernelKind::attention), 28);
  EXPECT_EQ(count(plan, KernelKind::matvec), 28 * 7 + 1);
  EXPECT_EQ(count(plan, KernelKind::rms_norm), 28 * 2 + 1);
  EXPECT_EQ(count(plan, KernelKind::find_best), 1);
  EXPECT_EQ(plan.back().push.as<AdvancePush>().partial_count, find_best_groups(152064));
}

TEST(DispatchPlanTest, AStepOfThePromptFillsEveryCacheAndChoosesNothing) {
  const DispatchPlan plan = make_plan(StepKind::prompt);
  EXPECT_EQ(count(plan, KernelKind::rope_store), 28);
  EXPECT_EQ(count(plan, KernelKind::attention), 27);
  EXPECT_EQ(count(plan, KernelKind::find_best), 0);
  EXPECT_EQ(plan.back().kernel.kind, KernelKind::advance);
  EXPECT_EQ(plan.back().push.as<AdvancePush>().partial_count, 0U);
}

TEST(DispatchPlanTest, DependentDispatchesHaveABarrierBetween) {
  const DispatchPlan plan = make_plan(StepKind::choose);
  // It depends on the step before.
  EXPECT_TRUE(plan.front().barrier_before);
  // k and v follow q, and up follows gate, without one.
  const auto without = std::count_if(plan.begin(), plan.end(), [](const PlannedDispatch& dispatch) {
    return !dispatch.barrier_before;
  });
  EXPECT_EQ(without, 28 * 3);
  for (std::size_t i = 1; i < plan.size(); ++i) {
    if (plan[i].barrier_before) continue;
    // Such a neighbour reads the same input, and writes elsewhere.
    ASSERT_EQ(plan[i].kernel.kind, KernelKind::matvec);
    ASSERT_EQ(plan[i - 1].kernel.kind, KernelKind::matvec);
    EXPECT_EQ(plan[i].push.as<MatvecPush>().inputs, plan[i - 1].push.as<MatvecPush>().inputs);
  }
}

TEST(DispatchPlanTest, EachLayerHasItsOwnCaches) {
  std::uint32_t layer = 0;
  for (const PlannedDispatch& dispatch : make_plan(StepKind::choose)) {
    if (dispatch.kernel.kind != KernelKind::attention) continue;
    const auto push = dispatch.push.as<AttentionPush>();
    EXPECT_EQ(push.key_cache, 1000 + layer);
    EXPECT_EQ(push.value_cache, 2000 + layer);
    EXPECT_EQ(push.heads_per_kv_head, 7U);
    ++layer;
  }
}

TEST(DispatchPlanTest, GroupsStayWithinWhatEveryDeviceAllowsAndCoverAllRows) {
  const ModelConfig config = large_config();
  for (const std::uint32_t max_lanes : {1U, 8U, 64U}) {
    const DispatchPlan plan =
        make_dispatch_plan(config, make_weights(config), make_workspace(config), StepKind::choose,
                           {.max_lanes = max_lanes});
    for (const PlannedDispatch& dispatch : plan) {
      EXPECT_LE(dispatch.groups.x, 65535U);
      EXPECT_LE(dispatch.groups.y, 65535U);
      if (dispatch.kernel.kind != KernelKind::matvec) continue;
      const std::uint32_t lanes = dispatch.kernel.constants[4];
      EXPECT_LE(lanes, max_lanes);
      const std::uint64_t groups = std::uint64_t{dispatch.groups.x} * dispatch.groups.y;
      EXPECT_GE(groups * (64 / lanes) * 4, dispatch.push.as<MatvecPush>().rows);
    }
  }
}

TEST(DispatchPlanTest, LanesNeverExceedThePiecesOfARow) {
  EXPECT_EQ(lanes_per_row(32, {.bits = 4}, 32), 1U);
  EXPECT_EQ(lanes_per_row(96, {.bits = 4}, 32), 2U);
  EXPECT_EQ(lanes_per_row(96, {.bits = 8}, 32), 4U);
  EXPECT_EQ(lanes_per_row(18944, {.bits = 4}, 32), 32U);
}

TEST(DispatchPlanTest, NamesAHeadDimThatIsTooLarge) {
  ModelConfig config = large_config();
  config.head_dim = 258;
  try {
    (void)make_dispatch_plan(config, make_weights(config), make_workspace(config),
                             StepKind::choose);
    FAIL() << "no exception";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "the model's head_dim is 258; the attention kernel's limit is 256");
  }
}

}  // namespace
}  // namespace cbr::decode
