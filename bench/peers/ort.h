// ONNX Runtime, loaded at run time: nothing of it is needed to build.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bitsieve::bench {

class OrtLibrary {
 public:
  // `path` of libonnxruntime.so of version 1.10 or later. Throws Error when it cannot be loaded.
  explicit OrtLibrary(const std::string& path);
  ~OrtLibrary();
  OrtLibrary(const OrtLibrary&) = delete;
  OrtLibrary& operator=(const OrtLibrary&) = delete;

  std::string version() const;

 private:
  friend class OrtSession;
  struct State;
  std::unique_ptr<State> state_;
};

struct OrtOptions {
  int threads = 1;
  std::string optimized_path = {};  // where ONNX Runtime writes the graph that it really runs, or ""
  std::string profile_prefix = {};  // how the files of its own profile start, or ""
  // Without: QuantizeLinear and DequantizeLinear as the file has them, in float.
  bool integer_operators = true;
  // Whether waiting threads spin for work, ONNX Runtime's default. Faster where a processor is free for each of them.
  bool spin = true;
};

// One network on the CPU provider. One float input and one float output.
class OrtSession {
 public:
  // model: the bytes of an .onnx file. Throws Error with ONNX Runtime's words.
  OrtSession(const OrtLibrary& library, const std::string& model, const OrtOptions& options);
  ~OrtSession();
  OrtSession(const OrtSession&) = delete;
  OrtSession& operator=(const OrtSession&) = delete;

  // input: of shape `shape`, batch included; kept by reference until the next call of bind().
  void bind(std::vector<float>& input, const std::vector<std::int64_t>& shape);
  // One inference of what is bound.
  void run();
  // Of the last run().
  std::vector<float> scores() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitsieve::bench
