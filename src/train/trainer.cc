#include "train/trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"

namespace bitsieve::train {
namespace {

namespace F = torch::nn::functional;
using Clock = std::chrono::steady_clock;

std::unique_ptr<torch::optim::SGD> optimizer(GraphModule& module, const TrainerOptions& options) {
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& parameter : module.parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  return std::make_unique<torch::optim::SGD>(
      trained, torch::optim::SGDOptions(options.schedule.rate).momentum(options.momentum).weight_decay(options.decay));
}

void set_rate(torch::optim::SGD& sgd, double rate) {
  for (auto& group : sgd.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
}

}  // namespace

void train(GraphModule& module, Method& method, BatchStream& batches, const TrainerOptions& options,
           const std::function<void(const EpochReport&)>& report) {
  const Shape& input = module.source().shape(module.source().input);
  Schedule schedule = options.schedule;
  schedule.epochs = options.epochs;
  method.attach(module);
  std::unique_ptr<torch::optim::SGD> sgd = optimizer(module, options);
  const auto criterion = F::CrossEntropyFuncOptions().label_smoothing(options.label_smoothing);
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    if (method.begin_epoch(module, epoch, options.epochs)) sgd = optimizer(module, options);
    module.train();
    EpochReport done;
    const auto start = Clock::now();
    std::int64_t correct = 0, seen = 0;
    for (std::int64_t b = 0; b < batches.batches(); ++b) {
      Batch batch = batches.take(epoch, b);
      const auto count = static_cast<std::int64_t>(batch.labels.size());
      const torch::Tensor x = torch::from_blob(batch.images.data(), {count, input[0], input[1], input[2]});
      const torch::Tensor y = torch::from_blob(batch.labels.data(), {count}, torch::kLong);
      done.rate = schedule.at(epoch + static_cast<double>(b) / static_cast<double>(batches.batches()));
      set_rate(*sgd, done.rate);
      sgd->zero_grad();
      const torch::Tensor scores = module.forward(x);
      const torch::Tensor loss = F::cross_entropy(scores, y, criterion);
      const double value = loss.item<double>();
      if (!std::isfinite(value)) fail("training: the loss is {} in epoch {}, batch {}", value, epoch + 1, b + 1);
      loss.backward();
      sgd->step();
      method.step(done.rate, options.momentum);
      done.loss += value / static_cast<double>(batches.batches());
      correct += scores.argmax(1).eq(y).sum().item<std::int64_t>();
      seen += count;
    }
    done.epoch = epoch + 1;
    done.accuracy = 100.0 * static_cast<double>(correct) / static_cast<double>(seen);
    done.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    done.status = method.status();
    if (report) report(done);
  }
  method.begin_epoch(module, options.epochs, options.epochs);
  method.finish(module);
  module.eval();
}

}  // namespace bitsieve::train
