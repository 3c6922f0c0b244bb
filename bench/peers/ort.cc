#include "peers/ort.h"

#include <dlfcn.h>

#include "base/error.h"

namespace bitsieve::bench {
namespace {

struct ApiBase {
  const void* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};

// Places in the table of functions that OrtApiBase::GetApi returns. Their order is fixed for good: see the rules in
// onnxruntime_c_api.cc of ONNX Runtime.
enum Entry {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSessionFromArray = 8,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetOptimizedModelFilePath = 11,
  kEnableProfiling = 14,
  kSetGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithData = 49,
  kGetTensorMutableData = 51,
  kGetTensorShapeElementCount = 64,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kAllocatorFree = 76,
  kGetAllocator = 78,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTensorTypeAndShape = 99,
  kReleaseSessionOptions = 100,
  kAddSessionConfigEntry = 130,
};
constexpr int kErrors = 3, kArenaAllocator = 0, kDefaultMemory = 0, kFloat = 1, kBasicOptimizations = 1,
              kAllOptimizations = 99;

}  // namespace

// Handles of ONNX Runtime are opaque: void* here.
struct OrtLibrary::State {
  void* library = nullptr;
  const ApiBase* base = nullptr;
  void* const* table = nullptr;
  void* env = nullptr;

  // A function that returns null or a status to release.
  template <class... Args>
  void call(Entry entry, Args... args) const {
    void* status = reinterpret_cast<void* (*)(Args...)>(table[entry])(args...);
    if (status == nullptr) return;
    const std::string text = reinterpret_cast<const char* (*)(void*)>(table[kGetErrorMessage])(status);
    release(kReleaseStatus, status);
    fail("ONNX Runtime: {}", text);
  }
  void release(Entry entry, void* handle) const {
    if (handle != nullptr) reinterpret_cast<void (*)(void*)>(table[entry])(handle);
  }
};

OrtLibrary::OrtLibrary(const std::string& path) : state_(std::make_unique<State>()) {
  state_->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (state_->library == nullptr) fail("cannot load ONNX Runtime: {}", dlerror());
  const auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(state_->library, "OrtGetApiBase"));
  if (get_base == nullptr) fail("'{}' is no ONNX Runtime: it has no OrtGetApiBase", path);
  state_->base = get_base();
  state_->table = static_cast<void* const*>(state_->base->get_api(10));
  if (state_->table == nullptr) fail("ONNX Runtime {} is too old; 1.10 or later is needed", version());
  state_->call(kCreateEnv, kErrors, "bench", &state_->env);
}

OrtLibrary::~OrtLibrary() {
  state_->release(kReleaseEnv, state_->env);  // the library stays loaded: its threads may still be leaving
}

std::string OrtLibrary::version() const { return state_->base->get_version(); }

struct OrtSession::State {
  const OrtLibrary::State& ort;
  void *session = nullptr, *memory = nullptr, *input = nullptr, *output = nullptr;
  std::string input_name, output_name;

  explicit State(const OrtLibrary::State& library) : ort(library) {}
  ~State() {
    ort.release(kReleaseValue, output);
    ort.release(kReleaseValue, input);
    ort.release(kReleaseMemoryInfo, memory);
    ort.release(kReleaseSession, session);
  }

  std::string name(Entry entry) const {
    void* allocator = nullptr;
    char* text = nullptr;
    ort.call(kGetAllocator, &allocator);
    ort.call(entry, static_cast<const void*>(session), std::size_t{0}, allocator, &text);
    const std::string result = text;
    ort.call(kAllocatorFree, allocator, static_cast<void*>(text));
    return result;
  }
};

OrtSession::OrtSession(const OrtLibrary& library, const std::string& model, const OrtOptions& wanted)
    : state_(std::make_unique<State>(*library.state_)) {
  const OrtLibrary::State& ort = state_->ort;
  void* options = nullptr;
  ort.call(kCreateSessionOptions, &options);
  ort.call(kSetGraphOptimizationLevel, options, wanted.integer_operators ? kAllOptimizations : kBasicOptimizations);
  ort.call(kSetIntraOpNumThreads, options, wanted.threads);
  ort.call(kSetInterOpNumThreads, options, 1);
  ort.call(kAddSessionConfigEntry, options, "session.intra_op.allow_spinning", wanted.spin ? "1" : "0");
  if (!wanted.optimized_path.empty()) ort.call(kSetOptimizedModelFilePath, options, wanted.optimized_path.c_str());
  if (!wanted.profile_prefix.empty()) ort.call(kEnableProfiling, options, wanted.profile_prefix.c_str());
  ort.call(kCreateSessionFromArray, static_cast<const void*>(ort.env), static_cast<const void*>(model.data()),
           model.size(), static_cast<const void*>(options), &state_->session);
  ort.release(kReleaseSessionOptions, options);
  ort.call(kCreateCpuMemoryInfo, kArenaAllocator, kDefaultMemory, &state_->memory);
  state_->input_name = state_->name(kSessionGetInputName);
  state_->output_name = state_->name(kSessionGetOutputName);
}

OrtSession::~OrtSession() = default;

void OrtSession::bind(std::vector<float>& input, const std::vector<std::int64_t>& shape) {
  state_->ort.release(kReleaseValue, state_->input);
  state_->input = nullptr;
  state_->ort.call(kCreateTensorWithData, static_cast<const void*>(state_->memory), static_cast<void*>(input.data()),
                   input.size() * sizeof(float), shape.data(), shape.size(), kFloat, &state_->input);
}

void OrtSession::run() {
  const char* inputs[] = {state_->input_name.c_str()};
  const char* outputs[] = {state_->output_name.c_str()};
  const void* values[] = {state_->input};
  // The first run makes the output; later ones write to it.
  state_->ort.call(kRun, state_->session, static_cast<const void*>(nullptr), static_cast<const char* const*>(inputs),
                   static_cast<const void* const*>(values), std::size_t{1}, static_cast<const char* const*>(outputs),
                   std::size_t{1}, &state_->output);
}

std::vector<float> OrtSession::scores() const {
  void* info = nullptr;
  std::size_t count = 0;
  float* data = nullptr;
  state_->ort.call(kGetTensorTypeAndShape, static_cast<const void*>(state_->output), &info);
  state_->ort.call(kGetTensorShapeElementCount, static_cast<const void*>(info), &count);
  state_->ort.release(kReleaseTensorTypeAndShape, info);
  state_->ort.call(kGetTensorMutableData, state_->output, &data);
  return {data, data + count};
}

}  // namespace bitsieve::bench
