// The processes of a data-parallel training job: sums over all of them, through torch's c10d with Gloo.
#pragma once
#include <torch/torch.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"

namespace bitsieve::train {

class Group {
 public:
  // Waits for the others; throws Error where they do not come, or do not answer later, within `seconds`.
  Group(const JobPart& part, double seconds);
  ~Group();

  int rank() const { return part_.rank; }
  int size() const { return part_.size; }

  // Throws Error, in every process, where a value is not rank 0's; the one whose it is names it.
  void require_agreement(const std::map<std::string, std::string>& values) const;

  // Rank 0's bytes, wherever it is called; nothing where rank 0 has none.
  std::optional<std::string> of_first(const std::optional<std::string>& bytes) const;

  // Each tensor becomes its sum over the processes, the same bits everywhere.
  void sum(const std::vector<torch::Tensor>& tensors) const;
  void sum(torch::Tensor tensor) const { sum(std::vector<torch::Tensor>{std::move(tensor)}); }
  // The same as a function that gradients pass: each process's gradient is the sum of all of them.
  torch::Tensor sum_of(const torch::Tensor& x) const;

 private:
  struct Connection;
  // What `exchange` does; throws Error where the others are not there.
  template <class Exchange>
  void with_others(const Exchange& exchange) const;
  JobPart part_;
  double seconds_;
  std::unique_ptr<Connection> connection_;
};

// Batch norm over the batches of all processes; channels are axis 1.
torch::Tensor batch_norm(const Group& group, const torch::Tensor& x, const torch::Tensor& gamma,
                         const torch::Tensor& beta, const torch::Tensor& running_mean,
                         const torch::Tensor& running_variance, double momentum, double epsilon);

}  // namespace bitsieve::train
