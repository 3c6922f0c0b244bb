#include "cli/evaluation.h"

#include <charconv>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/job.h"

namespace bitsieve::cli {

Shard shard_named(const std::string& text) {
  if (text == "job") {
    const JobPart part = part_of_job();
    if (!part.launched) {
      throw Error(
          "--shard job: no launcher says which process this is (RANK and WORLD_SIZE, OMPI_COMM_WORLD_RANK and _SIZE, "
          "PMI_RANK and PMI_SIZE, SLURM_PROCID and SLURM_STEP_NUM_TASKS); give I/N",
          ErrorKind::usage);
    }
    return {part.rank, part.size};
  }
  const auto number = [&](std::size_t first, std::size_t last) {
    std::int64_t value = -1;
    const auto [stop, status] = std::from_chars(text.data() + first, text.data() + last, value);
    return status == std::errc() && stop == text.data() + last ? value : -1;
  };
  const std::size_t slash = text.find('/');
  const Shard shard =
      slash == std::string::npos ? Shard{-1, 0} : Shard{number(0, slash), number(slash + 1, text.size())};
  if (shard.index < 0 || shard.count < 1 || shard.count > most_shards || shard.index >= shard.count) {
    throw Error(
        fmt::format("--shard: '{}' is neither I/N, from 0/N to N-1/N with N up to {}, nor job", text, most_shards),
        ErrorKind::usage);
  }
  return shard;
}

std::string part_path(const Shard& shard, const std::string& output) {
  namespace fs = std::filesystem;
  if (output.empty() || shard.count == 1) return output;
  std::error_code error;
  fs::create_directories(output, error);
  if (!fs::is_directory(output, error))
    fail("cannot write '{}': the results of shards go into a folder, and this is none", output);
  const std::size_t digits = fmt::formatted_size("{}", shard.count - 1);
  return (fs::path(output) / fmt::format("shard-{:0{}}-of-{}.json", shard.index, digits, shard.count)).string();
}

void print_evaluation(const EvaluationPart& part, const Options& options, const Stopwatch& clock,
                      const std::string& written) {
  const Evaluation& result = part.result;
  const std::int64_t first = part.shard.first(part.images), last = part.shard.last(part.images);
  Json comparison_json = Json::object();
  std::string comparison;
  if (part.before) {
    const Evaluation& before = *part.before;
    comparison_json["reference"] = {{"model", part.reference},
                                    {"model_hash", part.reference_hash},
                                    {"top1", before.top1()},
                                    {"correct", before.correct}};
    if (first < last) {
      const PairedDrop drop = paired_drop(before, result);
      const double same = agreement(before, result), sqnr = logit_sqnr_db(part.errors);
      comparison_json["agreement"] = same;
      comparison_json["logit_sqnr_db"] = number(sqnr);
      comparison_json["drop"] = drop.drop;
      comparison_json["drop_ci95"] = drop.ci95;
      comparison = fmt::format(
          "\nreference {}: top-1 {:.2f} %; agreement {:.2f} %, logit SQNR {:.1f} dB, drop {:.2f} points (95 %: {:.2f} "
          "to {:.2f})",
          part.reference, before.top1(), same, sqnr, drop.drop, drop.ci95[0], drop.ci95[1]);
    }
  }
  if (options.json()) {
    Json all = run_facts(options, clock);
    all["model"] = part.model;
    all["model_hash"] = part.model_hash;
    all["data"] = part.data;
    all["data_hash"] = part.data_hash();
    if (part.shard.count > 1) {
      all["shard"] = {
          {"index", part.shard.index}, {"count", part.shard.count}, {"first", first}, {"images", part.images}};
    }
    all.update(accuracy_json(result));
    all.update(comparison_json);
    all["layers"] = Json::parse(part.layers);
    if (!written.empty()) all["files"] = {written};
    return print_json(all);
  }
  const auto interval = wilson_interval(result.correct, result.count);
  if (part.shard.count > 1) {
    std::printf("shard %lld/%lld, %lld of %lld images: ", static_cast<long long>(part.shard.index),
                static_cast<long long>(part.shard.count), static_cast<long long>(last - first),
                static_cast<long long>(part.images));
  }
  std::printf("top-1 %.2f %% (95 %%: %.2f to %.2f), top-5 %.2f %%, %lld of %lld correct, %.0f images/s%s\n",
              result.top1(), interval[0], interval[1], result.top5(), static_cast<long long>(result.correct),
              static_cast<long long>(result.count), result.images_per_second(), comparison.c_str());
  if (!written.empty()) std::printf("written: %s\n", written.c_str());
}

}  // namespace bitsieve::cli
