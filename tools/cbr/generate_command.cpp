// cbr generate: text from a model.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/options.h>
#include <cbr/ring.h>

#include "command.h"
#include "config_flags.h"
#include "decode/decoder.h"
#include "decode/model_files.h"
#include "decode/stream_decoder.h"
#include "device_choice.h"
#include "exit_code.h"
#include "interrupt.h"
#include "number_flag.h"
#include "progress_line.h"
#include "standard_error.h"
#include "standard_input.h"
#include "standard_output.h"

namespace cbr::tool {
namespace {

constexpr const char* generate_footer =
    "Examples:\n"
    "  cbr generate --model models/tiny-qwen2-kjv-4bit --prompt 'In the beginning'\n"
    "  cbr generate --model DIR --prompt TEXT --max-tokens 64 --ring-size 2 --json\n"
    "  cbr generate --model DIR --prompt TEXT --config ring.yaml\n"
    "  echo 'In the beginning' | cbr generate --model DIR --prompt -\n"
    "\n"
    "The most probable token is taken each time, so the text is the same for every\n"
    "ring size. Ctrl-C ends the text early.\n";

/// More than the context of any model.
constexpr std::uint64_t most_prompt_bytes = std::uint64_t{64} << 20U;

struct GenerateFlags {
  std::string model;
  std::string prompt;
  std::uint32_t max_tokens = 128;
  bool json = false;
  ConfigFlags config;
};

std::string json_text(std::uint32_t ring_size, const std::vector<decode::TokenId>& prompt,
                      const decode::DecodeResult& result, const std::string& text,
                      const std::string& device) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const double seconds = std::chrono::duration<double>(result.total_time).count();
  const auto tokens = static_cast<double>(result.tokens.size());
  nlohmann::ordered_json json;
  json["promptTokens"] = prompt;
  json["tokens"] = result.tokens;
  json["text"] = text;
  json["stopReason"] = decode::name_of(result.stop_reason);
  json["ringSize"] = ring_size;
  json["device"] = device;
  json["ttftMs"] = Milliseconds(result.time_to_first_token).count();
  json["tokensPerSec"] = seconds > 0 ? tokens / seconds : 0.0;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

/// The text to continue. One line break at the end of standard input is the shell's, not the
/// text's.
std::string read_prompt(const std::string& given) {
  if (!is_standard(given)) return given;
  std::string text = read_standard_input("--prompt", most_prompt_bytes);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

int run_generate(const GenerateFlags& flags) {
  const Config config = read_config(flags.config);
  const std::string prompt_text = read_prompt(flags.prompt);
  catch_interrupts();
  ProgressLine progress;
  progress.show("Opening the model");
  const decode::ModelFiles model = decode::ModelFiles::open(flags.model);
  const std::vector<decode::TokenId> prompt = model.tokens_of("--prompt", prompt_text);
  const ChosenDevice device = open_device(config, false, 1);
  progress.clear();
  if (!device.note.empty()) print_note(device.note);
  progress.show(fmt::format("Loading the model onto {}", device.vulkan->info().name));
  decode::Decoder decoder(device.vulkan, model.directory,
                          model.capacity_for({prompt}, flags.max_tokens));
  progress.clear();

  RingOptions options = config.ring;
  if (!is_given(config, "name")) options.name = "generate";
  CommandBufferRing ring(device.make_backend(), options);
  decode::StreamDecoder stream(model.tokenizer);
  std::string text;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (!flags.json && !piece.empty()) write_generated(piece);
  };
  const decode::DecodeResult result = decoder.decode(
      ring, prompt, {.max_tokens = flags.max_tokens, .stop_at_end_of_text = true},
      [&](decode::TokenId token) {
        emit(stream.push(token));
        return true;
      },
      &interrupted());
  emit(stream.finish());
  write_output(flags.json
                   ? json_text(ring.ring_size(), prompt, result, text, device.vulkan->info().name)
                   : "\n");
  return result.stop_reason == decode::StopReason::stopped ? stopped : success;
}

}  // namespace

Command add_generate_command(CLI::App& app) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* parser = app.add_subcommand("generate", "Continue a text with a model");
  parser->add_option("--model", flags->model, "The model's directory")
      ->type_name("DIR")
      ->required();
  parser->add_option("--prompt", flags->prompt, "The text to continue, or - for standard input")
      ->type_name("TEXT")
      ->required();
  add_whole_flag(*parser, "--max-tokens", flags->max_tokens, 1, 1'000'000,
                 "New tokens at most; the model's context may end the text before");
  parser->add_flag("--json", flags->json, "Print tokens, text and timing as JSON at the end")
      ->disable_flag_override();
  add_device_flags(*parser, flags->config, false);
  add_config_flags(*parser, flags->config, {"backend", "device"});
  parser->footer(generate_footer);
  return {.parser = parser, .run = [flags] { return run_generate(*flags); }};
}

}  // namespace cbr::tool
