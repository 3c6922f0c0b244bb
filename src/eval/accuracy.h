// Accuracy of a model on images, its uncertainty, and its closeness to a reference model.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "quant/model.h"

namespace bitsieve {

// Wilson score interval at 95 % for `correct` of `count`, in percent (Wilson 1927). count 0 gives [0, 100].
std::array<double, 2> wilson_interval(std::int64_t correct, std::int64_t count);

// Signal to quantization noise in dB: 10 log10(sum ref^2 / sum (ref - x)^2); infinity when equal.
double sqnr_db(std::span<const float> reference, std::span<const float> x);

// Preprocessed images in memory, channel-last, with labels (-1: none).
struct Batch {
  std::vector<std::vector<float>> images;
  std::vector<int> labels;
};

// Class scores of every image.
using Scores = std::vector<std::vector<float>>;

struct Evaluation {
  Scores scores;
  std::int64_t count = 0, correct = 0, correct5 = 0;  // images with labels; label among the first 1 and 5
  double seconds = 0;                                 // of the forward passes, all threads together

  double top1() const { return count ? 100.0 * static_cast<double>(correct) / static_cast<double>(count) : 0; }
  double top5() const { return count ? 100.0 * static_cast<double>(correct5) / static_cast<double>(count) : 0; }
  double images_per_second() const { return seconds > 0 ? static_cast<double>(scores.size()) / seconds : 0; }
};

// Throws Error when a label is out of the model's range of classes. progress is called from worker threads.
Evaluation evaluate(const QuantizedModel& model, const Batch& batch, int threads,
                    const std::function<void()>& progress = {});

// Share of images, in percent, on which both have the same first class; ties go to the lower class.
double agreement(const Scores& a, const Scores& b);

// SQNR over all scores of all images.
double logit_sqnr_db(const Scores& reference, const Scores& x);

}  // namespace bitsieve
