// What follows from the options of `train` that were given: checks, presets, defaults that depend on others.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/job.h"
#include "base/parallel.h"
#include "cli/train_options.h"
#include "methods/methods.h"
#include "methods/swis/swis.h"
#include "train/method_names.h"

namespace bitsieve::cli {
namespace {

using train::TrainOptions;

// --act-range: a rule, a number, "learn" or "batch".
void settle_range(TrainVerb& verb) {
  train::ActivationOptions& a = verb.training.activations;
  a.learn = verb.range == "learn";
  a.dynamic = verb.range == "batch";
  if (a.learn || a.dynamic) return;
  char* end = nullptr;
  const double number = std::strtod(verb.range.c_str(), &end);
  if (!verb.range.empty() && *end == '\0') {
    if (!(number > 0 && number < 1e30)) throw Error("--act-range: a number has to be above 0", ErrorKind::usage);
    a.fixed = number;
    return;
  }
  for (const auto& rule : range_rules) {
    if (rule.name == verb.range) {
      a.range = rule.value;
      return;
    }
  }
  throw Error(fmt::format("--act-range: '{}' is none; there are minmax, mean-max, percentile, mse, kl, a number, "
                          "learn and batch",
                          verb.range),
              ErrorKind::usage);
}

// An option that would do nothing is a misunderstanding.
void refuse_idle(const TrainVerb& verb) {
  const TrainOptions& t = verb.training;
  const auto given = [&](const std::string& name) { return verb.app->get_option(name)->count() > 0; };
  const auto only = [&](const char* name, bool works, const char* where) {
    if (given(name) && !works)
      throw Error(fmt::format("{} is for {}; leave it out here", name, where), ErrorKind::usage);
  };
  const bool finds = t.method == "bsq" || t.method == "msq";
  only("--alpha", t.method == "bsq", "--method bsq");
  only("--plane-decay", t.method == "bsq", "--method bsq");
  only("--quirks", t.method == "bsq", "--method bsq");
  only("--bits", finds || t.method == "qat", "--method bsq, msq and qat");
  only("--interval", finds, "--method bsq and msq");
  for (const char* name : {"--finetune-epochs", "--finetune-rate", "--finetune-drops", "--restart"})
    only(name, finds, "--method bsq and msq");
  for (const char* name : {"--finetune-rate", "--finetune-drops", "--restart"})
    only(name, t.finetune_epochs != 0, "--finetune-epochs");
  only("--preset", t.method == "bsq", "--method bsq");
  for (const char* name : {"--floor", "--plane-rate", "--reweigh", "--strip-share"})
    only(name, t.method == "bsq", "--method bsq");
  only("--scheme", t.method == "qat", "--method qat");
  for (const char* name : {"--plain-scales", "--latent-rate"})
    only(name, finds || t.method == "qat", "--method bsq, msq and qat");
  if (!verb.scheme.empty() && given("--bits"))
    throw Error("--bits and --scheme both say how many bits; leave one out", ErrorKind::usage);
  only("--target-bits", finds, "--method bsq and msq");
  for (const char* name : {"--lambda", "--odd-share"}) only(name, t.method == "msq", "--method msq");
  for (const char* name : {"--weights", "--search-interval"}) only(name, t.method == "swis", "--method swis");
  only("--drops", verb.schedule == "steps", "--schedule steps");
  only("--finetune-drops", verb.schedule == "steps", "--schedule steps");
  only("--limit", !verb.test.empty(), "--test");
  only("--temperature", t.trainer.distill > 0, "--distill");
  if (t.trainer.schedule.warmup > t.trainer.epochs)
    throw Error(fmt::format("--warmup {} is more than --epochs {}; the rate would never be reached",
                            t.trainer.schedule.warmup, t.trainer.epochs),
                ErrorKind::usage);
  if (verb.bits > 7 && t.method != "bsq")
    throw Error("--bits: int8 weights have 7 magnitude bits at most", ErrorKind::usage);
  // The result is coded by the same name and "-exact".
  if (t.method == "swis" && !swis::parse_name(t.coded.code + "-exact"))
    throw Error(fmt::format("--weights: '{}' is no SWIS code to train; they are written swis-n3-m4, without tensor and "
                            "exact (see bitsieve list)",
                            t.coded.code),
                ErrorKind::usage);
}

// What the paper has, for all that was not said otherwise (specification of BSQ, A.7): 350 and 300 epochs, or the same
// parts of --epochs.
void take_paper(TrainVerb& verb) {
  TrainOptions& t = verb.training;
  const auto unless = [&](const char* name, auto& option, const auto& value) {
    if (verb.app->get_option(name)->count() == 0) option = value;
  };
  const auto given = [&](const char* name) { return verb.app->get_option(name)->count() > 0; };
  if (given("--epochs") && !given("--alpha"))
    throw Error("--preset paper with --epochs needs --alpha: the paper's 0.005 times 136850 / steps", ErrorKind::usage);
  const train::BsqOptions paper = train::paper_bsq();
  unless("--epochs", t.trainer.epochs, 350);
  const int epochs = t.trainer.epochs;
  unless("--bits", t.bsq.bits, paper.bits);
  unless("--interval", t.bsq.interval, std::max(1.0, std::floor(paper.interval * epochs / 350)));
  unless("--alpha", t.bsq.alpha, paper.alpha);
  unless("--floor", t.bsq.floor, paper.floor);
  unless("--reweigh", verb.reweigh, "memory");
  unless("--target-bits", t.bsq.target, paper.target);
  unless("--restart", t.restart, false);
  unless("--plain-scales", t.plain_scales, true);
  unless("--latent-rate", t.latent_rate, 1.0);
  unless("--finetune-epochs", t.finetune_epochs, std::max(1, 300 * epochs / 350));
  unless("--finetune-rate", t.finetune_rate, 0.01);
  // ReLU6 where there are levels enough, trained ranges (PACT) where there are not (A.5).
  const std::string acts = verb.activations.empty() ? "int8" : verb.activations;
  if (acts != "float") unless("--act-range", verb.range, require_activation_code(acts).bits >= 4 ? "6" : "learn");
  unless("--schedule", verb.schedule, "steps");
  if (verb.schedule != "steps") return;
  const double tuning = t.finetune_epochs;
  unless("--drops", t.trainer.schedule.drops, std::vector<double>{250.0 / 350 * epochs});
  unless("--finetune-drops", t.finetune_drops, std::vector<double>{tuning / 2, tuning * 5 / 6});
}

}  // namespace

void settle(TrainVerb& verb) {
  TrainOptions& t = verb.training;
  const auto given = [&](const char* name) { return verb.app->get_option(name)->count() > 0; };
  if (given("--alpha")) t.bsq.alpha = verb.alpha;
  if (given("--lambda")) t.msq.lambda = verb.lambda;
  if (given("--restart")) t.restart = verb.restart;
  // Who chooses alpha looks for what it does.
  if (given("--alpha")) t.bsq.target = 0;
  const bool finds = t.method == "bsq" || t.method == "msq";
  if (finds && !given("--epochs")) t.trainer.epochs = 3;  // of the search; finetuning takes five times that
  if (verb.preset == "paper") take_paper(verb);
  refuse_idle(verb);
  if (verb.bits > 0) t.bsq.bits = t.msq.bits = t.qat_bits = verb.bits;
  if (given("--target-bits")) t.bsq.target = t.msq.target = verb.target;
  const auto quirk = [&](const char* name) {
    return std::find(verb.quirks.begin(), verb.quirks.end(), name) != verb.quirks.end();
  };
  t.bsq.official_clip = quirk("clip");
  t.bsq.official_projection = quirk("project");
  t.bsq.official_scale_decay = quirk("scale-decay");
  const double target = t.method == "msq" ? t.msq.target : t.bsq.target;
  const int start = t.method == "msq" ? t.msq.bits : t.bsq.bits;
  if (finds && target > 0 && start <= target)
    throw Error(fmt::format("--target-bits: {} is reached before the start, with {} bits (--bits); nothing would be "
                            "trained away",
                            target, start),
                ErrorKind::usage);
  if (verb.interval > 0) t.bsq.interval = t.msq.interval = verb.interval;
  t = train::settled(t);
  t.part = part_of_job();
  t.threads = verb.options.threads;
  t.batches.threads = std::max(1, (t.threads > 0 ? t.threads : available_threads()) / 2);
  t.batches.seed = verb.options.seed;
  t.batches.augment = !verb.no_augment;
  t.trainer.schedule.kind = verb.schedule == "steps" ? train::Schedule::Kind::steps : train::Schedule::Kind::cosine;
  const train::MethodName method = train::require_method_name(t.method);
  if (verb.activations.empty()) verb.activations = method.quantizes ? "int8" : "float";
  t.activations.code = verb.activations == "float" ? "" : verb.activations;
  if (t.scratch && !t.activations.code.empty())
    throw Error("--scratch needs --acts float: ranges would be those of random weights", ErrorKind::usage);
  if (t.scratch && t.trainer.distill > 0)
    throw Error("--distill asks for MODEL's own scores, and --scratch forgets them", ErrorKind::usage);
  settle_range(verb);
  t.activations.keep_float = t.keep_float;
  t.bsq.by_sensitivity = verb.reweigh == "sensitivity";
  for (const char* name : {"--act-range", "--exclude"}) {
    if (verb.app->get_option(name)->count() > 0 &&
        (name == std::string("--exclude") ? !method.quantizes : t.activations.code.empty()))
      throw Error(fmt::format("{} does nothing with --method {} --acts {}; leave it out here", name, t.method,
                              verb.activations),
                  ErrorKind::usage);
  }
  for (const std::string& path : verb.outputs) {
    if (!path.ends_with(".onnx") && !is_packed_name(path))
      throw Error(fmt::format("-o: '{}' ends in neither .onnx nor .bsv", path), ErrorKind::usage);
    if (is_packed_name(path) && t.activations.code.empty())
      throw Error(fmt::format("-o: '{}' holds integers, and activations are trained in float; give --acts int8 or "
                              "write an .onnx file",
                              path),
                  ErrorKind::usage);
  }
  if (verb.checkpoint.empty()) verb.checkpoint = verb.outputs.front() + ".state";
}

}  // namespace bitsieve::cli
