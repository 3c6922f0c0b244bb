#include "cli/train_options.h"

#include <filesystem>

#include "base/parallel.h"
#include "train/method_names.h"

namespace bitsieve::cli {

using train::TrainOptions;

bool is_packed_name(const std::string& path) { return path.ends_with(".bsv"); }

bool has_recipe(const TrainVerb& verb) {
  return train::require_method_name(verb.training.method).quantizes || !verb.training.activations.code.empty();
}

std::string recipe_file(const TrainVerb& verb) {
  return std::filesystem::path(verb.outputs.front()).replace_extension(".recipe.toml").string();
}

std::string preprocessing_beside(const std::string& onnx) {
  return std::filesystem::path(onnx).replace_extension(".toml").string();
}

std::vector<std::string> files_of(const TrainVerb& verb) {
  std::vector<std::string> files = verb.outputs;
  for (const std::string& path : verb.outputs) {
    if (!is_packed_name(path)) files.push_back(preprocessing_beside(path));
  }
  if (has_recipe(verb)) files.push_back(recipe_file(verb));
  files.push_back(verb.checkpoint);
  if (!verb.log.empty()) files.push_back(verb.log);
  return files;
}

Json options_json(const TrainVerb& verb, const ModelFile& file, const Dataset& data) {
  const TrainOptions& t = verb.training;
  return {{"model", file.hash},
          {"preprocessing", file.preprocessing.to_toml()},
          {"--data", verb.options.data},
          {"images", data.size()},
          {"--seed", verb.options.seed},
          {"processes", t.part.size},
          {"--threads", t.threads > 0 ? t.threads : available_threads()},
          {"--device", t.device},
          {"--method", t.method},
          {"--epochs", t.trainer.epochs},
          {"--batch", t.batches.batch},
          {"--train-images", t.batches.most_images},
          {"--epoch-images", t.batches.epoch_images},
          {"--rate", t.trainer.schedule.rate},
          {"--schedule", verb.schedule},
          {"--drops", t.trainer.schedule.drops},
          {"--warmup", t.trainer.schedule.warmup},
          {"--momentum", t.trainer.momentum},
          {"--decay", t.trainer.decay},
          {"--label-smoothing", t.trainer.label_smoothing},
          {"--average", t.trainer.average},
          {"--distill", t.trainer.distill},
          {"--temperature", t.trainer.temperature},
          {"--norm-batches", t.trainer.norm_batches},
          {"--no-augment", verb.no_augment},
          {"--exclude", t.keep_float},
          {"--acts", verb.activations},
          {"--act-range", verb.range},
          {"--alpha", t.bsq.alpha ? Json(*t.bsq.alpha) : Json("by the pace")},
          {"--bits", t.method == "qat"   ? t.qat_bits
                     : t.method == "msq" ? t.msq.bits
                                         : t.bsq.bits},
          {"--interval", t.method == "msq" ? t.msq.interval : t.bsq.interval},
          {"--plane-decay", t.bsq.decay},
          {"--floor", t.bsq.floor},
          {"--strip-share", t.bsq.strip_share},
          {"--latent-rate", t.latent_rate},
          {"--plane-rate", t.bsq.plane_rate},
          {"--reweigh", verb.reweigh},
          {"--plain-scales", t.plain_scales},
          {"--scheme", t.scheme},
          {"--scratch", t.scratch},
          {"--quirks", verb.quirks},
          {"--finetune-epochs", t.finetune_epochs},
          {"--finetune-rate", t.finetune_rate},
          {"--finetune-drops", t.finetune_drops},
          {"--restart", t.restart.value_or(false)},
          {"--preset", verb.preset},
          {"--lambda", t.msq.lambda ? Json(*t.msq.lambda) : Json("by the pace")},
          {"--odd-share", t.msq.odd_share},
          {"--target-bits", t.method == "msq" ? t.msq.target : t.bsq.target},
          {"--weights", t.coded.code},
          {"--search-interval", t.coded.interval}};
}

void add_train_options(CLI::App& app, TrainVerb& verb) {
  TrainOptions& t = verb.training;
  verb.app = &app;
  app.option_defaults()->always_capture_default();
  add_model(app, verb.options, "ONNX file");
  app.add_option("--data", verb.options.data, "labelled images to train on: KIND:PATH[:SPLIT]")
      ->check(not_empty())
      ->required();
  app.add_option("--test", verb.test, "labelled images to measure the result on");
  app.add_option("--limit", verb.options.limit, "test images (default: all)")->check(at_least(0));
  app.add_option("--preprocess", verb.options.preprocess, "preprocessing file (default: MODEL with .toml)");
  app.add_option("-o,--output", verb.outputs,
                 "file to write: .onnx, weights as floats, or .bsv, the integers; may be given twice")
      ->check(not_empty())
      ->required()
      ->take_all();
  std::vector<std::string> methods;
  std::string description;
  for (const train::MethodName& method : train::method_names()) {
    methods.push_back(method.name);
    description += fmt::format("{}{}: {}", description.empty() ? "" : "; ", method.name, method.description);
  }
  app.add_option("--method", t.method, description)->check(CLI::IsMember(methods));
  app.add_option("--epochs", t.trainer.epochs, "passes over the images (default: 10, bsq and msq 3)")
      ->default_str("")
      ->check(at_least(1, 100000));
  app.add_option("--batch", t.batches.batch, "images a step")->check(at_least(1, 1 << 20));
  app.add_option("--train-images", t.batches.most_images, "train on so many (a seeded choice; default: all)")
      ->check(at_least(0));
  app.add_option("--epoch-images", t.batches.epoch_images,
                 "images of an epoch, the next ones of a pass over all (default: a whole pass)")
      ->check(at_least(0));
  app.add_option("--rate", t.trainer.schedule.rate, "learning rate")->check(within(0.0, 1e6));
  app.add_option("--schedule", verb.schedule, "of the rate: cosine or steps")
      ->check(CLI::IsMember({"cosine", "steps"}));
  app.add_option("--drops", t.trainer.schedule.drops, "steps: epochs after which the rate is a tenth")->delimiter(',');
  app.add_option("--warmup", t.trainer.schedule.warmup, "epochs from 0 up to the rate")->check(within(0.0, 1e6));
  app.add_option("--momentum", t.trainer.momentum, "of SGD")->check(within(0.0, 0.9999));
  app.add_option("--decay", t.trainer.decay, "weight decay")->check(within(0.0, 1.0));
  app.add_option("--label-smoothing", t.trainer.label_smoothing, "share of a label given to all classes")
      ->check(within(0.0, 1.0));
  app.add_option("--average", t.trainer.average,
                 "keep a moving average of all variables, by this factor a step (0.999), and end with it")
      ->check(within(0.0, 0.999999));
  app.add_option("--distill", t.trainer.distill, "share of the loss that asks for MODEL's own scores")
      ->check(within(0.0, 1.0));
  app.add_option("--temperature", t.trainer.temperature,
                 "of --distill: what scores are divided by; more than 1 shows what MODEL thinks of wrong classes")
      ->check(within(0.01, 100));
  app.add_option("--norm-batches", t.trainer.norm_batches,
                 "at the end, take batch norm statistics anew from so many batches")
      ->check(at_least(0, 1 << 20));
  app.add_flag("--scratch", t.scratch, "begin with random weights, by --seed, instead of MODEL's");
  app.add_flag("--no-augment", verb.no_augment, "pictures as they are, neither moved nor mirrored");
  const char* activations = "Activations";
  app.add_option("--acts", verb.activations,
                 "activation code that layers read through, or float (default: int8, float for --method float)")
      ->group(activations);
  app.add_option("--act-range", verb.range,
                 "of values: a calibration rule, a number (6: ReLU6), learn (PACT) or batch (largest of each batch)")
      ->group(activations);
  const char* work = "Long work";
  app.add_option("--checkpoint", verb.checkpoint, "state after each epoch and when interrupted (default: OUTPUT.state)")
      ->group(work);
  app.add_flag("--resume", verb.resume, "go on from the state to the very same weights")->group(work);
  app.add_option("--timeout", t.timeout, "seconds that other processes of the job may be silent for")
      ->check(within(1, 1e6))
      ->group(work);
  app.add_option("--device", t.device, "cpu, or cuda where libtorch has it")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->group(work);
  app.add_option("--log", verb.log, "epochs as lines of JSON")->group(work);
  const char* bits = "Bits of weights";
  app.add_option("--bits", verb.bits, "magnitude bits: at the start (bsq 5, msq 7), or of every layer (qat 3)")
      ->default_str("")
      ->check(at_least(1, 8))
      ->group(bits);
  app.add_option("--interval", verb.interval,
                 "epochs between adjustments, also a fraction of one (bsq: a sixth of all, msq: an eighth)")
      ->default_str("")
      ->check(within(1e-3, 1e5))
      ->group(bits);
  app.add_option("--preset", verb.preset,
                 "bsq: short, for short runs from a trained MODEL, or paper: 350 + 300 epochs (or the same parts of "
                 "--epochs), steps, alpha 0.005, 8 bits, interval 100, finetuning at 0.01, --reweigh memory, and no "
                 "--floor, --target-bits, --restart; --latent-rate 1, --plain-scales; --act-range 6, or learn where "
                 "--acts has fewer than 4 bits")
      ->check(CLI::IsMember({"short", "paper"}))
      ->group(bits);
  app.add_option("--alpha", verb.alpha,
                 "bsq: weight of the regularizer (default: by the pace of the run; the paper's 0.005 is for 136850 "
                 "steps, and shorter runs need more)")
      ->default_str("")
      ->check(within(0, 1e6))
      ->group(bits);
  app.add_option("--plane-decay", t.bsq.decay, "bsq: weight decay of planes")->check(within(0, 1))->group(bits);
  app.add_option(
         "--lambda", verb.lambda,
         "msq: weight of the regularizer (default: by the pace of the run, such that it has an effect between two "
         "looks)")
      ->default_str("")
      ->check(within(0, 1e6))
      ->group(bits);
  app.add_option("--odd-share", t.msq.odd_share,
                 "msq: a layer loses its lowest bit where at most so many weights have it")
      ->check(within(0, 1))
      ->group(bits);
  app.add_option("--floor", t.bsq.floor,
                 "bsq: share of a layer's planes that an interval leaves at least, so that no layer dies at once; 0 is "
                 "the paper's")
      ->check(within(0, 1))
      ->group(bits);
  app.add_option("--latent-rate", t.latent_rate,
                 "qat, finetuning: learning rate of weights of one magnitude bit, to --rate; with n bits it is 1 + "
                 "(RATE - 1) / "
                 "(2^n - 1); 1 is the paper's")
      ->check(within(1e-6, 1e6))
      ->group(bits);
  app.add_option("--plane-rate", t.bsq.plane_rate, "bsq: learning rate of planes, to --rate")
      ->check(within(0, 1e6))
      ->group(bits);
  app.add_option(
         "--reweigh", verb.reweigh,
         "bsq: the regularizer's weight of a layer: memory, by its bits (the paper's), or sensitivity, by what a "
         "bit costs the loss as well")
      ->check(CLI::IsMember({"memory", "sensitivity"}))
      ->group(bits);
  app.add_option("--scheme", verb.scheme, "qat: bits of every layer, from a recipe with intN codes, as train writes it")
      ->check(not_empty())
      ->group(bits);
  app.add_option(
         "--target-bits", verb.target,
         "mean magnitude bits at which the regularizer rests (bsq 2, or never with --alpha; msq 3); bsq: 0 for never")
      ->default_str("")
      ->check(within(0, 8))
      ->group(bits);
  app.add_option("--weights", t.coded.code, "swis: the code")->group(bits);
  app.add_option("--search-interval", t.coded.interval,
                 "swis: steps between searches for positions, with rounding to those found between; 0: one search")
      ->check(at_least(0, 1 << 30))
      ->group(bits);
  app.add_option("--exclude", t.keep_float, "layers that stay float: a regular expression, searched in their names")
      ->group(bits);
  app.add_option("--strip-share", t.bsq.strip_share,
                 "bsq: planes that at most such a share of a layer's weights has a digit in are taken away as well, as "
                 "the authors' --thre does")
      ->check(within(0, 1))
      ->group(bits);
  app.add_flag("--plain-scales,!--relative-scales", t.plain_scales,
               "bsq, msq, qat: train scales as they are (the paper's), not as multiples of what they start from")
      ->group(bits);
  app.add_option("--quirks", verb.quirks,
                 "bsq: what the authors' code does and the paper does not: clip, project, scale-decay")
      ->delimiter(',')
      ->check(CLI::IsMember({"clip", "project", "scale-decay"}))
      ->group(bits);
  const char* finetune = "Finetuning after bsq and msq";
  app.add_option("--finetune-epochs", t.finetune_epochs,
                 "passes with the bits found (default: five times --epochs, with --no-restart as many)")
      ->default_str("")
      ->check(at_least(0, 100000))
      ->group(finetune);
  app.add_option("--finetune-rate", t.finetune_rate,
                 "learning rate there (default: all of --rate, with --no-restart half of it)")
      ->default_str("")
      ->check(within(0, 1e6))
      ->group(finetune);
  app.add_option("--finetune-drops", t.finetune_drops, "as --drops, from the start of finetuning on")
      ->delimiter(',')
      ->group(finetune);
  app.add_flag("--restart,!--no-restart", verb.restart,
               "finetune the weights of MODEL, with the bits found, or those found")
      ->group(finetune);
  add_threads(app, verb.options);
}

}  // namespace bitsieve::cli
