#include "decoder_binding.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include <cbr/errors.h>

#include "argument.h"
#include "collect.h"
#include "config_binding.h"
#include "device_binding.h"
#include "gil.h"
#include "log_binding.h"
#include "ring_options.h"
#include "text_generation.h"

namespace cbr::python {
namespace {

/// Positions, where the user does not say: the caches of more take memory that few texts need.
constexpr std::uint32_t usual_context = 4096;

struct ModelObject : LoadedModel {
  SharedObject log_sink;
  /// For the garbage collector; null if there is none.
  [[nodiscard]] std::array<SharedObject, 1> held() const { return {log_sink}; }
};

class GenerationObject;
/// Guarded by the GIL.
std::set<GenerationObject*>& live_generations() {
  static auto& generations = *new std::set<GenerationObject*>();
  return generations;
}

class GenerationObject {
 public:
  GenerationObject(const std::shared_ptr<LoadedModel>& model, const std::string& prompt,
                   std::uint32_t max_tokens)
      : generation_(without_gil(
            [&] { return std::make_unique<TextGeneration>(model, prompt, max_tokens); })) {
    live_generations().insert(this);
  }
  GenerationObject(const GenerationObject&) = delete;
  GenerationObject& operator=(const GenerationObject&) = delete;
  ~GenerationObject() {
    live_generations().erase(this);
    stop();
    // Its thread may hold the last word of a callback, which needs the GIL to go.
    without_gil([&] { generation_.reset(); });
  }

  [[nodiscard]] TextGeneration& get() const { return *generation_; }

  void stop() {
    // One thread at a time joins; the GIL is free meanwhile.
    if (std::exchange(stopped_, true)) return;
    without_gil([&] { generation_->stop(); });
  }

  /// The next piece of text. Throws StopIteration at the end.
  std::string next() {
    std::string text;
    for (;;) {
      switch (generation_->take(text)) {
        case TextGeneration::State::text:
          return text;
        case TextGeneration::State::ended:
          throw py::stop_iteration();
        case TextGeneration::State::nothing_yet:
          break;
      }
      without_gil([&] {
        while (!generation_->wait_until(Clock::now() + std::chrono::milliseconds(50))) {
          check_signals();
        }
      });
    }
  }

  /// The next piece, None if there is none yet; throws StopAsyncIteration at the end.
  py::object next_now() {
    std::string text;
    switch (generation_->take(text)) {
      case TextGeneration::State::text:
        return py::str(text);
      case TextGeneration::State::nothing_yet:
        return py::none();
      case TextGeneration::State::ended:
        break;
    }
    PyErr_SetNone(PyExc_StopAsyncIteration);
    throw py::error_already_set();
  }

  void when_ready(const Argument<"callback", py::function>& callback) {
    const SharedObject shared = share(callback.value);
    without_gil([&] { generation_->when_ready([shared] { with_gil([&] { (*shared)(); }); }); });
  }

 private:
  std::unique_ptr<TextGeneration> generation_;
  bool stopped_ = false;
};

std::shared_ptr<ModelObject> load_model(
    const std::string& path, const py::dict& ring_options,
    const Argument<"context_capacity", std::optional<std::uint32_t>>& context_capacity,
    const py::object& device, const Config* config) {
  RingOptions options = options_from(ring_options, config ? config->ring : RingOptions{});
  // It waits on a thread of its own, which Python never interrupts.
  options.interrupt_check = nullptr;
  SharedObject log_sink = function_of(options.log_sink);
  const bool configured = config != nullptr && device.is_none();
  const auto vulkan_device = configured ? configured_device(*config) : device_from(device);
  auto model = without_gil([&] {
    auto files = decode::ModelFiles::open(path);
    const std::uint32_t capacity = context_capacity.value.value_or(
        std::min(files.directory.config().max_position_embeddings, usual_context));
    decode::Decoder decoder(vulkan_device, files.directory, capacity, check_signals);
    return std::shared_ptr<ModelObject>(
        new ModelObject{
            {.files = std::move(files),
             .device = vulkan_device,
             .decoder = std::move(decoder),
             .ring = CommandBufferRing(vulkan::make_backend(vulkan_device), std::move(options))},
            std::move(log_sink)},
        [](ModelObject* last) {
          if (PyGILState_Check() == 0) {
            delete last;
          } else {
            without_gil([&] { delete last; });
          }
        });
  });
  // Pressed too late for the upload to notice.
  check_signals();
  return model;
}

py::object result_of(const GenerationObject& self) {
  const auto result = self.get().result();
  if (!result) return py::none();
  const double seconds = std::chrono::duration<double>(result->total_time).count();
  py::dict dict;
  dict["prompt_tokens"] = self.get().prompt_tokens();
  dict["tokens"] = result->tokens;
  dict["stop_reason"] = std::string(decode::name_of(result->stop_reason));
  dict["total_time"] = seconds;
  dict["time_to_first_token"] = std::chrono::duration<double>(result->time_to_first_token).count();
  dict["tokens_per_second"] =
      seconds > 0 ? static_cast<double>(result->tokens.size()) / seconds : 0.0;
  return dict;
}

}  // namespace

void bind_decoder(py::module_& module) {
  py::class_<GenerationObject>(module, "Generation", "What cbr.decode.Generation is made of.")
      .def("next", &GenerationObject::next)
      .def("next_now", &GenerationObject::next_now)
      .def("when_ready", &GenerationObject::when_ready, py::arg("callback"))
      .def("stop", &GenerationObject::stop)
      .def_property_readonly("result", &result_of);
  py::class_<ModelObject, std::shared_ptr<ModelObject>>(
      module, "LoadedModel", collectable<ModelObject>(), "What cbr.decode.Decoder is made of.")
      .def(py::init(&load_model), py::arg("model"), py::arg("options"),
           py::arg("context_capacity") = std::nullopt, py::arg("device") = py::none(),
           py::arg("config") = py::none())
      .def(
          "start",
          [](const std::shared_ptr<ModelObject>& self,
             const Argument<"prompt", std::string>& prompt,
             const Argument<"max_tokens", std::uint32_t>& max_tokens) {
            return std::make_unique<GenerationObject>(self, prompt.value, max_tokens.value);
          },
          py::arg("prompt"), py::arg("max_tokens"))
      .def(
          "tokenize",
          [](const std::shared_ptr<ModelObject>& self, const Argument<"text", std::string>& text) {
            return without_gil([&] { return self->files.tokenizer.encode(text.value); });
          },
          py::arg("text"))
      .def_property_readonly("device", [](const ModelObject& self) { return self.device; })
      .def_property_readonly(
          "context_capacity",
          [](const ModelObject& self) { return self.decoder.context_capacity(); })
      .def("statistics", [](const ModelObject& self) {
        return without_gil([&] { return self.ring.statistics(); });
      });
}

void stop_generations() noexcept {
  const std::set<GenerationObject*> generations = live_generations();
  for (GenerationObject* generation : generations) {
    try {
      generation->stop();
    } catch (const std::exception& error) {
      PySys_WriteStderr("cbr: stopping a generation failed: %s\n", error.what());
    }
  }
}

}  // namespace cbr::python
