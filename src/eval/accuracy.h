// Accuracy of a model on images, its uncertainty, and its closeness to a reference model.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "eval/image_set.h"
#include "eval/interval.h"
#include "quant/model.h"

namespace bitsieve {

// Signal to quantization noise in dB: 10 log10(sum ref^2 / sum (ref - x)^2); infinity when equal.
double sqnr_db(std::span<const float> reference, std::span<const float> x);

// Class scores of every image.
using Scores = std::vector<std::vector<float>>;

struct Evaluation {
  Scores scores;                                      // empty where the caller did not want to keep them
  std::vector<int> predicted;                         // first class of every image; equal scores go to the lower class
  std::vector<int> labels;                            // of every image, -1 for none
  std::vector<int> places;                            // of the label among the scores, from 0; -1 without a label
  std::int64_t count = 0, correct = 0, correct5 = 0;  // images with labels; label among the first 1 and 5
  double seconds = 0;        // of the forward passes alone: their sum over all workers, divided by the workers
  std::int64_t untimed = 0;  // images whose forward passes are not in `seconds`, because only a part of them was run

  double top1() const { return count ? 100.0 * static_cast<double>(correct) / static_cast<double>(count) : 0; }
  double top5() const { return count ? 100.0 * static_cast<double>(correct5) / static_cast<double>(count) : 0; }
  // Forward passes a second with this many threads; reading, decoding and preprocessing images do not count.
  double images_per_second() const {
    return seconds > 0 ? (static_cast<double>(predicted.size()) - static_cast<double>(untimed)) / seconds : 0;
  }
};

struct EvaluateOptions {
  int threads = 0;          // 0: all processors
  bool reference = false;   // the plain executor
  bool keep_scores = true;  // false: memory is 12 bytes an image, whatever the number of classes
  // Called with the number of images done, ascending; from worker threads, one call at a time.
  std::function<void(std::int64_t done)> progress = {};
};

// Each worker makes an image and runs it, so that decoding overlaps with computing, and holds one image at a time.
// Everything but `seconds` is the same for any number of threads. Throws Error, naming the image's index, for a label
// that is not a class of the model and for a score that is not a number.
Evaluation evaluate(const QuantizedModel& model, const ImageSet& images, const EvaluateOptions& options);
Evaluation evaluate(const QuantizedModel& model, const Batch& batch, int threads,
                    const std::function<void()>& progress = {});

// Counts `count`, `correct` and `correct5` anew from `labels` and `places`.
void tally(Evaluation& evaluation);

// Writes the scores of image `index`; called from several workers at once, numbered as those of parallel_for.
using MakeScores = std::function<void(std::int64_t index, int worker, std::vector<float>& scores)>;

// The same where the scores come from `scores`; `seconds` stays 0.
Evaluation evaluate_with(const QuantizedModel& model, const ImageSet& images, const EvaluateOptions& options,
                         const MakeScores& scores);

// Share of images, in percent, on which both have the same first class; ties go to the lower class.
double agreement(const Scores& a, const Scores& b);
double agreement(const Evaluation& a, const Evaluation& b);

// How far one image's scores are from the reference's.
struct ScoreError {
  double signal = 0, noise = 0;  // sums of the squares of the reference's scores, and of the differences
};
std::vector<ScoreError> score_errors(const Scores& reference, const Scores& x);

// SQNR over all scores of all images. Sums go image by image, so that images counted apart give the same number.
double logit_sqnr_db(std::span<const ScoreError> errors);
double logit_sqnr_db(const Scores& reference, const Scores& x);

// The change of top-1 between two models on the same images. Throws Error when the two saw different images.
PairedDrop paired_drop(const Evaluation& reference, const Evaluation& model);

}  // namespace bitsieve
