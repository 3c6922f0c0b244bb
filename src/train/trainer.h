// The training loop of one stage: SGD with momentum over batches, whatever the method.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "train/method.h"
#include "train/options.h"

namespace bitsieve::train {

class Trainer {
 public:
  // Attaches the method. Keeps references. teacher: whose scores TrainerOptions::distill asks for, in evaluation mode;
  // null where that is 0. group: the processes that share every batch; null: this one alone.
  Trainer(GraphModule& module, Method& method, BatchStream& batches, const TrainerOptions& options,
          GraphModule* teacher = nullptr, const Group* group = nullptr);

  struct Watch {
    std::function<void(const EpochReport&)> report;               // after each epoch
    std::function<void(int epoch, std::int64_t batch)> progress;  // after each batch
    std::function<void()> checkpoint;         // after each epoch, and where it stops: save() is whole then
    const std::atomic<bool>* stop = nullptr;  // looked at after each batch
  };

  // All epochs that are left, then method.finish(); false where stop ended it before. Throws Error where the loss is no
  // number any more: "the loss is nan in epoch 3, batch 17".
  bool run(const Watch& watch);

  // Everything that the rest of the run depends on. A trainer made of the same things that loads it goes on to the very
  // same weights.
  void save(State& state) const;
  void load(const State& state);

 private:
  void make_optimizer();
  double learn(int epoch, std::int64_t batch, bool stop);  // one step; the learning rate
  void share_gradients();
  void require_numbers() const;
  EpochReport report(double rate) const;  // of the epoch that was the last one
  torch::Tensor loss_of(const torch::Tensor& scores, const torch::Tensor& labels, const torch::Tensor& images) const;
  void update_averages();
  void take_averages();
  void recalibrate_norms();

  GraphModule& module_;
  Method& method_;
  BatchStream& batches_;
  TrainerOptions options_;
  GraphModule* teacher_;
  const Group* group_;
  bool stopped_ = false;  // by any of the processes
  std::unique_ptr<torch::optim::SGD> sgd_;
  std::map<std::string, torch::Tensor> averages_;
  // Where it stands: batch of epoch is next; what the batches of this epoch gave so far.
  int epoch_ = 0;
  std::int64_t batch_ = 0;
  double loss_ = 0, correct_ = 0, seen_ = 0, seconds_ = 0;
};

}  // namespace bitsieve::train
